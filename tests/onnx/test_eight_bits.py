"""Rotation before rounding, and what processors make of products of eight bits."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.onnx.eight_bits import products_are_exact
from native_runtime.onnx.rotation import LARGEST_BLOCK, rotated, rotation, unrotated
from native_runtime.onnx.sessions import session_options


@pytest.mark.parametrize(("channels", "block"), [(1280, 64), (5120, 64), (48, 16), (7, 1)])
def test_a_rotation_changes_no_product(channels: int, block: int, rng: np.random.Generator) -> None:
    assert rotation(channels).shape == (block, block)
    one, other = rng.normal(size=(2, 5, channels)).astype(np.float32)
    np.testing.assert_allclose(rotated(one) @ rotated(other).T, one @ other.T, atol=1e-3)
    np.testing.assert_allclose(unrotated(rotated(one)), one, atol=1e-5)


def test_an_outlier_is_spread_over_its_block() -> None:
    row = np.zeros((1, 128), np.float32)
    row[0, 70] = 64
    spread = np.abs(rotated(row))[0]
    np.testing.assert_allclose(spread, [0] * LARGEST_BLOCK + [64 / LARGEST_BLOCK**0.5] * LARGEST_BLOCK, atol=1e-5)


def test_equal_channels_do_not_pile_up_in_one() -> None:
    """Without signs a constant would become one large number."""
    assert np.abs(rotated(np.ones((1, 64), np.float32))).max() < 4


def test_seven_bits_are_exact_everywhere() -> None:
    assert products_are_exact(63)


def test_the_slow_kernel_is_asked_for_only_where_the_quick_one_is_wrong() -> None:
    entry = "session.x64quantprecision"
    assert session_options().get_session_config_entry(entry) == str(int(not products_are_exact()))
    assert session_options(exact_products=False).get_session_config_entry(entry) == "0"
