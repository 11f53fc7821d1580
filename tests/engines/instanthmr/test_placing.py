"""From the camera that the network assumes to the photo's lens."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from native_runtime.camera import MHR_TO_CAMERA, project, unproject
from native_runtime.engines.instanthmr.crop import assumed_lens
from native_runtime.engines.instanthmr.placing import Placing
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.state import PlacedState

from .conftest import hips

SIZES = {"landscape": (1500, 1000), "portrait": (900, 1500), "square": (1000, 1000)}
PLACES = {"middle": (0.5, 0.5), "left": (0.15, 0.55), "corner": (0.85, 0.25)}
LENSES = {"wide": (0.5, 0.0), "short": (0.75, 0.1), "long": (1.5, -0.1), "tele": (2.0, 0.2), "shifted": (1.0, 0.2)}
"""Focal length in diagonals; by what part of the photo the principal point is off its middle."""


def lens_of(size: tuple[int, int], diagonals: float, off: float) -> np.ndarray:
    focal = diagonals * math.hypot(*size)
    return np.array([[focal, 0, size[0] * (0.5 + off)], [0, focal, size[1] * (0.5 - off)], [0, 0, 1.0]])


def placed(placing: Placing, standing: PlacedState, size: tuple[int, int], place: tuple[float, float]) -> PlacedState:
    """Somebody whose hips are at a place of the photo, half as tall as it, before the assumed camera."""
    assumed = assumed_lens(size, None)
    pixel = np.array(place) * size
    middle = unproject(pixel, assumed[0, 0] * 1.8 / (0.5 * size[1]), assumed)
    return replace(standing, camera_translation=middle - hips(placing, standing))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_the_hips_keep_their_pixel_and_depth_follows_the_lens(
    placing: Placing,
    standing: PlacedState,
    size: tuple[int, int],
    place: tuple[float, float],
    lens: tuple[float, float],
) -> None:
    before, assumed, photo = placed(placing, standing, size, place), assumed_lens(size, None), lens_of(size, *lens)
    after = placing.carried(before, assumed, photo)
    old, new = hips(placing, before), hips(placing, after)
    np.testing.assert_allclose(project(new, photo), project(old, assumed), atol=1e-6)
    assert new[2] / old[2] == pytest.approx(lens[0], rel=1e-9)
    # all others stay as near as a rigid body can: without turning along they would not
    change = project(placing.keypoints(after), photo) - project(placing.keypoints(before), assumed)
    flat = replace(before, camera_translation=before.camera_translation + new - old)
    unturned = project(placing.keypoints(flat), photo) - project(placing.keypoints(before), assumed)
    person = 0.5 * size[1]
    assert np.linalg.norm(change, axis=1).mean() < 0.04 * person
    assert np.linalg.norm(change, axis=1).mean() <= np.linalg.norm(unturned, axis=1).mean() + 1e-9


def test_people_turn_along_with_the_line_of_sight(placing: Placing, standing: PlacedState) -> None:
    """Who looks into the camera still does, under a lens that shows them at another angle."""
    size = SIZES["landscape"]
    before, assumed = placed(placing, standing, size, PLACES["left"]), assumed_lens(size, None)
    after = placing.carried(before, assumed, lens_of(size, 1.5, 0))
    old, new = (euler_to_matrix(state.model_parameters[3:6]) for state in (before, after))
    turn = MHR_TO_CAMERA @ new @ old.T @ MHR_TO_CAMERA
    sights = [middle / np.linalg.norm(middle) for middle in (hips(placing, before), hips(placing, after))]
    between = math.degrees(math.acos(sights[0] @ sights[1]))
    assert between > 4
    assert math.degrees(math.acos(turn @ sights[0] @ sights[1])) < 0.5 * between


def test_there_and_back_is_the_same_body(placing: Placing, standing: PlacedState) -> None:
    size = SIZES["portrait"]
    before, assumed, photo = (
        placed(placing, standing, size, PLACES["corner"]),
        assumed_lens(size, None),
        lens_of(size, 1.4, 0.05),
    )
    back = placing.carried(placing.carried(before, assumed, photo), photo, assumed)
    assert np.linalg.norm(placing.keypoints(back) - placing.keypoints(before), axis=1).mean() < 0.01
    assert placing.carried(before, assumed, assumed) is before


def test_nobody_stands_behind_the_camera(placing: Placing, standing: PlacedState) -> None:
    assert placing.is_before_camera(placed(placing, standing, SIZES["square"], PLACES["middle"]))
    assert not placing.is_before_camera(standing)
    assert not placing.is_before_camera(replace(standing, camera_translation=np.array([0.0, 0.0, -4.0])))
