"""The recorded case, the body that it was recorded with, and networks that answer as they did then."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.mhr import Body
from tests.engines.sam3d_body.recorded import constants_of
from tests.support.parity import recording, standin_body


@pytest.fixture(scope="session")
def body(shared: Path, parity_case: Path) -> Body:
    return standin_body(shared, parity_case)


@pytest.fixture(scope="session")
def constants(parity_case: Path) -> dict[str, NDArray]:
    return constants_of(recording(parity_case, "weights"))


@pytest.fixture(scope="session")
def picture(parity_case: Path) -> NDArray[np.uint8]:
    """The photo of all recorded pipelines."""
    return np.asarray(recording(parity_case, "inputs")["pipeline_image_rgb"])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``pipeline``: the names of all recorded pipelines of the case."""
    if "pipeline_name" in metafunc.fixturenames:
        root = Path(__file__).resolve().parents[3]
        shared = Path(os.environ.get("SAM3DB_SHARED") or root.parent / "shared")
        case = Path(os.environ.get("SAM3DB_PARITY_CASE") or shared / "parity" / "case_a")
        names = sorted(file.stem for file in case.glob("pipeline_*.npz"))
        metafunc.parametrize("pipeline_name", names or [pytest.param("", marks=pytest.mark.skip("no recordings"))])


@pytest.fixture
def recorded(parity_case: Path, pipeline_name: str) -> dict[str, NDArray]:
    return recording(parity_case, pipeline_name)
