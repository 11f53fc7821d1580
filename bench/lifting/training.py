"""Fits the map of ``native_runtime.detection.lifting`` to rendered people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from native_runtime.detection import lifting
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.lifting import (
    OWN,
    OWN_POINTS,
    POINTS,
    SEGMENTS,
    Lifting,
    Sight,
    place_spread_features,
    vector_spread_features,
    window_axes,
)  # fmt: skip
from native_runtime.mhr.rotations import rotation_between

from .poses import LIBRARY
from .readings import Readings

Array = NDArray[np.float64]

RIDGE = 20.0
"""Weight of the squared coefficients, features in their standard deviations, a thousand people."""
AUTHORED = 3
"""What a pose of the library counts: people sit, kneel and crouch there, as hardly anybody does in motion capture."""
_LOST = 0.12
"""Of the person's box: where the points that are in sight are farther off than this, the network saw something else."""


@dataclass(frozen=True)
class Example:
    """A person as the network sees them, and how their segments truly point.

    Attributes:
        sight: in the window's upright axes.
        vectors: (19, 3) true unit vectors in these axes.
        raw: (19, 3) unit vectors between the network's own points.
        places: (21, 3) m, true, from the middle of the hips.
    """

    sight: Sight
    vectors: Array
    raw: Array
    places: Array

    @staticmethod
    def of(person: PersonLandmarks, landmarks: Array, intrinsics: Array) -> Example:
        """`landmarks`: (33, 3) m, camera axes, true; `intrinsics`: (3, 3) px of the picture."""
        sight = Sight.of(person)
        centre = (person.bbox[:2] + person.bbox[2:]) / 2
        towards = rotation_between([0.0, 0.0, 1.0], np.linalg.solve(intrinsics, [*centre, 1.0]))
        seen = landmarks[[BODY_POINTS.index(name) for name in POINTS]] @ towards
        seen = np.column_stack([seen[:, :2] @ window_axes(person), seen[:, 2]])
        hips = [POINTS.index("left_hip"), POINTS.index("right_hip")]
        return Example(sight, _between(seen), _between(sight.space), seen - seen[hips].mean(axis=0))

    def mirrored(self) -> Example:
        """The same in a mirror."""
        places = (self.places * (-1.0, 1.0, 1.0))[lifting.mirrored_points()]
        return Example(self.sight.mirrored(), _reflected(self.vectors), _reflected(self.raw), places)


def _between(points: Array) -> Array:
    vectors = np.array([points[POINTS.index(end)] - points[POINTS.index(start)] for start, end in SEGMENTS])
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _reflected(vectors: Array) -> Array:
    partners, signs = lifting.mirrored_segments()
    return np.asarray((vectors * (-1.0, 1.0, 1.0) * signs[:, None])[partners])


def examples(readings: Readings) -> tuple[list[Example], NDArray[np.int64]]:
    """The people whom the network saw at all, and their numbers."""
    found, numbers = [], []
    for number in range(len(readings.group)):
        person, landmarks, intrinsics = (
            readings.person(number), readings.landmarks[number], readings.intrinsics[number])  # fmt: skip
        true = (landmarks @ intrinsics.T)[:, :2] / landmarks[:, 2:]
        seen = person.visibility > 0.5
        side = float(np.max(person.bbox[2:] - person.bbox[:2]))
        if seen.sum() < 6 or np.median(np.linalg.norm(person.points_2d - true, axis=1)[seen]) > _LOST * side:
            continue
        found.append(Example.of(person, landmarks, intrinsics))
        numbers.append(number)
    return found, np.array(numbers)


def fit(given: Sequence[Example], ridge: float = RIDGE) -> Lifting:
    """Ridge regression on people and their mirror images; variances by non-negative least squares."""
    both = [*given, *(example.mirrored() for example in given)]
    features = np.array([example.sight.features() for example in both])
    vectors = np.array([example.vectors[OWN] for example in both])
    places = np.array([example.places[OWN_POINTS] for example in both])
    map_of_vectors, map_of_places = (_regressed(features, target, ridge) for target in (vectors, places))
    nothing = np.zeros((len(OWN), 3, 3)), np.zeros((len(OWN_POINTS), 3, 2))
    draft = Lifting(map_of_vectors, nothing[0], map_of_places, nothing[1])
    own = [draft.own(example.sight) for example in both]
    # Errors on what was learnt from are too small, by as much as there are coefficients for it (mirror images are two
    # people to half of the coefficients each).
    fresh = len(given) / max(len(given) - features.shape[1] / 2, 1.0)
    turning = fresh * (np.array([one.vectors for one in own]) - vectors) ** 2
    moving = fresh * (np.array([one.places for one in own]) - places) ** 2
    known = np.array([vector_spread_features(one.vectors, example.sight) for one, example in zip(own, both)])
    hidden = np.array([place_spread_features(example.sight) for example in both])
    return Lifting(map_of_vectors, _variances(known, turning), map_of_places, _variances(hidden, moving))


def _regressed(features: Array, targets: Array, ridge: float) -> Array:
    """(k, 3, n) of features (N, n), the first of them the constant, for targets (N, k, 3)."""
    scale = np.maximum(features.std(axis=0), 1e-6)
    scale[0] = 1.0
    penalty = np.full(features.shape[1], ridge * len(features) / 1000.0)
    penalty[0] = 0.0
    scaled = features / scale
    solution = np.linalg.solve(scaled.T @ scaled + np.diag(penalty), scaled.T @ targets.reshape(len(targets), -1))
    return np.asarray((solution / scale[:, None]).T.reshape(*targets.shape[1:], -1))


def _variances(features: Array, squares: Array) -> Array:
    """(k, 3, f), at least 0, of features (N, k, f) for squares (N, k, 3)."""
    return np.array([
        [nnls(features[:, row], squares[:, row, axis])[0] for axis in range(3)] for row in range(squares.shape[1])
    ])  # fmt: skip


def train(paths: Sequence[Path]) -> tuple[str, str]:
    """The content of ``rig_templates/fit/lifting.json``, and what is reached on people who were held out."""
    readings = Readings.load(*paths)
    people, numbers = examples(readings)
    held = readings.held_out[numbers]
    authored = np.char.startswith(readings.group[numbers], LIBRARY)
    learnt = [
        example
        for example, out, often in zip(people, held, np.where(authored, AUTHORED, 1))
        if not out
        for _ in range(often)
    ]
    found = fit(learnt)
    data = {
        "of": f"{int(np.sum(~held))} rendered people (python -m bench.lifting)",
        **{field.name: _rounded(getattr(found, field.name), 5) for field in fields(Lifting)},
    }
    return json.dumps(data, separators=(",", ":")) + "\n", report(found, [e for e, out in zip(people, held) if out])


def _rounded(values: Array, digits: int) -> list[object]:
    return list(np.round(values, digits).tolist())


def report(found: Lifting, held_out: Sequence[Example]) -> str:
    """A table in Markdown, row by row of the segments of one side."""
    true = np.array([example.vectors for example in held_out])
    raw = np.array([example.raw for example in held_out])
    lifted = [found.upright(example.sight) for example in held_out]
    mean, sigma = np.array([x.vectors for x in lifted]), np.array([x.vector_sigmas for x in lifted])
    unit = mean / np.maximum(np.linalg.norm(mean, axis=2, keepdims=True), 1e-9)

    def angle(found: Array) -> Array:
        return np.degrees(np.arccos(np.clip((found * true).sum(axis=2), -1, 1)))

    lines = [
        f"{len(held_out)} people; errors in degrees, wrong signs of depth in %, errors in their sigmas",
        "",
        "| segment | network | map | wrong sign, network | map | sigmas across | along |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    deep = np.abs(true[..., 2]) > 0.4
    z = (mean - true) / np.maximum(sigma, 1e-6)
    partners, _ = lifting.mirrored_segments()
    for row in OWN:
        rows = sorted({row, partners[row]})
        wrong = [
            100 * np.mean((x[:, rows, 2] * true[:, rows, 2] < 0)[deep[:, rows]]) if deep[:, rows].any() else np.nan
            for x in (raw, unit)
        ]
        lines.append(
            f"| {' to '.join(SEGMENTS[row])} | {angle(raw)[:, rows].mean():.1f} | {angle(unit)[:, rows].mean():.1f} | "
            f"{wrong[0]:.1f} | {wrong[1]:.1f} | {z[:, rows, :2].std():.2f} | {z[:, rows, 2].std():.2f} |"
        )
    errors, spread = f"{angle(raw).mean():.1f} | {angle(unit).mean():.1f}", (z[..., :2].std(), z[..., 2].std())
    lines.append(f"| all | {errors} | | | {spread[0]:.2f} | {spread[1]:.2f} |")
    errors = [
        (example.places - example.sight.space, example.places - one.places, one.place_sigmas)
        for example, one in zip(held_out, lifted)
    ]
    network, map_, sigmas = (np.array(column) for column in zip(*errors, strict=True))
    distance = [1000 * np.linalg.norm(off, axis=2).mean() for off in (network, map_)]
    depth = [1000 * np.abs(off[..., 2]).mean() for off in (network, map_)]
    lines += ["", f"places: {distance[0]:.0f} mm from the truth, map {distance[1]:.0f}; along the view {depth[0]:.0f}, "
              f"map {depth[1]:.0f}; in their sigmas {(map_ / sigmas).std():.2f}"]  # fmt: skip
    return "\n".join(lines)
