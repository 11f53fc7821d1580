"""Details of estimates that make no sense tell nothing, and stop nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from native_runtime.engines.details import PHOTO_TURNED, colour_of, number_of, part_of, points_of, turn_of

NONSENSE: list[Any] = [
    None,
    True,
    "red",
    3,
    -1,
    1e400,
    float("nan"),
    [],
    [1, 2],
    {},
    {"srgb": 1},
    [[1], [2], [3]],
    10**400,
]


@pytest.mark.parametrize("content", NONSENSE)
def test_nonsense_tells_nothing(content: Any) -> None:
    assert part_of(content, "hair") == {}
    assert part_of({"hair": content}, "hair") == (content if isinstance(content, dict) else {})
    assert colour_of(content, 255.0) is None
    assert points_of(content, 4) is None
    assert turn_of(content) == 0
    assert turn_of({PHOTO_TURNED: content}) == 0
    assert number_of(content, 0.0, 1.0) is None


def test_what_is_told_is_read() -> None:
    assert part_of({"hair": {"style": "bob"}}, "hair") == {"style": "bob"}
    assert number_of(1, 0.0, 1.0) == 1.0
    assert colour_of([0, 127.5, 255], 255.0) == (0.0, 127.5, 255.0)
    assert points_of([[1, 2], [3.5, -4]], 2) == [(1.0, 2.0), (3.5, -4.0)]
    assert turn_of({PHOTO_TURNED: 270}) == 270


@pytest.mark.parametrize("channels", [[-1, 255, 255], [256, 0, 0], [0, 0, np.inf], [0, 0], ["0", 0, 0], [0, 0, None]])
def test_colours_out_of_range_are_none_and_are_not_clamped(channels: list[Any]) -> None:
    assert colour_of(channels, 255.0) is None
