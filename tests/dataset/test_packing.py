"""Numbers of SAM 3D Body's heads, made of MHR's parameters: the heads' own arithmetic brings the same body back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.dataset.packing import SCALES, HeadConstants, HeadNumbers, pack
from native_runtime.engines.sam3d_body.parameters import model_parameters
from native_runtime.files.templates import load_json
from native_runtime.mhr import load_rig_facts
from native_runtime.mhr.rotations import columns_to_euler, euler_to_matrix
from native_runtime.models import sam3d_body_layout as layout
from tests.support.parity import recording

Array = NDArray[np.float64]

_HAND_TRIPLES = [0, 3, 6, 9, 12 + 2]
_NAMES = ("scale_mean", "scale_comps", "hand_pose_mean", "hand_pose_comps")


@pytest.fixture
def constants(rng: np.random.Generator) -> HeadConstants:
    """Heads whose components reach every hand, and 28 of 68 dimensions of scales."""
    known = load_json("mhr", "sam3d_body_numbers.json")
    return HeadConstants(
        scale_mean=rng.normal(0, 0.1, SCALES),
        scale_comps=rng.normal(0, 0.1, (28, SCALES)),
        hand_pose_mean=np.array(known["hand_pose_mean"]),
        hand_pose_comps=np.eye(54),
        hand_joint_idxs_left=np.array(known["hand_joint_idxs_left"]),
        hand_joint_idxs_right=np.array(known["hand_joint_idxs_right"]),
    )


def people(rng: np.random.Generator, constants: HeadConstants, count: int = 40) -> Array:
    """(count, 204) any poses within MHR's limits, of bodies that the scales' components reach."""
    facts = load_rig_facts().parameterisation
    low, high = (np.clip(limit, -3.0, 3.0) for limit in (facts.limit_min, facts.limit_max))
    parameters = rng.uniform(low, high, (count, layout.MODEL_PARAMETERS))
    parameters[:, layout.POSED :] = constants.scale_mean + rng.normal(size=(count, 28)) @ constants.scale_comps
    return parameters


def unpacked(numbers: HeadNumbers, constants: HeadConstants) -> Array:
    """(B, 204) by the arithmetic of the engine that runs the released heads."""
    body = numbers.pose[:, layout.BODY]
    pairs = 6 * len(layout.BODY_ROTATIONS)
    plain = pairs + 2 * len(layout.BODY_ANGLES)
    pose = np.zeros((len(body), layout.BODY_POSE))
    for number, triple in enumerate(layout.BODY_ROTATIONS):
        pose[:, triple] = columns_to_euler(body[:, 6 * number : 6 * number + 6])
    pose[:, layout.BODY_ANGLES] = np.arctan2(body[:, pairs:plain:2], body[:, pairs + 1 : plain : 2])
    pose[:, layout.BODY_LENGTHS] = body[:, plain:]
    turned = columns_to_euler(numbers.pose[:, layout.GLOBAL_ROTATION])[:, ::-1]
    by_name = {name: getattr(constants, name) for name in (*_NAMES, "hand_joint_idxs_left", "hand_joint_idxs_right")}
    out = model_parameters(by_name, turned, pose, numbers.hands, numbers.scale)
    out[:, :3] = numbers.translation * (1, -1, -1) * layout.TRANSLATION_UNITS
    return out


def same_bodies(one: Array, other: Array, constants: HeadConstants) -> Array:
    """(B,) the largest difference of what parameters (B, 204) stand for: rotations as matrices, angles on a circle."""
    triples = [[number + layout.PLACEMENT for number in triple] for triple in layout.BODY_ROTATIONS]
    triples = [triple for triple in triples if max(triple) < 68 or 122 <= min(triple) < layout.POSED - 2]
    triples += [
        [int(index[start + i]) for i in range(3)]
        for index in (constants.hand_joint_idxs_left, constants.hand_joint_idxs_right)
        for start in _HAND_TRIPLES
    ]
    turned = [[5, 4, 3]]
    rest = sorted({*range(layout.MODEL_PARAMETERS)} - {n for t in triples + turned for n in t})
    lengths = [n for n in rest if n < 3 or n >= layout.POSED - 6]
    angles = [n for n in rest if n not in lengths]
    parts = [
        euler_to_matrix(one[:, triples + turned]) - euler_to_matrix(other[:, triples + turned]),
        np.sin(one[:, angles]) - np.sin(other[:, angles]),
        np.cos(one[:, angles]) - np.cos(other[:, angles]),
        one[:, lengths] - other[:, lengths],
    ]
    return np.concatenate([np.abs(part).reshape(len(one), -1) for part in parts], axis=1).max(axis=1)


def test_bodies_come_back(rng: np.random.Generator, constants: HeadConstants) -> None:
    parameters = people(rng, constants)
    numbers = pack(parameters, constants)
    assert [a.shape[1:] for a in (numbers.pose, numbers.hands, numbers.scale)] == [(266,), (108,), (28,)]
    assert same_bodies(unpacked(numbers, constants), parameters, constants).max() < 1e-9
    assert numbers.hands_left_out.max() < 1e-9
    assert numbers.scale_left_out.max() < 1e-9


def test_a_changed_angle_is_noticed(rng: np.random.Generator, constants: HeadConstants) -> None:
    """The comparison of the test above sees every one of the 204 numbers."""
    parameters = people(rng, constants, 1)
    for number in range(layout.MODEL_PARAMETERS):
        changed = parameters.copy()
        changed[0, number] += 0.01
        assert same_bodies(changed, parameters, constants)[0] > 1e-5, number


def test_what_components_cannot_say_is_told(rng: np.random.Generator, constants: HeadConstants) -> None:
    fewer = replace(constants, hand_pose_comps=np.where(np.arange(54)[:, None] < 20, constants.hand_pose_comps, 0.0))
    parameters = people(rng, constants, 5)
    parameters[:, layout.POSED :] += rng.normal(0, 0.05, (5, SCALES))
    numbers = pack(parameters, fewer)
    assert (numbers.hands_left_out > 0.1).all()
    assert (numbers.scale_left_out > 0.01).all()
    said = constants.scale_mean + numbers.scale @ constants.scale_comps
    wrong = parameters[:, layout.POSED :] - said
    # The best there is: what is left is at right angles to every component.
    assert np.abs(wrong @ constants.scale_comps.T).max() < 1e-9
    assert np.allclose(np.abs(wrong).max(axis=1), numbers.scale_left_out)
    assert not numbers.hands.reshape(5, 2, 54)[:, :, 20:].any()


def test_components_without_an_effect_stay_zero(rng: np.random.Generator, constants: HeadConstants) -> None:
    """As in the released checkpoint: three scales have no deviation, one that of 1e-7."""
    scale_comps = constants.scale_comps.copy()
    scale_comps[:3], scale_comps[16] = 0.0, 1e-7 * scale_comps[16]
    numbers = pack(people(rng, constants, 3), replace(constants, scale_comps=scale_comps))
    assert np.abs(numbers.scale).max() < 100


def test_wrong_numbers_are_refused(constants: HeadConstants) -> None:
    for wrong in (np.zeros(204), np.zeros((2, 203)), np.full((1, 204), np.nan)):
        with pytest.raises(ValueError, match="model parameters"):
            pack(wrong, constants)
    by_name = {name: getattr(constants, name) for name in (*_NAMES, "hand_joint_idxs_left")}
    with pytest.raises(ValueError, match="lack 'hand_joint_idxs_right'"):
        HeadConstants.of(by_name)
    with pytest.raises(ValueError, match="'scale_comps' has shape"):
        HeadConstants.of({**by_name, "hand_joint_idxs_right": np.arange(27), "scale_comps": np.zeros((28, 67))})


def test_the_networks_heads_bring_them_back(shared: Path, parity_case: Path) -> None:
    """The recorded case: its constants, and what the reference's code made of its own numbers."""
    torch = pytest.importorskip("torch", reason="the heads need PyTorch")
    from tests.support.recorded_network import case_network, case_support

    head = case_network(parity_case).part("head_pose", "body")
    constants = HeadConstants.of({name: buffer.numpy() for name, buffer in head.named_buffers()})
    stage = recording(parity_case, "stage_body_dummy")
    recorded = stage["P2.mhr_model_params"].astype(np.float64)
    numbers = pack(recorded, constants)
    assert numbers.hands_left_out.max() < 1e-5
    assert numbers.scale_left_out.max() < 1e-5
    assert np.abs(numbers.scale - stage["P2.scale"]).max() < 1e-4
    estimate = np.zeros((len(recorded), layout.ESTIMATE), np.float32)
    estimate[:, : layout.BODY.stop], estimate[:, layout.SHAPE] = numbers.pose, stage["P2.shape"]
    estimate[:, layout.SCALE], estimate[:, layout.HANDS] = numbers.scale, numbers.hands
    with torch.no_grad():
        back = head.unpack(torch.from_numpy(estimate), case_support(shared, parity_case))
    assert same_bodies(back.model_parameters.double().numpy(), recorded, constants).max() < 1e-5
    assert np.abs(back.keypoints.numpy() - stage["P2.pred_keypoints_3d"]).max() < 1e-5


@pytest.mark.parametrize("name", ["img_subj00", "img_subj01"])
def test_published_answers_of_the_released_model(shared: Path, name: str) -> None:
    path = shared / "mhr" / "sam3d_body_outputs" / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"no published answer {path.name}")
    with np.load(path) as found:
        published = {key: found[key].astype(np.float64) for key in found.files if found[key].dtype.kind == "f"}
    constants = released()
    parameters = published["mhr_model_params"][None]
    numbers = pack(parameters, constants)
    assert np.abs(np.tile(constants.hand_pose_mean, 2) + numbers.hands - _clean(constants, published)).max() < 1e-5
    # Which scales the released components deviate by: the last ten components are not known.
    told = np.array(load_json("mhr", "sam3d_body_numbers.json")["scale_deviation"]) > 1e-5
    assert np.abs(numbers.scale[0, :18] - published["scale_params"][:18])[told].max() < 1e-4
    back = unpacked(numbers, constants)
    back[:, 154:] = parameters[:, 154:]
    assert same_bodies(back, parameters, constants).max() < 1e-5


def test_an_answer_that_others_published(shared: Path) -> None:
    path = shared / "real_outputs" / "runner.json"
    if not path.is_file():
        pytest.skip(f"no published answer {path.name}")
    said = {name: np.array(value)[None] for name, value in json.loads(path.read_text())["params"].items()}
    constants = released()
    by_name = {name: getattr(constants, name) for name in (*_NAMES, "hand_joint_idxs_left", "hand_joint_idxs_right")}
    parameters = model_parameters(by_name, said["global_rot"], said["body_pose"], said["hand"], said["scale"])
    assert same_bodies(unpacked(pack(parameters, constants), constants), parameters, constants).max() < 1e-5


def released() -> HeadConstants:
    """What is known of the released checkpoint's constants: all but the components of finger lengths."""
    known = load_json("mhr", "sam3d_body_numbers.json")
    count = len(known["scale_mean"])
    components = np.zeros((28, SCALES))
    components[np.arange(count), np.arange(count)] = known["scale_deviation"]
    return HeadConstants.of(
        {
            **{name: known[name] for name in ("hand_pose_mean", "hand_joint_idxs_left", "hand_joint_idxs_right")},
            "hand_pose_comps": np.eye(54),
            "scale_mean": np.concatenate([known["scale_mean"], np.zeros(SCALES - count)]),
            "scale_comps": components,
        }
    )


def _clean(constants: HeadConstants, published: dict[str, Array]) -> Array:
    """(108,) a published answer's hands as orthonormal columns, and pairs of length 1."""
    out = []
    for hand in published["hand_pose_params"].reshape(2, 54) + constants.hand_pose_mean:
        end = 0
        for freedoms in layout.HAND_FREEDOMS:
            part, end = hand[2 * end : 2 * (end + freedoms)], end + freedoms
            if freedoms == 3:
                matrix = euler_to_matrix(columns_to_euler(part[None])[0])
                out.append(matrix[:, :2].T.ravel())
            else:
                pairs = part.reshape(-1, 2)
                out.append((pairs / np.linalg.norm(pairs, axis=1, keepdims=True)).ravel())
    return np.concatenate(out)
