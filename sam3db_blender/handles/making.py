"""Making handles and the planes that they hang on, and removing them."""

from __future__ import annotations

import bpy
import numpy as np

from native_runtime.prompts.prompt import keypoint_titles

from ..scene.lookup import require_own
from ..scene.provenance import character_id
from ..scene.viewpoints import VIEW, view_of, viewpoint_of
from . import look
from .handles import (
    CENTRED,
    CHARACTER,
    KEYPOINT,
    PLACE,
    STATE,
    SUGGESTED,
    WARNING,
    State,
    by_keypoint,
    group_of,
    height_of,
    is_handle,
    put,
    refresh_look,
)
from .plane import ensure_planes
from .showing import show, show_home

#: The groups by photo plane, the nearest first: where handles crowd, a click selects the more important one.
_LAYERS = (("body",), ("feet",), ("face",), ("left_hand", "right_hand"))
#: How far from the camera the plane stands, as a share of the nearest keypoint's distance, and at least, m.
_BEFORE, _NEAREST = 0.75, 0.1


def ensure_handles(rig: bpy.types.Object, view: int | None = None) -> list[bpy.types.Object]:
    """The character's handles on a photo, all 70; those that are missing are made at their predicted places. All
    become visible, if the photo is the one that is worked in.

    Args:
        view: the photo's number, where the character has several; None for the one that is worked in.

    Raises:
        Sam3dbError: the photo's camera was deleted, or the character is linked from another file.
    """
    require_own(rig)
    view = view_of(rig) if view is None else view
    seen, character = viewpoint_of(rig, view), character_id(rig)
    camera, person = seen.camera, rig.name.removesuffix(" Rig")
    ending = f" {view + 1}" if view else ""
    distance = max(_BEFORE * float(seen.keypoints_3d[:, 2].min()), _NEAREST)
    plane_name = camera.name.removesuffix(" Camera") + " Photo Plane"
    planes = ensure_planes(plane_name, camera, seen.intrinsics, distance, len(_LAYERS))
    known = by_keypoint(rig, view)
    home = next((handle.users_collection[0] for handle in known.values()), None)
    home = home or _new_home(f"{person} Handles{ending}", rig, view)
    worked_in = view == view_of(rig)
    show_home(home, worked_in, worked_in)
    places, height = seen.keypoints_2d, height_of(seen)
    for index, title in enumerate(keypoint_titles()):
        if index in known:
            continue
        handle = bpy.data.objects.new(f"{person} {title}{ending}", None)
        home.objects.link(handle)
        handle[KEYPOINT], handle[CHARACTER], handle[STATE] = index, character, int(State.PREDICTED)
        if view:
            handle[VIEW] = view
        handle.parent = planes[next(i for i, groups in enumerate(_LAYERS) if group_of(handle) in groups)]
        handle[WARNING], handle[SUGGESTED] = "", 0
        handle.empty_display_type = "IMAGE"
        handle.empty_image_offset = CENTRED
        handle.use_empty_image_alpha = True
        # Not the image's own "Front", which has no depth: of all that is in front, rigs too, a click takes the nearest.
        handle.show_in_front = True
        # outside the photo's camera it would hang in mid-air
        handle.show_empty_image_only_axis_aligned = True
        handle.show_empty_image_orthographic = False
        handle.empty_display_size = look.size_of(group_of(handle), height)
        handle.lock_location = (False, False, True)
        handle.lock_rotation = handle.lock_scale = (True, True, True)
        handle.lock_rotation_w = True
        # behind the camera there is no pixel; it can still be dragged to one
        put(handle, places[index] if np.isfinite(places[index]).all() else seen.bbox[:2])
        refresh_look(handle)
        for said in (STATE, WARNING, SUGGESTED, PLACE):
            # saved with a library override of a linked character, as its location is by itself
            handle.property_overridable_library_set(f'["{said}"]', True)
        known[index] = handle
    if worked_in:
        show(rig, True)
    _hide_image_gizmos()
    return [known[index] for index in sorted(known)]


def _hide_image_gizmos() -> None:
    """Switches off the frame by which Blender lets pictures be cropped and shifted: it covers the active handle."""
    for screen in bpy.data.screens:
        for area in screen.areas:
            for space in area.spaces:
                if isinstance(space, bpy.types.SpaceView3D):
                    space.show_gizmo_empty_image = False


def remove_handles(rig: bpy.types.Object) -> None:
    """Removes the character's handles, and their collection and the plane where nothing else needs them."""
    handles = [obj for obj in bpy.data.objects if is_handle(obj) and obj[CHARACTER] == character_id(rig)]
    homes = {collection for handle in handles for collection in handle.users_collection}
    planes = {handle.parent for handle in handles if handle.parent is not None}
    bpy.data.batch_remove(handles)
    for home in homes:
        if home.get(CHARACTER) is not None and not home.all_objects and not home.children:
            bpy.data.collections.remove(home)
    for plane in planes:
        if not plane.children:
            bpy.data.objects.remove(plane)


def _new_home(name: str, rig: bpy.types.Object, view: int) -> bpy.types.Collection:
    """The collection for the handles of a view, beside the one in which the rig lies."""
    home = bpy.data.collections.new(name)
    home[CHARACTER] = character_id(rig)
    if view:
        home[VIEW] = view
    home.hide_render = True
    above = next(
        (top for top in bpy.data.collections if any(part in rig.users_collection for part in top.children)), None
    )
    if above is None:
        above = rig.users_scene[0].collection
    above.children.link(home)
    return home
