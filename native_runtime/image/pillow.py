"""Decodes formats that OpenCV does not support: HEIC with pi-heif; AVIF, GIF and rare TIFFs with Pillow.

Both packages come with the program; where one is missing all the same, the message says which.
"""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PhotoError

KINDS = ("HEIC", "AVIF", "GIF")
# Either reads HEIC in the same way; pi-heif is the smaller one and cannot write.
_HEIF_MODULES = ("pi_heif", "pillow_heif")
_DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "F")


@dataclass(frozen=True)
class Decoded:
    """A picture as it is stored.

    Attributes:
        pixels: (H, W) or (H, W, 3 or 4), blue first as OpenCV has them.
        exif: the EXIF block, or empty bytes.
        xmp: the XMP packet, or empty bytes.
        several: whether there are further pictures.
        upright: whether the decoder has turned the picture already.
    """

    pixels: NDArray[Any]
    exif: bytes = b""
    xmp: bytes = b""
    several: bool = False
    upright: bool = False


def decode_heic(data: bytes, check_size: Any) -> Decoded:
    """The first picture of a HEIC file.

    Args:
        check_size: called with width and height before anything is decoded; may raise.

    Raises:
        PhotoError: it cannot be decoded, or the decoder is missing.
    """
    module = _heif_module()
    try:
        file = module.open_heif(data, convert_hdr_to_8bit=True)
        check_size(*file.size)
        pixels = np.asarray(file)
    except PhotoError:
        raise
    except Exception as error:  # the binding raises whatever libheif reports, of many types
        raise _unreadable("HEIC", error) from error
    # The decoder applies the file's own turns; what EXIF says of them is a copy (ISO 23008-12).
    return Decoded(_blue_first(pixels), file.info.get("exif") or b"", several=len(file) > 1, upright=True)


def decode_other(kind: str, data: bytes, check_size: Any) -> Decoded:
    """The first picture of an AVIF, GIF or TIFF file. Arguments and errors as `decode_heic`."""
    image_module = _pillow(kind)
    try:
        with image_module.open(io.BytesIO(data), formats=[kind]) as image:
            check_size(*image.size)
            several = int(getattr(image, "n_frames", 1)) > 1
            exif, xmp = image.info.get("exif") or b"", image.info.get("xmp") or b""
            return Decoded(_blue_first(_pixels(image)), exif, xmp, several)
    except PhotoError:
        raise
    except Exception as error:  # damaged files raise errors of many types
        raise _unreadable(kind, error) from error


def _pixels(image: Any) -> NDArray[Any]:
    if image.mode in _DEEP_MODES:
        return np.asarray(image)
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if transparent else "RGB"))


def _blue_first(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        return np.ascontiguousarray(pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]])
    return pixels


def _unreadable(kind: str, error: Exception) -> PhotoError:
    return PhotoError(f"The {kind} file is damaged or of a kind that cannot be read ({error}). Save it as JPEG first.")


def _heif_module() -> ModuleType:
    for name in _HEIF_MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise _missing("HEIC", _HEIF_MODULES[0].replace("_", "-"))


def _pillow(kind: str) -> ModuleType:
    try:
        from PIL import Image, features
    except ImportError as error:
        raise _missing(kind, "pillow") from error
    if kind == "AVIF" and not features.check("avif"):
        raise _missing(kind, "'pillow>=11.3'")
    return Image


def _missing(kind: str, package: str) -> PhotoError:
    return PhotoError(
        f"{kind} pictures need the Python package {package} (pip install {package}), which is not installed. "
        "Without it, save the picture as JPEG first."
    )
