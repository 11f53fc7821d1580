"""Cameras that turn are followed against the truth; those that stand still do not move, those that travel are named."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from native_runtime.takes.camera_motion import CameraPath, Turn, TurnFinder, path_of

SIZE, FOCAL = (640, 360), 600.0
K = np.array([[FOCAL, 0, 319.5], [0, FOCAL, 179.5], [0, 0, 1.0]])


def _room() -> np.ndarray:
    """Soft blobs of all sizes on grey, 1600 x 1000."""
    rng = np.random.default_rng(4)
    picture = np.full((1000, 1600, 3), 120, np.uint8)
    for _ in range(900):
        place = int(rng.integers(0, 1600)), int(rng.integers(0, 1000))
        cv2.circle(picture, place, int(rng.integers(4, 30)), [int(v) for v in rng.integers(0, 255, 3)], -1)
    return cv2.GaussianBlur(picture, (5, 5), 0)


ROOM = _room()


def _rotation(pan: float, tilt: float, roll: float = 0.0) -> np.ndarray:
    """Camera to world, degrees."""
    vectors = ([0, np.radians(pan), 0], [np.radians(tilt), 0, 0], [0, 0, np.radians(roll)])
    a, b, c = (cv2.Rodrigues(np.array(vector, float))[0] for vector in vectors)
    return a @ b @ c


def _view(to_world: np.ndarray) -> np.ndarray:
    """What a camera sees that turned, of a wall far away."""
    far = np.array([[FOCAL, 0, 800.0], [0, FOCAL, 500.0], [0, 0, 1.0]])
    return cv2.warpPerspective(ROOM, K @ to_world.T @ np.linalg.inv(far), SIZE, flags=cv2.INTER_LINEAR)


def _path(frames: list[np.ndarray], people: list[list[np.ndarray]] | None = None) -> CameraPath:
    finder = TurnFinder(K)
    turns = [finder.turn(frame, people[k] if people else []) for k, frame in enumerate(frames)]
    return path_of(turns, K, SIZE)


def _degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.linalg.norm(cv2.Rodrigues(a.T @ b)[0])))


@pytest.mark.parametrize("way", [(1.0, 0.0, 0.0), (-0.8, 0.4, 0.0), (0.5, 0.2, 0.5)])
def test_a_camera_that_turns_is_followed(way: tuple[float, float, float]) -> None:
    truth = [_rotation(*(k * part for part in way)) for k in range(15)]
    path = _path([_view(pose) for pose in truth])
    assert path.to_world is not None
    assert not path.travels
    assert max(_degrees(one[:3, :3], other) for one, other in zip(path.to_world, truth)) < 0.25
    np.testing.assert_array_equal(path.to_world[:, :3, 3], 0)


def test_people_who_move_against_it_do_not_mislead() -> None:
    truth = [_rotation(0.7 * k, 0.0) for k in range(12)]
    frames, people = [_view(pose) for pose in truth], []
    for k, frame in enumerate(frames):
        x = 350 + 10 * k
        frame[60:350, x : x + 180] = ROOM[100:390, 200:380]
        people.append([np.array([x - 10.0, 60, x + 170, 350])])  # where they were a frame before
    path = _path(frames, people)
    assert path.to_world is not None
    assert _degrees(path.to_world[-1, :3, :3], truth[-1]) < 0.3


def test_a_camera_on_a_tripod_stands_still_whatever_the_noise() -> None:
    rng = np.random.default_rng(0)
    view = _view(np.eye(3)).astype(float)
    frames = [np.clip(view + rng.normal(0, 6, view.shape), 0, 255).astype(np.uint8) for _ in range(25)]
    assert _path(frames) == CameraPath(None, False)


def test_a_camera_that_travels_is_named() -> None:
    """Near things move more than far ones."""
    frames = []
    for k in range(15):
        frame = _view(np.eye(3))
        for row, speed in ((0, 0), (90, 5), (180, 10), (270, 16)):
            frame[row : row + 90] = ROOM[row + 200 : row + 290, 100 + speed * k : 740 + speed * k]
        frames.append(frame)
    assert _path(frames).travels


def test_where_nothing_is_seen_nothing_is_told() -> None:
    plain = [np.full((360, 640, 3), 90, np.uint8)] * 5
    finder = TurnFinder(K)
    turns = [finder.turn(frame, []) for frame in plain]
    assert [turn.share for turn in turns] == [1.0, 0, 0, 0, 0]
    assert all(np.array_equal(turn.rotation, np.eye(3)) for turn in turns)
    assert path_of([Turn.none()], K, SIZE).to_world is None
