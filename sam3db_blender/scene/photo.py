"""The photo inside the .blend file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from numpy.typing import NDArray

from native_runtime.files.hashes import sha256_of
from native_runtime.files.names import as_text

if TYPE_CHECKING:
    import numpy as np

_JPEG_QUALITY = 95

#: Custom properties of the image: the file that it was read from, and the SHA-256 of what that file held.
PATH = "sam3db_path"
CONTENT = "sam3db_content"
#: Of a picture laid over a photo: the id of the character whose mask it shows.
OVERLAY = "sam3db_mask_of"


def pack_photo(name: str, pixels: NDArray[np.uint8]) -> bpy.types.Image:
    """An image data-block that carries the photo within the file.

    The pixels are packed as they were read (upright, sRGB), not the photo's own file: Blender would not turn a
    phone's picture upright, does not read every format, and a character that is passed on should not carry the
    place where the photo was taken. A JPEG of 12 megapixels takes about 4 MB.

    Args:
        pixels: (H, W, 3) uint8, sRGB, red first.
    """
    import cv2

    height, width = pixels.shape[:2]
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY,
        _JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise ValueError(f"a picture of {width} x {height} pixels cannot be encoded")
    data: Any = encoded.tobytes()
    image = bpy.data.images.new(name, width, height)
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.colorspace_settings.name = "sRGB"
    return image


def remember_file(image: bpy.types.Image, path: Path) -> None:
    """Notes which file an image was read from, so that it can be read again as long as it stays as it is.

    It is no image path of Blender's own: "Unpack" would then write the packed pixels over the photo.
    """
    try:
        image[CONTENT] = sha256_of(path)
    except OSError:  # a photo that never was a file
        return
    if as_text(str(path.absolute())) == str(path.absolute()):  # Blender keeps UTF-8 alone
        image[PATH] = str(path.absolute())
