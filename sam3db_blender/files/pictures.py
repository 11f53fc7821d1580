"""Pictures that come with the extension, as Blender's previews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def load(previews: Any, key: str, file: Path) -> bool:
    """Makes a preview of a picture file; whether it could be read.

    Args:
        previews: a collection of ``bpy.utils.previews``.
    """
    if not file.is_file():  # the extension was installed without its data
        return False
    # Blender reads it when its size is asked for; when it is drawn first, aside, and popovers would show clocks until
    # the mouse is moved.
    width, height = previews.load(key, str(file), "IMAGE").image_size
    return bool(width and height)
