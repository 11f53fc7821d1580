"""The tiny network and its people, once for all tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from native_runtime.mhr import Body


@pytest.fixture(scope="session")
def tiny_body(models: Path) -> Body:
    """The coarsest default body."""
    path = models / "bodies" / "default-lod2.npz"
    if not path.is_file():
        pytest.skip("needs the built bodies: sam3db models build")
    return Body.load(path)


@pytest.fixture
def branch(tiny_body: Body) -> Any:
    """A network that has learnt nothing yet, always the same."""
    pytest.importorskip("torch", reason="training needs PyTorch")
    from .tiny import tiny_branch

    return tiny_branch(tiny_body)


@pytest.fixture
def people(branch: Any) -> Any:
    """Eight people to be learnt by heart."""
    from .tiny import tiny_people

    return tiny_people(branch, 8)
