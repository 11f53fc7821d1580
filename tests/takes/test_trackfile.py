"""An artist's edits of who is who: kept, followed, and refused where they make no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.errors import NewerFormatError, UsageError
from native_runtime.takes.trackfile import edited, read_tracks, write_tracks
from native_runtime.takes.tracks import Sighting, Track

SIGHTINGS = {
    frame: [Sighting(np.arange(4.0) + 10 * k, np.zeros((0, 2)), np.zeros(0), np.zeros(96)) for k in range(4)]
    for frame in range(100)
}


def _tracks() -> list[Track]:
    return [
        Track(0, dict.fromkeys(range(60), 0)),
        Track(1, dict.fromkeys(range(100), 1)),
        Track(2, dict.fromkeys(range(40, 90), 2)),
    ]


def _with_edits(path: Path, edits: Any) -> Path:
    write_tracks(path, _tracks(), SIGHTINGS, [], footage="x.mp4", fps=25.0, cuts=[])
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "edits": edits}))
    return path


def _after(path: Path) -> list[Track]:
    return edited(_tracks(), read_tracks(path), path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x_tracks.json"


def test_without_edits_all_stays(path: Path) -> None:
    assert _after(path) == _tracks()
    assert _after(_with_edits(path, [])) == _tracks()


def test_merged_tracks_are_one_and_the_first_counts_where_both_see(path: Path) -> None:
    tracks = _after(_with_edits(path, [{"merge": [2, 0]}]))
    assert [track.number for track in tracks] == [1, 2]
    merged = tracks[1].seen
    assert sorted(merged) == list(range(90))
    assert [merged[frame] for frame in (0, 39, 40, 59, 60, 89)] == [0, 0, 2, 2, 2, 2]


def test_a_split_gives_the_later_part_a_new_number(path: Path) -> None:
    tracks = _after(_with_edits(path, [{"split": 1, "at": 30}, {"merge": [0, 3]}, {"delete": 1}]))
    assert [(track.number, track.first, track.last) for track in tracks] == [(0, 0, 99), (2, 40, 89)]


def test_edits_survive_the_next_run(path: Path) -> None:
    _with_edits(path, [{"delete": 2}])
    file = read_tracks(path)
    write_tracks(path, _tracks(), SIGHTINGS, file.edits, footage="x.mp4", fps=25.0, cuts=[7])
    assert [track.number for track in _after(path)] == [0, 1]
    content = json.loads(path.read_text())
    assert content["edits"] == [{"delete": 2}]
    assert content["tracks"][2] == {
        "number": 2, "first": 40, "last": 89, "frames": 50, "spans": [[40, 89]], "box": [20.0, 21.0, 22.0, 23.0],
    }  # fmt: skip
    assert content["cuts"] == [7]


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        ({"merge": [0, 1]}, "'edits' is a list"),
        ([{"merge": [0]}], "an edit is"),
        ([{"merge": [0, 0]}], "an edit is"),
        ([{"merge": [0, "1"]}], "an edit is"),
        ([{"split": 1}], "an edit is"),
        ([{"delete": -1}], "an edit is"),
        ([{"delete": True}], "an edit is"),
        ([{"rename": 1}], "an edit is"),
        (["delete 1"], "an edit is"),
        ([{"delete": 7}], "track 7, which is not there"),
        ([{"delete": 1}, {"merge": [0, 1]}], r"track 1, which is not there \(any more\)"),
        ([{"split": 0, "at": 80}], "from frame 0 to frame 59 and cannot be split at frame 80"),
        ([{"split": 0, "at": 0}], "cannot be split at frame 0"),
    ],
)
def test_edits_that_make_no_sense_are_refused_and_kept(path: Path, edits: Any, reason: str) -> None:
    before = _with_edits(path, edits).read_bytes()
    with pytest.raises(UsageError, match=reason):
        _after(path)
    assert path.read_bytes() == before


def test_edits_made_for_other_tracks_are_refused(path: Path) -> None:
    _with_edits(path, [{"delete": 2}])
    with pytest.raises(UsageError, match="made for other tracks"):
        edited(_tracks()[:2], read_tracks(path), path)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": "sam3db-take/1"}', '{"tracks": []}'])
def test_what_is_no_file_of_tracks_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(UsageError, match="cannot be read"):
        read_tracks(path)


def test_damaged_tracks_are_refused(path: Path) -> None:
    path.write_text('{"format": "sam3db-tracks/1", "tracks": [{"number": "a"}]}')
    with pytest.raises(UsageError, match="Keep the 'edits'"):
        read_tracks(path)


def test_a_newer_file_is_refused(path: Path) -> None:
    path.write_text('{"format": "sam3db-tracks/2", "tracks": []}')
    with pytest.raises(NewerFormatError):
        read_tracks(path)
