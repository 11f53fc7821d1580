"""A made-up release for the tests of the conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import toy_sam3d_body
from tests.support.case_release import case_release, case_rig, write_whole_templates
from tests.support.checkpoints import write_torch
from tests.support.sam3d_body_layouts import write_official

Tensors = dict[str, Any]


@pytest.fixture(scope="session")
def toy_tensors() -> dict[str, np.ndarray]:
    """All tensors of the toy model by their official names."""
    return toy_sam3d_body.tensors()


@pytest.fixture(scope="session")
def toy_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs without weights for both variants of the toy model."""
    return toy_sam3d_body.write_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def toy_release(tmp_path_factory: pytest.TempPathFactory, toy_tensors: dict[str, np.ndarray]) -> Path:
    """A folder as the release has it: model.ckpt and assets/mhr_model.pt. Not to be changed."""
    folder = tmp_path_factory.mktemp("release")
    write_torch(folder / "model.ckpt", toy_tensors)
    toy_sam3d_body.write_mhr(folder / "assets" / "mhr_model.pt")
    return folder


@pytest.fixture(scope="module")
def tensors(shared: Path, parity_case: Path) -> Tensors:
    """All tensors of the recorded model, as a release holds them. Not to be changed."""
    return case_release(shared, parity_case)


@pytest.fixture(scope="module")
def rig(shared: Path, parity_case: Path, tmp_path_factory: pytest.TempPathFactory) -> Tensors:
    """The rig of the recorded model."""
    return case_rig(shared, parity_case, tmp_path_factory.mktemp("rig"))


@pytest.fixture(scope="module")
def templates(tensors: Tensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs without weights for it."""
    return write_whole_templates(tmp_path_factory.mktemp("templates"), tensors)


@pytest.fixture(scope="module")
def release(tensors: Tensors, rig: Tensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It in a folder as the release has it. Not to be changed."""
    return write_official(tmp_path_factory.mktemp("release"), tensors, rig)
