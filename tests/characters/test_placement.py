"""Where the people of a photo stand."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.characters.placement import place_people


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
