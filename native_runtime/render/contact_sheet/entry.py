"""What a contact sheet shows of one photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_JPEG = b"\xff\xd8"
_SHARP = 1.5  # times the size of a copy, from which on the picture it is made of may be small itself


@dataclass(frozen=True)
class Entry:
    """One photo and what became of it.

    Attributes:
        photo: its name, as it is to be read.
        preview: a picture of the result; None where there is none.
        links: files to open, by what they are called ("character", "estimate").
        caption: short lines below the name.
        error: why it failed, for people; None where it did not.
    """

    photo: str
    preview: Path | None = None
    links: Mapping[str, Path] = field(default_factory=dict)
    caption: tuple[str, ...] = ()
    error: str | None = None


def counted(entries: Sequence[Entry]) -> str:
    """How many photos there are, and how many failed; one with several people has several entries."""
    photos = len({entry.photo for entry in entries})
    failed = len({entry.photo for entry in entries if entry.error is not None})
    return f"{photos} photo{'s' * (photos != 1)}" + (f", {failed} failed" if failed else "")


def thumbnail(entry: Entry, width: int, height: int) -> Pixels | None:
    """The preview (h, w, 3) uint8, blue first, to fit into ``width`` x ``height``; None where none can be read."""
    if entry.preview is None:
        return None
    try:
        data = np.fromfile(entry.preview, np.uint8)  # OpenCV cannot open every name on Windows
    except OSError:
        return None
    pixels = _decoded(data, width, height) if len(data) else None
    if pixels is None:
        return None
    scale = min(width / pixels.shape[1], height / pixels.shape[0], 1.0)
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _decoded(data: NDArray[np.uint8], width: int, height: int) -> Pixels | None:
    """A picture from its file's bytes, for a copy that fits into ``width`` x ``height``.

    A JPEG is decoded at half its size where the copy stays as sharp: decoding takes most of a sheet's time.
    """
    if data[:2].tobytes() == _JPEG:
        half = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_2)
        if half is not None and max(half.shape[1] / width, half.shape[0] / height) >= _SHARP:
            return np.asarray(half, np.uint8)
    whole = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return None if whole is None else np.asarray(whole, np.uint8)
