"""The default body's expressions on MHR's official body: where its own mesh moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.build.official import read_release_body
from native_runtime.characters.faces import is_of_mouth
from native_runtime.fitting.face import response_of
from native_runtime.fitting.face_transfer import is_official, to_official
from native_runtime.mhr import Body
from tests.support.bodies import toy_body


@pytest.fixture(scope="module")
def official(shared: Path) -> Body:
    if not (shared / "mhr" / "lod3.fbx").is_file():
        pytest.skip("MHR's own files are not there")
    return read_release_body(shared / "mhr", 3)


def moved(body: Body, *names: str) -> np.ndarray:
    """(V, 3) cm, how far the vertices move when expressions of the default body are shown."""
    coefficients = to_official().of(dict.fromkeys(names, 1.0))
    return np.einsum("k,kvc->vc", coefficients, body.expression_basis.astype(float))


def test_all_that_can_be_read_has_shapes_there() -> None:
    response = response_of("default")
    assert response is not None
    transfer = to_official()
    assert set(transfer.names) == set(response.expression)
    assert (transfer.weights >= 0).all()
    assert (transfer.weights.max(axis=1) > 0.05).all()
    assert not transfer.of({}).any()
    everything = transfer.of(dict.fromkeys(transfer.names, 1.0))
    assert everything.max() == 1.0


def test_only_mhrs_own_body_is_official(official: Body) -> None:
    assert is_official(official)
    assert not is_official(toy_body())


def test_the_official_face_moves_as_it_should(official: Body) -> None:
    rest = official.rest_vertices.astype(float)
    jaw = moved(official, "jawOpen")
    lowest = np.argmin(jaw[:, 1])
    assert jaw[lowest, 1] < -2.5
    assert not is_of_mouth("expression_12")
    assert is_of_mouth("expression_24")
    smile = moved(official, "mouthSmileLeft", "mouthSmileRight")
    corners = [np.argmax(smile[:, 1] * (side * rest[:, 0] > 1.0)) for side in (1, -1)]
    assert smile[corners, 1].min() > 0.4
    assert smile[corners[0], 0] > 0.2 > -0.2 > smile[corners[1], 0]
    left = np.linalg.norm(moved(official, "eyeBlinkLeft"), axis=1)
    assert rest[np.argmax(left), 0] > 1.0
    assert left[rest[:, 0] < -1.0].max() < 0.1
