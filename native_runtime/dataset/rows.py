"""One annotated person, as a row of the data set.

Columns and their meaning: the data set that Meta released with SAM 3D Body (docs of facebookresearch/sam-3d-body,
``data/README.md`` and ``data/scripts/create_webdataset.py``). Columns of our own begin with ``sam3db_``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.models.sam3d_body_layout import KEYPOINTS, MODEL_PARAMETERS

from .runs import decode, encode

Array = NDArray[np.float64]

SHAPE = 45


@dataclass(frozen=True, eq=False)
class Row:
    """A person in a picture.

    Attributes:
        image: the picture's path below the data set's folder of pictures, with "/".
        person: who it is, the same number in several pictures of a sequence.
        subject, subjects: which of how many people of the picture, from 0.
        keypoints_2d: (70, 3) px and how far each counts, 0..1.
        keypoints_3d: (70, 4) m, camera axes, and how far each counts.
        model_parameters: (204,) MHR's; zeros where ``mhr_valid`` is false.
        shape: (45,) MHR's identity.
        mhr_valid: whether these two are known.
        date: the annotation's version.
        box: (4,) x0, y0, x1, y1, px.
        intrinsics: (3, 3) px.
        mask: (H, W), or None.
        quality: how good the annotation is, 0..1; 1 where nobody says.
    """

    image: str
    person: int
    subject: int
    subjects: int
    keypoints_2d: Array
    keypoints_3d: Array
    model_parameters: Array
    shape: Array
    mhr_valid: bool
    date: str
    box: Array
    intrinsics: Array
    mask: NDArray[np.bool_] | None = None
    quality: float = 1.0

    def columns(self) -> dict[str, Any]:
        """By column, what a file holds."""
        centre, size = (self.box[:2] + self.box[2:]) / 2, self.box[2:] - self.box[:2]
        return {
            "image": self.image,
            "person_id": self.person,
            "subject_idx": self.subject,
            "subject_cnt": self.subjects,
            "keypoints_2d": self.keypoints_2d.tolist(),
            "keypoints_3d": self.keypoints_3d.tolist(),
            "model_params": self.model_parameters.tolist(),
            "shape_params": self.shape.tolist(),
            "mhr_valid": bool(self.mhr_valid),
            "date": self.date,
            "bbox": self.box.tolist(),
            "bbox_center": centre.tolist(),
            "bbox_scale": size.tolist(),
            "cam_int": self.intrinsics.tolist(),
            "mask_size": [-1, -1] if self.mask is None else list(self.mask.shape),
            "mask_cnts": b"" if self.mask is None else encode(self.mask),
            "sam3db_quality": float(self.quality),
        }

    @staticmethod
    def of(columns: Mapping[str, Any]) -> Row:
        """A row that was read.

        Raises:
            ValueError: a column is missing, or holds something else than it should.
        """
        read = _Columns(columns)
        size = read.array("mask_size", (2,))
        mask = None
        if columns.get("mask_cnts") and (size >= 0).all():
            mask = decode(bytes(columns["mask_cnts"]), int(size[0]), int(size[1]))
        valid = bool(read.one("mhr_valid", int))
        return Row(
            image=read.one("image", str),
            person=read.one("person_id", int),
            subject=read.one("subject_idx", int),
            subjects=read.one("subject_cnt", int),
            keypoints_2d=read.array("keypoints_2d", (KEYPOINTS, 3)),
            keypoints_3d=read.array("keypoints_3d", (KEYPOINTS, 4)),
            model_parameters=read.array("model_params", (MODEL_PARAMETERS,)) if valid else np.zeros(MODEL_PARAMETERS),
            shape=read.array("shape_params", (SHAPE,)) if valid else np.zeros(SHAPE),
            mhr_valid=valid,
            date=str(columns.get("date", "")),
            box=read.array("bbox", (4,)),
            intrinsics=read.array("cam_int", (3, 3)),
            mask=mask,
            quality=float(columns.get("sam3db_quality", 1.0)),
        )


class _Columns:
    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns

    def one(self, name: str, kind: Callable[[Any], Any]) -> Any:
        try:
            return kind(self._value(name))
        except (TypeError, ValueError) as error:
            raise ValueError(f"the column '{name}' holds {self._columns[name]!r:.60}") from error

    def array(self, name: str, shape: tuple[int, ...]) -> Array:
        value = self._value(name)
        try:
            # rows of a table may come as an array of arrays
            array = np.array(value.tolist() if isinstance(value, np.ndarray) else value, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the column '{name}' does not hold {shape} numbers") from error
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"the column '{name}' holds {array.shape} numbers instead of {shape}, or no numbers")
        return array

    def _value(self, name: str) -> Any:
        if self._columns.get(name) is None:
            raise ValueError(f"the column '{name}' is missing")
        return self._columns[name]
