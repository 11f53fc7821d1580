"""From estimates that an artist corrected to a step of a training: mine, correct, export, train."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.dataset.annotations import open_data_set
from native_runtime.mhr import Body
from tests.corrections.results import WRIST, corrected, write_photo
from tests.support import pictured

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("pyarrow", reason="data sets need pyarrow")

from native_runtime.training.data import CropSettings, PeopleInPictures  # noqa: E402
from native_runtime.training.processes import Processes  # noqa: E402
from native_runtime.training.trainer import train  # noqa: E402

from .tiny import SIDE, few_steps, objective, tiny_branch  # noqa: E402


def test_five_corrected_characters_train_a_step(tmp_path: Path, tiny_body: Body, rng: np.random.Generator) -> None:
    results, photos, out = tmp_path / "results", tmp_path / "photos", tmp_path / "data"
    results.mkdir()
    for number in range(5):
        person = pictured.seen(tiny_body, pictured.placed(tiny_body, rng), f"{number}.jpg")
        write_photo(photos / f"{number}.jpg", [person])
        corrected(person).save(results / f"{number}_person0")
    words = ["dataset", "export", results, "--photos", photos, "-o", out, "--consent", "--json"]
    said = io.StringIO()
    assert main([*map(str, words)], Console(said, True, False), extensions=()) == 0
    assert json.loads(said.getvalue())["people"] == 5

    branch = tiny_branch(tiny_body)
    constants = {name: buffer.numpy() for name, buffer in branch.network.part("head_pose", "body").named_buffers()}
    data = PeopleInPictures(*open_data_set(out), constants, CropSettings(SIDE, body=tiny_body.hash))
    people = data.batch(range(5)).people
    assert people.known_pose.tolist() == people.known_shape.tolist() == [1] * 5
    assert people.known_2d[:, WRIST].tolist() == [1] * 5
    assert float(people.known_2d[:, WRIST + 1].max()) == 0.5
    before = {name: weight.detach().clone() for name, weight in branch.named_parameters()}
    alone = Processes(0, 1, torch.device("cpu"))
    settings = few_steps(steps=1, batch=5, warm_up=0, average=0.0)
    outcome = train(branch, objective(), data, settings, tmp_path / "run", alone)
    assert outcome.steps == 1
    moved = [name for name, weight in branch.named_parameters() if not torch.equal(weight, before[name])]
    assert any(name.startswith("network.head_pose.") for name in moved)
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
