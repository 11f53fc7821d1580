"""The reduction of a body to its keypoints: the same places as by way of the mesh, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.errors import ModelError
from native_runtime.mhr import Body
from native_runtime.mhr.correctives import PoseCorrectives, pose_features
from tests.support.bodies import toy_body
from tests.support.parity import keypoint_rows

PEOPLE = 4


@pytest.fixture
def body() -> Body:
    return toy_body()


@pytest.fixture
def mapping(body: Body, rng: np.random.Generator) -> NDArray[np.float32]:
    """308 keypoints of which each is a few vertices, a joint, or both."""
    dense = np.zeros((308, body.vertex_count + 127), np.float32)
    for row in range(308):
        columns = rng.integers(0, body.vertex_count, 3) if row % 3 else [body.vertex_count + row % 127]
        dense[row, columns] = rng.uniform(0.1, 1, len(columns))
        if row % 5 == 0:
            dense[row, body.vertex_count + (7 * row) % 127] += 0.25
    return dense


def corrected(body: Body, rng: np.random.Generator, components: int = 60) -> Body:
    """The body with correctives of which each moves some vertices and looks at some joints."""
    basis = rng.normal(size=(components, body.vertex_count, 3)) * (rng.random((components, body.vertex_count, 1)) < 0.2)
    activation = rng.normal(size=(components, 750)) * (rng.random((components, 750)) < 0.1)
    return replace(body, correctives=PoseCorrectives.from_dense(activation, basis.astype(np.float32)))


def reduced_keypoints(
    body: Body, support: Mapping[str, NDArray], parameters: NDArray, identity: NDArray
) -> NDArray[np.float64]:
    """The formula of the module's documentation, word for word."""
    pose = body.pose(parameters)
    features = pose_features(pose.joint_parameters)[:, support["corrective_features"]]
    components = np.maximum(features @ support["corrective_activation"], 0)
    places = support["pair_places"] + identity @ support["pair_identity"] + components @ support["corrective_places"]
    joints = support["pair_joints"]
    moved = np.einsum("bnij,bnj->bni", pose.linear[:, joints], places.reshape(len(places), -1, 3))
    return support["pair_sums"] @ (moved + support["pair_weights"] * pose.translations[:, joints])


def mesh_keypoints(body: Body, mapping: NDArray, parameters: NDArray, identity: NDArray) -> NDArray[np.float64]:
    pose, vertices = body.pose(parameters), body.vertices(parameters, identity)
    return keypoint_rows(mapping).combine(np.concatenate([vertices, pose.translations], axis=1))


def people(body: Body, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    return rng.normal(size=(PEOPLE, 204)) * 0.4, rng.normal(size=(PEOPLE, body.identity_count))


@pytest.mark.parametrize("with_correctives", [False, True])
def test_keypoints_are_where_the_mesh_has_them(body, mapping, rng, with_correctives) -> None:
    body = corrected(body, rng) if with_correctives else body
    parameters, identity = people(body, rng)
    wanted = mesh_keypoints(body, mapping, parameters, identity)
    found = reduced_keypoints(body, keypoint_support(body, mapping), parameters, identity)
    np.testing.assert_allclose(found, wanted, atol=2e-4)  # the mesh is kept in float32: 1e-5 of 200 cm
    if with_correctives:
        plain = mesh_keypoints(replace(body, correctives=None), mapping, parameters, identity)
        assert np.abs(plain - wanted).max() > 0.1


def test_what_has_no_effect_is_left_out(body, mapping, rng) -> None:
    body = corrected(body, rng)
    rows = keypoint_rows(mapping)
    used = np.unique(rows.columns[rows.columns < body.vertex_count])
    basis, activation = body.correctives.basis.dense(), body.correctives.activation.copy()
    basis[10:20, used] = 0  # these move other vertices only
    activation[20:25] = 0  # these never act
    activation[:, 100:300] = 0  # these joints change nothing
    body = replace(body, correctives=PoseCorrectives.from_dense(activation, basis))
    support = keypoint_support(body, mapping)
    assert support["corrective_activation"].shape[1] == 60 - 10 - 5
    assert not set(range(100, 300)) & set(support["corrective_features"].tolist())
    parameters, identity = people(body, rng)
    found = reduced_keypoints(body, support, parameters, identity)
    np.testing.assert_allclose(found, mesh_keypoints(body, mapping, parameters, identity), atol=2e-4)


def test_a_body_without_correctives_has_idle_ones(body, mapping) -> None:
    support = keypoint_support(body, mapping)
    assert support["corrective_activation"].shape == (1, 1)
    assert not support["corrective_places"].any()
    assert {name: array.ndim for name, array in support.items()} == {
        name: array.ndim for name, array in keypoint_support(corrected(body, np.random.default_rng(1)), mapping).items()
    }


def test_pairs_are_few_and_counted_once(body, mapping) -> None:
    support = keypoint_support(body, mapping)
    pairs = list(zip(support["pair_sums"].argmax(0).tolist(), support["pair_joints"].tolist()))
    assert len(set(pairs)) == len(pairs) < 70 * 127 / 4
    np.testing.assert_array_equal(support["pair_sums"].sum(0), 1)
    np.testing.assert_allclose(support["pair_sums"] @ support["pair_weights"][:, 0], mapping[:70].sum(1), rtol=1e-6)


def test_the_joint_arrays_are_the_bodys(body, mapping, rng) -> None:
    support = keypoint_support(body, mapping)
    parameters = rng.normal(size=(2, 204))
    flat = parameters @ support["parameter_transform"]
    np.testing.assert_allclose(flat.reshape(2, 127, 7), body.joint_parameters(parameters), atol=1e-5)
    np.testing.assert_allclose(support["joint_offsets"], body.skeleton.offsets, rtol=1e-6)
    np.testing.assert_allclose(support["joint_prerotations"], body.skeleton.prerotation_matrices, atol=1e-6)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: m[:, :-1], "come from the same release"),
        (lambda m: m[:69], "come from the same release"),
        (lambda m: np.where(np.arange(308)[:, None] == 5, 0, m), "damaged"),
        (lambda m: np.where(np.arange(308)[:, None] == 5, np.nan, m), "damaged"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(body, mapping, damage, message) -> None:
    with pytest.raises(ModelError, match=message):
        keypoint_support(body, damage(mapping))
