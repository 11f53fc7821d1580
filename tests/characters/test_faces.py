"""More or less of an expression."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.characters.faces import is_of_mouth, strengthened

NAMES = ("eyeBlinkLeft", "jawOpen", "mouthSmileLeft", "browInnerUp", "tongueOut")


def test_strength_is_a_factor_on_all_and_mouth_one_more_on_mouth_and_jaw() -> None:
    read = [0.2, 0.3, 0.4, 0.5, 0.0]
    np.testing.assert_allclose(strengthened(NAMES, read, 1.0, 1.0), read)
    np.testing.assert_allclose(strengthened(NAMES, read, 0.5, 2.0), [0.1, 0.3, 0.4, 0.25, 0.0])
    np.testing.assert_allclose(strengthened(NAMES, read, 0.0, 1.0), 0.0)
    np.testing.assert_allclose(strengthened(NAMES, read, 1.5, 0.0), [0.3, 0.0, 0.0, 0.75, 0.0])
    assert [is_of_mouth(name) for name in NAMES] == [False, True, True, False, True]


def test_no_slider_leaves_its_range() -> None:
    assert strengthened(NAMES, [0.5, 0.9, 1.0, 0.0, 0.3], 4.0, 4.0).max() == 1.0
    # What was beyond already stays where it was.
    assert strengthened(("a",), [1.4], 2.0, 1.0) == pytest.approx([1.4])
    assert strengthened(("a",), [-0.3], 2.0, 1.0) == pytest.approx([-0.3])
