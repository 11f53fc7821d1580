"""The picture of the frame that was read last, as an icon for the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews

_KEY = "latest"

_previews: Any = None
_shown: tuple[Path, int] | None = None


def icon(file: Path, number: int) -> int:
    """The icon of a picture; 0 where it cannot be read, and without a window. Arguments as for ``preview``."""
    shown = preview(file, number)
    return int(shown.icon_id) if shown is not None else 0


def preview(file: Path, number: int) -> Any:
    """Blender's preview of a picture; None where it cannot be read.

    Args:
        file: of the picture, which is written again and again.
        number: another one for each time that it was written.
    """
    global _previews, _shown
    if _previews is None:
        _previews = bpy.utils.previews.new()
    if _shown != (file, number):
        _shown = file, number
        if _KEY in _previews:
            del _previews[_KEY]
        picture = _read(file)
        if picture is not None:
            _previews.new(_KEY).image_size = picture.shape[1::-1]
            _previews[_KEY].image_pixels_float.foreach_set(_pixels(picture))
    return _previews.get(_KEY)


def _read(file: Path) -> Any:
    """(h, w, 3) BGR; None where there is nothing, or half a picture."""
    import cv2
    import numpy as np

    try:  # OpenCV opens no path on Windows that has letters beyond the system's code page
        content = file.read_bytes()
    except OSError:
        return None
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None


def _pixels(picture: Any) -> Any:
    """(h * w * 4,) RGBA from below, as previews have them, of a picture (h, w, 3) BGR."""
    import numpy as np

    rgba = np.ones((*picture.shape[:2], 4), np.float32)
    rgba[..., :3] = picture[::-1, :, ::-1] / 255.0
    return rgba.ravel()


def detach() -> None:
    """Leaves nothing behind."""
    global _previews, _shown
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = _shown = None
