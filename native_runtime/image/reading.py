"""Reads photos of all kinds as upright 8-bit sRGB pixels.

OpenCV decodes; what it does differently from format to format (rotation, alpha, depth, cut files) is settled here, so
that one rule holds for all of them. A file's name says nothing: its bytes do.

Two sizes. A photo has its *original* size (upright, as an image editor shows it) and the size of its working
``pixels``, which are the same unless the longer side exceeds `WORKING_SIDE`. Everything that leaves the program
(estimates, cameras, prompts, masks) is in original pixels; `Photo.to_working` and `Photo.to_original` convert.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import PhotoError, PromptError
from native_runtime.files.streams import standard_error_hidden

from . import pillow, repair
from .exif import focal_length_px, read_exif, xmp_orientation
from .formats import PictureHeader, read_header
from .pillow import Decoded

# Working pixels have at most this many along their longer side. Nearly every camera stays below it; a network sees
# crops of a few hundred pixels, so nothing is lost beyond it but memory.
WORKING_SIDE = 8192
# Largest picture that is decoded: the largest phone sensors have 200 million pixels.
MAX_PIXELS = 210_000_000
# Largest decoded picture in memory, bytes (16-bit files with alpha take eight a pixel).
MAX_DECODED_BYTES = 1_300_000_000
MAX_FILE_BYTES = 2_000_000_000
# sRGB grey under transparent pixels: neither the darkest nor the brightest clothes vanish in it.
BACKGROUND_GREY = 128

_decoding = threading.Lock()


@dataclass
class Photo:
    """A photo that has been read.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, red first, upright.
        path: where it came from.
        focal_px: focal length by EXIF in pixels of ``pixels``, None where EXIF does not say.
        notes: what was done to it that an artist may want to know.
        original_size: (width, height) upright, before any reduction; the size of ``pixels`` when not given.
        lens_doubt: why ``focal_px`` may be wrong or is missing, in a sentence; None where it is as good as EXIF is.
        knows_up: whether the file says which way is up.
        turn: degrees clockwise by which it was turned after reading, since somebody knew better.
    """

    pixels: NDArray[np.uint8]
    path: Path
    focal_px: float | None = None
    notes: list[str] = field(default_factory=list)
    original_size: tuple[int, int] = (0, 0)
    lens_doubt: str | None = None
    knows_up: bool = False
    turn: int = 0

    def __post_init__(self) -> None:
        if self.original_size == (0, 0):
            self.original_size = self.size

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of ``pixels``."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per original pixel along x and y: (1, 1) unless the photo was reduced."""
        return self.size[0] / self.original_size[0], self.size[1] / self.original_size[1]

    def turned_by(self, degrees: int) -> Photo:
        """The photo turned clockwise by 0, 90, 180 or 270 degrees; all pixels are then those of the turned photo."""
        if degrees % 360 == 0:
            return self
        width, height = self.original_size
        return replace(
            self,
            pixels=np.ascontiguousarray(np.rot90(self.pixels, -degrees // 90)),
            notes=[*self.notes, f"Rotated by {degrees} degrees clockwise."],
            original_size=(width, height) if degrees % 180 == 0 else (height, width),
            turn=(self.turn + degrees) % 360,
        )

    def to_working(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) in original pixels to pixels of ``pixels``; (0, 0) is the centre of the top-left pixel in
        both.
        """
        return (np.asarray(points, dtype=np.float64) + 0.5) * self.scale - 0.5

    def to_original(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) in pixels of ``pixels`` to original pixels."""
        return (np.asarray(points, dtype=np.float64) + 0.5) / self.scale - 0.5


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a photo from a file.

    JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and GIF. The first picture of several is taken. EXIF rotation is applied,
    alpha is flattened over neutral grey, deeper pictures are brought to 8 bits, pictures cut short are shown as far as
    they go (with a note).

    Raises:
        PhotoError: it cannot be read; the message says why and what to do.
    """
    path = Path(path)
    data = _read_file(path)
    try:
        photo = decode_photo(data, path)
    except PhotoError as error:
        raise PhotoError(f"{path}: {error}") from error.__cause__
    except MemoryError as error:
        raise PhotoError(f"{path}: there is not enough memory for a picture of this size. Reduce it first.") from error
    return photo


def decode_photo(data: bytes, path: Path = Path("photo")) -> Photo:
    """As `read_photo`, from a file's bytes; ``path`` is only noted."""
    notes: list[str] = []
    header = read_header(data)
    decoded = _decode_by_pillow(header, data) if header.kind in pillow.KINDS else _decode(header, data, notes)
    if decoded.several:
        notes.append("The file holds several pictures; the first one was used.")
    pixels, exif = decoded.pixels, read_exif(decoded.exif)
    original_size = (pixels.shape[1], pixels.shape[0])
    if header.width:  # a large JPEG is reduced in decoding
        original_size = header.width, header.height
    stated = 1 if decoded.upright else exif.orientation or xmp_orientation(decoded.xmp)
    orientation = stated or 1
    pixels = _to_rgb8(pixels, notes)

    if orientation != 1:
        pixels = turn_upright(pixels, orientation)
        notes.append(f"Rotated upright ({'EXIF' if exif.orientation else 'XMP'} orientation {orientation}).")
    if orientation >= 5:
        original_size = original_size[1], original_size[0]
    pixels = _reduce(pixels)
    if (pixels.shape[1], pixels.shape[0]) != original_size:
        notes.append(
            f"Processed at {pixels.shape[1]} x {pixels.shape[0]} pixels of {original_size[0]} x {original_size[1]}."
        )

    focal, doubt = focal_length_px(exif, *original_size)
    if focal is not None:
        focal *= max(pixels.shape[:2]) / max(original_size)
    return Photo(np.ascontiguousarray(pixels), path, focal, notes, original_size, doubt, stated is not None)


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation (1 to 8): ``pixels`` (H, W, ...) as stored, the result as seen."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)  # now 5 is upright, 6 mirrored left-right, 7 turned half, 8 mirrored top-bottom
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read a mask picture; see ``mask_of``.

    Raises:
        PhotoError: the file cannot be read.
        PromptError: as ``mask_of``.
    """
    return mask_of(read_photo(path), size)


def mask_of(photo: Photo, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask in a picture of the photo's original ``size`` (width, height): (H, W) bool, True where the person is.

    White (or, in a picture with transparency, opaque) marks the person.

    Raises:
        PromptError: its size is another than the photo's, or it marks nothing.
    """
    path = photo.path
    if photo.original_size != tuple(size):
        have, want = photo.original_size, size
        raise PromptError(
            f"{path}: the mask has {have[0]} x {have[1]} pixels, but the photo has {want[0]} x {want[1]}. "
            "They must be equal."
        )
    # Transparent pixels were laid over grey 128, which counts as outside.
    mask = photo.pixels.min(axis=2) > BACKGROUND_GREY
    if photo.size != photo.original_size:
        mask = cv2.resize(mask.astype(np.uint8), photo.original_size, interpolation=cv2.INTER_NEAREST).astype(bool)
    if not mask.any():
        raise PromptError(f"{path}: the mask is empty. The person must be white, everything else black.")
    return mask


def _read_file(path: Path) -> bytes:
    """The file's bytes, or a PhotoError for everything that is not an ordinary readable file."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PhotoError(f"{path}: this is a folder; name a photo inside it.")
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError(f"{path}: this is not an ordinary file.")
        if status.st_size == 0:
            raise PhotoError(f"{path}: the file is empty. It was probably not copied completely: copy it again.")
        if status.st_size > MAX_FILE_BYTES:
            raise PhotoError(f"{path}: a file of {status.st_size / 1e9:.1f} GB is too large for a photo.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError(f"{path}: there is no such file.") from error
    except PermissionError as error:
        raise PhotoError(
            f"{path}: the file may not be read. Change its permissions, or copy it to another folder."
        ) from error
    except OSError as error:
        raise PhotoError(f"{path}: the file cannot be read ({error.strerror or error}).") from error
    except ValueError as error:  # a path with a null character
        raise PhotoError(f"{path}: the file cannot be read ({error}).") from error


def _check_size(header: PictureHeader) -> None:
    width, height = header.width, header.height
    if width <= 0 or height <= 0:
        raise PhotoError("The file is damaged: its picture has no pixels.")
    pixels = width * height
    if pixels > MAX_PIXELS or pixels * header.bytes_per_pixel > MAX_DECODED_BYTES:
        raise PhotoError(
            f"The picture has {width} x {height} pixels, which is more than can be read "
            f"(about {MAX_PIXELS // 1_000_000} million of 8 bits). Reduce it first."
        )


def _decode_by_pillow(header: PictureHeader, data: bytes) -> Decoded:
    def check_size(width: int, height: int) -> None:
        _check_size(replace(header, width=width, height=height, bytes_per_pixel=4))

    if header.kind == "HEIC":
        return pillow.decode_heic(data, check_size)
    return pillow.decode_other(header.kind, data, check_size)


def _decode(header: PictureHeader, data: bytes, notes: list[str]) -> Decoded:
    """Decode with OpenCV as stored: no rotation, all channels and bits."""
    _check_size(header)
    if header.orientation_places:
        # OpenCV turns TIFF (and only TIFF) whatever one asks for; hiding the tag leaves the turning to us.
        blind = bytearray(data)
        for place, code in header.orientation_places:
            struct.pack_into(code, blind, place, 1)
        data = bytes(blind)

    flags = cv2.IMREAD_UNCHANGED
    if header.kind == "JPEG":
        # JPEG can be decoded at a half, a quarter or an eighth: far cheaper than reducing afterwards.
        longest = max(header.width, header.height)
        reduced = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
        step = next((step for step in (1, 2, 4) if longest <= step * WORKING_SIDE), 8)
        flags = (cv2.IMREAD_COLOR if step == 1 else reduced[step]) | cv2.IMREAD_IGNORE_ORIENTATION

    if header.rare and header.kind == "TIFF":  # of some, OpenCV makes a black picture
        return Decoded(_rare_tiff(header, data), header.exif, header.xmp, header.several)
    pixels = _imdecode(data, flags) if header.whole else None
    if pixels is None:
        pixels = _repaired(header, data, flags)
        notes.append("The file is damaged or ends early; the missing part of the picture is plain.")
    return Decoded(pixels, header.exif, header.xmp, header.several)


def _rare_tiff(header: PictureHeader, data: bytes) -> NDArray[Any]:
    try:
        with _quiet():
            return _decode_by_pillow(header, data).pixels
    except PhotoError as error:
        raise PhotoError(
            f"This TIFF has {header.rare}, which is not supported, or it is damaged. Save it with LZW compression "
            "or none, or as JPEG or PNG."
        ) from error


def _repaired(header: PictureHeader, data: bytes, flags: int) -> NDArray[Any]:
    """What arrived of a file that ends early."""
    whole = repair.complete(header.kind, data)
    pixels = _imdecode(whole, flags) if whole is not None else None
    if pixels is not None and not _shows_nothing(pixels):
        return pixels
    if header.whole and header.rare:
        raise PhotoError(
            f"This {header.kind} has {header.rare}, which is not supported, or it is damaged. Save it as an "
            "ordinary JPEG or PNG."
        )
    reason = "its data cannot be decoded" if header.whole else "the picture is truncated"
    raise PhotoError(f"The {header.kind} file is damaged: {reason}. Copy it again, or save it in an image editor.")


def _shows_nothing(pixels: NDArray[Any]) -> bool:
    """Whether next to nothing of a completed picture was in its file.

    The rows that a decoder makes up have one colour each; only the block of rows (16 at most) at the cut may vary.
    """
    height = pixels.shape[0]
    columns = pixels[:, ::7].reshape(height, -1, pixels.shape[2] if pixels.ndim == 3 else 1)
    varied = (np.ptp(columns, axis=1) > 0).any(axis=1)
    return height > 16 and int(varied.sum()) <= max(16, height // 20)


def _imdecode(data: bytes, flags: int) -> NDArray[Any] | None:
    with _quiet():
        try:
            return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the codecs (C libraries with a habit of printing) write to descriptor 2 away from people's terminals.

    The descriptor belongs to the whole process, hence the lock.
    """
    with _decoding, contextlib.ExitStack() as stack:
        previous = cv2.getLogLevel() if hasattr(cv2, "getLogLevel") else None
        if previous is not None:
            cv2.setLogLevel(0)
            stack.callback(cv2.setLogLevel, previous)
        stack.enter_context(standard_error_hidden())
        yield


def _to_rgb8(pixels: NDArray[Any], notes: list[str]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 1, 2, 3 or 4) of any number type, blue first, to (H, W, 3) uint8, red first."""
    eight = _to_8_bits(pixels, notes)
    if eight.ndim == 2 or eight.shape[2] == 1:
        return cv2.cvtColor(eight, cv2.COLOR_GRAY2RGB)
    if eight.shape[2] == 2:  # grey and alpha
        return _flatten(cv2.cvtColor(np.ascontiguousarray(eight[:, :, 0]), cv2.COLOR_GRAY2RGB), eight[:, :, 1], notes)
    if eight.shape[2] == 3:
        return cv2.cvtColor(eight, cv2.COLOR_BGR2RGB)
    return _flatten(cv2.cvtColor(eight, cv2.COLOR_BGRA2RGB), eight[:, :, 3], notes)


def _to_8_bits(pixels: NDArray[Any], notes: list[str]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    notes.append(f"Converted from {pixels.dtype.itemsize * 8} bits to 8.")
    if pixels.dtype == np.uint16:
        return cv2.convertScaleAbs(pixels, alpha=255.0 / 65535.0)
    if np.issubdtype(pixels.dtype, np.floating):
        # Floating point TIFFs are 0..1 by custom; some hold 0..255 or 0..65535, which the largest value shows.
        finite = np.nan_to_num(pixels, nan=0.0, posinf=0.0, neginf=0.0)
        largest = float(finite.max(initial=0.0))
        top = next((top for top in (1.0, 255.0, 65535.0) if largest <= top * 1.001), max(largest, 1.0))
        return np.clip(finite * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
    limits = np.iinfo(pixels.dtype)
    scaled = (pixels.astype(np.float32) - max(limits.min, 0)) * (255.0 / limits.max)
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def _flatten(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], notes: list[str]) -> NDArray[np.uint8]:
    """Lay (H, W, 3) over grey where (H, W) alpha lets it through."""
    if alpha.min(initial=255) == 255:
        return rgb
    notes.append("Transparent parts were composited over grey.")
    # In bands of rows: the intermediate values of a whole large picture would take several times its memory.
    out = np.empty_like(rgb)
    for start in range(0, rgb.shape[0], 256):
        band = slice(start, start + 256)
        cover = alpha[band, :, None].astype(np.uint16)
        mixed = rgb[band].astype(np.uint16) * cover + BACKGROUND_GREY * (255 - cover)
        out[band] = (mixed + 127) // 255
    return out


def _reduce(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring the longer side down to `WORKING_SIDE`; smaller pictures stay as they are."""
    height, width = pixels.shape[:2]
    factor = WORKING_SIDE / max(height, width)
    if factor >= 1.0:
        return pixels
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
