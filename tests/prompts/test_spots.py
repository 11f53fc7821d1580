"""Which handles are shown, and which one the mouse is on."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.prompts.prompt import keypoint_names
from native_runtime.prompts.spots import Spots, thin_out

NAMES = keypoint_names()
ARM = {
    "left_shoulder": (0, 0), "left_acromion": (6, 8), "left_elbow": (100, 0), "left_olecranon": (110, 0),
    "left_cubital_fossa": (95, 0), "left_wrist": (102, 3), "right_elbow": (300, 0), "right_olecranon": (309, 0),
}  # fmt: skip


def spots_at(places: dict[str, tuple[float, float]]) -> Spots:
    centres = np.array(list(places.values()), dtype=float)
    return Spots(tuple(NAMES.index(name) for name in places), centres, np.full(len(places), 8.0))


def shown(spots: Spots) -> set[str]:
    return {NAMES[keypoint] for keypoint in spots.keypoints}


def test_one_spot_a_joint_is_shown() -> None:
    assert shown(thin_out(spots_at(ARM), 22.0)) == {"left_shoulder", "left_elbow", "left_wrist", "right_elbow"}


def test_all_are_shown_from_near() -> None:
    near = {name: (10.0 * x, 10.0 * y) for name, (x, y) in ARM.items()}
    thinned = thin_out(spots_at(near), 22.0)
    assert shown(thinned) == set(ARM)
    assert thinned.centres == pytest.approx(np.array(list(near.values())))


def test_what_was_said_something_about_is_always_shown() -> None:
    always = [NAMES.index("left_olecranon"), NAMES.index("left_acromion")]
    thinned = shown(thin_out(spots_at(ARM), 22.0, always))
    assert {"left_olecranon", "left_acromion", "left_elbow", "left_shoulder"} <= thinned
    assert "left_cubital_fossa" not in thinned


def test_the_joints_of_a_body_are_shown_however_small_it_is() -> None:
    places = dict.fromkeys(NAMES, (0.0, 0.0))
    left = shown(thin_out(spots_at(places), 22.0))
    assert {"nose", "neck", "left_wrist", "right_wrist", "left_elbow", "left_knee", "left_hip"} <= left
    assert len(left) == 14  # six joints of each side, neck and nose
    assert thin_out(Spots(), 22.0).keypoints == ()


def test_the_mouse_is_on_the_nearest_by_its_own_size() -> None:
    spots = Spots((5, 9, 12), np.array([[10.0, 10.0], [16.0, 10.0], [60.0, 60.0]]), np.array([12.0, 2.0, 4.0]))
    assert spots.at((16, 10), 1.0) == 9
    assert spots.at((13, 10), 1.0) == 5
    assert spots.at((66, 60), 8.0) == 12  # a small one is caught from afar
    assert spots.at((66, 60), 4.0) is None
    assert Spots().at((0, 0), 8.0) is None
