"""The views of a character that was made from several photos: what each photo is, and from where it was taken.

Photos of one moment are views of one character, whose cameras stand around it. The character's own record
(``provenance``) is of the first of them; the others see the same body, so that only their photos and cameras are
kept. Photos of different moments are a character each, whose records say that they are of one body.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CAMERA_TO_BLENDER_CAMERA, project
from native_runtime.files.formats import Format
from native_runtime.mhr.state import PlacedState

from .camera import camera_of
from .edits import pack, unpack
from .lookup import in_scenes
from .provenance import character_id, is_character, read_origin, undamaged
from .readback import units_of

if TYPE_CHECKING:
    import bpy

Array = NDArray[np.float64]

#: The custom property of a rig with the record.
PROPERTY = "sam3db_views"
#: The custom property of a rig: the number of the view that is worked in. Of a handle, and of the collection of a
#: view's handles: the number of the view that they belong to.
VIEW = "sam3db_view"
FORMAT = Format("sam3db-character-views")
_NUMBERS = ("model_parameters", "identity", "expression", "camera_translation")


@dataclass(frozen=True)
class ViewRecord:
    """One photo.

    Attributes:
        title: its name for people.
        photo: the file's name.
        person: the person's number in it.
        intrinsics: (3, 3) px.
        image_size: (2,) width, height px.
        bbox: (4,) x0 y0 x1 y1 px of the person.
        details: those of the photo's estimate that are about the photo (``lens``, ``photo_turned``, ``seen``).
        camera: what a calibration calls its camera; empty where there is none.
        error_px: mean distance of the points that it shows from the body's.
        doubted: whether its calibration contradicts the others.
    """

    title: str
    photo: str
    person: int
    intrinsics: Array
    image_size: NDArray[np.int64]
    bbox: Array
    details: Mapping[str, Any] = field(default_factory=dict)
    camera: str = ""
    error_px: float = 0.0
    doubted: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the property holds it."""
        arrays = {name: getattr(self, name).ravel().tolist() for name in ("intrinsics", "image_size", "bbox")}
        rest = ("title", "photo", "person", "camera", "error_px", "doubted")
        return {name: getattr(self, name) for name in rest} | arrays | {"details": dict(self.details)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ViewRecord:
        """Reads what ``to_json`` wrote."""
        return cls(
            title=str(content["title"]),
            photo=str(content["photo"]),
            person=int(content["person"]),
            intrinsics=np.array(content["intrinsics"], np.float64).reshape(3, 3),
            image_size=np.array(content["image_size"], np.int64).reshape(2),
            bbox=np.array(content["bbox"], np.float64).reshape(4),
            details=dict(content["details"]),
            camera=str(content["camera"]),
            error_px=float(content["error_px"]),
            doubted=bool(content["doubted"]),
        )


@dataclass(frozen=True)
class Views:
    """What a character knows of the photos that it was made from.

    Attributes:
        body: an id that all characters of one body have.
        one_pose: whether all photos show one moment, and so are views of this one character.
        number: of the first photo of ``views`` among all photos of the body.
        views: the photos of this character, the first one being that of its own record.
        start: the body before the first camera as the photos alone have it, without what an artist says on them.
    """

    body: str
    one_pose: bool
    number: int
    views: tuple[ViewRecord, ...]
    start: PlacedState

    def with_errors(self, errors: Mapping[int, float]) -> Views:
        """With other distances of points (``ViewRecord.error_px``), by the numbers of views."""
        numbered = enumerate(self.views)
        views = (replace(view, error_px=errors.get(number, view.error_px)) for number, view in numbered)
        return replace(self, views=tuple(views))


@dataclass(frozen=True)
class Viewpoint:
    """A photo and its camera, with the person as the camera sees them now.

    Attributes:
        number: of the view; 0 for a character of a single photo.
        camera: in the scene.
        intrinsics: (3, 3) px; image_size: (2,) px; bbox: (4,) px.
        keypoints_3d: (70, 3) m, camera axes; keypoints_2d: (70, 2) px, NaN behind the camera.
        details: of the estimate, which are about the photo.
    """

    number: int
    camera: bpy.types.Object
    intrinsics: Array
    image_size: Array | NDArray[np.int64]
    bbox: Array
    keypoints_3d: Array
    keypoints_2d: Array
    details: Mapping[str, Any]


def write_views(rig: bpy.types.Object, views: Views) -> None:
    """Writes the record."""
    content = {
        "format": str(FORMAT),
        "body": views.body,
        "one_pose": views.one_pose,
        "number": views.number,
        "views": [view.to_json() for view in views.views],
        "start": {name: pack(getattr(views.start, name)) for name in _NUMBERS},
    }
    rig[PROPERTY] = json.dumps(content, ensure_ascii=False)
    if rig.get(VIEW) is None:
        rig[VIEW] = 0
    for name in (PROPERTY, VIEW):
        rig.property_overridable_library_set(f'["{name}"]', True)


def read_views(rig: bpy.types.Object) -> Views | None:
    """The record of a character; None where it is of a single photo.

    Raises:
        Sam3dbError: it is damaged, or of a newer version of the program.
    """
    text = rig.get(PROPERTY)
    if text is None:
        return None
    title = f"The record of the views of '{rig.name}'"
    with undamaged(title):
        content = FORMAT.parsed(str(text), title)
        views = tuple(ViewRecord.from_json(view) for view in content["views"])
        if not views:
            raise ValueError("it names no view")
        start = PlacedState(*(unpack(content["start"][name]) for name in _NUMBERS))
        return Views(str(content["body"]), bool(content["one_pose"]), int(content["number"]), views, start)


def has_views(rig: bpy.types.Object) -> bool:
    """Whether several cameras see this character."""
    views = read_views(rig)
    return views is not None and len(views.views) > 1


def view_of(block: bpy.types.ID) -> int:
    """The number of the view that a rig is worked on in, or that a handle or a collection of handles belongs to."""
    number = block.get(VIEW, 0)
    return number if isinstance(number, int) and number > 0 else 0


def numbers_of(rig: bpy.types.Object) -> range:
    """The numbers of a character's views; of a single photo 0 alone."""
    views = read_views(rig)
    return range(1 if views is None else len(views.views))


def viewpoint_of(rig: bpy.types.Object, number: int | None = None) -> Viewpoint:
    """How a view shows a character now.

    Args:
        number: of the view; None for the one that is worked in.

    Raises:
        Sam3dbError: its camera was deleted, or a record is damaged.
    """
    origin = read_origin(rig)
    number = view_of(rig) if number is None else number
    camera = camera_of(rig, number)
    if number == 0:
        arrays = origin.arrays
        return Viewpoint(
            0,
            camera,
            arrays["intrinsics"],
            arrays["image_size"],
            arrays["bbox"],
            arrays["keypoints_3d"],
            arrays["keypoints_2d"],
            origin.details["details"],
        )
    views = read_views(rig)
    assert views is not None
    view = views.views[number]
    rotation, translation = from_first(rig, number)
    keypoints = origin.arrays["keypoints_3d"] @ rotation.T + translation
    return Viewpoint(
        number,
        camera,
        view.intrinsics,
        view.image_size,
        view.bbox,
        keypoints,
        project(keypoints, view.intrinsics),
        view.details,
    )


def from_first(rig: bpy.types.Object, number: int) -> tuple[Array, Array]:
    """Rotation (3, 3) and translation (3,) m from the axes of a character's first camera to those of another.

    Raises:
        Sam3dbError: one of the cameras was deleted.
    """
    first, other = (_eye(camera_of(rig, one)) for one in (0, number))
    between = np.linalg.inv(other) @ first
    return between[:3, :3], between[:3, 3] / units_of(rig)


def place_beside(first: bpy.types.Object, rotation: Array, translation: Array, units: float) -> Array:
    """(4, 4) the world matrix of a camera to whose axes a rotation (3, 3) and a translation (3,) m lead from those of
    the first one.
    """
    between = np.eye(4)
    between[:3, :3], between[:3, 3] = rotation.T, -units * rotation.T @ translation
    matrix = _eye(first) @ between
    matrix[:3, :3] = units * matrix[:3, :3] @ CAMERA_TO_BLENDER_CAMERA
    return matrix


def characters_of_body(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The rigs of the characters of one body, in the order of its photos; this one alone where it is of a single photo.

    Of copies the first by name.
    """
    views = read_views(rig)
    if views is None or views.one_pose:
        return [rig]
    found: dict[str, tuple[int, bpy.types.Object]] = {}
    for other in sorted((obj for obj in in_scenes() if is_character(obj)), key=lambda obj: obj.name):
        theirs = read_views(other)
        if theirs is not None and theirs.body == views.body:
            found.setdefault(character_id(other), (theirs.number, other))
    return [other for _, other in sorted(found.values(), key=lambda one: one[0])]


def _eye(camera: bpy.types.Object) -> Array:
    """(4, 4) from a camera's axes (x right, y down, z forward) to the world, without scale."""
    matrix = np.array(camera.matrix_world.normalized(), dtype=np.float64)
    matrix[:3, :3] = matrix[:3, :3] @ CAMERA_TO_BLENDER_CAMERA
    return matrix
