"""Some of a body's points are the same points."""

from __future__ import annotations

import numpy as np

from native_runtime.fitting.volume import BodyVolume
from native_runtime.mhr import ColumnSet
from tests.support.bodies import toy_body


def test_points_that_are_taken_lie_and_move_as_before() -> None:
    body, rng = toy_body(), np.random.default_rng(2)
    points, which = BodyVolume.of(body).points, np.array([0, 3, 17, 60])
    parameters = body.parameterisation.clamp(0.1 * rng.normal(size=len(body.parameter_names)))
    pose, identity = body.pose(parameters), rng.normal(size=body.identity_count)
    columns = ColumnSet.of(body, np.array([body.parameter_index("spine_bend0"), body.parameter_index("l_elbow_bend")]))
    some = points.take(which)
    np.testing.assert_allclose(some.positions(pose, identity), points.positions(pose, identity)[which])
    np.testing.assert_allclose(some.identity_jacobian(pose), points.identity_jacobian(pose)[which])
    np.testing.assert_allclose(
        some.parameter_jacobian(pose, columns, identity),
        points.parameter_jacobian(pose, columns, identity)[which],
        atol=1e-9,
    )
