"""Where the people of a photo stand."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.characters.placement import place_people, up_of, upright_turn
from native_runtime.errors import Sam3dbError


def test_people_stand_on_the_floor_and_keep_their_distance() -> None:
    rng = np.random.default_rng(1)
    people = [rng.normal(0, 0.4, (200, 3)) + centre for centre in ([0.5, 0.2, 4], [-1, 0.4, 6])]
    roots = [person.mean(axis=0) for person in people]
    placement = place_people(people, roots)
    world = [placement.world(person) for person in people]
    assert min(points[:, 2].min() for points in world) == pytest.approx(0)
    assert placement.world(roots[0])[:2] == pytest.approx([0, 0])
    assert placement.world(roots[1])[:2] == pytest.approx([roots[1][0] - roots[0][0], roots[1][2] - roots[0][2]])
    assert placement.camera(world[1]) == pytest.approx(people[1])
    assert placement.camera_location[1] == pytest.approx(-roots[0][2])


@pytest.mark.parametrize("up", [(0.1, -0.95, -0.2), (0.0, -0.8, 0.6), (-0.3, -0.9, 0.0), (0.0, 0.0, -1.0)])
def test_a_tilted_camera_stands_over_a_level_floor(up: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(2)
    above = np.array(up) / np.linalg.norm(up)
    people = [rng.normal(0, 0.4, (200, 3)) + centre for centre in ([0.5, 0.2, 4], [-1, 0.4, 6])]
    placement = place_people(people, [person.mean(axis=0) for person in people], above)
    world = [placement.world(person) for person in people]
    assert placement.turn @ placement.turn.T == pytest.approx(np.eye(3), abs=1e-12)
    assert placement.world(people[0][0] + above) - world[0][0] == pytest.approx([0, 0, 1])
    assert min(points[:, 2].min() for points in world) == pytest.approx(0)
    assert placement.world(people[0].mean(axis=0))[:2] == pytest.approx([0, 0])
    assert placement.camera(world[1]) == pytest.approx(people[1])
    assert placement.world([0, 0, 0]) == pytest.approx(placement.camera_location)
    sight = placement.world([0, 0, 1]) - placement.camera_location
    assert sight[0] == pytest.approx(0)
    assert sight[1] > -1e-9


def test_a_level_camera_is_not_turned() -> None:
    assert np.array_equal(upright_turn([0.0, -1.0, 0.0]), np.eye(3))


def test_up_comes_from_the_estimates_details() -> None:
    assert up_of({}) is None
    assert up_of({"lens": {"source": "exif"}}) is None
    assert up_of({"lens": {"up": [0, -2, 0]}}) == pytest.approx([0, -1, 0])
    for bad in ("up", [0, -1], [0, 0, 0], [0, float("nan"), 1], [[1], 2, 3]):
        with pytest.raises(Sam3dbError, match="no direction"):
            up_of({"lens": {"up": bad}})
