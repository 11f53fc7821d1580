"""What an estimate tells of the people in its photo, for textures."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.detection.silhouettes import mask_on_photo
from native_runtime.errors import ModelError
from native_runtime.image.reading import Photo
from native_runtime.texture.alignment import face_points
from native_runtime.texture.hints import SEEN, PhotoHints, read_hints, seen_in_photo, with_hints
from native_runtime.texture.projection import Shot
from native_runtime.wearables.face_hair import shows_brows
from tests.support.sightings import seen_person

WIDTH, HEIGHT = 640, 480


def _photo(reduced: float = 1.0) -> Photo:
    size = (round(WIDTH / reduced), round(HEIGHT / reduced))
    return Photo(np.zeros((size[1], size[0], 3), np.uint8), Path("a.jpg"), original_size=(WIDTH, HEIGHT))


def _overlap(a: Any, b: Any) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


@pytest.mark.parametrize("reduced", [1.0, 2.5])
def test_what_was_seen_is_read_back(reduced: float) -> None:
    photo = _photo(reduced)
    here = np.array([[260.0, 240.0], [350.0, 250.0]]) / reduced
    person, other = (seen_person(tuple(place), turn, 300 / reduced) for place, turn in zip(here, (0.3, -0.2)))
    details = {SEEN: json.loads(json.dumps(seen_in_photo(person, [other], photo)))}
    hints = read_hints(details, photo.original_size, photo.original_size)
    own, beside = mask_on_photo(person, photo), mask_on_photo(other, photo)
    assert _overlap(own, beside) > 0.1, "they overlap"
    assert hints.person is not None
    assert hints.others is not None
    assert _overlap(hints.person, own) > 0.97
    assert not (hints.person & hints.others).any(), "the person comes first"
    region = np.ix_(hints.person.any(axis=1), hints.person.any(axis=0))
    assert _overlap(hints.others[region], (beside & ~own)[region]) > 0.85
    expected = face_points(person, photo)
    assert expected is not None
    assert hints.face == pytest.approx(expected, abs=0.01)


def test_it_fits_pictures_of_other_sizes() -> None:
    photo, person = _photo(), seen_person((300.0, 200.0))
    details = {SEEN: seen_in_photo(person, [], photo)}
    whole = read_hints(details, photo.original_size, (WIDTH, HEIGHT))
    half = read_hints(details, photo.original_size, (WIDTH // 2, HEIGHT // 2))
    assert whole.person is not None
    assert half.person is not None
    assert half.person.shape == (HEIGHT // 2, WIDTH // 2)
    assert _overlap(half.person, whole.person.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)) > 0.5) > 0.97
    assert whole.face is not None
    assert half.face == pytest.approx((whole.face + 0.5) / 2 - 0.5)
    assert whole.others is None
    assert half.others is None


def test_people_at_the_edge_and_hidden_faces() -> None:
    photo, person = _photo(), seen_person((2.0, 478.0))
    person.visibility[0] = 0.1
    seen = seen_in_photo(person, [], photo)
    hints = read_hints({SEEN: seen}, photo.original_size, photo.original_size)
    assert hints.face is None
    assert hints.person is not None
    assert _overlap(hints.person, mask_on_photo(person, photo)) > 0.95
    assert "people" not in seen_in_photo(seen_person((-900.0, 200.0)), [], photo)


def test_dark_glasses_are_told() -> None:
    photo, person = _photo(), seen_person((300.0, 200.0))
    for group, place in (((4, 6), (280, 180)), ((1, 3), (320, 180)), ((0,), (300, 200)), ((9, 10), (300, 222))):
        person.points_2d[list(group)] = place
    assert "dark_glasses" not in seen_in_photo(person, [], photo)
    pixels = np.full_like(photo.pixels, 180)
    for x in (280, 320):
        pixels[168:192, x - 16 : x + 16] = 20
    seen = {SEEN: json.loads(json.dumps(seen_in_photo(person, [], replace(photo, pixels=pixels))))}
    hints = read_hints(seen, photo.original_size, photo.original_size)
    assert hints.dark_glasses
    assert not shows_brows(seen), "the texture has none of its own"
    assert shows_brows({SEEN: seen_in_photo(person, [], photo)})


def test_a_shot_heeds_all_hints() -> None:
    here, there = np.eye(2, dtype=bool), ~np.eye(2, dtype=bool)
    hints = PhotoHints(here, there, np.ones((4, 2)), ("left leg",), (3.0, 4.0), True)
    shot = with_hints(Shot(np.zeros((2, 2, 3), np.uint8), np.eye(3), np.zeros((5, 3))), hints)
    assert shot.hint is here
    assert shot.strangers is there
    carried = {field.name: getattr(shot, field.name) for field in fields(PhotoHints) if hasattr(shot, field.name)}
    assert carried.keys() == {field.name for field in fields(PhotoHints)} - {"person", "others"} | {"others"}
    assert all(value is getattr(hints, name) for name, value in carried.items() if name != "others")


def test_limbs_that_are_not_seen_are_told() -> None:
    photo, person = _photo(), seen_person((300.0, 200.0))
    assert "hidden" not in seen_in_photo(person, [], photo)
    for name in ("left_knee", "left_ankle", "right_elbow"):
        person.visibility[BODY_POINTS.index(name)] = 0.02
    details = {SEEN: seen_in_photo(person, [], photo)}
    assert read_hints(details, photo.original_size, photo.original_size).hidden == ("left leg",)


@pytest.mark.parametrize(
    ("face", "looks"),
    [({"yaw": -20.5, "pitch": 4}, (-20.5, 4.0)), ({"yaw": 3.0}, None), ({"yaw": "far", "pitch": 1.0}, None), (7, None)],
)
def test_where_the_face_looks_is_read(face: Any, looks: tuple[float, float] | None) -> None:
    assert read_hints({SEEN: {}, "face": face}, (8, 8), (8, 8)).looks == looks


def test_estimates_of_earlier_versions_tell_nothing() -> None:
    hints = read_hints({}, (WIDTH, HEIGHT), (WIDTH, HEIGHT))
    assert (hints.person, hints.others, hints.face, hints.hidden) == (None, None, None, ())


@pytest.mark.parametrize(
    "seen",
    [
        [],
        {"face": [[1.0, 2.0]]},
        {"face": [[1.0, 2.0]] * 3 + [[float("nan"), 1.0]]},
        {"face": "here"},
        {"hidden": 3},
        {"people": []},
        {"people": {"box": [0, 0, 10, 10]}},
        {"people": {"box": [0, 0, 10, 10], "png": "no picture"}},
        {"people": {"box": [0, 0, 10, 10], "png": ""}},
        {"people": {"box": [0, 0, 10, 10], "png": "bm8gcGljdHVyZQ=="}},
        {"people": {"box": [9, 0, 2, 10], "png": ""}},
        {"people": {"box": [0, 0, 1e9, 10], "png": ""}},
        {"people": {"box": "all", "png": ""}},
        {"people": {"box": [0, 0, 10, 10], "png": 7}},
    ],
)
def test_what_is_damaged_is_refused(seen: Any) -> None:
    with pytest.raises(ModelError, match=r"damaged: 'seen[.\w]*' .*\. Estimate the photo again"):
        read_hints({SEEN: seen}, (WIDTH, HEIGHT), (WIDTH, HEIGHT))
