"""What handles look like: small pictures, tinted by state and side, with a dark rim that shows on any photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import bpy

Picture = Literal["ring", "target", "dot", "alarm", "cross"]
Colour = tuple[float, float, float, float]

#: The custom property that names the picture of an image.
PICTURE = "sam3db_handle_picture"

#: Predicted handles by side, so that a swapped left and right is seen at a glance.
LEFT: Colour = (0.25, 0.62, 1.0, 1.0)
RIGHT: Colour = (1.0, 0.48, 0.22, 1.0)
MIDDLE: Colour = (0.85, 0.85, 0.85, 1.0)
PINNED: Colour = (0.25, 1.0, 0.35, 1.0)
OUTLIER: Colour = (1.0, 0.12, 0.12, 1.0)
SUGGESTED: Colour = (1.0, 0.9, 0.15, 1.0)
IGNORED: Colour = (0.6, 0.6, 0.6, 0.7)
INCORRECT: Colour = (1.0, 0.3, 0.9, 1.0)

#: How large a handle of each group is, as a share of the person's height in the photo.
SIZES = {"body": 0.030, "feet": 0.022, "face": 0.016, "left_hand": 0.011, "right_hand": 0.011}
_SMALLEST = 3.0

_SIDE = 64
#: Blender keeps colours in 32 bits.
_SAME = 1e-6
_RIM: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.85)


def size_of(group: str, height: float) -> float:
    """The side in px of a handle of a group on a person of ``height`` px."""
    return max(SIZES[group] * height, _SMALLEST)


def dress(handle: bpy.types.Object, picture: Picture, colour: Colour) -> None:
    """Gives an image empty its picture and colour; what is so already is not touched."""
    image: Any = _image(picture)
    if handle.data != image:
        handle.data = image
    now: Any = handle.color
    if any(abs(have - want) > _SAME for have, want in zip(now, colour)):
        handle.color = colour


def _image(picture: Picture) -> bpy.types.Image:
    """The image of a picture, shared by all handles of a file; packed, so that it is saved."""
    import bpy

    for known in bpy.data.images:
        if known.get(PICTURE) == picture and not known.library:
            return known
    image = bpy.data.images.new(f"Handle {picture}", _SIDE, _SIDE, alpha=True)
    image[PICTURE] = picture
    pixels: Any = image.pixels
    pixels.foreach_set(draw(picture)[::-1].ravel())
    image.pack()
    return image


def draw(picture: Picture) -> NDArray[np.float32]:
    """A picture (64, 64, 4), top row first, linear, straight alpha: white where the colour goes."""
    y, x = (np.mgrid[0:_SIDE, 0:_SIDE] - (_SIDE - 1) / 2) / (_SIDE / 2)
    radius = np.hypot(x, y)
    outer: dict[Picture, float] = {"ring": 0.88, "target": 0.88, "dot": 0.74, "alarm": 0.88, "cross": 0.88}
    # distance to the coloured shape, negative inside, in half sides of the picture
    shape = radius - outer[picture]
    if picture in ("ring", "target"):
        shape = np.maximum(shape, 0.58 - radius)
    if picture == "target":
        shape = np.minimum(shape, radius - 0.26)
    elif picture == "alarm":
        stroke = np.maximum(np.abs(x) - 0.13, np.abs(y + 0.16) - 0.42)
        mark = np.minimum(stroke, np.hypot(x, y - 0.52) - 0.15)
        shape = np.maximum(shape, -mark)
    elif picture == "cross":
        arms = np.minimum(np.abs(x - y), np.abs(x + y)) / np.sqrt(2) - 0.13
        shape = np.maximum(shape, arms)
    soft = 2.0 / _SIDE
    fill = np.clip(0.5 - shape / soft, 0.0, 1.0)
    rim = np.clip(0.5 - (shape - 0.12) / soft, 0.0, 1.0) * _RIM[3]
    alpha = fill + rim * (1.0 - fill)
    image = np.zeros((_SIDE, _SIDE, 4), np.float32)
    image[..., :3] = np.divide(fill, alpha, out=np.zeros_like(fill), where=alpha > 0)[..., None]
    image[..., 3] = alpha
    return image
