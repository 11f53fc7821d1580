"""Vertices of people whose truth is MHR's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.dataset.rows import PlacedBody, Row
from native_runtime.errors import ModelError
from native_runtime.evaluation import surfaces
from native_runtime.evaluation.surfaces import Surfaces
from native_runtime.mhr import Body


def _row(**changes: object) -> Row:
    plain = Row(
        image="a.jpg",
        person=0,
        subject=0,
        subjects=1,
        keypoints_2d=np.zeros((70, 3)),
        keypoints_3d=np.zeros((70, 4)),
        model_parameters=np.zeros(204),
        shape=np.zeros(45),
        mhr_valid=False,
        date="",
        box=np.array([0.0, 0.0, 9.0, 9.0]),
        intrinsics=np.eye(3),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_rows_of_a_body_of_ours_have_its_vertices(
    small_body: Body, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surfaces, "load_body", lambda name, models: small_body)
    parameters, moved = rng.normal(scale=0.1, size=204), np.array([0.1, 0.2, 3.0])
    identity = rng.normal(size=small_body.identity_count)
    row = _row(placed=PlacedBody("own", "", parameters, identity, moved))
    expected = mhr_to_camera(small_body.vertices(parameters, identity), moved)
    vertices = Surfaces().vertices(row, "own")
    assert vertices is not None
    assert vertices == pytest.approx(np.asarray(expected), abs=1e-6)
    assert Surfaces().vertices(row, "another") is None
    assert Surfaces().vertices(_row(placed=replace(row.placed, identity=np.zeros(1))), "own") is None  # type: ignore


def test_metas_rows_are_of_official_bodies_and_need_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def missing(name: str, models: object) -> Body:
        asked.append(name)
        raise ModelError("there is none")

    monkeypatch.setattr(surfaces, "load_body", missing)
    those = Surfaces()
    assert those.vertices(_row(mhr_valid=True), "default") is None
    assert [those.vertices(_row(mhr_valid=True), "mhr-lod1") for _ in range(2)] == [None, None]
    assert asked == ["mhr-lod1"]  # once
