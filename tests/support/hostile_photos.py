"""Files that people and programs make: odd, broken, huge, or no photos at all; each with what should come of it.

Everything is made when asked for; nothing is stored. `CASES` maps a name to a `Case`; `make_all` writes them.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 60, 40
# What the upright test picture shows: red, green, blue and grey quarters, clockwise from the top left.
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (120, 120, 120)


@dataclass(frozen=True)
class Case:
    """A file and what should come of it.

    Attributes:
        make: writes the file at (or beside) the path it is given, and returns the path to read.
        size: (width, height) expected; None where a PhotoError is right.
        says: a word that the error, or else one of the notes, must hold.
        shows: whether the four quarters must be seen.
    """

    make: Callable[[Path], Path]
    size: tuple[int, int] | None
    says: str = ""
    shows: bool = True


def quarters(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """The test picture."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, width // 2 :], pixels[height // 2 :, : width // 2] = BLUE, GREY
    return Image.fromarray(pixels)


def noise(width: int = 300, height: int = 200) -> Image.Image:
    """A picture that does not compress, so that half of its file is half of the picture."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def twelve_bits(jpeg: bytes) -> bytes:
    """A JPEG whose frame header claims 12 bits a colour."""
    place = jpeg.index(b"\xff\xc0") + 4
    return jpeg[:place] + b"\x0c" + jpeg[place + 1 :]


def compressed_by(compression: int) -> bytes:
    """A TIFF that claims a compression."""
    data = bytearray(encode(quarters(), "TIFF"))
    place = data.index(struct.pack("<HHI", 259, 3, 1))
    struct.pack_into("<H", data, place + 8, compression)
    return bytes(data)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture file's bytes, as Pillow writes them."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def paletted() -> Image.Image:
    """The test picture with a palette of its own four colours."""
    return quarters().quantize(4)


def deep_grey(kind: type) -> Image.Image:
    """The test picture in grey, 16 bits or floating point."""
    grey = np.asarray(quarters().convert("L"))
    return Image.fromarray(grey.astype(kind) * (257 if kind is np.uint16 else 1))


def stored_turned(orientation: int) -> Image.Image:
    """The test picture as a camera stores it that notes the given EXIF orientation."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = quarters()
    return image.transpose(inverse[orientation]) if orientation in inverse else image


def exif_block(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def turned(kind: str, orientation: int) -> bytes:
    """A file of the test picture, stored turned, with its EXIF orientation."""
    image = stored_turned(orientation)
    if kind == "TIFF":
        return encode(image, kind, tiffinfo={0x0112: orientation})
    return encode(image, kind, exif=exif_block(orientation), **({"quality": 95} if kind == "JPEG" else {}))


def content(data: Callable[[], bytes], ending: str = "jpg") -> Callable[[Path], Path]:
    """A maker of an ordinary file."""

    def make(place: Path) -> Path:
        path = place.with_name(f"{place.name}.{ending}")
        path.write_bytes(data())
        return path

    return make


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_claiming(width: int, height: int, depth: int = 8, colour: int = 2, body: bytes = b"") -> bytes:
    """A tiny PNG that claims any size."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(body)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    data = bytearray(encode(quarters(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, height, width)
    return bytes(data)


def png16() -> bytes:
    """A 16-bit RGB PNG of the test picture, written by hand (Pillow cannot)."""
    deep = (np.asarray(quarters()).astype(">u2") * 257).reshape(HEIGHT, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    return png_claiming(WIDTH, HEIGHT, 16, 2, rows)


def transparent() -> Image.Image:
    """The test picture with its lower half transparent."""
    image = quarters().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.uint8([[255], [0]]), HEIGHT // 2, 0).repeat(WIDTH, 1)))
    return image


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def before_scan(jpeg: bytes) -> bytes:
    """All headers of a JPEG and none of its pixels."""
    scan = jpeg.index(b"\xff\xda")
    return jpeg[: scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")]


def flipped(data: bytes, seed: int) -> bytes:
    """The file with a hundred of its bytes (behind the first 200) changed."""
    rng = np.random.default_rng(seed)
    array = np.frombuffer(data, np.uint8).copy()
    array[rng.integers(200, len(array), 100)] = rng.integers(0, 256, 100)
    return array.tobytes()


def looping_exif() -> bytes:
    """A JPEG whose EXIF directories point at themselves and at nothing, with huge counts."""
    entries = [(0x8769, 4, 1, 8), (0x0112, 3, 1, 6 << 16), (0x920A, 5, 1, 0xFFFFFFF0), (0xA20E, 5, 0xFFFFFFFF, 8)]
    body = b"MM\0*" + struct.pack(">IH", 8, len(entries))
    body += b"".join(struct.pack(">HHII", *entry) for entry in entries) + struct.pack(">I", 8)
    segment = b"Exif\0\0" + body
    data = encode(stored_turned(6), "JPEG", quality=95)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def folder(place: Path) -> Path:
    place.mkdir()
    return place


def missing(place: Path) -> Path:
    return place.with_name("not there.jpg")


def named_pipe(place: Path) -> Path:
    os.mkfifo(place)
    return place


def dangling_link(place: Path) -> Path:
    place.symlink_to(place.with_name("gone.jpg"))
    return place


def forbidden(place: Path) -> Path:
    path = content(lambda: encode(quarters(), "JPEG"))(place)
    path.chmod(0)
    return path


def named(name: str) -> Callable[[Path], Path]:
    """A good photo under an unusual name."""

    def make(place: Path) -> Path:
        path = place.with_name(name)
        path.write_bytes(encode(quarters(), "PNG"))
        return path

    return make


def _good(
    kind: str, image: Callable[[], Image.Image] = quarters, says: str = "", shows: bool = True, **options: object
) -> Case:
    return Case(content(lambda: encode(image(), kind, **options), kind.lower()), (WIDTH, HEIGHT), says, shows)


def _bad(data: Callable[[], bytes] | bytes, says: str, ending: str = "jpg") -> Case:
    return Case(content(data if callable(data) else lambda: data, ending), None, says)


def _several(kind: str, **options: object) -> bytes:
    second = quarters().transpose(Image.Transpose.ROTATE_180)
    return encode(quarters(), kind, save_all=True, append_images=[second], **options)


CASES: dict[str, Case] = {
    # --- kinds and depths ---
    "plain jpeg": _good("JPEG", quality=95),
    "progressive jpeg": _good("JPEG", quality=95, progressive=True),
    "grey jpeg": _good("JPEG", lambda: quarters().convert("L"), shows=False),
    "cmyk jpeg": _good("JPEG", lambda: quarters().convert("CMYK"), quality=95),
    "plain png": _good("PNG"),
    "palette png": _good("PNG", lambda: paletted()),
    "grey png": _good("PNG", lambda: quarters().convert("L"), shows=False),
    "one bit png": _good("PNG", lambda: quarters().convert("1"), shows=False),
    "16 bit png": Case(content(png16, "png"), (WIDTH, HEIGHT), "16 bits"),
    "16 bit grey png": _good("PNG", lambda: deep_grey(np.uint16), "16 bits", False),
    "transparent png": _good("PNG", transparent, "Transparent", False),
    "grey png with alpha": _good("PNG", lambda: transparent().convert("LA"), "Transparent", False),
    "palette png with alpha": _good("PNG", lambda: paletted(), "Transparent", False, transparency=0),
    "animated png": Case(content(lambda: _several("PNG"), "png"), (WIDTH, HEIGHT), "several"),
    "plain webp": _good("WEBP", quality=95),
    "lossless webp": _good("WEBP", lossless=True),
    "transparent webp": _good("WEBP", transparent, "Transparent", False, lossless=True),
    "animated webp": Case(content(lambda: _several("WEBP", lossless=True), "webp"), (WIDTH, HEIGHT), "several"),
    "plain tiff": _good("TIFF"),
    "lzw tiff": _good("TIFF", compression="tiff_lzw"),
    "cmyk tiff": _good("TIFF", lambda: quarters().convert("CMYK")),
    "palette tiff": _good("TIFF", lambda: paletted()),
    "float tiff": _good("TIFF", lambda: deep_grey(np.float32), "32 bits", False),
    "transparent tiff": _good("TIFF", transparent, "Transparent", False),
    "tiff with pages": Case(content(lambda: _several("TIFF"), "tif"), (WIDTH, HEIGHT), "several"),
    "plain bmp": _good("BMP"),
    "palette bmp": _good("BMP", lambda: paletted()),
    # --- rotation: the other orientations and kinds are in test_image ---
    "turned jpeg": Case(content(lambda: turned("JPEG", 6)), (WIDTH, HEIGHT), "orientation 6"),
    "turned png": Case(content(lambda: turned("PNG", 8), "png"), (WIDTH, HEIGHT), "orientation 8"),
    "turned webp": Case(content(lambda: turned("WEBP", 3), "webp"), (WIDTH, HEIGHT), "orientation 3"),
    "turned tiff": Case(content(lambda: turned("TIFF", 6), "tif"), (WIDTH, HEIGHT), "orientation 6"),
    "turned the impossible way": Case(content(lambda: turned("JPEG", 9)), (WIDTH, HEIGHT)),
    "exif that loops": Case(content(looping_exif), (WIDTH, HEIGHT), "orientation 6"),
    "exif cut off": Case(
        content(lambda: encode(quarters(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05")), (WIDTH, HEIGHT)
    ),
    # --- sizes ---
    "one pixel": Case(content(lambda: encode(Image.new("RGB", (1, 1), RED), "PNG"), "png"), (1, 1), shows=False),
    "one row": Case(content(lambda: encode(Image.new("RGB", (5000, 1), RED), "PNG"), "png"), (5000, 1), shows=False),
    "claims to be huge": _bad(lambda: png_claiming(60_000, 60_000), "Reduce it first", "png"),
    "claims to be endless": _bad(lambda: png_claiming(0x7FFFFFFF, 0x7FFFFFFF), "Reduce it first", "png"),
    "claims to be huge and deep": _bad(lambda: png_claiming(13_000, 14_000, 16, 6), "Reduce it first", "png"),
    "claims no pixels": _bad(lambda: png_claiming(0, 10), "has no pixels", "png"),
    "jpeg that claims to be huge": _bad(lambda: jpeg_claiming(65_000, 65_000), "Reduce it first"),
    # --- cut and damaged files ---
    "half a jpeg": Case(content(lambda: cut(encode(noise(), "JPEG"), 0.5)), (300, 200), "ends early", False),
    "half a progressive jpeg": Case(
        content(lambda: cut(encode(noise(), "JPEG", progressive=True), 0.5)), (300, 200), "ends early", False
    ),
    "half a png": Case(content(lambda: cut(encode(noise(), "PNG"), 0.5), "png"), (300, 200), "ends early", False),
    "half a bmp": Case(content(lambda: cut(encode(noise(), "BMP"), 0.5), "bmp"), (300, 200), "ends early", False),
    "half a webp": _bad(lambda: cut(encode(noise(), "WEBP"), 0.5), "damaged", "webp"),
    "half a tiff": _bad(lambda: cut(encode(noise(), "TIFF"), 0.5), "damaged", "tif"),
    "the first bytes of a jpeg": _bad(lambda: encode(noise(), "JPEG")[:30], "damaged"),
    "a jpeg without its pixels": _bad(lambda: before_scan(encode(noise(), "JPEG")), "damaged"),
    "the first bytes of a png": _bad(lambda: encode(noise(), "PNG")[:40], "damaged", "png"),
    "a png cut within its header": _bad(lambda: encode(noise(), "PNG")[:27], "damaged", "png"),
    "a png of impossible colours": _bad(lambda: png_claiming(5, 5, 8, 9), "damaged", "png"),
    "png signature alone": _bad(b"\x89PNG\r\n\x1a\n", "damaged", "png"),
    "tiff header alone": _bad(b"II*\0\x08\0\0\0", "damaged", "tif"),
    "bmp of impossible depth": _bad(
        b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 5, 5, 1, 77) + bytes(99), "damaged", "bmp"
    ),
    "webp of unknown parts": _bad(b"RIFF\x20\0\0\0WEBPNOPE" + bytes(30), "damaged", "webp"),
    "a pdf": _bad(b"%PDF-1.7\n%...", "PDF", "jpg"),
    "a text file": _bad(b"just some words\n" * 20, "not a picture"),
    "a web page": _bad(b"\n<!DOCTYPE html><html>404 Not Found</html>", "web page"),
    "a video": _bad(b"\0\0\0\x20ftypisom" + bytes(100), "video", "mp4"),
    "a jpeg of lossless mode": _bad(
        lambda: encode(quarters(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3", 1), "lossless mode"
    ),
    "a jpeg of 12 bits": _bad(lambda: twelve_bits(encode(quarters(), "JPEG")), "12 bits a colour"),
    "a tiff of no known compression": _bad(lambda: compressed_by(50002), "JPEG XL compression", "tif"),
    "a photoshop document": _bad(b"8BPS\0\1" + bytes(40), "Photoshop", "psd"),
    "a jpeg xl": _bad(b"\xff\x0a" + bytes(40), "JPEG XL", "jxl"),
    "a jpeg xl in boxes": _bad(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL", "jxl"),
    "a canon raw file": _bad(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(40), "raw", "cr3"),
    "an avif that is none": _bad(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(200), "AVIF", "avif"),
    "a gif that is none": _bad(b"GIF89a" + bytes(200), "GIF", "gif"),
    # --- kinds that OpenCV does not read ---
    "a gif": Case(content(lambda: encode(quarters(), "GIF"), "gif"), (WIDTH, HEIGHT)),
    "a gif of two pictures": Case(
        content(lambda: encode(quarters(), "GIF", save_all=True, append_images=[noise(60, 40)]), "gif"),
        (WIDTH, HEIGHT),
        "first one",
    ),
    "an avif": Case(content(lambda: encode(quarters(), "AVIF", quality=95), "avif"), (WIDTH, HEIGHT)),
    "an avif that calls itself mif1": Case(
        content(lambda: encode(quarters(), "AVIF", quality=95).replace(b"ftypavif", b"ftypmif1", 1), "avif"),
        (WIDTH, HEIGHT),
    ),
    "a tiff of ZSTD compression": Case(
        content(lambda: encode(quarters(), "TIFF", compression="zstd"), "tif"), (WIDTH, HEIGHT)
    ),
    "a turned tiff of LZMA compression": Case(
        content(lambda: encode(stored_turned(6), "TIFF", compression="lzma", tiffinfo={0x0112: 6}), "tif"),
        (WIDTH, HEIGHT),
        "upright",
    ),
    "a jpeg called jfif": Case(content(lambda: encode(quarters(), "JPEG", quality=95), "jfif"), (WIDTH, HEIGHT)),
    "two jpegs in one file": Case(
        content(lambda: encode(quarters(), "MPO", save_all=True, append_images=[noise(60, 40)], quality=95), "mpo"),
        (WIDTH, HEIGHT),
    ),
    "a raw file": _bad(b"II*\0\x10\0\0\0CR\x02\0" + bytes(100), "raw", "cr2"),
    "a heic that is none": _bad(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "HEIC", "heic"),
    "zeros": _bad(bytes(5000), "zeros"),
    "empty": _bad(b"", "empty"),
    # --- places ---
    "a folder": Case(folder, None, "folder"),
    "not there": Case(missing, None, "no such file"),
    "unicode name": Case(named("Bild_ä_写真_😀.png"), (WIDTH, HEIGHT)),
    "spaces and quotes": Case(named("my 'best' \"photo\" (1).final.png"), (WIDTH, HEIGHT)),
    "name without ending": Case(named("photo"), (WIDTH, HEIGHT)),
    "png named jpg": Case(named("really a png.jpg"), (WIDTH, HEIGHT)),
    "long name": Case(named("n" * 240 + ".png"), (WIDTH, HEIGHT)),
}
for _kind, _ending in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")):
    # Whatever comes of these is right, as long as it is a picture or a PhotoError.
    CASES[f"{_kind} with wrong bytes"] = Case(
        content(lambda kind=_kind: flipped(encode(noise(), kind), 5), _ending), (-1, -1), shows=False
    )
if hasattr(os, "mkfifo"):
    CASES["a named pipe"] = Case(named_pipe, None, "not an ordinary file")
    CASES["a dangling link"] = Case(dangling_link, None, "no such file")
if hasattr(os, "geteuid") and os.geteuid() != 0:
    CASES["no permission"] = Case(forbidden, None, "may not be read")


def make_all(parent: Path) -> dict[str, Path]:
    """Write every case below ``parent``, each in a folder of its own; the path of each."""
    paths = {}
    for number, (name, case) in enumerate(CASES.items()):
        place = parent / f"{number:02d}"
        place.mkdir()
        paths[name] = case.make(place / "photo")
    return paths
