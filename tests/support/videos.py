"""Small videos for tests, and what can be wrong with them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_MATRICES = {
    90: (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    180: (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30),
    270: (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
}
"""The transformation in an MP4's track header for pictures that are to be turned clockwise by so many degrees."""


def write_video(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float = 30.0, codec: str = "mp4v") -> Path:
    """A video of RGB pictures (H, W, 3)."""
    video: cv2.VideoWriter | None = None
    for picture in pictures:
        if video is None:
            size = picture.shape[1], picture.shape[0]
            video = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), fps, size)
            assert video.isOpened()
        video.write(picture[..., ::-1])
    assert video is not None
    video.release()
    return path


def grey_levels(count: int, size: tuple[int, int] = (64, 48)) -> list[NDArray[np.uint8]]:
    """Pictures whose brightness tells their number: 20 + 10 * number."""
    return [np.full((size[1], size[0], 3), 20 + 10 * number, np.uint8) for number in range(count)]


def number_of(picture: NDArray[np.uint8]) -> int:
    """Which of ``grey_levels`` a picture is."""
    return round((float(picture.mean()) - 20) / 10)


def state_turn(path: Path, degrees: int) -> None:
    """Let an MP4 file say that its pictures are to be turned clockwise, as telephones do."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4
    place = header + (40 if data[header] == 0 else 52)
    data[place : place + 36] = struct.pack(">9i", *_MATRICES[degrees])
    path.write_bytes(data)


def stretch_interval(path: Path, index: int, factor: int) -> None:
    """Let an MP4 file show one frame for ``factor`` times as long: a rate that varies.

    The file's table of durations must have one entry for all frames, as OpenCV writes it.
    """
    data = bytearray(
        path.read_bytes().replace(b"edts", b"free")
    )  # no edit list, which ends the video at its old length
    table = data.index(b"stts")
    entries, count, delta = struct.unpack(">3I", data[table + 8 : table + 20])
    assert entries == 1
    rows = [(index, delta), (1, delta * factor), (count - index - 1, delta)]
    content = struct.pack(">I", 3) + b"".join(struct.pack(">2I", *row) for row in rows)
    grown = len(content) - 12
    start = table - 4
    # each box around the table says how long it is
    for name in (b"stts", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        size_at = (data.rindex(name, 0, table + 4) if name != b"stts" else table) - 4
        (size,) = struct.unpack(">I", data[size_at : size_at + 4])
        data[size_at : size_at + 4] = struct.pack(">I", size + grown)
    data[start + 12 : start + 24] = content
    assert data.index(b"mdat") < start, "the table lies behind the pictures, whose places stay"
    path.write_bytes(data)
