"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

import cv2

from native_runtime.errors import Sam3dbError
from native_runtime.files.atomic import write_atomically

from .colour import Pixels

_PARAMETERS = {
    ".jpg": [
        cv2.IMWRITE_JPEG_QUALITY,
        92,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        cv2.IMWRITE_JPEG_OPTIMIZE,
        1,
    ]
}


def save_picture(path: Path, pixels: Pixels) -> Path:
    """Writes RGB pixels under a temporary name, then renames it; the ending says the format (.png, .jpg).

    Raises:
        Sam3dbError: it cannot be written.
    """
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), _PARAMETERS.get(path.suffix, []))
    if not done:
        raise ValueError(f"a preview cannot be encoded as '{path.suffix}'")
    try:
        return write_atomically(path, data.tobytes())
    except OSError as error:
        raise Sam3dbError(f"Cannot write {path}: {error.strerror or error}.") from error
