"""Several photos of a person as one texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .projection import Seen

Array = NDArray[np.float64]

#: Where several photos show a texel, the one that shows it better counts for more: the power of its weight.
_SHARPNESS = 3.0
_BOTH_SEEN, _FEWEST = 0.2, 200
_MOST_SAMPLES = 50_000
_LIMIT = 3.0


def exposure_gains(seen: Sequence[Seen]) -> Array:
    """(P, 3) by what the colours of each photo are multiplied so that all agree where two show the same; their
    geometric mean is 1. Photos that share nothing with others keep their colours.
    """
    count = len(seen)
    rows, values = [], []
    for first in range(count):
        for second in range(first + 1, count):
            both = np.flatnonzero((seen[first].weight > _BOTH_SEEN) & (seen[second].weight > _BOTH_SEEN))
            if len(both) < _FEWEST:
                continue
            both = both[:: -(-len(both) // _MOST_SAMPLES)]
            a, b = (np.log(np.maximum(view.colour[both], 2e-3)) for view in (seen[first], seen[second]))
            row = np.zeros(count)
            row[first], row[second] = 1.0, -1.0
            rows.append(row)
            values.append(np.median(b - a, axis=0))
    # weakly towards no change, which also settles what is shared by nobody
    matrix = np.concatenate([np.array(rows).reshape(-1, count), 1e-3 * np.eye(count)])
    wanted = np.concatenate([np.array(values).reshape(-1, 3), np.zeros((count, 3))])
    gains = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    return np.asarray(np.exp(np.clip(gains, -np.log(_LIMIT), np.log(_LIMIT))))


def blended(seen: Sequence[Seen]) -> Seen:
    """What all photos show together."""
    if len(seen) == 1:
        return seen[0]
    gains = exposure_gains(seen).astype(np.float32)
    seen = [view if view.believed is None else replace(view, weight=view.weight * view.believed) for view in seen]
    sums, total = np.zeros_like(seen[0].colour), np.zeros_like(seen[0].weight)
    for view, gain in zip(seen, gains):
        counted = view.weight**_SHARPNESS
        sums += view.colour * gain * counted[:, None]
        total += counted
    return Seen(
        sums / np.maximum(total, 1e-12)[:, None],
        np.maximum.reduce([view.weight for view in seen]),
        np.maximum.reduce([np.where(view.weight > 0, view.inset, 0) for view in seen]),
        seen[0].light,
        np.logical_and.reduce([view.doubted | (view.weight <= 0) for view in seen]),
        np.concatenate([view.beside * gain for view, gain in zip(seen, gains)]),
    )
