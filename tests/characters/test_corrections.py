"""Few shapes that stand for the corrections of many frames."""

from __future__ import annotations

import numpy as np

from native_runtime.characters.corrections import compress


def test_compression_keeps_the_tolerance() -> None:
    rng = np.random.default_rng(0)
    shapes, weights = rng.normal(0, 1, (3, 40, 3)), rng.normal(0, 1, (30, 3))
    offsets = np.tensordot(weights, shapes, 1).astype(np.float32)
    for tolerance, most in ((1e-4, 3), (1.0, 3)):
        found, course = compress(offsets, tolerance)
        assert len(found) <= most
        assert np.abs(course).max(initial=0) <= 1 + 1e-9
        rest = np.linalg.norm(np.tensordot(course, found, 1) - offsets, axis=2)
        assert rest.max() <= tolerance * 1.001
    found, course = compress(np.zeros((5, 40, 3), np.float32), 1e-3)
    assert found.shape == (0, 40, 3)
    assert course.shape == (5, 0)
