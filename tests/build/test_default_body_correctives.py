"""The default body's pose correctives: local, symmetric, nothing at rest, and joints bend better with them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.bends import BENDS, model_parameters, volumes
from native_runtime.build.default_body import recipe
from native_runtime.build.default_body.lattice import Flesh, Lattice
from native_runtime.characters.driven_correctives import drivable
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_about
from native_runtime.models import manifest, store

LEVELS = ("default", "default-lod1", "default-lod2")


@pytest.fixture(scope="module", params=LEVELS)
def body(request: pytest.FixtureRequest) -> Body:
    path = store.models_dir() / store.BODIES_FOLDER
    if not (path / manifest.NAME).is_file() or manifest.read(path).get("recipe") != recipe.recipe_hash():
        pytest.skip(f"no bodies of this recipe at {path}: run `sam3db models build`")
    return Body.load(path / f"{request.param}.npz")


def _moved(body: Body, values: np.ndarray) -> np.ndarray:
    """(V,) cm by which correctives move each vertex in a pose."""
    apart = body.vertices(values) - body.vertices(values, correctives=False)
    return np.linalg.norm(apart, axis=1)


def test_they_can_be_driven_and_are_nothing_at_rest(body: Body) -> None:
    assert drivable(body)
    assert _moved(body, np.zeros(204)).max() == 0.0


def test_a_bend_moves_its_surroundings_alone(body: Body) -> None:
    rest = body.rest_vertices
    places = body.pose(np.zeros(204)).translations
    for parameter, joint, reach in (("l_elbow_bend", "l_lowarm", 17.0), ("r_knee_bend", "r_lowleg", 29.0)):
        values = np.zeros(204)
        values[body.parameter_index(parameter)] = 1.8
        moved = _moved(body, values)
        assert moved.max() > 0.5
        assert moved[np.linalg.norm(rest - places[body.joint_index(joint)], axis=1) > reach].max() == 0.0


def test_joints_that_the_fit_looks_for_hardly_move(body: Body) -> None:
    """The fit's points leave correctives out, so a keypoint may lie beside its pin by as much."""
    sides = [f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip", "knee")]
    rows = [body.keypoint_names.index(name) for name in sides]
    for bend in BENDS.values():
        values = model_parameters(body, bend)
        pose = body.pose(values)
        with_, without = (body.keypoints(pose, body.vertices(values, correctives=on))[rows] for on in (True, False))
        assert np.linalg.norm(with_ - without, axis=1).max() < 0.4


def test_both_sides_bend_alike(body: Body) -> None:
    rest = body.rest_vertices.astype(np.float64)
    mirror = np.argmin(np.linalg.norm((rest * [-1, 1, 1])[:40, None] - rest, axis=2), axis=1)
    for name, value in (("elbow_bend", 1.7), ("upleg_rz", -1.6), ("uparm_ry", 0.9), ("wrist_rz", -1.1)):
        left, right = np.zeros(204), np.zeros(204)
        left[body.parameter_index(f"l_{name}")] = right[body.parameter_index(f"r_{name}")] = value
        a, b = _moved(body, left), _moved(body, right)
        assert a.max() == pytest.approx(b.max(), abs=1e-4)
        np.testing.assert_allclose(a[:40], b[mirror], atol=1e-4)


@pytest.mark.parametrize("body", LEVELS[:1], indirect=True)  # measured at the finest level
def test_joints_keep_more_of_their_volume_and_less_skin_goes_through_skin(body: Body) -> None:
    for name, least in (("elbow 140", 3.0), ("knee 150", 4.0)):
        bend = BENDS[name]
        values = model_parameters(body, bend)
        centre = body.pose(values).translations[body.joint_index(bend.joint)]
        plain, better = (
            volumes(body, body.vertices(values, correctives=on), centre, bend.reach) for on in (False, True)
        )
        assert better[0] > 1.05 * plain[0], name  # visible
        assert better[1] < plain[1] / least, name  # doubled


def _block() -> tuple[Lattice, np.ndarray]:
    """A bar along x of cubes of 1 cm, with skin on its sides, and which corners are at its ends."""
    x, angle = np.meshgrid(np.linspace(0, 12, 25), np.linspace(0, 2 * np.pi, 17)[:-1])
    normals = np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=-1).reshape(-1, 3)
    skin = np.stack([x.ravel(), *(2.0 * normals[:, 1:].T)], axis=1)
    lattice = Lattice.around(skin, normals, 1.0)
    ends = (lattice.nodes[:, 0] < 1.5) | (lattice.nodes[:, 0] > 10.5)
    return lattice, ends


def test_flesh_that_is_turned_as_a_whole_goes_back_to_its_shape(rng: np.random.Generator) -> None:
    lattice, ends = _block()
    turn = rotation_about(np.array([0.0, 0.0, 1.0]), 0.7)
    flesh = Flesh(lattice, ends, np.zeros(len(ends), bool))
    wanted = lattice.nodes @ turn.T
    start = wanted + rng.uniform(-0.2, 0.2, wanted.shape)
    found = flesh.bend(start, wanted, lambda skin: skin, 100)
    assert np.abs(found - wanted).max() < 0.05


def test_bent_flesh_stays_on_its_side_of_a_fold_and_keeps_its_volume() -> None:
    lattice, ends = _block()
    flesh = Flesh(lattice, ends, np.zeros(len(ends), bool))
    pressed = lambda skin: np.column_stack([skin[:, :2], np.minimum(skin[:, 2], 1.2)])  # noqa: E731
    free = lattice.skin(flesh.bend(lattice.nodes, lattice.nodes, lambda skin: skin, 60))
    skin = lattice.skin(flesh.bend(lattice.nodes, lattice.nodes, pressed, 60))
    middle = np.abs(skin[:, 0] - 6.0) < 3.0
    assert np.abs(free - lattice.skin(lattice.nodes)).max() < 1e-6
    assert skin[middle, 2].max() < 1.35
    assert np.ptp(skin[middle, 1]) > np.ptp(free[middle, 1]) + 0.04  # what is pressed gives way sideways
