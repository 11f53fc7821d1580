"""``NAME_tracks.json``: the people who were followed, and what an artist changed about who is who.

The program writes everything but ``edits``, which it keeps as they are and follows on the next run::

    {"format": "sam3db-tracks/1",
     "footage": "walk.mp4", "fps": 30.0, "cuts": [120],
     "tracks": [{"number": 0, "first": 0, "last": 119, "frames": 118, "spans": [[0, 60], [63, 119]],
                 "box": [310.0, 80.5, 420.0, 400.0]}],
     "edits": [{"merge": [0, 3]}, {"split": 1, "at": 140}, {"delete": 2}]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format

from .tracks import Sighting, Track

FORMAT = Format("sam3db-tracks")


@dataclass(frozen=True)
class TrackFile:
    """What a file says.

    Attributes:
        tracks: number, first and last frame and count of frames of each track that was found, before edits.
        edits: as the artist wrote them, checked.
    """

    tracks: tuple[tuple[int, int, int, int], ...] = ()
    edits: tuple[Mapping[str, Any], ...] = ()


def read_tracks(path: Path) -> TrackFile:
    """Read a file; an empty one where there is none.

    Raises:
        UsageError: it is damaged, or an edit makes no sense; the message says which.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = FORMAT.parsed(path.read_text(encoding="utf-8-sig"), path)
    except FileNotFoundError:
        return TrackFile()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: the tracks cannot be read ({error}). Correct the file, or remove it to begin again."
        ) from error
    try:
        tracks = tuple(
            (int(entry["number"]), int(entry["first"]), int(entry["last"]), int(entry["frames"]))
            for entry in content.get("tracks", ())
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: its 'tracks' are damaged. Keep the 'edits' and remove the rest.") from error
    edits = content.get("edits", [])
    if not isinstance(edits, list):
        raise UsageError(f"{path}: 'edits' is a list such as [{{\"merge\": [0, 3]}}].")
    for edit in edits:
        if not _is_edit(edit):
            raise UsageError(
                f'{path}: an edit is {{"merge": [0, 3]}}, {{"split": 1, "at": 140}} or {{"delete": 2}}, with numbers '
                f"of tracks and a frame; not {json.dumps(edit)[:120]}."
            )
    return TrackFile(tracks, tuple(edits))


def write_tracks(
    path: Path,
    tracks: Sequence[Track],
    sightings: Mapping[int, Sequence[Sighting]],
    edits: Sequence[Mapping[str, Any]],
    **about: Any,
) -> None:
    """Write a file.

    Args:
        tracks: as they were found, before edits.
        sightings: everybody seen, by frame.
        edits: what the artist wrote, which stays.
        about: further content, such as ``footage``, ``fps`` and ``cuts``.
    """
    content = {"format": str(FORMAT), **about}
    content["tracks"] = [
        {
            "number": track.number,
            "first": track.first,
            "last": track.last,
            "frames": len(track.seen),
            "spans": [list(span) for span in track.spans],
            "box": [round(float(v), 1) for v in sightings[track.first][track.seen[track.first]].box],
        }
        for track in tracks
    ]
    content["edits"] = list(edits)
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def edited(tracks: Sequence[Track], file: TrackFile, path: Path) -> list[Track]:
    """The tracks after an artist's edits, in the order of their numbers.

    Of merged tracks the first that is named keeps its number; where two of them see somebody in the same frame, its own
    sighting counts. The part behind a split gets the next number that no track has had.

    Args:
        tracks: as they were found in this run.
        file: the edits, and the tracks that they were made for.
        path: of the file, for messages.

    Raises:
        UsageError: an edit names a track or a frame that there is not, or was made for other tracks.
    """
    if not file.edits:
        return list(tracks)
    found = tuple((track.number, track.first, track.last, len(track.seen)) for track in tracks)
    if file.tracks and found != file.tracks:
        raise UsageError(
            f"{path}: the edits were made for other tracks than this run has found, of another range of frames or by "
            "another engine. Run with the settings of before, or remove 'edits' from the file."
        )
    rest = {track.number: Track(track.number, dict(track.seen), track.scene) for track in tracks}
    unused = max(rest, default=-1) + 1
    for edit in file.edits:
        if "merge" in edit:
            first, *others = (_known(rest, number, path) for number in edit["merge"])
            for other in others:
                first.seen = other.seen | first.seen
                del rest[other.number]
        elif "split" in edit:
            track, at = _known(rest, edit["split"], path), edit["at"]
            before = {frame: place for frame, place in track.seen.items() if frame < at}
            after = {frame: place for frame, place in track.seen.items() if frame >= at}
            if not before or not after:
                raise UsageError(
                    f"{path}: track {track.number} goes from frame {track.first} to frame {track.last} and cannot be "
                    f"split at frame {at}."
                )
            track.seen = before
            rest[unused] = Track(unused, after, track.scene)
            unused += 1
        else:
            del rest[_known(rest, edit["delete"], path).number]
    return [rest[number] for number in sorted(rest)]


def _known(rest: Mapping[int, Track], number: int, path: Path) -> Track:
    if number not in rest:
        there = ", ".join(map(str, sorted(rest))) or "none"
        raise UsageError(f"{path}: an edit names track {number}, which is not there (any more). There are: {there}.")
    return rest[number]


def _is_edit(edit: Any) -> bool:
    if not isinstance(edit, dict):
        return False
    match edit:
        case {"merge": [_, _, *_] as numbers, **rest} if not rest:
            return all(map(_is_number, numbers)) and len(set(numbers)) == len(numbers)
        case {"split": number, "at": frame, **rest} if not rest:
            return _is_number(number) and _is_number(frame)
        case {"delete": number, **rest} if not rest:
            return _is_number(number)
    return False


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0
