"""The file of who was followed in a video, and what an artist changes about it (``native_runtime.takes.trackfile``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.takes.trackfile import TrackFile, read_tracks


def add_edit(path: Path, edit: Mapping[str, Any]) -> TrackFile:
    """Adds an edit after the others, which takes effect when the video is read again; what the file now says.

    Raises:
        UsageError: the file is not there or damaged, or the edit makes no sense.
    """
    file = read_tracks(path)
    there = spans_left(file)
    named = [*edit.get("merge", ()), *(edit[word] for word in ("split", "delete") if word in edit)]
    gone = [number for number in named if number not in there]
    if gone:
        raise UsageError(f"There is no person {gone[0] + 1} (any more) among those who were followed.")
    if len(set(edit.get("merge", ()))) < len(edit.get("merge", ())):
        raise UsageError(f"Person {named[0] + 1} cannot be merged with the same person: choose another one.")
    if "split" in edit:
        first, last = there[edit["split"]]
        if not first < edit["at"] <= last:
            raise UsageError(
                f"Person {edit['split'] + 1} is followed from frame {first} to frame {last} of the video and cannot be "
                f"split at frame {edit['at']}: choose a frame after {first}, up to {last}."
            )
    return _rewritten(path, [*file.edits, edit])


def remove_last_edit(path: Path) -> TrackFile:
    """Takes the last edit back; what the file now says.

    Raises:
        UsageError: there is none, or the file is damaged.
    """
    edits = read_tracks(path).edits
    if not edits:
        raise UsageError(f"'{path.name}' has no edits.")
    return _rewritten(path, list(edits[:-1]))


def numbers_left(file: TrackFile) -> list[int]:
    """The numbers that tracks have after the edits, in order."""
    return sorted(spans_left(file))


def spans_left(file: TrackFile) -> dict[int, tuple[int, int]]:
    """By their numbers, the first and the last frame that tracks have after the edits; where a track was split in a
    gap, the frames beside the cut stand for those beside the gap.
    """
    there = {number: (first, last) for number, first, last, _ in file.tracks}
    highest = max(there, default=-1)
    for edit in file.edits:
        if "merge" in edit:
            parts = [there.pop(number) for number in edit["merge"] if number in there]
            if parts:
                there[edit["merge"][0]] = min(first for first, _ in parts), max(last for _, last in parts)
        elif "split" in edit:
            highest += 1
            first, last = there.get(edit["split"], (edit["at"], edit["at"]))
            there[highest] = edit["at"], last
            if edit["split"] in there:
                there[edit["split"]] = first, edit["at"] - 1
        else:
            there.pop(edit["delete"], None)
    return there


def in_words(edit: Mapping[str, Any]) -> str:
    """An edit for people, who count persons from 1."""
    if "merge" in edit:
        return "Merge " + " and ".join(f"person {number + 1}" for number in edit["merge"])
    if "split" in edit:
        return f"Split person {edit['split'] + 1} at frame {edit['at']}"
    return f"Leave out person {edit['delete'] + 1}"


def _rewritten(path: Path, edits: list[Mapping[str, Any]]) -> TrackFile:
    try:
        before = path.read_bytes()
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read ({error.strerror or error}): read the video first.") from error
    content = json.loads(before) | {"edits": edits}
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    try:
        return read_tracks(path)  # which checks the edit
    except UsageError:
        write_atomically(path, before)
        raise
