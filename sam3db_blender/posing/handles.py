"""The handles of a character: one empty for each of the 70 keypoints, lying on the photo plane.

A handle carries all that is known about it in its own properties, so that saving, undoing, linking and appending take
it along. ``PLACE`` is where this extension last put it, or last took notice of it: a handle that lies elsewhere was
moved by the artist since.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.prompts import keypoint_names
from native_runtime.templates import load_json

from ..scene.bodies import character_of
from ..scene.camera import camera_of
from ..scene.provenance import PROPERTY as ORIGIN
from ..scene.provenance import is_character, read_origin
from . import look
from .plane import ensure_planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..scene.provenance import Origin

Array = NDArray[np.float64]

#: Custom properties of a handle: the keypoint's number in MHR-70, the character's id, a ``State``, what is wrong with
#: it (empty: nothing), its rank among those that would help most (0: none), and the pixel where it was last settled.
KEYPOINT = "sam3db_keypoint"
CHARACTER = "sam3db_character"
STATE = "sam3db_state"
WARNING = "sam3db_warning"
SUGGESTED = "sam3db_suggested"
PLACE = "sam3db_place"

#: The groups of keypoints by their key in the template, as people read them.
GROUPS = {
    "body": "Body",
    "feet": "Feet",
    "left_hand": "Left Hand",
    "right_hand": "Right Hand",
    "face": "Face",
}

#: Pixels. Blender stores places in 32 bits: smaller differences are nobody's intent.
MOVED = 0.01
#: The groups by photo plane, the nearest first: where handles crowd, a click selects the more important one.
_LAYERS = (("body",), ("feet",), ("face",), ("left_hand", "right_hand"))
#: How far from the camera the plane stands, as a share of the nearest keypoint's distance, and at least, m.
_BEFORE, _NEAREST = 0.75, 0.1
#: Where the picture of a handle lies about the object, in shares of its size.
_CENTRED = (-0.5, -0.5)
#: Ranks of suggestions that show in the viewport.
_SHOWN_RANKS = range(1, 4)


class State(IntEnum):
    """What the artist says about a keypoint."""

    PREDICTED = 0
    PINNED = 1
    IGNORED = 2
    INCORRECT = 3


# --- which handle is it ----------------------------------------------------------------------------------------------


def is_handle(obj: bpy.types.Object | None) -> bool:
    """Whether an object is a handle."""
    return obj is not None and obj.type == "EMPTY" and obj.get(KEYPOINT) is not None and obj.get(CHARACTER) is not None


def keypoint_of(handle: bpy.types.Object) -> int:
    """The number in MHR-70."""
    return int(handle[KEYPOINT])


def group_of(handle: bpy.types.Object) -> str:
    """The key in ``GROUPS``."""
    return str(_entries()[keypoint_of(handle)]["group"])


def mirror_of(keypoint: int) -> int:
    """The same keypoint on the other side; itself in the middle."""
    return int(_entries()[keypoint]["mirror"])


def state_of(handle: bpy.types.Object) -> State:
    """What the artist says about it."""
    try:
        return State(int(handle.get(STATE, 0)))
    except ValueError:  # typed by hand
        return State.PREDICTED


def character_id(rig: bpy.types.Object) -> str:
    """The id of a character, which its handles name."""
    return str(rig[ORIGIN]["id"])


def rig_with(character: str) -> bpy.types.Object | None:
    """The rig of a character by its id. Of a rig and its copies, the first by name."""
    return next(
        (obj for obj in bpy.data.objects if is_character(obj) and character_id(obj) == character and obj.users_scene),
        None,
    )


def rig_of(obj: bpy.types.Object | None) -> bpy.types.Object | None:
    """The rig of the character that an object belongs to: a handle, a mesh or the rig itself."""
    return rig_with(str(obj[CHARACTER])) if obj is not None and is_handle(obj) else character_of(obj)


def handles_of(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The handles of a character that there are, by keypoint."""
    return list(by_keypoint(rig).values())


def by_keypoint(rig: bpy.types.Object) -> dict[int, bpy.types.Object]:
    """The handles of a character by the numbers of their keypoints, in order. Of copies, the first by name."""
    character = character_id(rig)
    found: dict[int, bpy.types.Object] = {}
    for obj in bpy.data.objects:
        if is_handle(obj) and obj[CHARACTER] == character and obj.users_scene:
            found.setdefault(keypoint_of(obj), obj)
    return dict(sorted(found.items()))


# --- making and removing ---------------------------------------------------------------------------------------------


def ensure_handles(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The character's handles, all 70; those that are missing are made at their predicted places. All become visible.

    Raises:
        Sam3dbError: the photo's camera was deleted, or the character is linked from another file.
    """
    require_own(rig)
    origin, camera = read_origin(rig), camera_of(rig)
    person = rig.name.removesuffix(" Rig")
    distance = max(_BEFORE * float(origin.arrays["keypoints_3d"][:, 2].min()), _NEAREST)
    plane_name = camera.name.removesuffix(" Camera") + " Photo Plane"
    planes = ensure_planes(plane_name, camera, origin.arrays["intrinsics"], distance, len(_LAYERS))
    known = by_keypoint(rig)
    home = next((handle.users_collection[0] for handle in known.values()), None) or _new_home(f"{person} Handles", rig)
    home.hide_viewport = False
    places, height = origin.arrays["keypoints_2d"], height_of(origin)
    for index, name in enumerate(keypoint_names()):
        if index in known:
            continue
        handle = bpy.data.objects.new(f"{person} {name}", None)
        home.objects.link(handle)
        handle[KEYPOINT], handle[CHARACTER], handle[STATE] = index, origin.id, int(State.PREDICTED)
        handle.parent = planes[next(i for i, groups in enumerate(_LAYERS) if group_of(handle) in groups)]
        handle[WARNING], handle[SUGGESTED] = "", 0
        handle.empty_display_type = "IMAGE"
        handle.empty_image_offset = _CENTRED
        handle.use_empty_image_alpha = True
        # Not the image's own "Front", which has no depth: of all that is in front, rigs too, a click takes the nearest.
        handle.show_in_front = True
        handle.empty_display_size = look.size_of(group_of(handle), height)
        handle.lock_location = (False, False, True)
        handle.lock_rotation = handle.lock_scale = (True, True, True)
        handle.lock_rotation_w = True
        # behind the camera there is no pixel; it can still be dragged to one
        put(handle, places[index] if np.isfinite(places[index]).all() else origin.arrays["bbox"][:2])
        refresh_look(handle)
        known[index] = handle
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


def require_own(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where a character's data lies in another file, and cannot be changed from here."""
    if rig.library or (rig.override_library and rig.override_library.is_system_override):
        raise Sam3dbError(
            f"'{rig.name}' is linked from another file: make a library override of it (Object > Library Override > "
            "Make), or work on it in its own file."
        )


def _new_home(name: str, rig: bpy.types.Object) -> bpy.types.Collection:
    """The collection for handles, beside the one in which the rig lies."""
    home = bpy.data.collections.new(name)
    home[CHARACTER] = character_id(rig)
    home.hide_render = True
    above = next(
        (top for top in bpy.data.collections if any(part in rig.users_collection for part in top.children)), None
    )
    if above is None:
        above = rig.users_scene[0].collection
    above.children.link(home)
    return home


# --- where it lies, how it looks -------------------------------------------------------------------------------------


def place(handle: bpy.types.Object) -> tuple[float, float]:
    """The pixel of the original photo on which a handle is seen now.

    It is that of its picture, which Blender's own gizmo for pictures shifts beside the object.
    """
    x, y = (
        handle.location[axis] + (handle.empty_image_offset[axis] - _CENTRED[axis]) * handle.empty_display_size
        for axis in range(2)
    )
    return float(x), -float(y)


def put(handle: bpy.types.Object, pixel: ArrayLike) -> None:
    """Moves a handle to a pixel (2,) and takes it as settled there."""
    x, y = np.asarray(pixel, dtype=np.float64).tolist()
    handle.location = (x, -y, 0.0)
    handle.empty_image_offset = _CENTRED
    handle[PLACE] = list(place(handle))


def settle(handle: bpy.types.Object) -> None:
    """Takes notice of where a handle lies."""
    if tuple(handle.empty_image_offset) != _CENTRED:
        put(handle, place(handle))
    handle[PLACE] = list(place(handle))


def moved(handle: bpy.types.Object) -> bool:
    """Whether a handle was moved since it was last settled."""
    before = handle.get(PLACE)
    return before is None or max(abs(a - b) for a, b in zip(place(handle), before)) > MOVED


def height_of(origin: Origin) -> float:
    """The height of a person in the photo, px."""
    rows = origin.arrays["keypoints_2d"][:, 1]
    box = origin.arrays["bbox"]
    seen = np.isfinite(rows)
    return float(max(np.ptp(rows[seen]) if seen.any() else 0.0, box[3] - box[1]))


def refresh_look(handle: bpy.types.Object) -> None:
    """Makes picture and colour say what the handle's properties say."""
    look.dress(handle, *_appearance(handle))


def _appearance(handle: bpy.types.Object) -> tuple[look.Picture, look.Colour]:
    state = state_of(handle)
    if state is State.IGNORED:
        return "cross", look.IGNORED
    if state is State.INCORRECT:
        return "cross", look.INCORRECT
    if state is State.PINNED:
        return ("alarm", look.OUTLIER) if handle.get(WARNING) else ("dot", look.PINNED)
    if int(handle.get(SUGGESTED, 0)) in _SHOWN_RANKS:
        return "target", look.SUGGESTED
    name = keypoint_names()[keypoint_of(handle)]
    side = look.LEFT if name.startswith("left_") else look.RIGHT if name.startswith("right_") else look.MIDDLE
    return "ring", side


# --- what is seen ----------------------------------------------------------------------------------------------------


def show(rig: bpy.types.Object, visible: bool, group: str | None = None) -> None:
    """Shows or hides the character's handles, or those of one group."""
    for handle in _of_group(rig, group):
        handle.hide_viewport = not visible
    if visible:
        for home in homes_of(rig):
            home.hide_viewport = False


def shown(rig: bpy.types.Object, group: str | None = None) -> bool:
    """Whether any handle of the character, or of one group, is to be seen."""
    return any(not handle.hide_viewport for handle in _of_group(rig, group))


def show_only(rig: bpy.types.Object) -> None:
    """Hides the handles of all other characters; those of this one are as ``show`` left them."""
    character = character_id(rig)
    for home in bpy.data.collections:
        owner = home.get(CHARACTER)
        if owner is not None and not home.library and home.hide_viewport != (owner != character):
            home.hide_viewport = owner != character


def homes_of(rig: bpy.types.Object) -> list[bpy.types.Collection]:
    """The collections made for the character's handles."""
    return [home for home in bpy.data.collections if home.get(CHARACTER) == character_id(rig) and not home.library]


def _of_group(rig: bpy.types.Object, group: str | None) -> Iterator[bpy.types.Object]:
    return (handle for handle in handles_of(rig) if group is None or group_of(handle) == group)


@cache
def _entries() -> list[dict[str, Any]]:
    return list(load_json("mhr", "keypoints.json")["keypoints"])
