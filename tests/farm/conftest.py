"""Batches to hand to farms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from native_runtime.batch.settings import BatchRequest
from tests.support.farm_jobs import HOSTILE, Album


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / HOSTILE / "photos", tmp_path / HOSTILE / "results")


@pytest.fixture
def parsed() -> Callable[[list[str]], BatchRequest]:
    """Reads the words of a task as the command line does."""
    from native_runtime.cli.batch import batch_request
    from native_runtime.cli.commands import all_commands, parser

    top = parser(all_commands([]).values())
    return lambda words: batch_request(top.parse_args(words), here=False)
