"""Which keypoint, if it were corrected, would help most: where views of a person disagree, times its importance.

A view is whatever an engine has more than one of: its decoder's layers, two rounds of prompting, the photo and its
mirror image, or what its networks see against what a body can do. A source is one such disagreement, (70,) in px.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import COUNT, HIPS, STATURE, leverages, mirrors, spoken

Array = NDArray[Any]

SOURCES: dict[str, str] = {
    "layers": "the model's layers disagree about it",
    "rounds": "it moved between two rounds",
    "flip": "the mirrored photo gives another result",
    "confidence": "it is hardly visible",
    "second": "two networks see it in different places, or one is not sure",
    "residual": "the body does not reach the detected point",
    "space": "its distance from the camera is uncertain",
}
"""What each source says of a keypoint, in plain words."""

IN_THE_PHOTO = frozenset(SOURCES) - {"space"}
"""Sources that speak of the place in the photo; the others speak of depth, which a prompt cannot contradict."""


@dataclass(frozen=True)
class Suggestion:
    """A keypoint that is worth a look.

    Attributes:
        keypoint: index in MHR-70.
        score: px: its uncertainty, weighed by how much of the body hangs on it. Comparable within one ranking.
        reason: why, in plain words.
    """

    keypoint: int
    score: float
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return asdict(self)


def combined_uncertainty(sources: Mapping[str, ArrayLike]) -> Array:
    """(70,) px in the photo: the sources as independent errors, the root of the sum of their squares.

    What a source does not know (NaN) adds nothing, and sources about depth are left out.

    Raises:
        ValueError: a source is unknown or has another shape.
    """
    seen = {name: values for name, values in _checked(sources).items() if name in IN_THE_PHOTO}
    return np.sqrt(sum((values**2 for values in seen.values()), np.zeros(COUNT)))


def rank_keypoints(
    sources: Mapping[str, ArrayLike], pinned: Collection[int] = (), most: int | None = None
) -> list[Suggestion]:
    """Keypoints by how much a correction promises, best first.

    Args:
        sources: (70,) px each, named as in ``SOURCES``.
        pinned: keypoints that are prompted already, of whatever kind; they are left out.
        most: how many at most.

    Returns:
        Those with a score above 0; equal scores in MHR-70's order.
    """
    parts = _checked(sources)
    if not parts:
        return []
    amounts, names = np.stack(list(parts.values())), list(parts)
    scores = np.sqrt(np.sum(amounts**2, axis=0)) * leverages()
    scores[list(pinned)] = 0.0
    order = [int(k) for k in np.argsort(-scores, kind="stable") if scores[k] > 0]
    return [
        Suggestion(k, float(scores[k]), f"{spoken(k)}: {SOURCES[names[int(np.argmax(amounts[:, k]))]]}")
        for k in order[:most]
    ]


def of_decoder(layer_keypoints_2d: Array, layer_keypoints_3d: Array, size: float) -> dict[str, Array]:
    """The sources "layers" and "space" from a decoder's intermediate predictions: their mean distance from the last.

    The first layer has hardly looked; of three and more it is left out.

    Args:
        layer_keypoints_2d: (L, 70, 2) px, the last layer last.
        layer_keypoints_3d: (L, 70, 3) m, compared from the middle of the hips.
        size: px, as of ``person_size``.

    Raises:
        ValueError: shapes do not fit, or there is one layer only.
    """
    flat, deep = np.asarray(layer_keypoints_2d, np.float64), np.asarray(layer_keypoints_3d, np.float64)
    layers = len(flat)
    if layers < 2 or flat.shape != (layers, COUNT, 2) or deep.shape != (layers, COUNT, 3):
        raise ValueError(f"layers have shapes {flat.shape} and {deep.shape}, expected (L, {COUNT}, 2), (L, {COUNT}, 3)")
    first = 1 if layers > 2 else 0
    deep = deep - deep[:, list(HIPS)].mean(axis=1, keepdims=True)
    return {
        "layers": between(flat[first:-1], flat[-1]).mean(axis=0),
        "space": np.abs(deep[first:-1, :, 2] - deep[-1, :, 2]).mean(axis=0) * size / STATURE,
    }


def of_flip(straight: Array, flipped: Array, width: int) -> dict[str, Array]:
    """The source "flip" from the keypoints (70, 2) px of a photo and of its mirror image, ``width`` px wide."""
    back = np.asarray(flipped, np.float64)[mirrors()]
    return {"flip": between(np.stack([width - 1 - back[:, 0], back[:, 1]], axis=-1), straight)}


def of_rounds(before: Array, after: Array) -> dict[str, Array]:
    """The source "rounds" from the keypoints (70, 2) px before and after a round of prompting."""
    return {"rounds": between(before, after)}


def between(a: Array, b: Array) -> Array:
    """(..., 70) distances of points (..., 70, D)."""
    result: Array = np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1)
    return result


def _checked(sources: Mapping[str, ArrayLike]) -> dict[str, Array]:
    unknown = set(sources) - set(SOURCES)
    if unknown:
        raise ValueError(f"unknown sources {sorted(unknown)}; there are {', '.join(SOURCES)}")
    checked = {}
    for name, values in sources.items():
        row = np.asarray(values, np.float64)
        if row.shape != (COUNT,):
            raise ValueError(f"the source {name} has shape {row.shape}, expected {(COUNT,)}")
        checked[name] = np.nan_to_num(row, nan=0.0, posinf=0.0)
    return checked
