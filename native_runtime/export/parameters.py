"""From the compact, continuous numbers that the heads predict to MHR's model parameters."""

from __future__ import annotations

from itertools import accumulate, chain

import torch
from torch import Tensor

from native_runtime.models.sam3d_body import layout

from .rotations import arctangent, euler_from_columns

_ROTATION_NUMBERS = 6 * len(layout.BODY_ROTATIONS)
_ANGLE_NUMBERS = 2 * len(layout.BODY_ANGLES)
_BODY_ORDER = (*chain.from_iterable(layout.BODY_ROTATIONS), *layout.BODY_ANGLES, *layout.BODY_LENGTHS)


def _euler(numbers: Tensor) -> Tensor:
    """Three angles each (..., 3 k) of continuous rotations (..., 6 k)."""
    columns = numbers.unflatten(-1, (-1, 6))
    return euler_from_columns(columns[..., :3], columns[..., 3:]).flatten(-2)


def _angles(numbers: Tensor) -> Tensor:
    """Angles (..., k) of sines and cosines (..., 2 k)."""
    pairs = numbers.unflatten(-1, (-1, 2))
    return arctangent(pairs[..., 0], pairs[..., 1])


def _inverse(order: tuple[int, ...]) -> list[int]:
    return [order.index(position) for position in range(len(order))]


def body_pose(continuous: Tensor) -> Tensor:
    """The body pose (..., 133) of 260 continuous numbers, radians and MHR's lengths."""
    rotations, angles, lengths = continuous.split([_ROTATION_NUMBERS, _ANGLE_NUMBERS, len(layout.BODY_LENGTHS)], dim=-1)
    return torch.cat([_euler(rotations), _angles(angles), lengths], dim=-1)[..., _inverse(_BODY_ORDER)]


def _hand_order() -> tuple[list[int], list[int], tuple[int, ...]]:
    """Which of the 54 numbers are rotations, which sines and cosines, and where the 27 angles made of them belong."""
    starts = [0, *accumulate(layout.HAND_FREEDOMS)]
    rotations: list[int] = []
    pairs: list[int] = []
    places: tuple[list[int], list[int]] = ([], [])
    for freedoms, start in zip(layout.HAND_FREEDOMS, starts):
        full = freedoms == 3
        (rotations if full else pairs).extend(range(2 * start, 2 * (start + freedoms)))
        places[not full].extend(range(start, start + freedoms))
    return rotations, pairs, (*places[0], *places[1])


_HAND_ROTATIONS, _HAND_PAIRS, _HAND_PLACES = _hand_order()


def hand_pose(continuous: Tensor) -> Tensor:
    """The 27 angles (..., 27) of a hand's 54 continuous numbers, ordered by joint."""
    angles = torch.cat([_euler(continuous[..., _HAND_ROTATIONS]), _angles(continuous[..., _HAND_PAIRS])], dim=-1)
    return angles[..., _inverse(_HAND_PLACES)]
