"""What an export takes and writes, and whether a file holds it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.characters.exports.contents import FileContents, FileMesh
from native_runtime.characters.exports.options import ExportOptions, format_of
from native_runtime.characters.exports.skinning import blend, unblend
from native_runtime.characters.exports.verify import Expected
from native_runtime.characters.exports.vrm import add_vrm
from native_runtime.errors import Sam3dbError, UsageError


def test_what_a_check_finds():
    square = FileMesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float), 1, 4)
    expected = Expected("FBX", FileContents(("hips", "a b"), (square,), 10), 4, moves=True)
    expected.check(FileContents(("hips", "a_b", "more"), (square,), 10))
    for found, words in (
        (FileContents(("hips",), (square,), 10), "bone 'a_b'"),
        (FileContents(("hips", "a_b"), (), 10), "1 meshes were to be written and 0"),
        (FileContents(("hips", "a_b"), (replace(square, faces=2),), 10), "1 faces .* and 2"),
        (FileContents(("hips", "a_b"), (replace(square, influences=5),), 10), "5 bones move one vertex"),
        (FileContents(("hips", "a_b"), (replace(square, corners=square.corners + 0.1),), 10), "another shape"),
        (FileContents(("hips", "a_b"), (square,), 9), "10 frames"),
    ):
        with pytest.raises(Sam3dbError, match=words):
            expected.check(found)


def test_unblending_is_the_inverse_of_blending(rng):
    matrices = np.tile(np.eye(4), (5, 1, 1))
    matrices[:, :3] += rng.normal(0, 0.3, (5, 3, 4))
    weights = rng.dirichlet(np.ones(5), 40)
    points = rng.normal(size=(40, 3))
    assert unblend(blend(points, weights, matrices), weights, matrices) == pytest.approx(points, abs=1e-4)
    # turns that cancel each other: the nearest of all answers, not one far away
    matrices[:2] = np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])
    half = np.array([[0.5, 0.5, 0, 0, 0]])
    found = unblend(np.array([[0.0, 0.0, 2.0]]), half, matrices, near=np.array([[3.0, 4.0, 0.0]]))
    assert found[0] == pytest.approx([3.0, 4.0, 2.0], abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"glTF", b"glTF" + bytes(40), b"not a glTF file at all, but long enough"])
def test_vrm_of_something_else(content, tmp_path):
    path = tmp_path / "bad.glb"
    path.write_bytes(content)
    with pytest.raises(Sam3dbError, match="no glTF binary"):
        add_vrm(path, "bad", "", ["hips"])


def test_options_survive_json():
    for names in ("mhr", "mixamo", "rigify", "unity", "unreal", "vrm"):
        options = ExportOptions.for_target(names)
        assert ExportOptions.parse(json.loads(json.dumps(options.to_json()))) == options
    assert ExportOptions.for_target("vrm").suffix == ".vrm"
    assert format_of(Path("a.USDZ")) == "usd"
    assert format_of(Path("a.obj")) is None


@pytest.mark.parametrize(
    "content",
    [{"to": "obj"}, {"influences": 6}, {"influences": "4"}, {"pose": 1}, {"names": ""}, {"author": 3}, {"x": 1}],
)
def test_impossible_options(content):
    with pytest.raises(UsageError):
        ExportOptions.parse(content)
