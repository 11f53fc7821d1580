"""Bodies for the tests of retargeting."""

from __future__ import annotations

import pytest

from native_runtime.mhr import Body


@pytest.fixture(scope="session")
def body(default_body_path) -> Body:
    """The default body: limbs and fingers where a human has them (skipped where it was not built)."""
    return Body.load(default_body_path.with_name("default-lod2.npz"))
