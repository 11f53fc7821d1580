"""What a training tells: lines of JSON, and curves where TensorBoard is installed."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from native_runtime.training.reports import FILE, Reports


class Writer:
    """TensorBoard's writer, as far as it is used."""

    made: list[Writer] = []

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step, self.closed = folder, purge_step, False
        self.scalars: list[tuple[str, float, int]] = []
        Writer.made.append(self)

    def add_scalar(self, name: str, number: float, step: int) -> None:
        self.scalars.append((name, number, step))

    def close(self) -> None:
        self.closed = True


def test_curves_are_written_where_tensorboard_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(Writer, "made", [])
    reports = Reports(tmp_path, 10)
    reports.add(20, {"loss": 1.5, "pose": float("nan")})
    reports.close()
    (writer,) = Writer.made
    assert (writer.folder, writer.purge_step, writer.closed) == (str(tmp_path), 11, True)
    assert [(name, step) for name, _, step in writer.scalars] == [("loss", 20), ("pose", 20)]
    assert json.loads((tmp_path / FILE).read_text()) == {"step": 20, "loss": 1.5, "pose": None}


def test_without_tensorboard_there_are_lines_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    reports = Reports(tmp_path, 0)
    reports.add(10, {"loss": 2.0})
    reports.close()
    assert json.loads((tmp_path / FILE).read_text()) == {"step": 10, "loss": 2.0}
