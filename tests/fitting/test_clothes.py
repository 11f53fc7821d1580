"""Clothes are told from the body by what they leave between it and the outline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.clothes import LOOSE, loose_points, parts_of
from native_runtime.fitting.evidence import Silhouette
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.problem import project
from native_runtime.fitting.shape_prior import ShapePrior
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.fitting.test_fit import INTRINSICS, SIZE, see, state_of


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod1.npz"))


def shape(body: Body, **sliders: float) -> np.ndarray:
    identity = ShapePrior.of(body).means.copy()
    for name, value in sliders.items():
        identity[list(body.identity_names).index(name)] = value
    return identity


def volume(body: Body, identity: np.ndarray) -> float:
    """Litres."""
    corners = body.rest_shape(identity, np.zeros(body.expression_count))[body.triangles]
    return float(np.einsum("ta,ta->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6000)


def coat(body: Body, state: PlacedState, thick: float) -> Silhouette:
    """The outline of a body in a coat: the torso and the upper legs stand off by so many cm, nothing else does."""
    vertices = body.vertices(state.model_parameters, state.identity)
    corners = vertices[body.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, body.triangles[:, corner], faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    covered = np.isin(parts_of(body), (0, 1))
    dressed = vertices + thick * covered[:, None] * normals
    drawn = np.zeros(SIZE[::-1], np.uint8)
    for surface in (vertices, dressed):
        places = np.round(project(mhr_to_camera(surface, state.camera_translation), INTRINSICS)).astype(np.int32)
        for triangle in places[body.triangles]:
            cv2.fillConvexPoly(drawn, triangle, 1)
    return Silhouette(drawn.astype(np.float32), np.eye(3)[:2])


def fitted(body: Body, identity: np.ndarray, thick: float) -> float:
    """Litres of the body that is fitted to somebody in such a coat."""
    state = replace(state_of(body, {}, yaw=0.2), identity=identity)
    evidence, _ = see(body, state)
    evidence = replace(evidence, silhouette=coat(body, state, thick), shape=ShapePrior.of(body))
    return volume(body, fit_body(body, evidence, INTRINSICS).state.identity)


def test_a_coat_is_no_belly(body: Body) -> None:
    slim = shape(body, weight=-0.2)
    bare, dressed = fitted(body, slim, 0.0), fitted(body, slim, 5.0)
    assert abs(dressed - bare) < 4.0


def test_somebody_fat_comes_out_fat(body: Body) -> None:
    slim, fat = shape(body, weight=-0.2), shape(body, weight=2.2, belly=0.6)
    gained = fitted(body, fat, 0.0) - fitted(body, slim, 0.0)
    assert gained > 0.7 * (volume(body, fat) - volume(body, slim))


def test_a_part_is_loose_as_a_whole_or_not_at_all() -> None:
    size = 1000.0
    parts = np.repeat([0, 1, 2, 3], 10)
    slack = np.where(parts == 1, 3 * LOOSE * size, 0.1 * LOOSE * size)
    slack[::10] = 9 * LOOSE * size  # a single point is noise
    np.testing.assert_array_equal(loose_points(parts, slack, size), parts == 1)
    np.testing.assert_array_equal(loose_points(parts, -slack, size), False)
    # Of a few points nobody can tell; and where nothing is tight, nothing says that it is cloth.
    assert not loose_points(parts[:13], slack[:13], size)[10:].any()
    assert not loose_points(parts, np.full(40, 3 * LOOSE * size), size).any()


def test_parts_follow_the_joints(body: Body) -> None:
    parts = parts_of(body)
    assert set(parts) == set(range(-1, 10))
    assert (parts == -1).sum() > 100  # head, hands and feet
    left, right = ((parts == part) & (body.rest_vertices[:, 0] > 1) for part in (2, 6))
    assert left.sum() > 50
    assert not right.any()
