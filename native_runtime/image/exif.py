"""The few facts of a photo's EXIF block that matter here: the orientation and the focal length.

EXIF is a TIFF structure (Exif 2.32, CIPA DC-008; TIFF 6.0): a header, then directories of 12-byte entries. Files in
the wild hold loops, offsets that point nowhere, zero denominators and counts of millions; whatever cannot be read is
left out, and nothing here raises.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass

ORIENTATION = 0x0112
EXIF_DIRECTORY = 0x8769
FOCAL_LENGTH = 0x920A
PIXEL_X_DIMENSION = 0xA002
PIXEL_Y_DIMENSION = 0xA003
FOCAL_PLANE_X_RESOLUTION = 0xA20E
FOCAL_PLANE_RESOLUTION_UNIT = 0xA210
FOCAL_LENGTH_35MM = 0xA405

# Bytes of one value of each TIFF field type: BYTE ASCII SHORT LONG RATIONAL SBYTE UNDEFINED SSHORT SLONG SRATIONAL
# FLOAT DOUBLE.
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_NUMBER_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}
_MAX_ENTRIES = 1000

# The diagonal of a 36 x 24 mm frame, in millimetres: what "35 mm equivalent" refers to (CIPA DCG-001: equal diagonal
# angle of view).
FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)

# Outside these limits of the angle of view along the longer side (degrees) an EXIF focal length is a mistake more
# often than a lens.
_SENSIBLE_FIELD_OF_VIEW = (3.0, 150.0)
# Two ways to the focal length that differ by more than this factor: a digital zoom or a wrong sensor resolution.
_AGREEMENT = 1.15
# Ratios of the sides that differ by less are one: sizes are rounded, and some programs cut a few rows.
_SAME_SHAPE = 0.02


@dataclass(frozen=True)
class Exif:
    """What was found; ``None`` where the block does not say."""

    orientation: int | None = None
    focal_length_mm: float | None = None
    focal_length_35mm: float | None = None
    focal_plane_pixels_per_mm: float | None = None
    pixel_dimensions: tuple[int, int] | None = None


def read_exif(block: bytes) -> Exif:
    """Read a TIFF-structured EXIF block (with or without its ``Exif\\0\\0`` prefix)."""
    if block[:6] == b"Exif\0\0":
        block = block[6:]
    reader = TiffReader(block)
    if not reader.valid:
        return Exif()
    first = reader.directory(reader.first_directory)
    tags = dict(first)
    pointer = first.get(EXIF_DIRECTORY)
    if pointer and pointer[0] != reader.first_directory:
        tags.update(reader.directory(int(pointer[0])))

    def number(tag: int) -> float | None:
        values = tags.get(tag)
        return float(values[0]) if values and math.isfinite(values[0]) and values[0] > 0 else None

    orientation = int(number(ORIENTATION) or 0)
    unit = int(number(FOCAL_PLANE_RESOLUTION_UNIT) or 2)
    millimetres = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}.get(unit)
    resolution = number(FOCAL_PLANE_X_RESOLUTION)
    width, height = number(PIXEL_X_DIMENSION), number(PIXEL_Y_DIMENSION)
    return Exif(
        orientation=orientation if 1 <= orientation <= 8 else None,
        focal_length_mm=number(FOCAL_LENGTH),
        focal_length_35mm=number(FOCAL_LENGTH_35MM),
        focal_plane_pixels_per_mm=resolution / millimetres if resolution and millimetres else None,
        pixel_dimensions=(int(width), int(height)) if width and height else None,
    )


def xmp_orientation(packet: bytes) -> int | None:
    """The orientation of an XMP packet (XMP part 2, the TIFF name space): an attribute or an element; None without."""
    found = re.search(rb"tiff:Orientation\s*(?:=\s*[\"']|>\s*)([1-8])\b", packet)
    return int(found[1]) if found else None


def focal_length_px(exif: Exif, width: int, height: int) -> tuple[float | None, str | None]:
    """The focal length in pixels of a picture of ``width`` x ``height`` px, and what is doubtful about it in words.

    Two rules. With the sensor's resolution: ``mm * pixels_per_mm``. With the 35 mm equivalent: ``f35 * diagonal_px /
    43.27``. When both exist and differ, the 35 mm figure wins, since it includes a digital zoom.

    Both hold for the picture that the camera made, whose size EXIF states. A picture of the same shape is that one,
    resized perhaps; one of another shape was cropped (`_scale`).

    The size may be given as stored or upright: pixels are square, so turning the picture changes nothing.
    """
    full = exif.pixel_dimensions or (width, height)
    focals = _focal_lengths(exif, *full)
    if not focals:
        return None, None
    scale, doubt = _scale(full, (width, height))
    if scale is None:
        return None, doubt
    usable = [focal * scale for focal in focals if _is_sensible(focal, max(full))]
    if not usable:
        return None, "The focal length in EXIF is not plausible and was ignored."
    if len(usable) == 2 and max(usable) > _AGREEMENT * min(usable):
        return usable[0], doubt or "EXIF gives two focal lengths; the 35 mm equivalent was used."
    # The sensor's own resolution is the finer of two figures that agree: the 35 mm one is rounded to whole millimetres.
    return usable[-1], doubt


def _focal_lengths(exif: Exif, width: int, height: int) -> list[float]:
    """By the 35 mm equivalent and by the sensor's resolution, as far as they are there; px of the camera's picture."""
    focals = []
    if exif.focal_length_35mm:
        focals.append(exif.focal_length_35mm * math.hypot(width, height) / FULL_FRAME_DIAGONAL_MM)
    if exif.focal_length_mm and exif.focal_plane_pixels_per_mm:
        focals.append(exif.focal_length_mm * exif.focal_plane_pixels_per_mm)
    return focals


def _scale(full: tuple[int, int], size: tuple[int, int]) -> tuple[float | None, str | None]:
    """How many pixels of a picture of ``size`` one of the camera's picture has become, and what is doubtful about it.

    A picture of another shape that fits into the camera's is taken for a piece of it at full resolution: programs that
    resize as well write the new size into EXIF. One that does not fit was resized by nobody knows how much.
    """
    long, short = max(size), min(size)
    full_long, full_short = max(full), min(full)
    if abs(short / long - full_short / full_long) < _SAME_SHAPE:
        return long / full_long, None
    was = f"EXIF describes a picture of {full[0]} x {full[1]} pixels, and this one has {size[0]} x {size[1]}"
    if long <= full_long and short <= full_short:
        return 1.0, (
            f"The photo was cropped: {was}. The focal length was used as that of the whole picture; if the crop was "
            "also resized, set the lens by hand."
        )
    return (
        None,
        f"The photo was cropped and resized: {was}. The focal length in EXIF was ignored; set it if you know it.",
    )


def _is_sensible(focal: float, side: int) -> bool:
    """Whether a focal length in px along the longer side is more likely a lens than a mistake."""
    angle = 2.0 * math.degrees(math.atan(0.5 * side / focal))
    return _SENSIBLE_FIELD_OF_VIEW[0] <= angle <= _SENSIBLE_FIELD_OF_VIEW[1]


class TiffReader:
    """Reads directories of a TIFF structure and never trusts an offset or a count.

    Attributes:
        valid: whether the block starts with a TIFF header.
        order: ``"<"`` or ``">"``, as `struct` wants it.
        first_directory: offset of the first directory.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
        self.first_directory = 0
        self.valid = False
        if self.order and len(data) >= 8:
            magic, self.first_directory = struct.unpack_from(self.order + "HI", data, 2)
            self.valid = magic == 42

    def entries(self, offset: int) -> list[tuple[int, int, int, int]]:
        """The directory's entries as (tag, type, count, position of the values in the block), broken ones left out."""
        if offset < 8 or offset + 2 > len(self.data):
            return []
        (count,) = struct.unpack_from(self.order + "H", self.data, offset)
        found = []
        for index in range(min(count, _MAX_ENTRIES)):
            place = offset + 2 + 12 * index
            if place + 12 > len(self.data):
                break
            tag, kind, number = struct.unpack_from(self.order + "HHI", self.data, place)
            size = _TYPE_SIZES.get(kind, 0) * number
            if size == 0:
                continue
            where = place + 8
            if size > 4:
                (where,) = struct.unpack_from(self.order + "I", self.data, place + 8)
            if where + size <= len(self.data):
                found.append((tag, kind, number, where))
        return found

    def directory(self, offset: int) -> dict[int, list[float]]:
        """The numbers of a directory by tag: at most eight values of each, text left out, a zero denominator as not-a-
        number.
        """
        return {tag: self._numbers(kind, count, where) for tag, kind, count, where in self.entries(offset) if kind != 2}

    def _numbers(self, kind: int, count: int, where: int) -> list[float]:
        count = min(count, 8)
        if kind in (5, 10):
            pairs = struct.unpack_from(f"{self.order}{2 * count}{'I' if kind == 5 else 'i'}", self.data, where)
            return [top / bottom if bottom else math.nan for top, bottom in zip(pairs[::2], pairs[1::2])]
        if kind not in _NUMBER_CODES:
            return [math.nan]
        return [
            float(value) for value in struct.unpack_from(f"{self.order}{count}{_NUMBER_CODES[kind]}", self.data, where)
        ]
