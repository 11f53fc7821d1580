"""The bench's random checkpoint: read by the project's own readers and, where there is one, by PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.sam3d_body.checkpoint import NOTICE, Layout, Weights
from bench.sam3d_body.container import to_bfloat16
from bench.sam3d_body.layouts import LAYOUTS, place_of, write_layout
from bench.sam3d_body.person import Person
from bench.sam3d_body.rig import Surface, write_rig
from native_runtime.build.official import read_torchscript_body
from native_runtime.build.sam3d_body.checkpoint import open_checkpoint
from native_runtime.build.sam3d_body.layouts import official_names
from native_runtime.build.sam3d_body.opening import opened_files
from native_runtime.build.sam3d_body.rig_source import find_rig
from native_runtime.camera import mhr_to_camera
from native_runtime.mhr.correctives import GROUP
from native_runtime.mhr.official import read_torchscript
from native_runtime.mhr.rotations import euler_to_matrix


def test_reads_back_by_name_shape_and_format(layout: Layout, surface: Surface, checkpoint: Path) -> None:
    weights = Weights(layout, surface)
    with open_checkpoint(checkpoint) as opened:
        assert set(opened.names()) == set(layout)
        for name, (shape, kind) in layout.items():
            made = np.concatenate([np.ravel(block) for block in weights.values(name)]).reshape(shape)
            assert opened.kind(name) == kind
            read = opened.read(name)
            # Rounding to bfloat16 loses at most half of 2^-7 of a number.
            np.testing.assert_allclose(read, made, rtol=2**-8 if kind == "bfloat16" else 0, atol=0)


def test_pytorch_reads_the_same(checkpoint: Path) -> None:
    torch = pytest.importorskip("torch")
    loaded = torch.load(checkpoint, weights_only=True, mmap=True)
    one, other = (loaded[f"{head}.keypoint_mapping"] for head in ("head_pose", "head_pose_hand"))
    assert one.data_ptr() == other.data_ptr(), "the release stores the buffers of both heads once"
    with open_checkpoint(checkpoint) as opened:
        for name, tensor in loaded.items():
            np.testing.assert_array_equal(tensor.double().numpy(), opened.read(name))


def test_says_that_it_is_random(checkpoint: Path) -> None:
    assert checkpoint.read_bytes().endswith(NOTICE.encode())


def test_the_seed_and_nothing_else_decides(layout: Layout, surface: Surface) -> None:
    name = "decoder.layers.1.ffn.layers.0.0.weight"
    reordered = dict(reversed(layout.items()))
    one, again, other = (
        np.concatenate(list(Weights(tensors, surface, seed).values(name)))
        for tensors, seed in ((layout, 3), (reordered, 3), (layout, 4))
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_bfloat16_rounds_to_the_nearest_and_ties_to_even() -> None:
    step = 2.0**-7
    exact = np.array([1, 1 + step, -2, 0, 1 + step * 0.49, 1 + step * 0.51, 1 + step / 2, 1 + step * 1.5], np.float32)
    rounded = (to_bfloat16(exact).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(rounded, np.float32([1, 1 + step, -2, 0, 1, 1 + step, 1, 1 + 2 * step]))


def test_the_rig_is_a_body_of_the_given_sizes(surface: Surface, tmp_path: Path) -> None:
    write_rig(tmp_path / "mhr_model.pt", surface, NOTICE)
    rig, correctives = read_torchscript(tmp_path / "mhr_model.pt")
    assert (len(rig.vertices), len(rig.face_sizes)) == (surface.sizes.vertices, surface.sizes.triangles)
    assert np.count_nonzero(rig.skin) == surface.sizes.skin_weights
    assert rig.shapes.shape == (117, surface.sizes.vertices, 3)
    assert correctives is not None
    assert np.count_nonzero(correctives.activation) == surface.sizes.activations
    moved = correctives.basis.dense().reshape(-1, GROUP, surface.sizes.vertices, 3).any(axis=(1, 3))
    share = moved.mean(axis=1)
    assert 0 < share.mean() < 0.2, "components move the surroundings of a joint, not everything"
    feet, head = rig.vertices[:, 1].min(), rig.vertices[:, 1].max()
    assert feet < 10
    assert 150 < head < 200


def test_keypoints_lie_where_mhr_70_has_them(surface: Surface) -> None:
    mapping = surface.keypoint_mapping
    assert mapping.shape == (308, surface.sizes.vertices + 127)
    np.testing.assert_allclose(mapping.sum(axis=1), 1, atol=1e-6)
    assert set(np.count_nonzero(mapping, axis=1)) == {1, 5}
    points = mapping[:70] @ np.concatenate([surface.vertices, surface.person.joints])
    wrist = surface.person.joint("r_wrist")
    np.testing.assert_allclose(points[41], surface.person.joints[wrist], atol=1e-4)
    assert points[0, 2] > points[9, 2], "the nose is in front of the hips"


def test_the_hand_begins_as_the_bodys_own_wrist() -> None:
    """The hand decoder's first estimate, read as its head reads it, turns the wrist as the zero pose does."""
    person = Person.standing()
    first = person.initial_hand()[0, :6].astype(float)
    turn = np.stack([first[:3], first[3:], np.cross(first[:3], first[3:])], axis=1)
    # Intrinsic z, y', x'' angles of the matrix, used as rotations about x, y, z (in this order).
    y = np.arcsin(-turn[2, 0])
    z, x = np.arctan2(turn[1, 0], turn[0, 0]), np.arctan2(turn[2, 1], turn[2, 2])
    wrist = person.facts.rest_axes[person.joint("r_wrist")]
    np.testing.assert_allclose(euler_to_matrix(np.array([z, y, x])), wrist, atol=1e-6)


def test_the_boxes_lie_on_the_hands(layout: Layout, surface: Surface) -> None:
    """Whatever else a hand's token holds, the box's network sees its side and nothing more."""
    person, weights = surface.person, Weights(layout, surface)

    def tensor(name: str) -> np.ndarray:
        return np.concatenate([np.ravel(part) for part in weights.values(name)]).reshape(layout[name][0])

    tokens = tensor("hand_box_embedding.weight")
    tokens = tokens / tokens.std(axis=1, keepdims=True)
    for k in range(3):
        tokens = tokens @ tensor(f"bbox_embed.layers.{k}.weight").T + tensor(f"bbox_embed.layers.{k}.bias")
        tokens = np.maximum(tokens, 0) if k < 2 else tokens
    boxes = 1 / (1 + np.exp(-tokens))
    scale, _, down = -person.initial_camera()[0]
    for box, name in zip(boxes, ("l_wrist", "r_wrist")):
        place = mhr_to_camera(person.joints[person.joint(name)], (0, down, 0))
        np.testing.assert_allclose(box[:2], 0.5 + 0.5 * scale * place[:2], atol=0.02)


@pytest.mark.parametrize("which", LAYOUTS[1:])
def test_other_layouts_hold_the_same_numbers(
    which: str, layout: Layout, surface: Surface, checkpoint: Path, rig: Path, tmp_path: Path
) -> None:
    write_layout(which, Weights(layout, surface), surface, tmp_path)
    shapes = {name: shape for name, (shape, _) in layout.items()}
    place = place_of(which, tmp_path)
    with opened_files([place], tmp_path) as opened, open_checkpoint(checkpoint) as official:
        laid = official_names(opened, shapes, "x")
        assert set(laid.tensors.names()) == set(layout)
        for name in layout:
            read, known = laid.tensors.read(name), official.read(name)
            half = which == "slices" and laid.tensors.kind(name) == "float16"
            np.testing.assert_array_equal(read, known.astype(np.float16) if half else known, err_msg=name)
        source = find_rig(None, opened.path.parent, laid.rig, tmp_path)
        body, _ = source.read(opened, official.read("head_pose.faces"), tmp_path)
    expected = read_torchscript_body(rig)
    for name in ("rest_vertices", "face_vertices", "identity_basis", "expression_basis", "skin_weights"):
        np.testing.assert_array_equal(getattr(body, name), getattr(expected, name))
    assert body.correctives is not None
