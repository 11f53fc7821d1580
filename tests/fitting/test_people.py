"""Several people in one space: apart, in the order in which they cover each other, on one floor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.fitting.collision import gaps
from native_runtime.fitting.evidence import Silhouette
from native_runtime.fitting.people import Together, line_of_sight, shifts
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import SeenPoints, project
from native_runtime.fitting.volume import FINGERS, BodyVolume
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

LENS = np.array([[1000.0, 0, 499.5], [0, 1000.0, 499.5], [0, 0, 1]])
LEVEL = Gravity(sigma=0.01)


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def at(body: Body, x: float, z: float, y: float = 1.0) -> PlacedState:
    parameters = PosePrior.load(body).natural_parameters(body)
    return PlacedState(parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([x, y, z]))


def moved(body: Body, people: list[Together], shift: np.ndarray) -> list[PlacedState]:
    return [
        replace(p.state, camera_translation=p.state.camera_translation + s * line_of_sight(body, p.state)[0])
        for p, s in zip(people, shift)
    ]


def overlap(body: Body, first: PlacedState, second: PlacedState) -> float:
    """m by which the deepest sphere of one lies in a capsule of the other."""
    volume, seen = BodyVolume.of(body), SeenPoints(BodyVolume.of(body).points)
    a, b = (seen.camera(body.pose(s.model_parameters), s) for s in (first, second))
    radii = volume.radii_of(first.identity)
    sphere, capsule = np.indices((len(a), len(volume.capsules))).reshape(2, -1)
    ends = volume.capsules[capsule]
    return float(-gaps(a[sphere], radii[sphere], b[ends], radii[ends]).gap.min())


def test_two_who_overlap_part_along_their_lines_of_sight(body: Body) -> None:
    people = [Together(at(body, -0.1, 4.0)), Together(at(body, 0.1, 4.1))]
    assert overlap(body, people[0].state, people[1].state) > 0.05
    shift = shifts(body, people, LENS)
    assert shift[0] < -0.03
    assert shift[1] > 0.03
    assert overlap(body, *moved(body, people, shift)) < 0.03


def test_people_who_are_apart_stay(body: Body) -> None:
    people = [Together(at(body, -1.0, 4.0)), Together(at(body, 1.0, 5.0))]
    np.testing.assert_array_equal(shifts(body, people, LENS), 0.0)
    np.testing.assert_array_equal(shifts(body, people[:1], LENS), 0.0)
    assert len(shifts(body, [], LENS)) == 0


def silhouettes(body: Body, front: PlacedState, back: PlacedState) -> tuple[Silhouette, Silhouette]:
    """Discs at the spheres of two bodies; the one in front is whole."""
    import cv2

    volume, masks = BodyVolume.of(body), []
    for state in (front, back):
        centres = SeenPoints(volume.points).camera(body.pose(state.model_parameters), state)
        mask = np.zeros((1000, 1000), np.uint8)
        for place, radius, depth in zip(project(centres, LENS), volume.radii_of(state.identity), centres[:, 2]):
            cv2.circle(mask, tuple(int(v) for v in place), max(int(1000 * radius / depth), 1), 1, -1)
        masks.append(mask)
    masks[1][masks[0] > 0] = 0
    return tuple(Silhouette(mask.astype(np.float32), np.eye(3)[:2]) for mask in masks)  # type: ignore[return-value]


def test_who_covers_another_one_comes_before_them(body: Body) -> None:
    """Fitted half a metre too far away."""
    front, back = at(body, -0.12, 4.5), at(body, 0.12, 4.0)
    shown, covered = silhouettes(body, front, back)
    people = [Together(front, shown), Together(back, covered)]
    after = moved(body, people, shifts(body, people, LENS))
    assert after[0].camera_translation[2] - after[1].camera_translation[2] < 0.0
    # without masks nobody knows
    unknown = [Together(front), Together(back)]
    assert abs(shifts(body, unknown, LENS)).max() < 0.05


def test_limbs_that_nobody_sees_move_nobody(body: Body) -> None:
    """Only the arms of two meet."""
    people = [Together(at(body, -0.3, 4.0)), Together(at(body, 0.3, 4.04))]
    while overlap(body, people[0].state, people[1].state) < 0.02:
        people = [
            replace(p, state=replace(p.state, camera_translation=p.state.camera_translation * [0.95, 1, 1]))
            for p in people
        ]
    assert abs(shifts(body, people, LENS)).max() > 0.005
    arms = tuple(f"{side}_{part}" for side in "lr" for part in ("uparm", "lowarm", "wrist", *FINGERS, "thumb"))
    np.testing.assert_array_equal(shifts(body, [replace(p, unseen=arms) for p in people], LENS), 0.0)


def test_feet_come_to_one_floor(body: Body) -> None:
    """The camera looks level from 1.6 m; one of three has been fitted too near, with feet above the others' floor."""
    true = [at(body, -1.0, 4.0, 1.6), at(body, 0.0, 5.0, 1.6), at(body, 1.0, 6.0, 1.6)]
    line, distance = line_of_sight(body, true[1])
    near = replace(true[1], camera_translation=true[1].camera_translation - 0.08 * distance * line)
    people = [Together(s, None, (True, True)) for s in (true[0], near, true[2])]
    shift = shifts(body, people, LENS, LEVEL)
    # the floor gives back what the prior on depth leaves of it
    assert 0.2 * 0.08 * distance < shift[1] < 1.1 * 0.08 * distance
    assert abs(shift[[0, 2]]).max() < 0.8 * shift[1]
    flying = [people[0], replace(people[1], planted=(False, False)), people[2]]
    assert abs(shifts(body, flying, LENS, LEVEL)[1]) < 1e-3


def test_the_order_of_people_does_not_matter(body: Body) -> None:
    people = [
        Together(at(body, -0.1, 4.0), None, (True, True)),
        Together(at(body, 0.1, 4.1), None, (True, False)),
        Together(at(body, 0.3, 4.4), None, (True, True)),
    ]
    shift = shifts(body, people, LENS, LEVEL)
    for order in ([1, 0, 2], [2, 1, 0], [1, 2, 0]):
        np.testing.assert_allclose(shifts(body, [people[k] for k in order], LENS, LEVEL), shift[order], atol=1e-4)
    np.testing.assert_array_equal(shifts(body, people, LENS, LEVEL), shift)
