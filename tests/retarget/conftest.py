"""What the tests of retargeting share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.retarget.skeletons import SourcePose
from tests.support.poses import likely_poses


@pytest.fixture(scope="session")
def body(default_body_path: Path) -> Body:
    """The default body: limbs and fingers where a human has them (skipped where it was not built)."""
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="session")
def joints(body: Body) -> NDArray[np.float64]:
    """(50, 127, 7) the joint parameters of fifty people in likely poses."""
    return body.joint_parameters(likely_poses(body, 50))


@pytest.fixture(scope="session")
def people(body: Body, joints: NDArray[np.float64]) -> list[SourcePose]:
    """The same people."""
    return [SourcePose.of(body, parameters) for parameters in joints]
