"""Kinds by rules: every kind is told of poses and pictures that are of it, and not of people who just stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.mining.kinds import KINDS, TITLES, Kind, Scene, kinds_of
from native_runtime.mining.picture import Sharpness, sharpness
from native_runtime.mining.posture import posture
from tests.mining.people import Poser, poser

_WHOLE = Scene(outside=0.0, hidden=0.0)
_STAND: dict[str, Any] = {"thighs": [0.1, -1.0, 0.0], "shanks": [0.05, -1.0, 0.0]}
_HANDSTAND: dict[str, Any] = {
    "trunk": [0.0, -1.0, 0.0], "hips": [-1.0, 0.0, 0.0], "look": [0.0, 0.0, 1.0], "upper_arms": [-0.1, -1.0, 0.0],
    "forearms": [0.0, -1.0, 0.1], "thighs": [0.1, 1.0, 0.0], "shanks": [0.0, 1.0, 0.0],
}  # fmt: skip


@pytest.fixture(scope="module")
def people(default_body_path: Path) -> Poser:
    return poser(default_body_path)


def _kinds(people: Poser, pose: Any, **how: Any) -> tuple[Kind, ...]:
    return kinds_of(posture(people.estimate(pose, **how), people.body), _WHOLE)


def test_every_kind_has_a_title() -> None:
    assert set(TITLES) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "pose"),
    [
        ("inverted", _HANDSTAND),
        ("leg_split", {"thighs": [1.0, -0.1, 0.1], "shanks": [1.0, -0.1, 0.1]}),
        ("arm_split", {**_STAND, "upper_arms": [1.0, 0.0, 0.0], "forearms": [1.0, 0.0, 0.0]}),
        ("arms_raised", "standing_arms_up"),
        ("bent_over", "standing_picking_up"),
        ("lying", "lying_on_the_back"),
        ("lying", "lying_on_the_belly"),
        ("crouch", "squatting_deep"),
        ("cross_legged", "floor_cross_legged"),
        ("cross_legged", "yoga_lotus"),
        ("crossed_legs", "sitting_legs_crossed"),
    ],
)
def test_poses_are_of_their_kind(people: Poser, kind: Kind, pose: Any) -> None:
    assert kind in _kinds(people, pose)


@pytest.mark.parametrize("pose", ["standing_at_ease", "standing_attention", "standing_hand_on_hip", "sitting_upright"])
def test_nothing_is_hard_about_people_who_stand_or_sit(people: Poser, pose: str) -> None:
    assert _kinds(people, pose) == ()


@pytest.mark.parametrize(
    "spine",
    [
        {"spine_twist0": 0.9, "spine_twist1": 0.9},
        {"spine_lean0": 0.7, "spine_lean1": 0.7},
        {"spine_bend0": -0.5, "spine_bend1": -0.5},
    ],
)
def test_a_contorted_spine_is_told_whichever_way_it_goes(people: Poser, spine: dict[str, float]) -> None:
    assert "contortion" in _kinds(people, _STAND, spine=spine)
    mirrored = {name: value if "bend" in name else -value for name, value in spine.items()}
    assert "contortion" in _kinds(people, _STAND, spine=mirrored)


def test_who_is_seen_from_behind(people: Poser) -> None:
    assert "back_view" in _kinds(people, "standing_at_ease", yaw=np.pi - 0.4)
    assert "back_view" not in _kinds(people, "standing_at_ease", yaw=-0.9)


def test_where_the_camera_is(people: Poser) -> None:
    above = people.estimate("standing_at_ease", rise=-3.0)
    below = people.estimate("standing_at_ease", rise=2.0)
    assert "top_down" in kinds_of(posture(above, people.body), _WHOLE)
    assert "bottom_up" in kinds_of(posture(below, people.body), _WHOLE)


def test_postures_do_not_depend_on_which_way_the_camera_rolls(people: Poser) -> None:
    """Up follows the lens: a rolled camera sees the same pose."""
    estimate = people.estimate("yoga_triangle")
    level = posture(estimate, people.body)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    rolled = estimate.__class__(
        **{**vars(estimate), "keypoints_3d": estimate.keypoints_3d @ turn.T, "joints": estimate.joints @ turn.T,
           "details": {"lens": {"up": (turn @ [0.0, -1.0, 0.0]).tolist()}}}
    )  # fmt: skip
    for name, value in vars(posture(rolled, people.body)).items():
        assert np.allclose(value, getattr(level, name), atol=1e-4), name


@pytest.mark.parametrize(
    ("kind", "scene"),
    [
        ("truncation", Scene(outside=0.5)),
        ("occlusion", Scene(outside=0.0, hidden=0.6)),
        ("crowd", Scene(outside=0.0, people=5)),
        ("crowd", Scene(outside=0.0, people=2, covered=0.5)),
        ("motion_blur", Scene(outside=0.0, sharpness=Sharpness(2.0, 0.3))),
        ("small", Scene(outside=0.0, size=40.0)),
    ],
)
def test_pictures_are_of_their_kind(people: Poser, kind: Kind, scene: Scene) -> None:
    standing = posture(people.estimate("standing_at_ease"), people.body)
    assert kinds_of(standing, scene) == (kind,)


def test_a_blurred_picture_is_softer_along_the_movement() -> None:
    rng = np.random.default_rng(3)
    picture = np.full((200, 200, 3), 90, np.uint8)
    for _ in range(25):
        x, y, w, h = (int(v) for v in rng.integers(5, 180, 4))
        cv2.rectangle(picture, (x, y), (x + w // 4, y + h // 4), [int(v) for v in rng.integers(0, 255, 3)], -1)
    box = np.array([0.0, 0.0, 199.0, 199.0])
    blurred = cv2.filter2D(picture, -1, np.full((1, 13), 1 / 13, np.float32))
    noise = rng.normal(0, 3, picture.shape)
    sharp, soft = (
        sharpness(np.clip(one + noise, 0, 255).astype(np.uint8), box) for one in (picture, np.asarray(blurred))
    )
    assert soft.softest > sharp.softest + 0.2
    assert soft.difference > sharp.difference + 0.1


def test_nothing_is_said_of_a_picture_without_anything_in_it() -> None:
    flat = sharpness(np.full((50, 50, 3), 128, np.uint8), np.array([5.0, 5.0, 30.0, 45.0]))
    assert np.isnan(flat.softest)
