"""Batches without networks and without Blender."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.batches import Bench, make_photo


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)
    monkeypatch.setenv("FAKE_BUILDER_LOG", str(bench.log))
    return bench


@pytest.fixture
def add_photo() -> Callable[..., Path]:
    return make_photo
