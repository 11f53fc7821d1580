"""Kinds of photos that somebody told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import FileError
from native_runtime.evaluation.kinds import read_kinds, with_kinds
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth, nowhere


def test_both_forms_are_read(tmp_path: Path) -> None:
    path = tmp_path / "kinds.json"
    path.write_text(json.dumps({"a.jpg": ["crowd", "crowd"], "b.jpg": []}))
    assert read_kinds(path) == {"a.jpg": ("crowd",), "b.jpg": ()}
    people = [{"photo": "a.jpg", "kinds": ["lying"]}, {"photo": "a.jpg", "kinds": ["crowd", "lying"]}]
    path.write_text(json.dumps({"format": "sam3db-mining/1", "people": people}))
    assert read_kinds(path) == {"a.jpg": ("lying", "crowd")}


@pytest.mark.parametrize("text", ["", "[]", '{"a.jpg": "crowd"}', '{"a.jpg": [1]}', '{"people": [{}]}', "[" * 9999])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "kinds.json").write_text(text)
    with pytest.raises(FileError, match=r"kinds\.json cannot be read .*Give a mining\.json") as raised:
        read_kinds(tmp_path / "kinds.json")
    assert "Error" not in str(raised.value)


def test_people_get_the_kinds_of_their_photo_beside_their_own() -> None:
    person = TruePerson(np.array([0.0, 0.0, 9.0, 9.0]), nowhere(2), categories=("visible",))
    truth = Truth([TruePicture(name, [person]) for name in ("a.jpg", "walk/00001.jpg", "run/00001.jpg")])
    told, known = with_kinds(truth, {"photos/a.jpg": ("crowd",), "walk/00001.jpg": ("lying", "visible")})
    assert known == 2
    kinds = [picture.people[0].categories for picture in told.pictures]
    assert kinds == [("visible", "crowd"), ("visible", "lying"), ("visible",)]
