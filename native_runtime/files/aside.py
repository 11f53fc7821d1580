"""Files that somebody changed make way for new ones under another name."""

from __future__ import annotations

from pathlib import Path

from native_runtime.files.moving import replace


def set_aside(file: Path) -> Path:
    """Renames a file ``NAME (changed).EXT``, or ``NAME (changed 2).EXT`` and so on where that is taken; its new path.

    Raises:
        OSError: it cannot be renamed (on Windows: another program has it open).
    """
    aside, number = file.with_name(f"{file.stem} (changed){file.suffix}"), 2
    while aside.exists():
        aside, number = file.with_name(f"{file.stem} (changed {number}){file.suffix}"), number + 1
    replace(file, aside)
    return aside
