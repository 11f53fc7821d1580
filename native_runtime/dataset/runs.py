"""Masks as compressed run lengths, as COCO's annotations and the released data set have them.

Source of the format: cocodataset/cocoapi, ``common/maskApi.c`` (``rleToString``, ``rleFrString``): the lengths of runs
of 0 and 1 in turn, column by column, beginning with 0; from the fourth on each less the one two before; then five bits
a character, from the lowest, with a sign, offset by 48.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_OFFSET, _BITS, _MORE, _SIGN = 48, 5, 0x20, 0x10


@dataclass(frozen=True)
class Runs:
    """A mask as it was written: its runs, its height and its width."""

    runs: bytes
    height: int
    width: int

    def decoded(self) -> NDArray[np.bool_]:
        """(height, width); raises as ``decode``."""
        return decode(self.runs, self.height, self.width)


def encode(mask: NDArray[np.bool_]) -> bytes:
    """The runs of a mask (H, W)."""
    flat = np.asarray(mask, bool).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0] if not flat.size or not flat[0] else [0, 0], changes, [flat.size]])
    lengths = np.diff(edges).tolist()
    out = bytearray()
    for index, length in enumerate(lengths):
        value = length - lengths[index - 2] if index > 2 else length
        while True:
            bits, value = value & 0x1F, value >> _BITS
            more = value != (-1 if bits & _SIGN else 0)
            out.append((bits | _MORE if more else bits) + _OFFSET)
            if not more:
                break
    return bytes(out)


def decode(runs: bytes, height: int, width: int) -> NDArray[np.bool_]:
    """The mask (H, W) of its runs.

    Raises:
        ValueError: the runs do not fill a mask of this size.
    """
    lengths: list[int] = []
    value, shift = 0, 0
    for character in runs:
        bits = character - _OFFSET
        if not 0 <= bits < 64:
            raise ValueError("the mask's runs hold characters that mean nothing")
        value |= (bits & 0x1F) << shift
        shift += _BITS
        if bits & _MORE:
            continue
        if bits & _SIGN:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value, shift = 0, 0
    if shift or sum(lengths) != height * width or min(lengths, default=0) < 0:
        raise ValueError(f"the mask's runs do not fill {width} x {height} pixels")
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return flat.reshape((height, width), order="F")
