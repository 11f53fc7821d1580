"""The contact sheet as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.files.atomic import write_atomically

from .entry import Entry, counted, thumbnail
from .lettering import draw, shortened, spelt, wrapped

Pixels = NDArray[np.uint8]

_COLUMNS, _ROWS = 6, 10
_CELL_WIDTH, _CELL_HEIGHT = 300, 225  # of a picture's place, px
_GAP, _MARGIN, _HEADER = 20, 28, 64
_LINE, _LETTERS, _SMALL = 19, 9.5, 8.0
_ERROR_LINES = 6
_CAPTION_LINES = 2
# blue first
_PAPER, _PANEL = (250, 251, 251), (238, 239, 239)
_INK, _MUTED, _ALARM, _ALARM_PANEL = (38, 34, 32), (128, 122, 118), (40, 40, 176), (234, 236, 250)


def write_pages(entries: Sequence[Entry], png: Path, title: str) -> list[Path]:
    """Writes as many pictures as it takes and removes those of an earlier, longer sheet; returns the files."""
    per_page = _COLUMNS * _ROWS
    count = max(1, -(-len(entries) // per_page))
    failed = any(entry.error is not None for entry in entries)
    written = []
    for number in range(count):
        heading = title if count == 1 else f"{title}  ({number + 1} of {count})"
        page = _page(entries[number * per_page : (number + 1) * per_page], heading, counted(entries), failed)
        done, data = cv2.imencode(".png", page)
        if not done:
            raise OSError(f"the picture {png} cannot be encoded")
        written.append(write_atomically(_numbered(png, number + 1), data.tobytes()))
    surplus = count + 1
    while (old := _numbered(png, surplus)).is_file():
        old.unlink()
        surplus += 1
    return written


def _numbered(png: Path, number: int) -> Path:
    return png if number == 1 else png.with_name(f"{png.stem}-{number}{png.suffix}")


def _page(entries: Sequence[Entry], title: str, counts: str, failed: bool) -> Pixels:
    columns = max(1, min(_COLUMNS, len(entries)))
    rows = max(1, -(-len(entries) // columns))
    captions = 1 + min(_CAPTION_LINES, max((len(entry.caption) for entry in entries), default=0))
    pitch = (_CELL_WIDTH + _GAP, _CELL_HEIGHT + 12 + captions * _LINE + _GAP)
    width = 2 * _MARGIN + columns * pitch[0] - _GAP
    height = 2 * _MARGIN + _HEADER + rows * pitch[1] - _GAP
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _PAPER

    inner = width - 2 * _MARGIN
    draw(canvas, shortened(spelt(title), 14, inner), _MARGIN, _MARGIN, 14, _INK)
    draw(canvas, counts, _MARGIN, _MARGIN + 28, _LETTERS, _ALARM if failed else _MUTED)
    for number, entry in enumerate(entries):
        row, column = divmod(number, columns)
        _cell(canvas, entry, _MARGIN + column * pitch[0], _MARGIN + _HEADER + row * pitch[1])
    return canvas


def _cell(canvas: Pixels, entry: Entry, left: int, top: int) -> None:
    panel = canvas[top : top + _CELL_HEIGHT, left : left + _CELL_WIDTH]
    picture = thumbnail(entry, _CELL_WIDTH, _CELL_HEIGHT)
    panel[:] = _PANEL if entry.error is None else _ALARM_PANEL
    inner = _CELL_WIDTH - 32
    if picture is not None:
        x, y = (_CELL_WIDTH - picture.shape[1]) // 2, (_CELL_HEIGHT - picture.shape[0]) // 2
        panel[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    elif entry.error is not None:
        draw(canvas, "Failed", left + 16, top + 20, _LETTERS + 1, _ALARM)
        for number, line in enumerate(wrapped(spelt(entry.error), _LETTERS, inner, _ERROR_LINES)):
            draw(canvas, line, left + 16, top + 48 + number * _LINE, _LETTERS, _INK)
    else:
        draw(canvas, "No preview", left + 16, top + 20, _LETTERS, _MUTED)

    below = top + _CELL_HEIGHT + 12
    name_colour = _INK if entry.error is None else _ALARM
    draw(canvas, shortened(spelt(entry.photo), _LETTERS, _CELL_WIDTH), left, below, _LETTERS, name_colour)
    lines = entry.caption[:_CAPTION_LINES]
    if entry.error is not None and picture is not None:
        lines = (entry.error,)
    for number, line in enumerate(lines):
        text = shortened(spelt(line), _SMALL, _CELL_WIDTH)
        draw(canvas, text, left, below + (number + 1) * _LINE, _SMALL, _MUTED)
