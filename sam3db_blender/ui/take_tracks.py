"""Who was followed in a video, with the buttons that correct it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.errors import Sam3dbError

from ..layout_text import draw_lines
from ..remedies import in_words as error_in_words

if TYPE_CHECKING:
    from native_runtime.takes.trackfile import TrackFile


def draw_tracks(layout: Any, path: Path, width: int) -> None:
    """Draws a file of tracks; nothing where there is none."""
    try:
        file = _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return
    except (OSError, Sam3dbError) as error:
        text = error_in_words(error) if isinstance(error, Sam3dbError) else str(error)
        draw_lines(layout.column(align=True), text, width, "ERROR")
        return
    from ..takes.track_edits import in_words, numbers_left

    header, body = layout.panel("sam3db_take_tracks", default_closed=True)
    header.label(text=f"Who Is Who ({len(numbers_left(file))})")
    if body is None:
        return
    spans = {number: f"frames {first} to {last}" for number, first, last, _ in file.tracks}
    for number in numbers_left(file):
        row = body.row(align=True)
        row.label(text=f"Person {number + 1}: {spans.get(number, 'split off')}")
        for operator, icon in (("merge_tracks", "AUTOMERGE_ON"), ("split_track", "UNLINKED"), ("delete_track", "X")):
            button = row.operator(f"sam3db.{operator}", text="", icon=icon)
            button.tracks, button.person = str(path), number + 1
    if file.edits:
        row = body.row(align=True)
        row.label(text=in_words(file.edits[-1]), icon="INFO")
        row.operator("sam3db.undo_track_edit", text="", icon="LOOP_BACK").tracks = str(path)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> TrackFile:
    from native_runtime.takes.trackfile import read_tracks

    return read_tracks(path)
