"""The recorded network, once for all tests of the export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    torch = pytest.importorskip("torch", reason="the export needs PyTorch")
    with torch.no_grad():
        yield


@pytest.fixture(scope="session")
def network(parity_case: Path) -> Any:
    """The case's network with its weights."""
    from tests.support.recorded_network import case_network

    return case_network(parity_case)


@pytest.fixture(scope="session")
def support(shared: Path, parity_case: Path) -> Any:
    """The case's body, reduced to its keypoints."""
    from tests.support.recorded_network import case_support

    return case_support(shared, parity_case)
