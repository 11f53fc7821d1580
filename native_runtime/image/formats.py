"""What the first bytes of a picture file say, before anything is decoded: its kind, its size, where its EXIF block
lies, whether it is whole.

Knowing the size first is what protects the machine from a small file that claims to be a huge picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from native_runtime.errors import PhotoError

from .exif import ORIENTATION, TiffReader

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS = 0xF7
_JPEG_XMP, _PNG_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"XML:com.adobe.xmp\0"
_RARE_JPEG_FRAMES = {
    0xC3: "the lossless mode",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "the hierarchical mode"),
    **dict.fromkeys(range(0xC9, 0xD0), "arithmetic coding"),
}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLES = 256, 257, 258, 262, 277
_TIFF_COMPRESSION, _TIFF_XMP = 259, 700
_RARE_TIFF_COMPRESSIONS = {
    6: "old JPEG compression",
    34661: "JBIG compression",
    34712: "JPEG 2000 compression",
    34887: "LERC compression",
    34925: "LZMA compression",
    50000: "ZSTD compression",
    50001: "WebP compression",
    50002: "JPEG XL compression",
}
_TIFF_SUBFILE, _TIFF_DNG_VERSION = 254, 0xC612
_PHOTOMETRIC_CMYK, _PHOTOMETRIC_SENSOR = 5, (32803, 34892)

# Of pictures in the ISO base media file format; a file names one and all that it is compatible with.
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}

_RAW_ENDINGS = frozenset(
    ("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf")
    + ("pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f")
)
_RAW = "a camera raw file"


@dataclass(frozen=True)
class OtherFile:
    """A file that is not a readable picture.

    Attributes:
        name: what it is: "a Photoshop document".
        picture: whether an artist would call it a picture.
    """

    name: str
    picture: bool = True


# Files that people drop in by mistake, by their first bytes: what to say instead of "damaged".
_KNOWN_OTHERS: tuple[tuple[int, bytes, OtherFile], ...] = (
    (0, b"8BPS", OtherFile("a Photoshop document")),
    (0, b"gimp xcf", OtherFile("a GIMP picture")),
    (0, b"\x76\x2f\x31\x01", OtherFile("an OpenEXR picture")),
    (0, b"#?RADIANCE", OtherFile("a Radiance HDR picture")),
    (0, b"\xff\x0a", OtherFile("a JPEG XL picture")),
    (0, b"\x00\x00\x00\x0cJXL ", OtherFile("a JPEG XL picture")),
    (0, b"\x00\x00\x00\x0cjP", OtherFile("a JPEG 2000 picture")),
    (0, b"\xff\x4f\xff\x51", OtherFile("a JPEG 2000 picture")),
    (0, b"II\xbc\x01", OtherFile("a JPEG XR picture")),
    (0, b"II+\0", OtherFile("a BigTIFF picture")),
    (0, b"MM\0+", OtherFile("a BigTIFF picture")),
    (0, b"qoif", OtherFile("a QOI picture")),
    (0, b"DDS ", OtherFile("a DDS texture")),
    (0, b"\x00\x00\x01\x00", OtherFile("an icon")),
    (0, b"<svg", OtherFile("an SVG drawing")),
    (0, b"FUJIFILMCCD-RAW", OtherFile(_RAW)),
    (0, b"IIRO", OtherFile(_RAW)),
    (0, b"IIRS", OtherFile(_RAW)),
    (0, b"MMOR", OtherFile(_RAW)),
    (0, b"IIU\0", OtherFile(_RAW)),
    (0, b"\0MRM", OtherFile(_RAW)),
    (0, b"FOVb", OtherFile(_RAW)),
    (4, b"ftypcrx", OtherFile(_RAW)),
    (0, b"%PDF", OtherFile("a PDF document", False)),
    (0, b"BLENDER", OtherFile("a Blender file", False)),
    (0, b"\x28\xb5\x2f\xfd", OtherFile("a compressed file (perhaps a .blend)", False)),
    (0, b"PK\x03\x04", OtherFile("a zip archive", False)),
    (0, b"\x1aE\xdf\xa3", OtherFile("a video", False)),
    (0, b"<?xml", OtherFile("an XML file", False)),
    (0, b"<!DOCTYPE", OtherFile("a web page", False)),
    (0, b"<html", OtherFile("a web page", False)),
    (8, b"AVI ", OtherFile("a video", False)),
    (4, b"ftyp", OtherFile("a video", False)),
)


@dataclass
class PictureHeader:
    """What is known of a picture before decoding it.

    Attributes:
        kind: ``JPEG``, ``PNG``, ``WebP``, ``TIFF``, ``BMP``, ``HEIC``, ``AVIF`` or ``GIF``.
        width, height: pixels as stored, before any rotation; 0 for HEIC and AVIF, whose decoders say.
        bytes_per_pixel: of the decoded picture, at most.
        exif: the EXIF block, or empty bytes.
        xmp: the XMP packet, or empty bytes.
        whole: False when the file ends early.
        rare: what few programs read, and may be why a whole file cannot be decoded: "12 bits a colour".
        several: True when the file holds further pictures (frames, pages) that are not read.
        orientation_places: (position, ``struct`` format) of the orientation values of a TIFF, which its decoder must
            not see.
    """

    kind: str
    width: int
    height: int
    bytes_per_pixel: int = 3
    exif: bytes = b""
    xmp: bytes = b""
    whole: bool = True
    rare: str = ""
    several: bool = False
    orientation_places: list[tuple[int, str]] = field(default_factory=list)


def read_header(data: bytes) -> PictureHeader:
    """Look at a file's bytes.

    Raises:
        PhotoError: it is no picture of a kind that can be read, or its header is damaged.
    """
    kind = picture_kind(data)
    try:
        return _READERS[kind](data)
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise PhotoError(
            f"The {kind} file is damaged: its header is invalid. Open it in an image editor and save it again."
        ) from error


def picture_kind(data: bytes) -> str:
    """The kind of picture by its first bytes (never by the file's name); PhotoError when it is none of ours."""
    kind = readable_kind(data)
    if kind is not None:
        return kind
    other = other_file(data)
    if other is not None:
        raise PhotoError(f"This is {other.name}, not a photo that can be read. Save it as JPEG or PNG first.")
    if not data.strip(b"\0"):
        raise PhotoError("The file contains only zeros. It was probably not copied completely: copy it again.")
    raise PhotoError(f"This is not a picture in a supported format ({', '.join([*_READERS][:-1])} or GIF).")


def readable_kind(data: bytes) -> str | None:
    """The kind of picture by the first bytes of a file (64 suffice), None where it is none of ours."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    if data[:2] == b"BM" and len(data) >= 26:
        return "BMP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else None


def other_file(data: bytes, ending: str = "") -> OtherFile | None:
    """What an unreadable file is, by its first bytes; by its name's ending for raw files that look like
    TIFF or like nothing. None where nothing is known.
    """
    if ending.lower() in _RAW_ENDINGS:
        return OtherFile(_RAW)
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for offset, magic, other in _KNOWN_OTHERS:
        if (head if offset == 0 else data)[offset : offset + len(magic)] == magic:
            return other
    return None


def _brands(data: bytes) -> set[bytes]:
    """The brands that the first box of an ISO base media file names (ISO 14496-12, 4.3)."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 64)
    return {data[8:12], *(data[place : place + 4] for place in range(16, end - 3, 4))}


def _read_jpeg(data: bytes) -> PictureHeader:
    """Walk the markers up to the frame header (ITU-T T.81, annex B)."""
    exif = xmp = b""
    place = 2
    while True:
        while data[place] != 0xFF:  # tolerate filler between segments, as decoders do
            place += 1
        while data[place] == 0xFF:
            place += 1
        marker = data[place]
        place += 1
        if marker in _JPEG_BARE:
            continue
        (length,) = struct.unpack_from(">H", data, place)
        if length < 2 or marker in (0xD9, 0xDA):
            raise ValueError("no frame header")
        if marker == 0xE1 and data[place + 2 : place + 8] == b"Exif\0\0" and not exif:
            exif = data[place + 8 : place + length]
        if marker == 0xE1 and data[place + 2 : place + 2 + len(_JPEG_XMP)] == _JPEG_XMP and not xmp:
            xmp = data[place + 2 + len(_JPEG_XMP) : place + length]
        if marker == _JPEG_LS:
            raise PhotoError("This is a JPEG-LS picture, which cannot be read. Save it as JPEG or PNG first.")
        if marker in _JPEG_FRAMES:
            precision, height, width, components = struct.unpack_from(">BHHB", data, place + 2)
            # Some writers pad after the end marker; phones append whole files (depth maps, films).
            whole = data.rfind(b"\xff\xd9", place) >= 0
            rare = f"{precision} bits a colour" if precision != 8 else _RARE_JPEG_FRAMES.get(marker, "")
            return PictureHeader("JPEG", width, height, max(components, 3), exif, xmp, whole, rare)
        place += length


def _read_png(data: bytes) -> PictureHeader:
    if data[12:16] != b"IHDR":
        raise ValueError("no IHDR")
    width, height, depth, colour, *_ = struct.unpack_from(">IIBBBBB", data, 16)
    exif = xmp = b""
    several = whole = False
    place = 8
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"eXIf" and place + 8 + length <= len(data):
            exif = data[place + 8 : place + 8 + length]
        if name == b"iTXt" and data[place + 8 : place + 8 + len(_PNG_XMP)] == _PNG_XMP:
            xmp = data[place + 8 + len(_PNG_XMP) : place + 8 + length]
        several = several or name == b"acTL"
        whole = whole or (name == b"IEND" and place + 12 <= len(data))
        place += 12 + length
    samples = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}[colour]
    return PictureHeader(
        "PNG", width, height, samples * (2 if depth == 16 else 1), exif, xmp, whole=whole, several=several
    )


def _read_webp(data: bytes) -> PictureHeader:
    """Sizes as in the WebP container specification and RFC 9649."""
    (size,) = struct.unpack_from("<I", data, 4)
    chunk = data[12:16]
    exif = xmp = b""
    several = False
    if chunk == b"VP8X":
        several = bool(data[20] & 2)
        width, height = (1 + int.from_bytes(data[start : start + 3], "little") for start in (24, 27))
        place = 12
        while place + 8 <= len(data):
            name, length = struct.unpack_from("<4sI", data, place)
            if name == b"EXIF":
                exif = data[place + 8 : place + 8 + length]
            elif name == b"XMP ":
                xmp = data[place + 8 : place + 8 + length]
            place += 8 + length + (length & 1)
    elif chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    else:
        raise ValueError("unknown first chunk")
    return PictureHeader("WebP", width, height, 4, exif, xmp, whole=len(data) >= size + 8, several=several)


def _read_tiff(data: bytes) -> PictureHeader:
    reader = TiffReader(data)
    if not reader.valid:
        raise ValueError("no TIFF header")
    entries = reader.entries(reader.first_directory)
    tags = reader.directory(reader.first_directory)
    if data[8:10] == b"CR" or _TIFF_DNG_VERSION in tags or tags.get(_TIFF_PHOTOMETRIC, [0])[0] in _PHOTOMETRIC_SENSOR:
        raise PhotoError("This is a camera raw file. Develop it to JPEG or TIFF first.")
    if int(tags.get(_TIFF_SUBFILE, [0])[0]) & 1:
        raise PhotoError(
            "This TIFF starts with a thumbnail: it is probably a camera raw file. Develop it to JPEG or TIFF first."
        )
    if _TIFF_WIDTH not in tags or _TIFF_HEIGHT not in tags:
        raise ValueError("no size")
    bits = max(tags.get(_TIFF_BITS, [1]))
    samples = tags.get(_TIFF_SAMPLES, [1])[0]
    if tags.get(_TIFF_PHOTOMETRIC, [0])[0] == _PHOTOMETRIC_CMYK and bits > 8:
        raise PhotoError("This TIFF holds CMYK colours of 16 bits, which cannot be read. Convert it to RGB first.")
    count = len(entries)
    (raw_count,) = struct.unpack_from(reader.order + "H", data, reader.first_directory)
    several = False
    if count and raw_count < 1000:
        after = reader.first_directory + 2 + 12 * raw_count
        several = after + 4 <= len(data) and struct.unpack_from(reader.order + "I", data, after)[0] != 0
    places = [(where, reader.order + "H") for tag, kind, _, where in entries if tag == ORIENTATION and kind == 3]
    return PictureHeader(
        "TIFF",
        int(tags[_TIFF_WIDTH][0]),
        int(tags[_TIFF_HEIGHT][0]),
        int(max(samples, 3) + 1) * max(1, int(bits) // 8),
        data,
        next((data[where : where + size] for tag, _, size, where in entries if tag == _TIFF_XMP), b""),
        rare=_RARE_TIFF_COMPRESSIONS.get(int(tags.get(_TIFF_COMPRESSION, [1])[0]), ""),
        several=several,
        orientation_places=places,
    )


def _read_bmp(data: bytes) -> PictureHeader:
    (size, _, start, header) = struct.unpack_from("<IIII", data, 2)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    if width <= 0 or height == 0 or bits not in (1, 4, 8, 16, 24, 32):
        raise ValueError("impossible size or depth")
    expected = max(size, start + (width * bits + 31) // 32 * 4 * abs(height) if bits >= 16 else 0)
    return PictureHeader("BMP", width, abs(height), 4, whole=len(data) >= expected)


def _read_gif(data: bytes) -> PictureHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    return PictureHeader("GIF", width, height, 4)


_READERS = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "WebP": _read_webp,
    "TIFF": _read_tiff,
    "BMP": _read_bmp,
    "HEIC": lambda data: PictureHeader("HEIC", 0, 0),
    "AVIF": lambda data: PictureHeader("AVIF", 0, 0),
    "GIF": _read_gif,
}
