"""What a body wears moves with it."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.wearables.wearable import Wearable, from_faces


def _random(body: Body, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parameters = rng.normal(size=len(body.parameter_names)) * 0.3
    return parameters, rng.normal(size=body.identity_count) * 0.5, rng.random(body.expression_count)


def test_a_copy_without_an_offset_stays_on_the_skin(any_body: Body, rng: np.random.Generator) -> None:
    faces = rng.random(len(any_body.face_sizes)) < 0.3
    worn = from_faces(any_body, "Copy", "top", faces, np.zeros((any_body.vertex_count, 3)))
    on = worn.on(any_body)
    parameters, identity, expression = _random(any_body, rng)
    expected = any_body.vertices(parameters, identity, expression)[worn.anchors[:, 0]]
    assert np.abs(on.vertices(parameters, identity, expression) - expected).max() < 2e-3  # cm
    assert on.skin_indices.shape[1] <= 8


def test_the_middle_of_a_triangle_follows_its_shapes(any_body: Body, rng: np.random.Generator) -> None:
    triangles = any_body.triangles[rng.choice(len(any_body.triangles), 40, replace=False)].astype(np.int64)
    shares = np.full((40, 3), 1 / 3)
    worn = Wearable(
        name="Points",
        kind="hair",
        vertices=any_body.rest_vertices[triangles].mean(axis=1) + (0.0, 1.0, 0.0),
        anchors=triangles,
        shares=shares,
        face_sizes=np.array([3], np.int32),
        face_vertices=np.array([0, 1, 2], np.int32),
        face_materials=np.zeros(1, np.int32),
        material_names=("hair",),
        uvs=np.zeros((3, 2), np.float32),
    )
    _, identity, expression = _random(any_body, rng)
    shape = any_body.rest_shape(identity, expression)[triangles].mean(axis=1) + (0.0, 1.0, 0.0)
    assert np.abs(worn.on(any_body).rest_shape(identity, expression) - shape).max() < 1e-3


def test_what_was_made_for_a_larger_body_is_refused(small_body: Body) -> None:
    worn = from_faces(
        small_body, "All", "top", np.ones(len(small_body.face_sizes), bool), np.zeros((small_body.vertex_count, 3))
    )
    fewer = from_faces(small_body, "Few", "top", np.arange(len(small_body.face_sizes)) < 3, np.zeros((9999, 3)))
    with pytest.raises(Sam3dbError, match="another body"):
        worn.on(fewer.on(small_body))


def test_arrays_that_do_not_belong_together_are_refused(small_body: Body) -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        Wearable(
            name="Wrong",
            kind="hair",
            vertices=np.zeros((3, 3)),
            anchors=np.zeros((3, 3), np.int64),
            shares=np.zeros((3, 3)),
            face_sizes=np.array([3], np.int32),
            face_vertices=np.array([0, 1, 2], np.int32),
            face_materials=np.zeros(1, np.int32),
            material_names=("hair",),
            uvs=np.zeros((3, 2), np.float32),
        )
