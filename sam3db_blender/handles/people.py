"""The people of the scene's photos: who there is, who is active, and switching to somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.errors import Sam3dbError

from ..scene.camera import camera_of, camera_settings, frame_scene
from ..scene.provenance import character_id, is_character
from ..scene.rendering import follow
from ..scene.viewpoints import view_of, viewpoint_of
from .handles import rig_of
from .showing import homes_of, show_only

if TYPE_CHECKING:
    import bpy


def people_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The rigs of all characters of a scene by name. A copied rig stands for the same person and is not listed."""
    found: dict[str, bpy.types.Object] = {}
    for obj in sorted((obj for obj in scene.objects if is_character(obj)), key=lambda obj: obj.name):
        found.setdefault(character_id(obj), obj)
    return list(found.values())


def photo_camera(rig: bpy.types.Object, view: int | None = None) -> bpy.types.Object | None:
    """The camera of a character's photo; None where it was deleted.

    Args:
        view: the photo's number, where there are several; None for the one that is worked in.
    """
    try:
        return camera_of(rig, view_of(rig) if view is None else view)
    except Sam3dbError:
        return None


def people_by_photo(scene: bpy.types.Scene) -> dict[bpy.types.Object | None, list[bpy.types.Object]]:
    """The rigs of a scene by the camera of their photo; those whose camera was deleted stand under None."""
    photos: dict[bpy.types.Object | None, list[bpy.types.Object]] = {}
    for rig in people_of(scene):
        photos.setdefault(photo_camera(rig, 0), []).append(rig)
    return photos


def people_before(camera: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The rigs of the people in the photo of a camera."""
    return people_by_photo(scene).get(camera, [])


def active_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """The rig of the character that is worked on.

    The active object says it: a handle, a mesh or a rig. Where it belongs to nobody (the camera, a light), it is the
    one whose handles are shown, or else the first.
    """
    rig = rig_of(context.object)
    if rig is not None or context.scene is None:
        return rig
    everybody = people_of(context.scene)
    shown = (rig for rig in everybody if any(not home.hide_viewport for home in homes_of(rig)))
    return next(shown, next(iter(everybody), None))


def select(context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """Makes an object the active one and the only one selected.

    Raises:
        Sam3dbError: it is hidden by other means than this extension's.
    """
    import bpy

    layer = context.view_layer
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    if obj.name not in layer.objects or not obj.visible_get(view_layer=layer):
        raise Sam3dbError(f"'{obj.name}' is hidden: show it, or its collection, in the outliner first.")
    for other in context.selected_objects:
        other.select_set(False)
    obj.select_set(True)
    layer.objects.active = obj


def activate(context: bpy.types.Context, rig: bpy.types.Object) -> None:
    """Switches to another person: their handles are shown, and the scene looks through the camera of their photo.

    Raises:
        Sam3dbError: the rig is hidden.
    """
    select(context, rig)
    show_only(rig)
    camera, scene = photo_camera(rig), context.scene
    if camera is not None and scene is not None:
        seen = viewpoint_of(rig)
        frame_scene(scene, camera, camera_settings(seen.intrinsics, seen.image_size))
        follow(scene)
