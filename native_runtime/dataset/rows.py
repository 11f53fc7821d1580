"""One annotated person, as a row of the data set.

Columns and their meaning: the data set that Meta released with SAM 3D Body (docs of facebookresearch/sam-3d-body,
``data/README.md`` and ``data/scripts/create_webdataset.py``). Columns of our own begin with ``sam3db_``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.models.sam3d_body_layout import KEYPOINTS, MODEL_PARAMETERS

from .runs import Runs, encode

Array = NDArray[np.float64]

SHAPE = 45
#: No pixel, metre, angle or coefficient of a person in a picture is larger; float32 can still reckon with it.
_LARGEST = 1e7


@dataclass(frozen=True, eq=False)
class PlacedBody:
    """A body before the camera, by its own numbers: those of Meta's columns only say MHR's official body.

    Attributes:
        name, hash: the body that the numbers belong to, as in an estimate.
        parameters: (204,) MHR's model parameters, by which every body of ours is posed.
        identity: (n,) the body's own.
        translation: (3,) m, camera axes: where MHR's origin is.
        expression: (n,) the face's coefficients on this body; None: at rest.
    """

    name: str
    hash: str
    parameters: Array
    identity: Array
    translation: Array
    expression: Array | None = None


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
        placed: the body in numbers of its own, or None.
        dense: (N, 3) px of points on the surface, and 1 where one is seen; None where nobody knows.
        visible: (70,) of each keypoint, 1 where it is seen, 0 where something hides it or it is beyond the picture;
            None where nobody knows.
        pose: the name of the pose or clip that the person takes; "" where it has none.
        held_out: whether it is kept for measuring, and nothing learns from it.
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
    placed: PlacedBody | None = None
    dense: Array | None = None
    visible: Array | None = None
    pose: str = ""
    held_out: bool = False

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
            "sam3db_body": None if self.placed is None else {"name": self.placed.name, "hash": self.placed.hash},
            "sam3db_parameters": None if self.placed is None else self.placed.parameters.tolist(),
            "sam3db_identity": None if self.placed is None else self.placed.identity.tolist(),
            "sam3db_translation": None if self.placed is None else self.placed.translation.tolist(),
            "sam3db_expression": None
            if self.placed is None or self.placed.expression is None
            else self.placed.expression.tolist(),
            "sam3db_visible": None if self.visible is None else self.visible.tolist(),
            "sam3db_dense": None if self.dense is None else self.dense.tolist(),
            "sam3db_pose": self.pose,
            "sam3db_held_out": self.held_out,
        }

    @staticmethod
    def of(columns: Mapping[str, Any]) -> Row:
        """A row that was read.

        Raises:
            ValueError: a column is missing, or holds something else than it should.
        """
        row, mask = Row.with_runs(columns)
        return row if mask is None else replace(row, mask=mask.decoded())

    @staticmethod
    def with_runs(columns: Mapping[str, Any]) -> tuple[Row, Runs | None]:
        """A row that was read, without its mask, and the mask as it was written: a hundredth of the memory.

        Raises:
            ValueError: as ``of``, but for damaged masks.
        """
        read = _Columns(columns)
        size = read.array("mask_size", (2,))
        mask = None
        if columns.get("mask_cnts") and (size >= 0).all():
            mask = Runs(bytes(columns["mask_cnts"]), int(size[0]), int(size[1]))
        box, intrinsics = _box(read, columns.get("bbox_format")), read.array("cam_int", (3, 3))
        if (box[2:] <= box[:2]).any():
            raise ValueError(f"the column 'bbox' holds an empty box, {box.tolist()}")
        if min(intrinsics[0, 0], intrinsics[1, 1]) <= 0:
            raise ValueError("the column 'cam_int' holds a lens without a focal length")
        valid = bool(read.one("mhr_valid", int))
        row = Row(
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
            box=box,
            intrinsics=intrinsics,
            quality=read.share("sam3db_quality") if read.has("sam3db_quality") else 1.0,
            placed=_placed(read) if read.has("sam3db_parameters") else None,
            dense=read.array("sam3db_dense", (None, 3)) if read.has("sam3db_dense") else None,
            visible=read.array("sam3db_visible", (KEYPOINTS,)) if read.has("sam3db_visible") else None,
            pose=str(columns.get("sam3db_pose") or ""),
            held_out=bool(columns.get("sam3db_held_out") or False),
        )
        return row, mask


def _box(read: _Columns, layout: object) -> Array:
    """(4,) x0, y0, x1, y1, of a box in the layout that a row names."""
    box = read.array("bbox", (4,))
    if layout in (None, "", "xyxy"):
        return box
    if layout == "xywh":
        return np.concatenate([box[:2], box[:2] + box[2:]])
    raise ValueError(f"the column 'bbox_format' holds {layout!r:.40}, which is neither 'xyxy' nor 'xywh'")


def _placed(read: _Columns) -> PlacedBody:
    body = read.one("sam3db_body", dict)
    if not all(isinstance(body.get(name), str) for name in ("name", "hash")):
        raise ValueError("the column 'sam3db_body' does not hold a body's name and hash")
    return PlacedBody(
        name=body["name"],
        hash=body["hash"],
        parameters=read.array("sam3db_parameters", (MODEL_PARAMETERS,)),
        identity=read.array("sam3db_identity", (None,)),
        translation=read.array("sam3db_translation", (3,)),
        expression=read.array("sam3db_expression", (None,)) if read.has("sam3db_expression") else None,
    )


class _Columns:
    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns

    def has(self, name: str) -> bool:
        return self._columns.get(name) is not None

    def one(self, name: str, kind: Callable[[Any], Any]) -> Any:
        value = self._value(name)
        try:
            return kind(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the column '{name}' holds {value!r:.60}") from error

    def share(self, name: str) -> float:
        """A number from 0 to 1."""
        value: float = self.one(name, float)
        if not 0 <= value <= 1:
            raise ValueError(f"the column '{name}' holds {value!r}, which is no number from 0 to 1")
        return value

    def array(self, name: str, shape: tuple[int | None, ...]) -> Array:
        """Numbers of a shape; None stands for any length."""
        value = self._value(name)
        try:
            # rows of a table may come as an array of arrays
            array = np.array(value.tolist() if isinstance(value, np.ndarray) else value, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the column '{name}' does not hold {_wanted(shape)}") from error
        if 0 in array.shape and None in shape:
            array = array.reshape([0 if side is None else side for side in shape])
        fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape))
        if not fits:
            raise ValueError(f"the column '{name}' holds {_numbers(array.shape)} instead of {_wanted(shape)}")
        if not np.isfinite(array).all():
            raise ValueError(f"the column '{name}' holds numbers that are not finite")
        if np.abs(array).max(initial=0.0) > _LARGEST:
            worst = array.flat[int(np.abs(array).argmax())]
            raise ValueError(f"the column '{name}' holds {worst:g}: no such number is larger than {_LARGEST:g}")
        return array

    def _value(self, name: str) -> Any:
        if self._columns.get(name) is None:
            raise ValueError(f"the column '{name}' is missing")
        return self._columns[name]


def _numbers(shape: tuple[int, ...]) -> str:
    """What an array of a shape holds, in words: "70 x 3 numbers"."""
    return f"{' x '.join(map(str, shape))} numbers" if shape else "one number"


def _wanted(shape: tuple[int | None, ...]) -> str:
    """The same of a shape that is wanted, where None stands for any length."""
    if shape[0] is None:
        return (
            f"any number of rows of {_numbers(tuple(side or 0 for side in shape[1:]))}"
            if shape[1:]
            else "a list of numbers"
        )
    return _numbers(tuple(side or 0 for side in shape))
