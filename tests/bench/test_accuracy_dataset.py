"""Rendered sets as data sets for training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.accuracy.dataset import convert
from bench.accuracy.truth import BODY_FILE, Person, Truth
from native_runtime.camera import mhr_to_camera
from native_runtime.dataset import shards
from native_runtime.synthetic.library import pose_parameters
from tests.support.bodies import toy_body

pytest.importorskip("pyarrow", reason="data sets need pyarrow")


def test_a_rendered_set_becomes_shards(tmp_path: Path, rng: np.random.Generator) -> None:
    body, folder, out = toy_body(keypoints_on_joints=True), tmp_path / "set", tmp_path / "data"
    folder.mkdir()
    body.save(folder / BODY_FILE)
    intrinsics = np.array([[300.0, 0, 99.5], [0, 300.0, 74.5], [0, 0, 1]])
    for number in range(3):
        people = tuple(
            Person.of(
                body, pose_parameters(body, name), np.zeros(body.identity_count), np.zeros(body.expression_count),
                np.array([0.3 * k, 0.9, 4.0]), {"pose": name, "tags": []}, size,
            )
            for k, (name, size) in enumerate((("standing", 1.0), ("waving", 0.7))[: 1 + number % 2])
        )  # fmt: skip
        Truth((200, 150), intrinsics, people, {"kind": "harder", "seed": 4}).save(folder / f"{number:04d}.npz")
        cv2.imwrite(str(folder / f"{number:04d}.jpg"), rng.integers(0, 255, (150, 200, 3), np.uint8))
    assert convert(folder, out) == 4
    rows = list(shards.read(out / shards.SHARD.format(0)))
    assert [row.pose for row in rows] == ["standing", "standing", "waving", "standing"]
    assert [row.held_out for row in rows] == [False, True, True, True]
    assert (out / "images" / rows[1].image).read_bytes() == (folder / "0001.jpg").read_bytes()
    first, child = rows[0], rows[2]
    assert first.placed is not None
    assert child.placed is None  # no parameters say what the child is
    pose = body.pose(first.placed.parameters)
    keypoints = body.keypoints(pose, body.vertices(first.placed.parameters))
    np.testing.assert_allclose(first.keypoints_3d[:, :3], mhr_to_camera(keypoints, first.placed.translation), atol=1e-9)
    assert "4 people" in (out / "data_card.md").read_text()
    before = (out / shards.SHARD.format(0)).stat().st_mtime_ns
    assert convert(folder, out) == 4
    assert (out / shards.SHARD.format(0)).stat().st_mtime_ns == before
    (tmp_path / "empty").mkdir()
    body.save(tmp_path / "empty" / BODY_FILE)
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "empty", out)
