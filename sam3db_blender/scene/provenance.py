"""The record that a character carries of where it came from: written into the armature, read back from any saved
file.

Everything lives in one custom property of the armature object, so that it follows the character through saving,
appending and linking. The arrays are kept in double precision.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime import __version__
from native_runtime.errors import Sam3dbError
from native_runtime.files.formats import Format
from native_runtime.mhr.state import PlacedState

if TYPE_CHECKING:
    import bpy

    from native_runtime.engines.estimate import Estimate
    from native_runtime.mhr import Body

#: The custom property of the armature object.
PROPERTY = "sam3db"
FORMAT = Format("sam3db-character")

#: The arrays of an estimate that are kept, with their shapes (-1: as long as the body says). Joints and vertices
#: are left out: the body and these numbers give them again.
ARRAY_SHAPES: dict[str, tuple[int, ...]] = {
    "model_parameters": (204,),
    "identity": (-1,),
    "expression": (-1,),
    "camera_translation": (3,),
    "intrinsics": (3, 3),
    "image_size": (2,),
    "bbox": (4,),
    "keypoints_2d": (70, 2),
    "keypoints_3d": (70, 3),
}


@dataclass(frozen=True)
class Origin:
    """Where a character came from.

    Attributes:
        id: the character's own id; it stays when objects are renamed or appended to other files.
        arrays: the estimate's arrays by name (``ARRAY_SHAPES``), in the units and axes of docs/architecture.md.
        placed: (4, 4) the rig's world matrix when it was last put onto the person; None where it was built outside a
            photo's scene.
        details: the estimate's other fields (``engine``, ``body_name``, ``body_hash``, ``photo``, ``person``,
        ``prompts``, ``seconds``,
            ``warnings``, ``details``) as JSON has them, and ``version`` of this extension.
    """

    id: str
    arrays: dict[str, NDArray[np.float64]]
    details: dict[str, Any]
    placed: NDArray[np.float64] | None = None

    @property
    def state(self) -> PlacedState:
        """The body as it was estimated."""
        names = ("model_parameters", "identity", "expression", "camera_translation")
        return PlacedState(*(self.arrays[name] for name in names))

    def estimate(self, body: Body, state: PlacedState | None = None) -> Estimate:
        """The estimate again, complete with joints and vertices; with other numbers where they are given.

        Raises:
            Sam3dbError: the body is another one than the character's.
        """
        from native_runtime.engines.estimate import Estimate, Prompts

        if self.details["body_hash"] != body.hash:
            raise Sam3dbError(
                f"This character has the body '{self.details['body_name']}', not the '{body.name}' given."
            )
        return Estimate.from_state(
            body,
            self.state if state is None else state,
            self.arrays["intrinsics"],
            image_size=self.arrays["image_size"].astype(np.int64),
            bbox=self.arrays["bbox"],
            prompts=Prompts.from_json(self.details["prompts"]),
            warnings=tuple(self.details["warnings"]),
            **{name: self.details[name] for name in ("engine", "photo", "person", "seconds", "details")},
        )


@contextmanager
def undamaged(title: str) -> Iterator[None]:
    """Reading of what a character carries: where somebody spoilt it, a ``Sam3dbError`` says so."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, zlib.error) as error:
        raise Sam3dbError(f"{title} is damaged ({error}).") from error


def write_origin(rig: bpy.types.Object, estimate: Estimate) -> str:
    """Stores the estimate with the character; returns the character's new id."""
    return _write(rig, uuid.uuid4().hex, estimate, __version__)


def rewrite_origin(rig: bpy.types.Object, estimate: Estimate) -> None:
    """Stores a newer estimate of the same person; the character keeps its id.

    Where the rig stands is to be remembered again (``write_placement``).
    """
    origin = read_origin(rig)
    _write(rig, origin.id, estimate, str(origin.details.get("version", "")))


def _write(rig: bpy.types.Object, character: str, estimate: Estimate, version: str) -> str:
    details = {name: value for name, value in estimate.to_json().items() if name not in ARRAY_SHAPES}
    record: dict[str, Any] = {
        "format": str(FORMAT),
        "id": character,
        "details": json.dumps({**details, "version": version}, ensure_ascii=False),
    }
    for name in ARRAY_SHAPES:
        record[name] = np.asarray(getattr(estimate, name), dtype=np.float64).ravel().tolist()
    rig[PROPERTY] = record
    return character


def write_placement(rig: bpy.types.Object, matrix: ArrayLike | None = None) -> None:
    """Remembers where the rig stands as the place that the estimate refers to.

    Args:
        matrix: (4, 4) the rig's world matrix; its own channels say it where it is not given.
    """
    place = np.array(rig.matrix_basis if matrix is None else matrix, dtype=np.float64)
    rig[PROPERTY]["placed"] = place.ravel().tolist()


def rebind(rig: bpy.types.Object, body: Body) -> None:
    """Records that the character now has another body of the same layout."""
    record = rig[PROPERTY]
    record["details"] = json.dumps(
        {**json.loads(record["details"]), "body_name": body.name, "body_hash": body.hash}, ensure_ascii=False
    )


def rewrite_lens(rig: bpy.types.Object, lens: dict[str, Any]) -> None:
    """Records another camera of the character's photo among its estimate's details."""
    record = rig[PROPERTY]
    details = json.loads(record["details"])
    details["details"] = {**details["details"], "lens": lens}
    record["details"] = json.dumps(details, ensure_ascii=False)


def is_character(obj: bpy.types.Object | None) -> bool:
    """Whether an object is an armature made by this extension."""
    return obj is not None and obj.type == "ARMATURE" and obj.get(PROPERTY) is not None


def character_id(rig: bpy.types.Object) -> str:
    """The id of a character, which its handles name."""
    return str(rig[PROPERTY]["id"])


def record_of(rig: bpy.types.Object) -> dict[str, Any]:
    """The record of a character as this version has it.

    Raises:
        Sam3dbError: the object carries none, or one of another format.
        NewerFormatError: a newer version of the program wrote it.
    """
    if not is_character(rig):
        raise Sam3dbError(f"'{rig.name}' is not a character made from a photo.")
    with undamaged(f"The record of '{rig.name}'"):
        return dict(FORMAT.checked(dict(rig[PROPERTY]), f"'{rig.name}'"))


def read_origin(rig: bpy.types.Object) -> Origin:
    """Reads the record of a character back.

    Raises:
        Sam3dbError: the object carries none, or one that is damaged.
        NewerFormatError: a newer version of the program wrote it.
    """
    record = record_of(rig)
    with undamaged(f"The record of '{rig.name}'"):
        arrays = {
            name: np.array(record[name], dtype=np.float64).reshape(shape)
            for name, shape in ARRAY_SHAPES.items()
            if name in record
        }
        placed = np.array(record["placed"], dtype=np.float64).reshape(4, 4) if "placed" in record else None
        details = dict(json.loads(record["details"]))
        if not isinstance(details.get("details"), dict):  # as a file says that somebody else wrote
            details["details"] = {}
        return Origin(id=record["id"], arrays=arrays, details=details, placed=placed)
