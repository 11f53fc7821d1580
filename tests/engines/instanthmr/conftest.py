"""A stand-in for the network, exported once, and engines that use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.instanthmr.engine import InstantHmrEngine
from native_runtime.engines.instanthmr.network import HmrNetwork
from native_runtime.engines.instanthmr.parts import Parts
from native_runtime.engines.instanthmr.placing import Placing
from native_runtime.fitting.prior import PosePrior
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store
from native_runtime.models.instanthmr import InstalledNetwork
from tests.support.toy_instanthmr import NobodySeen, StandIn, changed, export

SIZE = (600, 400)
"""Of the photos for which the exported network's camera head is exact."""


@pytest.fixture(scope="session")
def body(models: Path) -> Body:
    return store.load_body("default-lod2", models)


@pytest.fixture(scope="session")
def placing(body: Body) -> Placing:
    return Placing(body)


@pytest.fixture(scope="session")
def standing(body: Body) -> PlacedState:
    """Somebody who stands naturally, half turned, at the camera's own place."""
    parameters = PosePrior.load(body).natural_parameters(body)
    turned = rotation_vector_to_matrix(np.array([0.1, 0.6, -0.05])) @ euler_to_matrix(parameters[3:6])
    parameters[3:6] = matrix_to_euler(turned)
    return PlacedState(parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.zeros(3))


def hips(placing: Placing, state: PlacedState) -> NDArray[np.float64]:
    """(3,) m, camera axes."""
    places: NDArray[np.float64] = placing.keypoints(state)[[9, 10]].mean(axis=0)
    return places


@pytest.fixture(scope="session")
def stand_in(standing: PlacedState, placing: Placing) -> StandIn:
    """The network; its points are those of nobody in particular."""
    points = np.random.default_rng(3).uniform(-0.8, 0.8, (70, 2))
    return StandIn(standing.model_parameters, np.zeros(45), hips(placing, standing), points, SIZE).eval()


@pytest.fixture(scope="session")
def network_file(stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It as released: five outputs, any number of people."""
    return export(stand_in, tmp_path_factory.mktemp("instanthmr") / "network.onnx")


@pytest.fixture(scope="session")
def angular_file(stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A later release: four outputs, other conditions, a larger picture, one person at a time."""
    folder = tmp_path_factory.mktemp("instanthmr")
    weights = (stand_in.pose, stand_in.shape, stand_in.middle, stand_in.points)
    later = StandIn(*(weight.detach().numpy() for weight in weights), SIZE, angular=True, five=False)
    file = export(later, folder / "later.onnx", 288, 1)
    return changed(file, folder / "stamped.onnx", {"cliff_focal": "true", "bound_scales": "true"})


MakeEngine = Callable[..., InstantHmrEngine]


@pytest.fixture
def engine_with(body: Body) -> MakeEngine:
    """An engine with the network of a file, which sees people only where boxes are."""

    def make(file: Path, finder: Any = None, own: Body | None = None, **about: Any) -> InstantHmrEngine:
        installed = replace(InstalledNetwork("medium", file, 40.0, {}), **about)
        parts = Parts(own or body, HmrNetwork.open(file, ["cpu"]), installed, finder or NobodySeen())
        return InstantHmrEngine(parts)

    return make
