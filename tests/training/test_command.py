"""`sam3db train`: from a checkpoint and a data set to a checkpoint that can be converted, with a card."""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.cli import main
from native_runtime.cli import train as cli_train
from native_runtime.cli.console import Console
from native_runtime.mhr import Body
from tests.support import pictured

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("pyarrow", reason="data sets need pyarrow")
safetensors_torch = pytest.importorskip("safetensors.torch", reason="checkpoints need safetensors")

from bench.overfit.network import with_few_shapes  # noqa: E402
from native_runtime.build.sam3d_body import variants  # noqa: E402
from native_runtime.dataset import shards  # noqa: E402
from native_runtime.network.template import write_variant  # noqa: E402
from native_runtime.training import sam3d_body  # noqa: E402
from native_runtime.training.averaging import trained  # noqa: E402

from .tiny import tiny_branch  # noqa: E402

SETTINGS = {
    "format": "sam3db-training/1",
    "steps": 2,
    "batch": 2,
    "learning_rate": 1e-3,
    "warm_up": 0,
    "average": 0.0,
    "validate_every": 1,
    "prompts": {"rounds": 2},
}


@pytest.fixture(scope="module")
def release(tiny_body: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with every tensor of a released one, its body, and the list of its tensors."""
    folder, body = tmp_path_factory.mktemp("release"), with_few_shapes(tiny_body)
    network = tiny_branch(tiny_body).network
    rest, wrist = body.skeleton.rest, body.joint_index("r_wrist")
    rig = {
        "keypoint_mapping": np.pad(_mapping(body), ((0, 308 - len(body.keypoint_names)), (0, 0))),
        "faces": body.triangles.astype(np.int64),
        "joint_rotation": body.skeleton.prerotation_matrices.astype(np.float32),
        "root_coords": (rest.translations[body.joint_index("root")] / 100).astype(np.float32),
        "right_wrist_coords": (rest.translations[wrist] / 100).astype(np.float32),
        "local_to_world_wrist": rest.rotations[wrist].T.astype(np.float32),
    }
    for kind in ("head_pose", "head_pose_hand"):
        for name, array in rig.items():
            setattr(getattr(network, kind), name, torch.from_numpy(array.copy()))
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    safetensors_torch.save_file(tensors, folder / "model.safetensors")
    (folder / "templates" / "tiny").mkdir(parents=True)
    kinds = {name: (tuple(tensor.shape), str(tensor.dtype).split(".")[1]) for name, tensor in tensors.items()}
    write_variant(folder / "templates" / "tiny", "tiny", kinds)
    body.save(folder / "body.npz")
    return folder


def _mapping(body: Body) -> np.ndarray:
    rows = body.keypoint_rows
    mapping = np.zeros((rows.row_count, body.vertex_count + len(body.joint_names)), np.float32)
    mapping[rows.rows, rows.columns] = rows.values
    return mapping


@pytest.fixture
def data(tmp_path: Path, tiny_body: Body, rng: np.random.Generator) -> Path:
    """Three people, one of them held out."""
    folder = tmp_path / "data"
    rows = [row for row, _ in pictured.data_set(folder, tiny_body, rng, 3)]
    shards.write(folder / shards.SHARD.format(0), [*rows[:2], replace(rows[2], held_out=True)])
    (folder / "data_card.md").write_text("# Three people\n\nDrawn for a test.\n")
    return folder


@pytest.fixture
def tiny_release(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny network's list of tensors instead of those of the released models."""
    known = variants.known_variants(release / "templates")
    monkeypatch.setattr(sam3d_body, "known_variants", lambda _: known)


def run(*words: str | Path) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False))
    (line,) = out.getvalue().splitlines()
    return code, json.loads(line)


def command(release: Path, data: Path, out: Path, *more: str | Path, settings: dict[str, Any] = SETTINGS) -> list[Any]:
    path = data.parent / "settings.json"
    path.write_text(json.dumps(settings))
    checkpoint = ("--checkpoint", release / "model.safetensors", "--mhr", release / "body.npz")
    return ["train", path, "--data", data, *checkpoint, "-o", out, *more]


def test_a_checkpoint_is_trained_and_can_be_read_again(
    tiny_release: None, release: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, first = run(*command(release, data, out, "--stop-after", "1"))
    assert (code, first["ok"], first["steps"], first["finished"]) == (0, True, 1, False)
    code, refused = run(*command(release, data, out))
    assert (code, refused["ok"]) == (2, False)
    assert "--resume" in refused["error"]["text"]
    code, second = run(*command(release, data, out, "--resume"))
    assert (code, second["steps"], second["finished"]) == (0, 2, True)
    assert (second["people"], second["held_out"]) == (2, 1)
    assert second["best_mm"] > 0

    before = safetensors_torch.load_file(release / "model.safetensors")
    after = safetensors_torch.load_file(out / "model.safetensors")
    assert {name: (t.shape, t.dtype) for name, t in before.items()} == {n: (t.shape, t.dtype) for n, t in after.items()}
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert {"decoder", "head_pose", "head_camera"} <= changed
    assert not changed & {"backbone", "decoder_hand", "head_pose_hand", "hand_pe_layer"}
    files = [out / "model.safetensors"]
    again = sam3d_body.load_checkpoint(files, release / "body.npz", tmp_path, False)
    assert all(torch.equal(weight, after[name[8:]]) for name, weight in trained(again.branch).items())

    card = (out / "model_card.md").read_text()
    for said in ("trained further", "SAM License", "seed 0", "2 people to learn from, 1 held out", "Drawn for a test."):
        assert said in card
    assert "000000.parquet" in card
    assert str(tmp_path) not in card


def test_a_training_goes_on_with_its_own_data_and_weights_only(
    tiny_release: None, release: Path, data: Path, tmp_path: Path
) -> None:
    """Else its card would name what the model was not made of."""
    out, shard = tmp_path / "out", data / shards.SHARD.format(0)
    assert run(*command(release, data, out, "--stop-after", "1"))[0] == 0
    kept = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    shard.rename(data / shards.SHARD.format(1))
    tensors = safetensors_torch.load_file(release / "model.safetensors")
    other = tmp_path / "other"
    other.mkdir()
    safetensors_torch.save_file({name: tensor + 0 for name, tensor in tensors.items()}, other / "model.safetensors")
    with (other / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\0")
    (other / "body.npz").write_bytes((release / "body.npz").read_bytes())
    code, answer = run(*command(other, data, out, "--resume"))
    assert code == 2
    assert "other weights to begin with (model.safetensors is not the same)" in answer["error"]["text"]
    rows = list(shards.read(data / shards.SHARD.format(1)))
    shards.write(data / shards.SHARD.format(2), rows[:2])
    code, answer = run(*command(release, data, out, "--resume"))
    assert code == 2
    assert "other data (000000.parquet is missing, 000001.parquet is new, 000002.par" in answer["error"]["text"]
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == kept
    (data / shards.SHARD.format(2)).unlink()
    assert run(*command(release, data, out, "--resume"))[0] == 0  # of the same content, under another name


def test_a_card_says_why_there_are_no_figures(tiny_release: None, release: Path, data: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "validate_every": 2}
    code, _ = run(*command(release, data, tmp_path / "paused", "--stop-after", "1", settings=settings))
    card = (tmp_path / "paused" / "model_card.md").read_text()
    assert code == 0
    assert "not measured: the training stands at step 1, and the people held out are looked at every 2 steps." in card
    assert "| what | value |" not in card
    shard = data / shards.SHARD.format(0)
    shards.write(shard, [replace(row, held_out=False) for row in shards.read(shard)])
    code, _ = run(*command(release, data, tmp_path / "nobody", settings=settings))
    card = (tmp_path / "nobody" / "model_card.md").read_text()
    assert code == 0
    assert "not measured: the data set holds nobody out." in card
    assert "| what | value |" not in card


def test_what_is_missing_is_told(
    tiny_release: None, release: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = command(release, data, tmp_path / "out")
    code, answer = run(*words[:3], tmp_path / "nothing", *words[4:])
    assert (code, "no data set" in answer["error"]["text"]) == (2, True)
    code, answer = run(*command(release, data, tmp_path / "out", settings={**SETTINGS, "batches": 3}))
    assert (code, "batches" in answer["error"]["text"]) == (2, True)
    code, answer = run(*command(release, data, tmp_path / "out", settings={**SETTINGS, "batch": 16}))
    assert (code, "there are 2 people" in answer["error"]["text"]) == (2, True)

    def without(name: str) -> Any:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return importlib.import_module(name)

    class Importing:
        import_module: Any = staticmethod(without)

    monkeypatch.setattr(cli_train, "importlib", Importing)
    code, answer = run(*words)
    assert (code, "torch" in answer["error"]["text"], "[export]" in answer["error"]["text"]) == (2, True, True)
