"""The photo once more, laid over the character as seen through the photo's camera, so that both are seen.

It is a second background picture of the camera, in front of everything and half transparent. So the body looks
translucent in every shading mode, without a change to its materials, and without the inside of it showing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import bpy

#: How much of the photo is seen over the body until the artist chooses.
_ALPHA = 0.4


def over_of(camera: bpy.types.Object) -> Any:
    """The background entry of a photo's camera that lies over the character; None where there is none."""
    entries = list(getattr(camera.data, "background_images", ()))
    behind = [entry.image for entry in entries if entry.display_depth == "BACK" and entry.image is not None]
    return next((entry for entry in entries if entry.display_depth == "FRONT" and entry.image in behind), None)


def lay_over(camera: bpy.types.Object, photo: bpy.types.Image) -> Any:
    """The entry that shows a photo over the character; made, hidden, where there is none."""
    entry = over_of(camera)
    if entry is None:
        data: Any = camera.data
        entry = data.background_images.new()
        entry.image = photo
        entry.frame_method = "FIT"
        entry.display_depth = "FRONT"
        entry.alpha = _ALPHA
        entry.show_background_image = False
    return entry


def show_over(camera: bpy.types.Object, visible: bool) -> None:
    """Shows or hides the photo over the character, where there is one; its strength stays."""
    entry = over_of(camera)
    if entry is not None and entry.show_background_image != visible:
        entry.show_background_image = visible
