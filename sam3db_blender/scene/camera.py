"""A Blender camera that sees what the photo's camera saw, pixel for pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from native_runtime.camera import BlenderCamera, blender_camera, blender_camera_matrix
from native_runtime.characters.placement import Placement
from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    import bpy

#: The custom property of a rig that points to the camera of its photo. Blender keeps such pointers right through
#: renaming, undo and linking, and an appended rig brings its camera along.
CAMERA = "sam3db_camera"
#: The custom property of a rig with several views: the cameras of the others by their numbers, as texts.
OTHERS = "sam3db_view_cameras"
#: The custom property of a photo's camera: the photo's width and height, px, and the aspect of its pixels (x, y).
FRAME = "sam3db_frame"
#: The custom property of a scene: the camera whose frame its renders have taken.
FRAMED = "sam3db_framed"


def camera_settings(intrinsics: ArrayLike, image_size: ArrayLike) -> BlenderCamera:
    """Blender's numbers for the pinhole camera of a photo, checked.

    Args:
        intrinsics: (3, 3) px, without skew.
        image_size: (2,) width, height in px.
    """
    matrix = np.asarray(intrinsics, dtype=np.float64)
    width, height = (int(n) for n in np.asarray(image_size))
    if not (np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0 and width > 0 and height > 0):
        raise Sam3dbError("The camera's intrinsics are invalid: focal lengths and image size must be above zero.")
    if abs(matrix[0, 1]) > 1e-6 * matrix[0, 0]:
        raise Sam3dbError("The camera's intrinsics have skew, which Blender's cameras cannot show.")
    return blender_camera(matrix, (width, height))


def build_camera(
    name: str,
    settings: BlenderCamera,
    placement: Placement,
    collection: bpy.types.Collection,
    units: float = 1.0,
) -> bpy.types.Object:
    """A camera object at the place from which the photo was taken.

    Args:
        units: of the scene, for a metre. The object is scaled by them, so that what hangs on it is in metres.
    """
    import bpy
    from mathutils import Matrix

    data = bpy.data.cameras.new(name)
    data.type = "PERSP"
    apply_settings(data, settings)
    data.clip_start, data.clip_end = 0.01 * units, 1000.0 * units
    data.passepartout_alpha = 0.85
    camera = bpy.data.objects.new(name, data)
    collection.objects.link(camera)
    matrix = blender_camera_matrix(np.zeros(3))
    matrix[:3, :3] = units * placement.turn @ matrix[:3, :3]
    matrix[:3, 3] = units * placement.camera_location
    camera.matrix_world = Matrix(matrix.tolist())
    return camera


def apply_settings(data: bpy.types.Camera, settings: BlenderCamera) -> None:
    """Gives a camera a lens."""
    data.sensor_fit = settings.sensor_fit
    data.sensor_width, data.sensor_height = settings.sensor_width, settings.sensor_height
    data.lens = settings.lens
    data.shift_x, data.shift_y = settings.shift_x, settings.shift_y


def frame_scene(scene: bpy.types.Scene, camera: bpy.types.Object, settings: BlenderCamera) -> None:
    """Makes the camera the scene's and its pixels those of the photo."""
    remember_frame(camera, settings)
    scene.camera = camera
    take_frame(scene)


def remember_frame(camera: bpy.types.Object, settings: BlenderCamera) -> None:
    """Has a camera know the pixels of its photo."""
    camera[FRAME] = [*settings.resolution, settings.pixel_aspect_x, settings.pixel_aspect_y]


def take_frame(scene: bpy.types.Scene) -> bool:
    """Makes the pixels of a scene's renders those of the photo of its camera; whether it has one."""
    camera = scene.camera
    frame = None if camera is None else camera.get(FRAME)
    if camera is None or frame is None:
        return False
    render = scene.render
    render.resolution_x, render.resolution_y = int(frame[0]), int(frame[1])
    render.pixel_aspect_x, render.pixel_aspect_y = frame[2], frame[3]
    scene[FRAMED] = camera
    return True


def follow_camera(scene: bpy.types.Scene) -> None:
    """Gives a scene's renders the pixels of the photo of its camera, once after the camera was changed.

    A camera that a marker of the timeline brings in changes nothing: the pixels of an animation are one choice.
    """
    camera = scene.camera
    if camera is None or camera == scene.get(FRAMED):
        return
    if camera.get(FRAME) is not None and not any(marker.camera == camera for marker in scene.timeline_markers):
        take_frame(scene)
    elif scene.get(FRAMED) is not None:
        scene[FRAMED] = camera


def add_background(camera: bpy.types.Object, image: bpy.types.Image) -> None:
    """Shows the photo behind everything seen through the camera."""
    camera.data.show_background_images = True
    background = camera.data.background_images.new()
    background.image = image
    background.frame_method = "FIT"
    background.display_depth = "BACK"
    background.alpha = 1.0


def bind_camera(rig: bpy.types.Object, camera: bpy.types.Object) -> None:
    """Remembers which camera shows the photo of a character."""
    rig[CAMERA] = camera


def bind_others(rig: bpy.types.Object, cameras: Sequence[bpy.types.Object]) -> None:
    """Remembers the cameras of a character's further views, from number 1 on."""
    rig[OTHERS] = {str(number): camera for number, camera in enumerate(cameras, start=1)}


def cameras_of(rig: bpy.types.Object) -> dict[int, bpy.types.Object]:
    """The cameras of all views of a character that are there, by number."""
    found: dict[int, bpy.types.Object | None] = {0: _own(rig.get(CAMERA))}
    others = rig.get(OTHERS)
    for name in () if others is None else others.keys():
        found[int(name)] = _own(others[name])
    return {number: camera for number, camera in sorted(found.items()) if camera is not None}


def camera_of(rig: bpy.types.Object, view: int = 0) -> bpy.types.Object:
    """The camera that shows the photo of a character.

    Args:
        view: the number of the photo, where there are several; the character's own record is of the first.

    Raises:
        Sam3dbError: there is none, it was deleted, or a file that links the character did not link it.
    """
    camera = cameras_of(rig).get(view)
    if camera is not None and camera.library and not camera.users_scene:
        raise Sam3dbError(
            f"The camera of the photo of '{rig.name}' is not in this file: '{camera.name}' lies in "
            f"'{camera.library.name}' and was not linked with the character. Link the collection that holds it, too, "
            "or override the whole photo's collection, which holds both."
        )
    if camera is None or not camera.users_scene:
        raise Sam3dbError(f"The camera of the photo of '{rig.name}' is no longer in the scene.")
    return camera


def _own(camera: bpy.types.Object | None) -> bpy.types.Object | None:
    """The override of a linked camera, where it has one: a property of an overridden rig names the linked one again
    after the file was opened.
    """
    import bpy

    if camera is None or not camera.library:
        return camera
    overrides = (obj for obj in bpy.data.objects if obj.override_library and obj.override_library.reference == camera)
    return next(overrides, camera)
