"""Hundreds of odd files in one batch: each gets a result or a reason of its own, and nothing stops the rest.

    python -m bench.photo_fuzz --work DIR [--count 300] [--seed 0] [--json FILE]

Everything is made of the project's own example, whose person's place is known: formats, orientations in EXIF or XMP,
crops, sizes, names, damage, and files that are no photos. Estimates alone are made, with the engine `landmarks`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from native_runtime.batch.run import BatchResult, run_batch
from native_runtime.batch.settings import BatchRequest
from native_runtime.errors import Sam3dbError
from native_runtime.pipeline.boxes import overlap
from native_runtime.pipeline.reporting import Silent

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "standing.jpg"
# The person of the example, x0 y0 x1 y1 px of 1200 x 1600.
PERSON = (358.0, 92.5, 844.9, 1541.3)
_SAME_PERSON = 0.5

Outcome = Literal["person", "anything", "refused", "passed over", "counted"]
Rng = np.random.Generator

_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
# Format of Pillow, ending, options of each of which one is taken.
_FORMATS: tuple[tuple[str, str, tuple[dict[str, Any], ...]], ...] = (
    ("JPEG", "jpg", ({"quality": 92}, {"quality": 70, "progressive": True}, {"quality": 85, "subsampling": 0})),
    ("JPEG", "jfif", ({"quality": 90},)),
    ("PNG", "png", ({}, {"compress_level": 1})),
    ("WEBP", "webp", ({"quality": 90}, {"lossless": True})),
    ("TIFF", "tif", ({}, *({"compression": name} for name in ("tiff_lzw", "zstd", "lzma", "packbits", "jpeg")))),
    ("BMP", "bmp", ({},)),
    ("GIF", "gif", ({},)),
    ("AVIF", "avif", ({"quality": 85},)),
    ("MPO", "mpo", ({"quality": 90},)),
)
# Files that are no photos: ending, content, what is right.
_STRANGERS: tuple[tuple[str, bytes, Outcome], ...] = (
    ("psd", b"8BPS\0\1" + bytes(200), "passed over"),
    ("jxl", b"\xff\x0a" + bytes(200), "passed over"),
    ("cr2", b"II*\0\x10\0\0\0CR\x02\0" + bytes(200), "passed over"),
    ("exr", b"\x76\x2f\x31\x01" + bytes(200), "passed over"),
    ("txt", b"just some words\n" * 9, "counted"),
    ("mov", b"\0\0\0\x14ftypqt  " + bytes(200), "counted"),
    ("json", b"{}", "counted"),
    ("jpg", b"", "refused"),
    ("png", bytes(900), "refused"),
    ("jpeg", b"%PDF-1.7\n" + bytes(200), "refused"),
    ("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "refused"),
    ("avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(200), "refused"),
    ("gif", b"GIF89a" + bytes(200), "refused"),
    ("webp", b"\n<!DOCTYPE html><html>404</html>", "refused"),
)
_NAMES: tuple[Callable[[int], str], ...] = (
    lambda number: f"IMG_{number:04d}",
    lambda number: f"photo {number} 'of' \"me\" (final).v2",
    lambda number: f"Bild_ä_写真_😀_{number}",
    lambda number: f"e\u0301te\u0301 {number}",
    lambda number: "long" * 50 + f"{number:04d}",
    lambda number: "ä" * 115 + f"{number:04d}",
    lambda number: f"-n{number}",
    lambda number: f"con.{number}",
    lambda number: f"a{number}_person0",
    lambda number: f"100%{{x}}[{number}]*?",
    lambda number: f"two\nlines {number}",
    lambda number: f"dots {number}. .",
    lambda number: os.fsdecode(b"caf\xe9 ") + str(number),
)
_FOLDERS = ("", "", "", "day 1", "día 2/träume", "x" * 200)


@dataclass(frozen=True)
class Made:
    """A file of the set.

    Attributes:
        relative: its path from the folder.
        outcome: what is right.
        box: x0 y0 x1 y1, where the person is, as fractions of the upright picture; None where there is none.
        what: how it was made, for people.
    """

    relative: str
    outcome: Outcome
    box: tuple[float, float, float, float] | None
    what: str


def make_set(folder: Path, count: int, seed: int, longest: int = 640) -> list[Made]:
    """Write ``count`` files; the same for the same seed.

    Args:
        longest: of the pictures' longer sides, px.
    """
    rng = np.random.default_rng(seed)
    example = Image.open(EXAMPLE).convert("RGB")
    return [_make(folder, number, rng, example, longest) for number in range(count)]


def _make(folder: Path, number: int, rng: Rng, example: Image.Image, longest: int) -> Made:
    name, place = _pick(rng, _NAMES)(number), _pick(rng, _FOLDERS)
    if rng.random() < 0.2:
        ending, data, outcome = _pick(rng, _STRANGERS)
        return _write(folder, place, f"{name}.{ending}", data, Made("", outcome, None, f"no photo: {ending}"))
    picture, box = _crop(rng, example, longest)
    kind, ending, options = _pick(rng, _FORMATS)
    chosen = _pick(rng, options)
    picture, look = _look(rng, picture, kind)
    orientation = int(rng.integers(1, 9))
    data, where = _encode(rng, picture, kind, chosen, orientation)
    ending = _pick(rng, (ending, ending, ending, ending.upper(), "jpg", ""))
    what = f"{kind} {chosen} {picture.size}, {look}, orientation {orientation} in {where}"
    made = Made("", "person", box, what)
    if rng.random() < 0.12:
        share = float(rng.uniform(0.05, 0.9))
        data, made = data[: int(len(data) * share)], Made("", "anything", None, f"{share:.0%} of a {what}")
    return _write(folder, place, f"{name}.{ending}" if ending else name, data, made)


def _pick(rng: Rng, choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _crop(rng: Rng, example: Image.Image, longest: int) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """A piece of the example with the whole person, mirrored or not, of some size, and where the person is in it."""
    width, height = example.size
    left, top = rng.uniform(0, 0.9, 2) * PERSON[:2]
    right, bottom = PERSON[2:] + rng.uniform(0.1, 1, 2) * (np.array([width, height]) - PERSON[2:])
    piece = example.crop((int(left), int(top), int(right), int(bottom)))
    w, h = piece.size
    x0, x1 = (PERSON[0] - int(left)) / w, (PERSON[2] - int(left)) / w
    y0, y1 = (PERSON[1] - int(top)) / h, (PERSON[3] - int(top)) / h
    if rng.random() < 0.5:
        piece, x0, x1 = ImageOps.mirror(piece), 1 - x1, 1 - x0
    scale = rng.uniform(0.4, 1.0) * longest / max(w, h)
    return piece.resize((max(1, round(w * scale)), max(1, round(h * scale))), Image.Resampling.LANCZOS), (
        x0,
        y0,
        x1,
        y1,
    )


def _look(rng: Rng, picture: Image.Image, kind: str) -> tuple[Image.Image, str]:
    """The picture in other colours, softer, or with transparency."""
    look = _pick(rng, ("plain", "plain", "grey", "soft", "dark", "transparent", "palette", "cmyk"))
    if look == "grey":
        return picture.convert("L"), look
    if look == "soft":
        return picture.filter(ImageFilter.GaussianBlur(1)), look
    if look == "dark":
        return picture.point(lambda value: value // 2), look
    if look == "transparent" and kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        return picture.convert("RGBA"), look
    if look == "palette" and kind in ("PNG", "BMP"):
        return picture.convert("P", palette=Image.Palette.ADAPTIVE), look
    if look == "cmyk" and kind == "JPEG":
        return picture.convert("CMYK"), look
    return picture, "plain"


def _encode(rng: Rng, picture: Image.Image, kind: str, options: dict[str, Any], orientation: int) -> tuple[bytes, str]:
    """The file of a picture that is stored turned, and where its orientation stands."""
    if kind in ("BMP", "GIF"):  # which know no orientation
        return _bytes(picture, kind, options), "nothing"
    options = dict(options)
    stored = picture.transpose(_STORED_AS[orientation]) if orientation in _STORED_AS else picture
    if kind == "TIFF":
        if stored.mode != "RGB" and options.get("compression") == "jpeg":
            stored = stored.convert("RGB")
        return _bytes(stored, kind, options | {"tiffinfo": {0x0112: orientation}}), "EXIF"
    if kind in ("JPEG", "WEBP") and rng.random() < 0.3:
        packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="{orientation}"/></x:xmpmeta>'
        return _bytes(stored, kind, options | {"xmp": packet.encode()}), "XMP"
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _bytes(stored, kind, options | {"exif": exif}), "EXIF"


def _bytes(picture: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _write(folder: Path, place: str, name: str, data: bytes, made: Made) -> Made:
    target = folder / place / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return Made(target.relative_to(folder).as_posix(), made.outcome, made.box, made.what)


def faults(made: list[Made], result: BatchResult, out: Path, places: bool = True) -> list[str]:
    """What is not as it should be, a line each.

    Args:
        places: whether people must be where they are; not with an engine that sees nothing.
    """
    passed = {other.relative for other in result.content.passed_over}
    found = []
    for one in made:
        wrong = _fault(one, result, one.relative in passed, out, places)
        if wrong:
            found.append(f"{one.relative!r} ({one.what}): {wrong}")
    others = sum(one.outcome == "counted" for one in made)
    if result.content.others != others:
        found.append(f"{result.content.others} other files were counted, not {others}")
    return found


def _fault(one: Made, result: BatchResult, passed: bool, out: Path, places: bool) -> str:
    record = result.records.get(one.relative)
    if one.outcome in ("passed over", "counted"):
        if record is not None:
            return "taken for a photo"
        return "" if passed == (one.outcome == "passed over") else "not named" if not passed else "named"
    if record is None:
        # A cut file may have lost what tells its kind; it must then be named or counted.
        return "" if one.outcome == "anything" else "passed over"
    if record.fault is not None:
        if record.fault.kind not in ("PhotoError", "NoPersonError") or not record.fault.text.strip():
            return f"a fault that is not the photo's: {record.fault.kind}: {record.fault.text}"
        return f"failed: {record.fault.text}" if one.outcome == "person" else ""
    missing = [path for path in record.outputs if not (out / path).is_file()]
    if record.state != "done" or missing:
        return f"{record.state}, missing {missing}"
    if one.outcome == "refused":
        return "a result of what is no photo"
    return _misplaced(one, record.image_size, record.people) if one.box is not None and places else ""


def _misplaced(one: Made, size: tuple[int, int] | None, people: tuple[dict[str, Any], ...]) -> str:
    assert one.box is not None
    assert size is not None
    right = [value * side for value, side in zip(one.box, (*size, *size))]
    shared = overlap(right, people[0]["bbox"])
    return "" if shared >= _SAME_PERSON else f"the person is elsewhere ({shared:.2f} of the box is shared)"


def main() -> int:
    """Make the set, run a batch over it, and say what went wrong; 1 where anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.photo_fuzz", description="Odd files in one batch.")
    parser.add_argument("--work", type=Path, required=True, help="folder for the files and the results")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    folder, out = arguments.work / "photos", arguments.work / "out"
    shutil.rmtree(folder, ignore_errors=True)
    made = make_set(folder, arguments.count, arguments.seed)
    try:
        result = run_batch(BatchRequest(folder=folder, out=out, blend=False, previews=(), contact_sheet=True), Silent())
    except Sam3dbError as error:
        sys.stdout.write(f"The batch was stopped: {error}\n")
        return 1
    wrong = faults(made, result, out)
    told = {
        "files": dict(Counter(one.outcome for one in made)),
        "done": sum(record.state == "done" for record in result.records.values()),
        "failed": len(result.failed),
        "passed_over": len(result.content.passed_over),
        "others": result.content.others,
        "seconds": result.seconds,
        "faults": wrong,
    }
    text = json.dumps(told, indent=1)
    sys.stdout.write(text + "\n")
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
