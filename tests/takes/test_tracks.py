"""Who is who: people who cross, enter, leave, are hidden for a while, and errors of the networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from native_runtime.takes.looks import BINS, look_distance, torso_look
from native_runtime.takes.tracks import Sighting, Track, Tracker, tidy, without_doubles

FPS = 25.0
_SKELETON = np.random.default_rng(0).uniform([0.2, 0.0], [0.8, 1.0], (17, 2))
Way = Callable[[int], tuple[float, float] | None]


@dataclass
class Actor:
    """Somebody who walks: where the middle of their box is in each frame; None: out of sight."""

    way: Way
    look: int
    size: tuple[float, float] = (60.0, 160.0)

    def sighting(self, frame: int, rng: np.random.Generator) -> Sighting | None:
        place = self.way(frame)
        if place is None:
            return None
        width, height = self.size
        corner = np.array(place) - np.array(self.size) / 2
        swing = 0.15 * np.sin(0.4 * frame + self.look + np.arange(17))[:, None] * [1.0, 0.2]
        points = corner + (_SKELETON + swing) * self.size + rng.normal(0, 1.5, (17, 2))
        look = np.full(BINS, 0.002)
        look[7 * self.look : 7 * self.look + 5] += rng.uniform(0.8, 1.2, 5)
        box = np.concatenate([corner, corner + [width, height]]) + rng.normal(0, 1.5, 4)
        return Sighting(box, points, np.full(17, 0.9), look / look.sum())


@dataclass
class Film:
    """What was seen, in a random order in each frame, and who it was."""

    actors: list[Actor]
    count: int = 60
    seed: int = 0

    def run(self, cuts: tuple[int, ...] = ()) -> tuple[list[Track], dict[int, list[int]]]:
        rng, tracker = np.random.default_rng(self.seed), Tracker()
        self.sightings, truth = {}, {}
        for frame in range(self.count):
            if frame in cuts:
                tracker.cut()
            there = [(who, s) for who, a in enumerate(self.actors) if (s := a.sighting(frame, rng)) is not None]
            order = rng.permutation(len(there))
            truth[frame] = [there[k][0] for k in order]
            self.sightings[frame] = [there[k][1] for k in order]
            tracker.update(frame, frame / FPS, self.sightings[frame])
        times = {frame: frame / FPS for frame in range(self.count)}
        return tidy(tracker.tracks, self.sightings, times), truth


def _who(track: Track, truth: dict[int, list[int]]) -> set[int]:
    return {truth[frame][place] for frame, place in track.seen.items()}


def _straight(x: float, step: float, y: float = 200.0) -> Way:
    return lambda frame: (x + step * frame, y)


@pytest.mark.parametrize("seed", range(4))
def test_two_people_who_cross_stay_themselves(seed: int) -> None:
    film = Film([Actor(_straight(100, 6), 0), Actor(_straight(460, -6), 1)], seed=seed)
    tracks, truth = film.run()
    assert [len(track.seen) for track in tracks] == [60, 60]
    assert sorted(map(tuple, (_who(track, truth) for track in tracks))) == [(0,), (1,)]


@pytest.mark.parametrize("seed", range(4))
def test_people_dressed_alike_who_cross_stay_themselves_by_their_motion(seed: int) -> None:
    film = Film([Actor(_straight(100, 9), 2), Actor(_straight(640, -9, 215.0), 2)], seed=seed)
    tracks, truth = film.run()
    assert [_who(track, truth) for track in tracks] in ([{0}, {1}], [{1}, {0}])


def test_somebody_hidden_for_a_while_is_the_same_afterwards() -> None:
    def behind(frame: int) -> tuple[float, float] | None:
        return None if 25 <= frame < 40 else (100 + 6.0 * frame, 200.0)

    film = Film([Actor(behind, 0), Actor(_straight(280, 0.0), 1)])
    tracks, truth = film.run()
    assert sorted(len(track.seen) for track in tracks) == [45, 60]
    assert all(len(_who(track, truth)) == 1 for track in tracks)
    (gappy,) = (track for track in tracks if len(track.seen) == 45)
    assert gappy.spans == [(0, 24), (40, 59)]


def test_who_enters_later_is_somebody_else_than_who_left() -> None:
    def leaves(frame: int) -> tuple[float, float] | None:
        return (300 + 10.0 * frame, 200.0) if frame < 25 else None

    def enters(frame: int) -> tuple[float, float] | None:
        return (550 - 8.0 * (frame - 30), 200.0) if frame >= 30 else None

    tracks, truth = Film([Actor(leaves, 0), Actor(enters, 5)]).run()
    assert len(tracks) == 2
    assert all(len(_who(track, truth)) == 1 for track in tracks)


def test_a_short_error_is_nobody() -> None:
    ghost = Actor(lambda frame: (600.0, 100.0) if 20 <= frame < 24 else None, 8)
    tracks, truth = Film([Actor(_straight(100, 2), 0), ghost]).run()
    assert [_who(track, truth) for track in tracks] == [{0}]


def test_in_a_short_take_everybody_counts() -> None:
    tracks, _ = Film([Actor(_straight(100, 2), 0)], count=3).run()
    assert [sorted(track.seen) for track in tracks] == [[0, 1, 2]]


def test_nobody_is_followed_across_a_cut() -> None:
    tracks, _ = Film([Actor(_straight(100, 0.5), 0)]).run(cuts=(30,))
    assert sorted((track.first, track.last) for track in tracks) == [(0, 29), (30, 59)]


def test_the_largest_and_longest_comes_first() -> None:
    small = Actor(_straight(100, 1), 0, (30.0, 80.0))
    brief = Actor(lambda frame: (500.0, 200.0) if frame > 45 else None, 1)
    tracks, truth = Film([small, brief, Actor(_straight(300, 1), 2)]).run()
    assert [_who(track, truth) for track in tracks] == [{2}, {0}, {1}]
    assert [track.number for track in tracks] == [0, 1, 2]


def test_one_person_found_in_two_boxes_counts_once() -> None:
    rng = np.random.default_rng(0)
    one, other = Actor(_straight(100, 0), 0), Actor(_straight(130, 0), 0)
    first, again, beside = one.sighting(3, rng), one.sighting(3, rng), other.sighting(9, rng)
    assert first is not None and again is not None and beside is not None  # noqa: PT018
    assert without_doubles([first, beside, again]) == [0, 1]
    no_points = [Sighting(s.box, np.zeros((0, 2)), np.zeros(0), s.look) for s in (first, beside, again)]
    assert without_doubles(no_points) == [0, 1]


def test_engines_without_points_are_followed_by_boxes() -> None:
    rng, tracker = np.random.default_rng(0), Tracker()
    actors = [Actor(_straight(100, 4), 0), Actor(_straight(400, -4), 1)]
    names: dict[int, set[int]] = {}
    for frame in range(60):
        for who, number in enumerate(
            tracker.update(
                frame,
                frame / FPS,
                [
                    Sighting(s.box, np.zeros((0, 2)), np.zeros(0), s.look)
                    for actor in actors
                    if (s := actor.sighting(frame, rng)) is not None
                ],
            )
        ):
            names.setdefault(who, set()).add(number)
    assert names == {0: {0}, 1: {1}}


def test_where_somebody_is_expected_moves_on_with_them() -> None:
    rng, tracker = np.random.default_rng(0), Tracker()
    actor = Actor(_straight(100, 5), 0)
    for frame in range(10):
        sighting = actor.sighting(frame, rng)
        assert sighting is not None
        tracker.update(frame, frame / FPS, [sighting])
    ((box, seen),) = tracker.expected(10 / FPS).values()
    assert seen
    assert (box[0] + box[2]) / 2 == pytest.approx(150, abs=8)
    tracker.update(10, 10 / FPS, [])
    assert tracker.expected(0.5)
    assert not tracker.expected(2.0)


def test_the_look_is_that_of_the_torso() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[60:100, 80:120] = (200, 30, 30)
    box, torso = np.array([70.0, 20, 130, 190]), np.array([[82.0, 60], [118, 60], [84, 98], [116, 98]])
    red = torso_look(picture, box, torso)
    picture[60:100, 80:120] = (30, 30, 200)
    blue = torso_look(picture, box, torso)
    assert red.sum() == pytest.approx(1.0)
    assert look_distance(red, red) == pytest.approx(0.0, abs=1e-6)
    assert look_distance(red, blue) > 0.7
    picture[:60] = 255
    assert look_distance(torso_look(picture, box, torso), blue) < 0.2
    outside = torso_look(picture, np.array([300.0, 20, 340, 190]))
    assert not outside.any()
    assert look_distance(outside, red) == 0.5
