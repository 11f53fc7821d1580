"""Whoever waits for a video sees, now and then, what was seen in it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from native_runtime.image.reading import Photo
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.takes.footage import Frame
from native_runtime.takes.frames import SeenFrame, SeenPerson
from native_runtime.takes.observations import FrameObservation
from native_runtime.takes.request import TakeRequest
from native_runtime.takes.run import make_take
from native_runtime.takes.tracks import Sighting
from native_runtime.takes.watching import EVERY_S, SIDE, Watcher
from tests.support.bodies import toy_body
from tests.support.film_engine import COLOURS, FilmEngine, FilmInference, film
from tests.support.videos import write_video

NAMES = ["nose", "left_shoulder", "left_elbow", "left_wrist"]


class Onlooker(Silent):
    """Keeps the pictures that it is told of."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []

    def picture(self, file: Path) -> None:
        self.pictures.append(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _frame(people: list[Sighting], size: tuple[int, int] = (960, 540)) -> tuple[Frame, SeenFrame]:
    grey = np.full((size[1], size[0], 3), 90, np.uint8)
    seen = tuple(SeenPerson(one, FrameObservation(0)) for one in people)
    return Frame(0, 0.0, Photo(grey, Path("v.mp4"))), SeenFrame(0, 0.0, seen)


def _person(left: float, weights: list[float]) -> Sighting:
    points = np.array([[left + 50, 60], [left + 50, 150], [left + 50, 250], [left + 50, 350]], np.float64)
    return Sighting(np.array([left, 50, left + 100, 450]), points, np.array(weights), np.zeros(96))


def _place(value: float) -> int:
    return round(value * SIDE / 780)


def test_people_are_drawn_in_colours_of_their_own(tmp_path: Path) -> None:
    onlooker = Onlooker()
    people = [_person(100, [1, 1, 1, 1]), _person(600, [1, 1, 1, 0.1])]
    Watcher(onlooker, tmp_path, NAMES).show(*_frame(people), [0, 4])
    (picture,) = onlooker.pictures
    # from 10 to 790 px across, 1.3 times everybody's width, and all of the height
    assert picture.shape == (round(SIDE * 540 / 780), SIDE, 3)

    def changed(x: slice | int, y: slice) -> np.ndarray:
        there = np.abs(picture.astype(int) - 90).max(axis=2) > 60
        across = slice(_place(x.start - 10), _place(x.stop - 10)) if isinstance(x, slice) else _place(x - 10)
        return there[_place(y.start) : _place(y.stop), across]

    # boxes, and limbs between points that are seen
    assert changed(100, slice(55, 445)).mean() > 0.9
    assert changed(600, slice(55, 445)).mean() > 0.9
    assert changed(150, slice(160, 340)).all()
    assert changed(650, slice(160, 240)).all()
    assert not changed(650, slice(270, 340)).any()
    assert not changed(slice(220, 580), slice(0, 540)).any()
    first, second = (picture[_place(200), _place(x - 10)].astype(int) for x in (150, 650))
    assert np.abs(first - second).max() > 80


def test_somebody_small_is_shown_larger(tmp_path: Path) -> None:
    onlooker = Onlooker()
    person = Sighting(np.array([600.0, 300, 640, 400]), np.zeros((0, 2)), np.zeros(0), np.zeros(96))
    frame, seen = _frame([person], (1920, 1080))
    frame.photo.pixels[300:400, 600:640] = (250, 20, 20)
    Watcher(onlooker, tmp_path, NAMES).show(frame, seen, [3])
    (picture,) = onlooker.pictures
    # four tenths of 1080 px are shown, 432 px, with the person in the middle
    assert picture.shape == (432, 432, 3)
    red = np.argwhere(np.abs(picture.astype(int) - (250, 20, 20)).max(axis=2) < 60)
    np.testing.assert_allclose(red.mean(axis=0), 215.5, atol=4)
    assert len(red) > 0.7 * 40 * 100


def test_there_is_no_more_than_one_picture_a_second(tmp_path: Path) -> None:
    onlooker, clock = Onlooker(), Clock()
    watcher = Watcher(onlooker, tmp_path, NAMES, clock)
    for step in (0.0, 0.4 * EVERY_S, 0.4 * EVERY_S, 0.3 * EVERY_S):
        clock.now += step
        watcher.show(*_frame([]), [])
    assert len(onlooker.pictures) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["latest.jpg"]


def test_nothing_is_drawn_for_who_hears_of_no_pictures(tmp_path: Path) -> None:
    Watcher(Silent(), tmp_path, NAMES).show(*_frame([]), [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("turn", [0, 90])
def test_a_run_shows_its_frames(tmp_path: Path, turn: int) -> None:
    video = write_video(tmp_path / "walk.mp4", film([lambda frame: 10 + 4 * frame], 8), 5.0)
    onlooker = Onlooker()
    request = TakeRequest(footage=video, out=tmp_path / "out", engine="landmarks", turn=turn, plain=True)
    engine = FilmEngine(toy_body(keypoints_on_joints=True))
    make_take(request, cast("Inference", FilmInference(engine)), onlooker)
    picture = onlooker.pictures[0]
    assert picture.shape[0] == picture.shape[1]
    red = np.argwhere(np.abs(picture.astype(int) - COLOURS[0]).max(axis=2) < 60)
    across, along = np.ptp(red, axis=0)[:: 1 if turn else -1]
    assert across == pytest.approx(60, abs=3)
    assert along == pytest.approx(180, abs=3)
