"""The handles of a character: one empty for each of the 70 keypoints, lying on the photo plane. Here is which they
are, where they lie and what they say; they are made in ``making``.

A handle carries all that is known about it in its own properties, so that saving, undoing, linking and appending take
it along. ``PLACE`` is where this extension last put it, or last took notice of it: a handle that lies elsewhere was
moved by the artist since.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ..scene.viewpoints import Viewpoint
    from . import look

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
#: The group that stands for all of them.
ALL = "all"
#: The name for Blender of the tool that shows them ("Pose from Photo").
TOOL = "sam3db.pose_tool"

#: Pixels. Blender stores places in 32 bits: smaller differences are nobody's intent.
MOVED = 0.01
#: Where the picture of a handle lies about the object, in shares of its size.
CENTRED = (-0.5, -0.5)
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


def rig_of(obj: bpy.types.Object | None) -> bpy.types.Object | None:
    """The rig of the character that an object belongs to: a handle, a mesh or the rig itself."""
    from ..scene.lookup import character_of, rig_with

    return rig_with(str(obj[CHARACTER])) if obj is not None and is_handle(obj) else character_of(obj)


def handles_of(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The handles of a character that there are in the view that is worked in, by keypoint."""
    return list(by_keypoint(rig).values())


def by_keypoint(rig: bpy.types.Object, view: int | None = None) -> dict[int, bpy.types.Object]:
    """The handles of a character by the numbers of their keypoints, in order. Of copies, the first by name.

    Args:
        view: the number of the view on which they lie; None for the one that is worked in.
    """
    from ..scene.prompt_keys import keypoint_at, view_at
    from ..scene.viewpoints import view_of

    wanted = view_of(rig) if view is None else view
    return {keypoint_at(key): handle for key, handle in in_all_views(rig).items() if view_at(key) == wanted}


def in_all_views(rig: bpy.types.Object) -> dict[int, bpy.types.Object]:
    """The handles of a character on all its photos by their keys (``scene.prompt_keys``), in order. Of copies, the
    first by name.
    """
    from ..scene.lookup import in_scenes, rank_of
    from ..scene.prompt_keys import key_of
    from ..scene.provenance import character_id
    from ..scene.viewpoints import view_of

    character = character_id(rig)
    found: dict[int, bpy.types.Object] = {}
    for obj in in_scenes():
        if is_handle(obj) and obj[CHARACTER] == character:
            key = key_of(keypoint_of(obj), view_of(obj))
            known = found.get(key)
            if known is None or rank_of(obj) < rank_of(known):
                found[key] = obj
    return dict(sorted(found.items()))


# --- where it lies, how it looks -------------------------------------------------------------------------------------


def place(handle: bpy.types.Object) -> tuple[float, float]:
    """The pixel of the original photo on which a handle is seen now.

    It is that of its picture, which Blender's own gizmo for pictures shifts beside the object.
    """
    lies, offset, size = handle.location, handle.empty_image_offset, handle.empty_display_size
    return lies[0] + (offset[0] - CENTRED[0]) * size, -(lies[1] + (offset[1] - CENTRED[1]) * size)


def drag(handle: bpy.types.Object, pixel: ArrayLike) -> None:
    """Moves a handle to a pixel (2,), as an artist does."""
    import numpy as np

    x, y = np.asarray(pixel, dtype=np.float64).tolist()
    handle.location = (x, -y, 0.0)
    handle.empty_image_offset = CENTRED


def put(handle: bpy.types.Object, pixel: ArrayLike) -> None:
    """Moves a handle to a pixel (2,) and takes it as settled there."""
    drag(handle, pixel)
    handle[PLACE] = place(handle)


def settle(handle: bpy.types.Object) -> None:
    """Takes notice of where a handle lies."""
    if tuple(handle.empty_image_offset) != CENTRED:
        put(handle, place(handle))
    handle[PLACE] = place(handle)


def moved(handle: bpy.types.Object) -> bool:
    """Whether a handle was moved since it was last settled."""
    before = handle.get(PLACE)
    if before is None:
        return True
    x, y = place(handle)
    return abs(x - before[0]) > MOVED or abs(y - before[1]) > MOVED


def height_of(seen: Viewpoint) -> float:
    """The height of a person in a photo, px."""
    import numpy as np

    rows, box = seen.keypoints_2d[:, 1], seen.bbox
    there = np.isfinite(rows)
    return float(max(np.ptp(rows[there]) if there.any() else 0.0, box[3] - box[1]))


def refresh_look(handle: bpy.types.Object) -> None:
    """Makes picture and colour say what the handle's properties say."""
    from . import look

    look.dress(handle, *appearance(handle))


def appearance(handle: bpy.types.Object) -> tuple[look.Picture, look.Colour]:
    """The picture and the colour that say what a handle's properties say."""
    from native_runtime.prompts.prompt import keypoint_names

    from . import look

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


@cache
def _entries() -> list[dict[str, Any]]:
    from native_runtime.files.templates import load_json

    return list(load_json("mhr", "keypoints.json")["keypoints"])
