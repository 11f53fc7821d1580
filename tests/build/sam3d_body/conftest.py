"""A made-up release for the tests of the conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support import toy_sam3d_body
from tests.support.checkpoints import write_torch


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
