"""The built default body: that it is what `docs/default_body.md` promises, at every level of detail."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from native_runtime.build.default_body import recipe
from native_runtime.build.default_body.build import SOURCES_FOLDER, build
from native_runtime.build.default_body.source import MakeHumanData
from native_runtime.files.templates import load_json
from native_runtime.mhr import Body, load_rig_facts
from native_runtime.models import manifest, store

pytestmark = pytest.mark.models
LEVELS = ("default", "default-lod1", "default-lod2")


@pytest.fixture(scope="module")
def folder() -> Path:
    """The folder of built bodies."""
    path = store.models_dir() / store.BODIES_FOLDER
    if not (path / manifest.NAME).is_file():
        pytest.skip(f"no bodies at {path}: run `sam3db models build`")
    if manifest.read(path).get("recipe") != recipe.recipe_hash():
        pytest.skip(f"the bodies at {path} are of another recipe: run `sam3db models build`")
    return path


@pytest.fixture(scope="module", params=LEVELS)
def body(request: pytest.FixtureRequest, folder: Path) -> Body:
    return Body.load(folder / f"{request.param}.npz")


@pytest.fixture(scope="module")
def finest(folder: Path) -> Body:
    return Body.load(folder / "default.npz")


def directed_edges(body: Body) -> np.ndarray:
    ends = np.concatenate([np.roll(f, -1) for f in np.split(body.face_vertices, np.cumsum(body.face_sizes)[:-1])])
    return np.stack([body.face_vertices, ends], axis=1)


def mirror_of(points: np.ndarray, decimals: int = 3) -> np.ndarray:
    """Index of each point's mirror image; fails where there is none within 10^-decimals."""
    order = np.lexsort(np.round(points * [1, 1, 1], decimals).T)
    other = np.lexsort(np.round(points * [-1, 1, 1], decimals).T)
    partner = np.empty(len(points), dtype=int)
    partner[other] = order
    return partner


def test_layout_is_mhr(body: Body):
    facts = load_rig_facts()
    assert tuple(body.joint_names) == tuple(facts.joint_names)
    assert tuple(body.parameter_names) == tuple(facts.parameterisation.names)
    rest = body.pose(np.zeros(204))
    limbs = [k for k, name in enumerate(facts.joint_names) if "tongue" not in name]
    assert np.abs(rest.rotations[limbs] - facts.rest_axes[limbs]).max() < 1e-4
    names = [k["name"] for k in load_json("mhr", "keypoints.json")["keypoints"]]
    assert list(body.keypoint_names) == names
    assert [n for n in body.landmark_names if n.startswith("blazepose")] == [f"blazepose_{k:02d}" for k in range(33)]
    assert {f"{s}_hand_{k}" for s in ("left", "right") for k in range(21)} <= set(body.landmark_names)


def test_limbs_point_where_mhrs_point(finest: Body):
    reference = load_json("default_body", "skeleton.json")["offsets"]
    joints = finest.pose(np.zeros(204)).translations
    chains = (
        ["uparm", "lowarm", "wrist_twist"],
        ["upleg", "lowleg", "foot"],
        *([f"{f}{k}" for k in ("1", "2", "3", "_null")] for f in ("thumb", "index", "middle", "ring", "pinky")),
    )
    for side in ("l_", "r_"):
        for chain in chains:
            for a, b in itertools.pairwise(chain):
                ours = joints[finest.joint_index(side + b)] - joints[finest.joint_index(side + a)]
                theirs = np.array(reference[side + b])
                cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
                assert np.degrees(np.arccos(min(cosine, 1.0))) < 0.1, (side, a, b)


def test_children_lie_on_their_parents_axis(finest: Body):
    """Where MHR's child lies on its parent's x axis, ours does: length parameters stretch bones, nothing else."""
    for name in ("lowarm_twist2_proc", "wrist_twist", "foot", "index2", "middle3", "ring_null", "pinky2", "thumb2"):
        for side in ("l_", "r_"):
            offset = finest.skeleton.offsets[finest.joint_index(side + name)]
            assert np.abs(offset[1:]).max() < 0.01, name
            assert np.sign(offset[0]) == (1 if side == "l_" else -1)


def test_stature_and_floor(finest: Body):
    low, high = finest.rest_vertices.min(axis=0), finest.rest_vertices.max(axis=0)
    assert 172 < high[1] - low[1] < 178
    assert abs(low[1]) < 0.1


def test_mesh_is_closed_manifold_and_outward(body: Body):
    edges = directed_edges(body)
    _, directed = np.unique(edges, axis=0, return_counts=True)
    _, undirected = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    assert directed.max() == 1
    assert undirected.min() == undirected.max() == 2
    assert len(np.unique(body.face_vertices)) == body.vertex_count, "no loose vertex"
    a, b, c = (body.rest_vertices[body.triangles[:, k]].astype(np.float64) for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert 40_000 < volume < 100_000, "cubic centimetres of a person"
    assert body.uvs.min() >= 0
    assert body.uvs.max() <= 1
    assert {"skin", "eyes", "iris", "pupil", "lips", "nails", "teeth", "tongue"} <= set(body.material_names)


def test_levels_fall_in_size(folder: Path):
    counts = [Body.load(folder / f"{name}.npz").vertex_count for name in LEVELS]
    assert counts[0] > 13_000
    assert counts[0] / 4 < counts[1] < counts[0] / 2.5
    assert counts[2] < counts[0] / 7


def test_body_is_symmetric(body: Body):
    partner = mirror_of(body.rest_vertices.astype(np.float64))
    flip = np.array([-1, 1, 1])
    assert np.abs(body.rest_vertices * flip - body.rest_vertices[partner]).max() < 1e-4
    assert np.abs(body.identity_basis * flip - body.identity_basis[:, partner]).max() < 1e-4
    rng = np.random.default_rng(3)
    transform = body.parameterisation
    values = rng.uniform(np.maximum(transform.limit_min, -1.0), np.minimum(transform.limit_max, 1.0))
    for index, name in enumerate(body.parameter_names):
        if name.startswith("l_"):
            values[body.parameter_index("r_" + name[2:])] = values[index]
        elif not name.startswith("r_") and ("lean" in name or "twist" in name or "root" in name or "_r_" in name):
            values[index] = 0.0
        if "scale" in name:
            values[index] = 0.0
    posed = body.vertices(values)
    assert np.abs(posed * flip - posed[partner]).max() < 1e-3


def test_weights_are_few_and_whole(body: Body):
    assert body.skin_weights.shape[1] <= 8
    assert np.allclose(body.skin_weights.sum(axis=1), 1.0, atol=1e-5)
    facts = load_rig_facts()
    used = {facts.joint_names[j] for j in np.unique(body.skin_indices[body.skin_weights > 0])}
    assert not used & {"l_uparm", "r_uparm", "l_upleg", "r_upleg", "c_neck", "body_world"}, (
        "only twist joints carry skin"
    )


def test_identity_leaves_the_skeleton_and_the_eyes_alone(body: Body):
    """Joints are not touched by identity at all; skin must stay around them, and eyeballs in their sockets."""
    groups = list(body.identity_groups)
    assert groups == sorted(groups, key=["body", "head", "hands", "age"].index)
    counts = [groups.count(group) for group in ("body", "head", "hands")]
    assert counts[0] >= 18
    assert counts[1] >= 18
    assert counts[2] >= 4
    assert len(set(body.identity_names)) == len(groups)
    assert (body.identity_min <= 0).all()
    assert (body.identity_max > 0).all()
    materials = np.repeat(body.face_materials, body.face_sizes)
    eyes = np.unique(body.face_vertices[materials == body.material_names.index("iris")])
    # the eyes of children alone come together, as a whole, by less than would take them out of their lids
    shifts = body.identity_basis[:, eyes]
    assert np.abs(shifts[body.ageless]).max() < 1e-5
    left = body.rest_vertices[eyes, 0] > 0
    for shift in shifts[~body.ageless]:
        assert np.abs(shift[:, 1:]).max() < 1e-5
        assert np.ptp(shift[left, 0]) < 1e-5
        np.testing.assert_allclose(shift[left, 0].mean(), -shift[~left, 0].mean(), atol=1e-5)
        assert -0.4 < shift[left, 0].mean() < 0.0


def test_lids_stay_on_the_eyeballs(finest: Body):
    """For any single slider at its end no lid sinks into the eyeball or lifts off it by more than a millimetre."""
    materials = np.repeat(finest.face_materials, finest.face_sizes)
    skin = np.unique(finest.face_vertices[materials == finest.material_names.index("skin")])
    centre = finest.pose(np.zeros(204)).translations[finest.joint_index("l_eye")]
    white = np.unique(finest.face_vertices[materials == finest.material_names.index("eyes")])
    ball = np.linalg.norm(finest.rest_vertices[white] - centre, axis=1)
    radius = float(np.median(ball[ball < 3.0]))
    outward = finest.rest_vertices[skin] - centre
    lids = skin[(np.linalg.norm(outward, axis=1) < radius + 0.2) & (outward[:, 2] > 0.3 * radius)]
    assert len(lids) > 50
    before = np.linalg.norm(finest.rest_vertices[lids] - centre, axis=1)
    own = white[ball < 3.0]  # of the eyeball, which children's have elsewhere
    for k, name in enumerate(finest.identity_names):
        for value in (finest.identity_min[k], finest.identity_max[k]):
            moved = centre + value * finest.identity_basis[k, own].mean(axis=0)
            after = np.linalg.norm(finest.rest_vertices[lids] + value * finest.identity_basis[k, lids] - moved, axis=1)
            assert np.abs(after - before).max() < 0.1, name


def test_skin_stays_around_the_joints(finest: Body):
    """The ring of skin around knee, elbow and wrist stays centred within a centimetre for one unit of any slider."""
    joints = finest.pose(np.zeros(204)).translations
    for name in ("l_lowleg", "l_lowarm", "l_wrist"):
        near = np.linalg.norm(finest.rest_vertices - joints[finest.joint_index(name)], axis=1) < 7.0
        shift = np.linalg.norm(finest.identity_basis[:, near].mean(axis=1), axis=1)
        assert shift.max() < 1.0, (name, finest.identity_names[int(shift.argmax())])


def test_expressions_are_arkits_and_stay_in_the_face(body: Body):
    assert len(body.expression_names) == 52
    assert body.expression_names[0] == "eyeBlinkLeft"
    assert body.expression_names[-1] == "tongueOut"
    moved = np.linalg.norm(body.expression_basis, axis=2)
    assert (moved.max(axis=1) > 0.1).all()
    assert body.rest_vertices[(moved > 1e-3).any(axis=0), 1].min() > 135.0
    left = body.expression_basis[body.expression_names.index("eyeBlinkLeft")]
    assert body.rest_vertices[np.linalg.norm(left, axis=1) > 0.1, 0].min() > -0.3


def test_keypoints_lie_where_their_names_say(body: Body):
    pose = body.pose(np.zeros(204))
    points = dict(zip(body.keypoint_names, body.keypoints(pose, body.vertices(np.zeros(204))), strict=True))
    assert abs(points["nose"][0]) < 0.01
    assert points["nose"][2] > points["left_eye"][2]
    assert points["left_eye"][0] > 2
    assert points["left_ear"][0] > points["left_eye"][0]
    assert points["left_big_toe"][2] > points["left_heel"][2] + 15
    assert points["left_small_toe"][0] > points["left_big_toe"][0]
    assert points["left_acromion"][1] > points["left_shoulder"][1]
    assert points["left_olecranon"][2] < points["left_elbow"][2] < points["left_cubital_fossa"][2]
    for name, point in points.items():
        if name.startswith("left_"):
            assert np.allclose(point * [-1, 1, 1], points["right_" + name[5:]], atol=1e-3), name


def test_bends_keep_their_volume(finest: Body):
    """Strong bends and twists within the limits must not collapse a limb."""

    def volume(**pose: float) -> float:
        values = np.zeros(204)
        for name, value in pose.items():
            values[finest.parameter_index(name)] = value
        points = finest.vertices(values).astype(np.float64)
        a, b, c = (points[finest.triangles[:, k]] for k in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)

    rest = volume()
    for pose in (
        {"l_elbow_bend": 2.0},
        {"l_lowarm_twist": -2.2},
        {"l_uparm_twist": 1.8},
        {"l_knee_bend": 2.2},
        {"l_upleg_twist": -1.5},
        {"neck_twist": 0.8, "head_twist": 0.8},
    ):
        assert abs(volume(**pose) / rest - 1.0) < 0.012, pose


_ROUNDING_CM = 2e-5
"""Sums in another order, by other numbers of threads or another processor, round differently in 32 bits."""


def test_making_it_again_gives_the_same_numbers(folder: Path, finest: Body):
    wheel = store.models_dir() / SOURCES_FOLDER / load_json("default_body", "body.json")["source"]["file"]
    if not wheel.is_file():
        pytest.skip("the downloaded wheel is not there any more")
    with MakeHumanData(wheel) as data:
        again = recipe.make_finest(data, recipe.Recipe.load(), lambda fraction, text: None)
    np.testing.assert_allclose(again.vertices, finest.rest_vertices, rtol=0, atol=_ROUNDING_CM)
    np.testing.assert_allclose(again.identity, finest.identity_basis, rtol=0, atol=_ROUNDING_CM)
    np.testing.assert_allclose(again.expressions, finest.expression_basis, rtol=0, atol=_ROUNDING_CM)


def test_an_up_to_date_body_is_not_built_again(folder: Path):
    stamp = (folder / "default.npz").stat().st_mtime_ns
    build(folder.parent)
    assert (folder / "default.npz").stat().st_mtime_ns == stamp
