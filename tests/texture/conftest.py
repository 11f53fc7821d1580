from __future__ import annotations

from pathlib import Path

import pytest

from native_runtime.mhr import Body
from native_runtime.models.store import load_body


@pytest.fixture(scope="session")
def person(models: Path) -> Body:
    """The default body at its coarsest."""
    return load_body("default-lod2", models)
