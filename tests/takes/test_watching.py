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


def test_people_are_drawn_in_colours_of_their_own(tmp_path: Path) -> None:
    onlooker = Onlooker()
    people = [_person(100, [1, 1, 1, 1]), _person(600, [1, 1, 1, 0.1])]
    Watcher(onlooker, tmp_path, NAMES).show(*_frame(people), [0, 4])
    (picture,) = onlooker.pictures
    assert picture.shape == (SIDE * 540 // 960, SIDE, 3)
    changed = np.abs(picture.astype(int) - 90).max(axis=2) > 60
    # boxes at half the size; limbs between points that are seen
    assert changed[25:225, 50].mean() > 0.9
    assert changed[25:225, 300].mean() > 0.9
    assert changed[80:170, 75].all()
    assert changed[80:120, 325].all()
    assert not changed[135:170, 325].any()
    assert not changed[:, 170:290].any()
    first, second = picture[100, 75].astype(int), picture[100, 325].astype(int)
    assert np.abs(first - second).max() > 80


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
    assert picture.shape[:2] == ((240, 320) if turn == 0 else (320, 240))
    assert (np.abs(picture.astype(int) - COLOURS[0]).max(axis=2) < 60).mean() > 0.05
