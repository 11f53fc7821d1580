"""Fits the map of ``native_runtime.detection.lifting`` to rendered people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import lifting
from native_runtime.detection.lifting import POINTS, SEGMENTS, Lifting
from native_runtime.synthetic.poses import AUTHORED, FOLDS, LIBRARY, fold_of

from .made import Stances, made
from .network import Recipe
from .network import train as train_network
from .readings import Readings
from .stances import Example, Stance, vectors_of

Array = NDArray[np.float64]

RECIPE = Recipe()
OFTEN = 2
"""What a pose of the libraries counts: people sit, kneel and crouch there, as hardly anybody does in motion capture."""
PLACES = 4.0
"""What an error of a metre counts, where an error of a radian counts 1."""
PICTURES = 3.0
"""What a person with a picture counts, where one without counts 1."""
FOCAL = 0.15
"""Standard deviation of the logarithm of a focal length as the lens is known for photos."""
_LOST = 0.12
"""Of the person's box: where the points that are in sight are farther off than this, the network saw something else."""


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


def fit(
    given: Sequence[Example], chances: Array | None = None, others: Sequence[Stance] = (), recipe: Recipe = RECIPE,
    seed: int = 0,
) -> Lifting:  # fmt: skip
    """The map that is learnt from people and their mirror images.

    Args:
        chances: (n,) how often each is seen, relatively; None: all alike.
        others: what is true of people without pictures (``made``).
    """
    rng = np.random.default_rng(seed)
    both = [*given, *(example.mirrored() for example in given)]
    often = np.tile(np.ones(len(given)) if chances is None else np.asarray(chances, np.float64), 2)
    if others:
        both += made(both, others, rng)
        often = np.concatenate([PICTURES * often, np.ones(len(others))])
    features = np.array([example.sight.features() for example in both])
    features[:, -1] *= np.exp(rng.normal(0.0, FOCAL, len(both)))
    centre, scale = np.nanmean(features, axis=0), np.maximum(np.nanstd(features, axis=0), 1e-3)
    scaled = np.clip(np.nan_to_num((features - centre) / scale), -5.0, 5.0).astype(np.float32)
    truths = [example.stance for example in both]
    targets = np.array([np.concatenate([s.vectors.ravel(), s.places.ravel()]) for s in truths]).astype(np.float32)
    weights = np.repeat([1.0, PLACES], [3 * len(SEGMENTS), 3 * len(POINTS)]).astype(np.float32)
    found = train_network(scaled, targets, weights, often, recipe, seed)
    hidden = tuple((np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in found.hidden)
    last = (np.asarray(found.last[0], np.float64), np.asarray(found.last[1], np.float64))
    return Lifting(centre, scale, np.asarray(found.straight, np.float64), hidden, last)


def calibrated(found: Lifting, people: Sequence[Example]) -> Lifting:
    """The map with standard deviations as large as its errors on people it has not learnt from: for each component of
    each vector and place a factor, the same on both sides.
    """
    lifted = [found.upright(example.sight) for example in people]
    turning = np.array([(a.vectors - e.stance.vectors) / a.vector_sigmas for a, e in zip(lifted, people)])
    moving = np.array([(a.places - e.stance.places) / a.place_sigmas for a, e in zip(lifted, people)])
    segments, points = lifting.mirrored_segments()[0], lifting.mirrored_points()
    factors = [
        np.sqrt(0.5 * (squares + squares[order])) for squares, order in (
            ((turning**2).mean(axis=0), segments), ((moving**2).mean(axis=0), points))
    ]  # fmt: skip
    weights, offsets = found.last
    step = np.log(np.maximum(np.concatenate([f.ravel() for f in factors]), 1e-3))
    return replace(found, last=(weights, offsets + np.concatenate([np.zeros(len(step)), step])))


def train(paths: Sequence[Path], stances: Path, recipe: Recipe = RECIPE) -> tuple[str, str]:
    """The content of ``rig_templates/fit/lifting.json``, and what is reached on people who were held out.

    How far off the map is, and so its standard deviations, is found on one of the five parts of the clips, by a map
    that is learnt from the four others. The map itself is learnt from all.
    """
    readings = Readings.load(*paths)
    people, numbers = examples(readings)
    groups, held = readings.group[numbers], readings.held_out[numbers]
    own = np.char.startswith(groups, LIBRARY) | np.char.startswith(groups, AUTHORED)
    fold = np.array([fold_of(str(group)) for group in groups])
    chances = np.where(own, float(OFTEN), 1.0)

    unseen = Stances.load(stances)
    fold_unseen = np.array([fold_of(str(group)) for group in unseen.group])

    def learn(mask: NDArray[np.bool_], of_unseen: NDArray[np.bool_]) -> Lifting:
        chosen = np.flatnonzero(mask)
        return fit([people[k] for k in chosen], chances[chosen], unseen.some(of_unseen), recipe)

    most = ~held & (fold != FOLDS - 1)
    check = [people[k] for k in np.flatnonzero(~held & ~most)]
    draft = learn(most, fold_unseen != FOLDS - 1)
    factor = calibrated(draft, check).last[1] - draft.last[1]
    found = learn(~held, np.ones(len(fold_unseen), bool))
    found = Lifting.of_data(replace(found, last=(found.last[0], found.last[1] + factor)).data())
    source = f"{int(np.sum(~held))} rendered people, {len(fold_unseen)} poses (python -m bench.lifting)"
    text = "On a fifth that the draft has not seen:\n\n" + report(draft, check)
    text += "\n\nOn clips held out:\n\n" + report(found, [people[k] for k in np.flatnonzero(held)])
    return json.dumps({"of": source} | found.data(), separators=(",", ":")) + "\n", text


def report(found: Lifting, held_out: Sequence[Example]) -> str:
    """A table in Markdown, row by row of the segments of one side."""
    true = np.array([example.stance.vectors for example in held_out])
    raw = np.array([vectors_of(example.sight.space) for example in held_out])
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
    for row, partner in enumerate(partners):
        if partner < row:
            continue
        rows = sorted({row, partner})
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
    distances = [
        (example.stance.places - example.sight.space, example.stance.places - one.places, one.place_sigmas)
        for example, one in zip(held_out, lifted)
    ]
    network, map_, sigmas = (np.array(column) for column in zip(*distances, strict=True))
    distance = [1000 * np.linalg.norm(off, axis=2).mean() for off in (network, map_)]
    depth = [1000 * np.abs(off[..., 2]).mean() for off in (network, map_)]
    for hinge, pairs in _HINGES.items():
        off = [_bends(x, pairs) - _bends(true, pairs) for x in (raw, unit)]
        lines.append(f"{hinge} bent too far by (all, absolute; network, map): " + "; ".join(
            f"{x.mean():+.1f}, {np.abs(x).mean():.1f}" for x in off))  # fmt: skip
    lines += ["", f"places: {distance[0]:.0f} mm from the truth, map {distance[1]:.0f}; along the view {depth[0]:.0f}, "
              f"map {depth[1]:.0f}; in their sigmas {(map_ / sigmas).std():.2f}"]  # fmt: skip
    return "\n".join(lines)


_HINGES = {
    name: [
        tuple(SEGMENTS.index((f"{side}_{a}", f"{side}_{b}")) for a, b in ((first, middle), (middle, last)))
        for side in ("left", "right")
    ]
    for name, first, middle, last in (("knees", "hip", "knee", "ankle"), ("elbows", "shoulder", "elbow", "wrist"))
}


def _bends(vectors: Array, pairs: Sequence[tuple[int, ...]]) -> Array:
    """(N, 2) degrees between the segments (N, 19, 3) of pairs: 0 where a limb is straight."""
    return np.degrees(np.stack([
        np.arccos(np.clip((vectors[:, a] * vectors[:, b]).sum(axis=1), -1.0, 1.0)) for a, b in pairs
    ], axis=1))  # fmt: skip
