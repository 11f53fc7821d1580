"""The bodies and poses that come with the extension."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from native_runtime.characters.preset_library import Preset, library, preset_named, with_body, with_pose
from native_runtime.characters.presets import mirrored, paired, randomise
from native_runtime.characters.settings import CharacterSettings, parameters_of
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, rotation_between

BODIES, POSES = library("bodies"), library("poses")


@pytest.fixture(scope="module")
def body(default_body_path: object) -> Body:
    """The default body: presets are made for it."""
    return Body.load(str(default_body_path))


def _by_key(preset: Preset) -> str:
    return preset.key


def test_there_are_twelve_of_each_with_pictures() -> None:
    assert (len(BODIES), len(POSES)) == (12, 12)
    assert len({preset.key for preset in BODIES + POSES}) == 24
    for preset in BODIES + POSES:
        picture = cv2.imread(str(preset.picture))
        assert picture is not None, preset.key
        assert picture.shape == (160, 160, 3)
        assert preset.picture.stat().st_size <= 15_000
        assert preset.name
        assert preset.description


@pytest.mark.parametrize("preset", BODIES + POSES, ids=_by_key)
def test_presets_keep_the_limits_of_people(body: Body, preset: Preset) -> None:
    part = parameters_of(body, "skeleton" if preset.kind == "bodies" else "pose")
    for name, value in preset.parameters.items():
        index = body.parameter_index(name)
        assert part[index], name
        assert body.limit_min[index] - 1e-3 <= value <= body.limit_max[index] + 1e-3, name
    for name, value in preset.identity.items():
        index = list(body.identity_names).index(name)
        assert body.identity_min[index] <= value <= body.identity_max[index], name


def test_bodies_differ_in_height_as_they_say(body: Body) -> None:
    neutral = CharacterSettings.neutral(body)
    for preset in BODIES:
        settings, notes = with_body(body, neutral, preset)
        points = body.vertices(settings.model_parameters, settings.identity)
        said = float(preset.description.split()[-2])
        assert np.ptp(points[:, 1]) == pytest.approx(said, abs=1.0), preset.key
        assert notes == []


@pytest.mark.parametrize("preset", POSES, ids=_by_key)
def test_hands_are_outside_the_body_and_something_stands_on_the_floor(body: Body, preset: Preset) -> None:
    settings = with_pose(body, CharacterSettings.neutral(body), preset, floor=0.0)
    points = body.vertices(settings.model_parameters)
    assert points[:, 1].min() == pytest.approx(preset.lift, abs=1e-4)
    assert _depth_of_hands(body, points) < 0.3
    if not preset.lift:
        feet = [points[_moved_by(body, f"{side}_ball")][:, 1].min() for side in "lr"]
        assert min(feet) < 1.0


def _moved_by(body: Body, *names: str) -> np.ndarray:
    """(V,) the vertices that joints with these beginnings move most."""
    strongest = body.skin_indices[np.arange(body.vertex_count), body.skin_weights.argmax(axis=1)]
    return np.array([body.joint_names[joint].startswith(names) for joint in strongest])


def _depth_of_hands(body: Body, points: np.ndarray) -> float:
    """How far a hand is inside of the trunk, the head or a leg, cm."""
    triangles = np.asarray(body.triangles)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    normals = np.zeros_like(points)
    for k in range(3):
        np.add.at(normals, triangles[:, k], np.cross(b - a, c - a))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    fingers = ("wrist", "thumb", "index", "middle", "ring", "pinky")
    hands = _moved_by(body, *(f"{side}_{name}" for side in "lr" for name in fingers))
    arms = _moved_by(body, *(f"{side}_{name}" for side in "lr" for name in ("clavicle", "uparm", "lowarm"))) | hands
    rest = np.flatnonzero(~arms)
    distances, nearest = cKDTree(points[rest]).query(points[hands])
    heights = np.einsum("ij,ij->i", points[hands] - points[rest[nearest]], normals[rest[nearest]])
    return float(-heights[distances < 8].min(initial=0.0))


def test_a_pose_keeps_where_somebody_stands_and_faces(body: Body) -> None:
    settings = CharacterSettings.neutral(body)
    settings.model_parameters[:6] = (2.0, 1.0, -3.0, 0.0, 0.9, 0.0)
    settings.identity[0] = 1.0
    ahead = euler_to_matrix(np.array([0.0, 0.9, 0.0]))[:, 2]
    for pose in ("relaxed", "t_pose", "sit"):
        posed = with_pose(body, settings, preset_named("poses", pose), floor=5.0)
        points = body.vertices(posed.model_parameters, posed.identity)
        assert points[:, 1].min() == pytest.approx(5.0, abs=1e-4)
        assert posed.model_parameters[[0, 2]] == pytest.approx([2.0, -3.0])
        root = body.joint_index("root")
        turn = body.pose(posed.model_parameters).rotations[root] @ body.pose(np.zeros(204)).rotations[root].T
        assert turn[:, 2] @ ahead > 0.98
        assert np.array_equal(posed.identity, settings.identity)


def test_a_pose_is_upright_in_a_rig_that_is_not(body: Body) -> None:
    """A rig is turned as its photo's camera was tilted: the pose counts from the world's vertical."""
    up = np.array([0.1, 0.94, -0.33])
    up /= np.linalg.norm(up)
    level = rotation_between(up, [0.0, 1.0, 0.0])
    settings = CharacterSettings.neutral(body)
    settings.model_parameters[:6] = (2.0, 1.0, -3.0, 0.2, 0.9, 0.1)
    posed = with_pose(body, settings, preset_named("poses", "relaxed"), floor=-4.0, up=up)
    points = body.vertices(posed.model_parameters, posed.identity) @ level.T
    assert points[:, 1].min() == pytest.approx(-4.0, abs=1e-3)
    assert np.ptp(points[:, 1]) > 170
    root = body.joint_index("root")
    rest = body.pose(np.zeros(204)).rotations[root]
    before, after = (
        level @ body.pose(each.model_parameters).rotations[root] @ rest.T @ np.array([0.0, 0.0, 1.0])
        for each in (settings, posed)
    )
    assert after[[0, 2]] @ before[[0, 2]] / np.linalg.norm(after[[0, 2]]) / np.linalg.norm(before[[0, 2]]) > 0.999


def test_one_who_lies_stands_up(body: Body) -> None:
    lying = CharacterSettings.neutral(body)
    lying.model_parameters[3] = -1.5
    posed = with_pose(body, lying, preset_named("poses", "relaxed"), floor=0.0)
    assert np.ptp(body.vertices(posed.model_parameters)[:, 1]) > 170


def test_what_a_preset_does_not_concern_stays(any_body: Body) -> None:
    rng = np.random.default_rng(3)
    before = randomise(any_body, CharacterSettings.neutral(any_body), ["pose", "skeleton", "shape", "expression"], rng)
    pose, skeleton = (parameters_of(any_body, part) for part in ("pose", "skeleton"))
    posed = with_pose(any_body, before, preset_named("poses", "walk"))
    assert np.array_equal(posed.model_parameters[skeleton], before.model_parameters[skeleton])
    assert np.array_equal(posed.identity, before.identity)
    assert np.array_equal(posed.expression, before.expression)
    other, notes = with_body(any_body, before, preset_named("bodies", "heavy_man"))
    pose[any_body.parameter_index("root_ty")] = False  # the feet stay on the floor
    assert np.array_equal(other.model_parameters[pose], before.model_parameters[pose])
    assert np.array_equal(other.expression, before.expression)
    if set(preset_named("bodies", "heavy_man").identity) <= set(any_body.identity_names):
        assert notes == []
    else:
        assert np.array_equal(other.identity, before.identity)
        assert "only the skeleton" in notes[0]
    # nothing of one body is left in the next
    again = with_body(any_body, other, preset_named("bodies", "slim_man"))[0]
    fresh = with_body(any_body, CharacterSettings.neutral(any_body), preset_named("bodies", "slim_man"))[0]
    assert np.array_equal(again.model_parameters[skeleton], fresh.model_parameters[skeleton])


def test_a_mirrored_pose_is_its_mirror_image(body: Body) -> None:
    settings = with_pose(body, CharacterSettings.neutral(body), preset_named("poses", "guard"), floor=0.0)
    other = with_pose(body, CharacterSettings.neutral(body), preset_named("poses", "guard"), mirror=True, floor=0.0)
    places = body.pose(settings.model_parameters).translations
    seen = body.pose(other.model_parameters).translations
    for left, right in paired(body.joint_names):
        assert seen[left] == pytest.approx(places[right] * (-1, 1, 1), abs=0.6)
    twice = mirrored(body, mirrored(body, settings))
    assert twice.model_parameters == pytest.approx(settings.model_parameters)
