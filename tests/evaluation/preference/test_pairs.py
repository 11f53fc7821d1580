"""Which people are shown in pairs, and their pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import FileError, PhotoError, Sam3dbError, UsageError
from native_runtime.evaluation.preference import pictures
from native_runtime.evaluation.preference.pairs import Pair, Pairs, Seen, choose, people_seen
from native_runtime.evaluation.preference.pictures import Painter
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.support.formats import OLD_FILES


def _seen(photos: int, each: int, engines: str) -> list[Seen]:
    return [
        Seen(f"{k}.jpg", {e: Path(f"{e}/{k}_{n}.npz") for e in engines}) for k in range(photos) for n in range(each)
    ]


def test_sides_and_engines_are_balanced_and_photos_differ() -> None:
    drawn = choose(_seen(40, 3, "abc"), "abc", 36, seed=1)
    assert len({pair.photo for pair, _ in drawn}) == 36
    assert set(Counter(frozenset((pair.left, pair.right)) for pair, _ in drawn).values()) == {12}
    for pair, one in drawn:
        assert {pair.left, pair.right} <= one.estimates.keys()


def test_each_engine_of_two_stands_left_in_half_of_the_pairs() -> None:
    for seed in range(5):
        left = Counter(pair.left for pair, _ in choose(_seen(30, 1, "ab"), "ab", 20, seed))
        assert left == {"a": 10, "b": 10}


def test_the_seed_decides() -> None:
    people = _seen(30, 1, "ab")
    assert choose(people, "ab", 9, 3) == choose(people, "ab", 9, 3)
    assert choose(people, "ab", 9, 3) != choose(people, "ab", 9, 4)


def test_few_people_give_few_pairs_and_none_an_error() -> None:
    assert len(choose(_seen(2, 2, "ab"), "ab", 50, 0)) == 4
    with pytest.raises(UsageError, match="No two of the folders"):
        choose([Seen("a.jpg", {"a": Path("a")})], "ab", 5, 0)


def test_pairs_of_other_engines_are_another_set() -> None:
    pair = Pair("0001", "a.jpg", "a", "b")
    one = Pairs(("a", "b"), (pair,), 0)
    others = [replace(one, seed=1), replace(one, pairs=(replace(pair, left="b", right="a"),))]
    assert len({one.set, *(other.set for other in others)}) == 3


@pytest.fixture
def estimate() -> Estimate:
    return Estimate.load(OLD_FILES / "photo_person0.npz")


def _save(estimate: Estimate, stem: Path, shift: float = 0.0) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    moved = estimate.keypoints_2d * (1.0 if shift == 0 else 0.2) + shift
    replace(estimate, keypoints_2d=moved, bbox=estimate.bbox + shift).save(stem)


def test_people_are_matched_by_photo_folder_and_place(tmp_path: Path, estimate: Estimate) -> None:
    for engine, first, second in (("a", 0.0, 5.0), ("b", 5.0, 0.0)):  # in another order
        _save(estimate, tmp_path / engine / "sub" / "photo_person0", first)
        _save(estimate, tmp_path / engine / "sub" / "photo_person1", second)
    _save(estimate, tmp_path / "b" / "elsewhere" / "photo_person0")
    (tmp_path / "b" / "other_person0.npz").write_bytes(b"nothing")
    damaged: list[Path] = []

    def tell(path: Path, error: Sam3dbError) -> None:
        damaged.append(path)

    people = people_seen({name: tmp_path / name for name in "ab"}, tell)
    names = [tuple(one.estimates[name].name for name in "ab") for one in people]
    assert {one.photo for one in people} == {f"sub/{estimate.photo}"}
    assert names == [("photo_person0.npz", "photo_person1.npz"), ("photo_person1.npz", "photo_person0.npz")]
    assert [path.name for path in damaged] == ["other_person0.npz"]
    (tmp_path / "c").mkdir()
    with pytest.raises(FileError, match="no estimates in 'c'"):
        people_seen({"a": tmp_path / "a", "c": tmp_path / "c"}, tell)


@pytest.fixture
def standing(small_body: Body) -> Estimate:
    """Somebody four metres before the camera."""
    state = PlacedState(
        np.zeros(204),
        np.zeros(small_body.identity_count),
        np.zeros(small_body.expression_count),
        np.array([0.0, 1.0, 4.0]),
    )
    lens = np.array([[300.0, 0.0, 150.0], [0.0, 300.0, 100.0], [0.0, 0.0, 1.0]])
    rest = {"image_size": np.array([300, 200]), "bbox": np.array([100.0, 20.0, 200.0, 190.0]), "engine": "a"}
    return Estimate.from_state(small_body, state, lens, **rest)


def _picture(data: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.int16)


def test_both_are_drawn_over_the_same_part_of_the_photo(
    standing: Estimate, small_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "load_body", lambda name, models: small_body)
    photo = Photo(np.full((200, 300, 3), (160, 30, 20), np.uint8), Path("a.jpg"))
    bent = standing.model_parameters.copy()
    bent[6:30] = 0.4
    other = standing.with_state(small_body, replace(standing.state, model_parameters=bent))
    drawn = Painter().draw(photo, standing, other)
    left, right, plain = _picture(drawn.left), _picture(drawn.right), _picture(drawn.photo)
    assert left.shape == right.shape
    assert len(left) == len(plain)
    assert left.shape[1] > plain.shape[1]  # the side view is beside
    changed = [np.abs(one[:, : plain.shape[1]] - plain).max(axis=2) > 60 for one in (left, right)]
    assert all(0.02 < part.mean() < 0.2 for part in changed)
    assert (changed[0] != changed[1]).any()
    same = Painter().draw(photo, standing, standing)
    assert same.left == same.right


def test_another_photo_or_body_is_refused(
    standing: Estimate, small_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "load_body", lambda name, models: small_body)
    photo = Photo(np.zeros((100, 100, 3), np.uint8), Path("a.jpg"))
    with pytest.raises(PhotoError, match=r"a\.jpg is 100 x 100 px, and its estimate is of 300 x 200"):
        Painter().draw(photo, standing, standing)
    fitting = Photo(np.zeros((200, 300, 3), np.uint8), Path("a.jpg"))
    with pytest.raises(Sam3dbError, match="is not the one that an estimate"):
        Painter().draw(fitting, standing, replace(standing, vertices=standing.vertices[:5]))
