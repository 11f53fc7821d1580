"""Small pictures of the people in photos, for lists: head and shoulders, or the whole person where these are cut off.

They are Blender's previews, made once a session when they are first drawn, and gone when the extension is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import bpy.utils.previews

from native_runtime.errors import Sam3dbError

from ..app_handlers import ensure_timer, redraw, stop_timer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

#: Sides in px of a preview, and of it where an icon is wanted.
_LARGE, _SMALL = 96, 32
#: Nose, eyes and ears in MHR-70.
_HEAD = slice(0, 5)

_previews: Any = None
_wanted: set[str] = set()


def icon_of(rig: bpy.types.Object) -> int:
    """The icon of a character's person; 0 until it is made, a moment after it was asked for first."""
    from ..scene.provenance import character_id

    character = character_id(rig)
    if _previews is not None and character in _previews:
        return int(_previews[character].icon_id)
    if not bpy.app.background and character not in _wanted:
        _wanted.add(character)
        ensure_timer(_make_wanted, 0.01)
    return 0


def icon(key: str) -> int:
    """The icon that was put under a key; 0 where there is none."""
    return int(_previews[key].icon_id) if _previews is not None and key in _previews else 0


def make(rig: bpy.types.Object) -> None:
    """Makes the icon of a character's person.

    Raises:
        Sam3dbError: there is no photo any more.
    """
    import cv2
    import numpy as np

    from native_runtime.render.portraits import shown_square

    from ..scene.photo import PATH
    from ..scene.provenance import character_id, read_origin
    from ..scene.source import image_of

    image, arrays = image_of(rig), read_origin(rig).arrays
    box = arrays["bbox"]
    head = arrays["keypoints_2d"][_HEAD].mean(axis=0)
    wanted = shown_square(box, head)[2] / _LARGE
    # fewer pixels are read where more than these would fall on a preview's side
    reduced = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
    flag = next((flag for factor, flag in reduced.items() if wanted >= factor), cv2.IMREAD_COLOR)
    data = bytes(image.packed_file.data) if image.packed_file is not None else Path(image[PATH]).read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if picture is None:
        raise Sam3dbError(f"The photo of '{rig.name}' cannot be read.")
    scale = np.array(picture.shape[1::-1]) / arrays["image_size"]
    put(character_id(rig), cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), box * np.tile(scale, 2), head * scale)


def put(key: str, pixels: NDArray[np.uint8], box: ArrayLike, head: ArrayLike | None = None) -> None:
    """Makes an icon of a person in a picture (H, W, 3), sRGB.

    Args:
        box: x0 y0 x1 y1 px.
        head: (2,) px, the middle of the head where it is known.
    """
    from native_runtime.render.portraits import cut_portrait

    global _previews
    if _previews is None:
        _previews = bpy.utils.previews.new()
    if key in _previews:
        del _previews[key]
    preview = _previews.new(key)
    preview.image_size, preview.icon_size = (_LARGE, _LARGE), (_SMALL, _SMALL)
    preview.image_pixels_float.foreach_set(cut_portrait(pixels, box, head, _LARGE))
    preview.icon_pixels_float.foreach_set(cut_portrait(pixels, box, head, _SMALL))


def forget(keys: Iterable[str] | None = None) -> None:
    """Removes some icons, or all that there are."""
    global _previews
    if _previews is None:
        return
    if keys is None:
        bpy.utils.previews.remove(_previews)
        _previews = None
        return
    for key in keys:
        if key in _previews:
            del _previews[key]


def detach() -> None:
    """Leaves nothing behind."""
    stop_timer(_make_wanted)
    _wanted.clear()
    forget()


def _make_wanted() -> None:
    from ..scene.lookup import rig_with

    for character in _wanted:
        rig = rig_with(character)
        try:
            if rig is not None:
                make(rig)
        except (Sam3dbError, OSError):
            # a list without this picture is still a list; it stays wanted, so that it is not tried on each drawing
            continue
    redraw("VIEW_3D")
