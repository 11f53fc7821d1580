"""The lens of a photo: one for its camera, its photo planes and everybody in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import CAMERA_TO_BLENDER_CAMERA, blender_camera_matrix, fov_from_focal
from native_runtime.characters.placement import upright_turn
from native_runtime.engines.details import part_of
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.lens.estimate import LensEstimate, estimate_lens

from ..rig.arrays import evaluated_vertices
from ..scene.camera import apply_settings, camera_of, camera_settings, frame_scene
from ..scene.lookup import require_own
from ..scene.provenance import PROPERTY, read_origin, rewrite_lens, write_placement
from ..scene.source import photo_of
from ..scene.viewpoints import has_views
from .people import people_before
from .plane import fit_to_lens

Array = NDArray[np.float64]

_SOURCES = {
    "set": "Set by hand",
    "hand": "From lines drawn by hand",
    "exif": "From the photo's file",
    "usual": "A guess at a usual lens",
}


def focal_of(rig: bpy.types.Object) -> float:
    """The focal length of a character's photo, px."""
    return float(rig[PROPERTY]["intrinsics"][0])


def longer_side(rig: bpy.types.Object) -> float:
    """The longer side of a character's photo, px."""
    return float(max(rig[PROPERTY]["image_size"]))


def size_of(rig: bpy.types.Object) -> tuple[int, int]:
    """(width, height) px of a character's photo."""
    width, height = (int(side) for side in rig[PROPERTY]["image_size"])
    return width, height


def field_of_view(rig: bpy.types.Object) -> float:
    """The field of view along the longer side of a character's photo, radians."""
    return float(2 * np.arctan2(longer_side(rig) / 2, focal_of(rig)))


def focal_from_mm(focal_mm: float, sensor_mm: float, side: float) -> float:
    """A lens's focal length in px: that of a sensor of ``sensor_mm`` along the photo's longer side of ``side`` px."""
    return focal_mm / sensor_mm * side


def lens_of(rig: bpy.types.Object) -> dict[str, Any]:
    """What a character's photo is known to have been taken with (``docs/lens.md``); empty for older characters."""
    return dict(part_of(read_origin(rig).details["details"], "lens"))


def source_in_words(lens: dict[str, Any]) -> str:
    """Where a lens was taken from, for people; "" where nobody knows."""
    if lens.get("source") == "picture":
        seen = [word for key, word in (("lines", "lines"), ("people", "people who stand")) if key in lens["evidence"]]
        return f"From {' and '.join(seen) or 'the picture'}"
    return _SOURCES.get(str(lens.get("source")), "")


def lens_by_rule(rig: bpy.types.Object) -> tuple[float, LensEstimate]:
    """The camera of a photo without settings: EXIF's lens, otherwise what the picture and usual lenses say; first the
    focal length in px of the photo as the character knows it, which the file may exceed.

    EXIF is read from the photo's own file; the copy in the .blend has none.

    Raises:
        Sam3dbError: there is no photo any more.
    """
    width, height = (int(n) for n in read_origin(rig).arrays["image_size"])
    photo = read_photo(photo_of(rig, (width, height)).path)
    found = estimate_lens(photo)
    return found.focal_px * max(width, height) / max(photo.original_size), found


def set_camera(
    scene: bpy.types.Scene, rig: bpy.types.Object, focal_px: float, up: ArrayLike | None, lens: dict[str, Any]
) -> list[bpy.types.Object]:
    """Gives the photo of a character another focal length, and turns it and its people so that another direction is
    up; its principal point stays.

    The people keep their poses until they are inferred again. Whatever is turned is turned together about the point on
    the floor below the character, and comes to stand on the floor again, so that everybody stays on their pixels.

    Args:
        up: (3,) against gravity, camera axes; None to leave the camera as it is tilted.
        lens: what is to be known of it (``lens_of``); ``focal_px`` and ``up`` are added.

    Returns:
        The rigs of all people of the photo, whose poses are to be inferred again.

    Raises:
        Sam3dbError: the camera was deleted, is linked, or the focal length is impossible.
    """
    camera = camera_of(rig)
    if has_views(rig):
        raise Sam3dbError(
            "The lenses of several photos of one moment belong to where their cameras stand: import the photos again "
            "with other lenses."
        )
    people = people_before(camera, scene) or [rig]
    for other in people:
        require_own(other)
    data = camera.data
    if not isinstance(data, bpy.types.Camera) or camera.library or data.library:
        raise Sam3dbError(f"The camera '{camera.name}' is linked from another file, which defines its lens.")
    arrays = read_origin(rig).arrays
    intrinsics = _with_focal(arrays["intrinsics"], focal_px)
    settings = camera_settings(intrinsics, arrays["image_size"])
    apply_settings(data, settings)
    fit_to_lens(camera, intrinsics)
    if scene.camera == camera:
        frame_scene(scene, camera, settings)
    if up is not None:
        _turn_upright(camera, rig, people, np.asarray(up, np.float64))
        lens = {**lens, "up": [float(value) for value in np.asarray(up)]}
    side = float(np.max(arrays["image_size"]))
    lens = {**lens, "focal_px": float(focal_px), "fov_deg": fov_from_focal(float(focal_px), side)}
    for other in people:
        other[PROPERTY]["intrinsics"] = intrinsics.ravel().tolist()
        rewrite_lens(other, lens)
    return people


def _turn_upright(
    camera: bpy.types.Object, rig: bpy.types.Object, people: Sequence[bpy.types.Object], up: Array
) -> None:
    """Turns a photo's camera and people so that ``up`` (3,), camera axes, becomes the world's Z axis."""
    bpy.context.view_layer.update()
    eye = np.array(camera.matrix_world.normalized(), dtype=np.float64)
    level = blender_camera_matrix(np.zeros(3))[:3, :3]
    heading = eye[:3, :3] @ level.T @ upright_turn(up_seen(eye)).T  # the artist may have turned the whole photo
    turn = heading @ upright_turn(up) @ level @ eye[:3, :3].T
    pivot = np.array([*_middle(rig)[:2], 0.0])
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn, pivot - turn @ pivot
    motion[2, 3] -= min(_lowest(other, motion) for other in people) - min(_lowest(other, np.eye(4)) for other in people)
    for thing in (camera, *(other for other in people if other.parent is None)):
        thing.matrix_world = Matrix(motion.tolist()) @ thing.matrix_world
    for other in people:
        placed = read_origin(other).placed
        if placed is not None:
            write_placement(other, motion @ placed)
    bpy.context.view_layer.update()


def up_seen(eye: ArrayLike) -> Array:
    """(3,) the world's Z axis in the axes of a camera with a world matrix (4, 4) without scale."""
    return np.asarray(CAMERA_TO_BLENDER_CAMERA @ np.asarray(eye, np.float64)[2, :3])


def _middle(rig: bpy.types.Object) -> Array:
    """(3,) world units: the middle of a character's meshes."""
    return np.asarray(_corners(rig).mean(axis=0))


def _lowest(rig: bpy.types.Object, motion: Array) -> float:
    """World units: the height of the lowest corner of a character's meshes after a motion (4, 4)."""
    return float((_corners(rig) @ motion[2, :3] + motion[2, 3]).min())


def _corners(rig: bpy.types.Object) -> Array:
    """(N, 3) world units: points of a character's skin."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    clouds = [evaluated_vertices(child, depsgraph) for child in rig.children_recursive if child.type == "MESH"]
    return np.concatenate(clouds) if clouds else np.array([rig.matrix_world.translation], dtype=np.float64)


def _with_focal(intrinsics: ArrayLike, focal_px: float) -> Array:
    """Intrinsics (3, 3) with square pixels and another focal length."""
    matrix = np.array(intrinsics, dtype=np.float64)
    matrix[0, 0] = matrix[1, 1] = focal_px
    return matrix
