"""Which part of a photo a small picture of a person shows."""

from __future__ import annotations

import pytest

from native_runtime.render import portraits


def test_somebody_upright_is_shown_by_head_and_shoulders() -> None:
    left, top, side, whole = portraits.shown_square([100, 50, 200, 350], [150, 80])
    assert not whole
    assert (left + side / 2, top) == pytest.approx((150, 32))
    assert side < 150
