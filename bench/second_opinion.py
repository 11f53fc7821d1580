"""How BlazePose's errors go with its distance from MoveNet, on rendered people.

    python -m bench.accuracy read --set SET --split tune --readings CACHE
    python -m bench.second_opinion --set SET --split tune --readings CACHE

Joints from the shoulders to the ankles that are within the frame. All lengths are parts of the person's size as the
networks see it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.readings import load_people
from bench.accuracy.score import pictures
from bench.accuracy.truth import BODY_FILE, Truth
from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY
from native_runtime.engines.agreement import SURE, UNSURE, agreement
from native_runtime.engines.evidence import STATURE, TRUST, confidence, pixels_per_metre
from native_runtime.mhr import Body

Array = NDArray[np.float64]

_JOINTS = list(COCO_IN_BODY[5:])
_BINS = ((0.0, 0.01), (0.01, 0.02), (0.02, 0.04), (0.04, 0.07), (0.07, np.inf))
_CLIPPED = 0.15
_SOMEBODY = 0.5
"""Median distance from somebody's true points, in parts of their size, from which a reading is of nobody."""
_HALF = UNSURE + 0.25 * (SURE - UNSURE)


def measure(folder: Path, split: str, readings: Path) -> dict[str, Array]:
    """Per joint: BlazePose's error and the mean place's, how far the two are apart, MoveNet's score, BlazePose's
    certainty, doubt and spread (`agreement.Agreement`). Pictures that the cache lacks are left out.
    """
    body = Body.load(folder / BODY_FILE)
    rows = [body.landmark_names.index(f"blazepose_{index:02d}") for index in range(len(BODY_POINTS))]
    found: list[tuple[float, ...]] = []
    for file in (file for file in pictures(folder, split) if (readings / file.name).exists()):
        truth = Truth.load(file)
        places = [truth.pixels(who.landmarks[rows]) for who in truth.people]
        for person in load_people(readings / file.name):
            away = [np.linalg.norm(person.points_2d - true, axis=1) for true in places]
            who = int(np.argmin([np.median(distance) for distance in away]))
            if person.second is None or np.median(away[who]) > _SOMEBODY * np.ptp(places[who], axis=0).max():
                continue
            size = STATURE * pixels_per_metre(person)
            both, certain = agreement(person, size), confidence(person.visibility, person.presence)
            inside = truth.inside(truth.people[who].landmarks[rows]) & (np.asarray(person.presence) > 0)
            for number, index in enumerate(_JOINTS):
                if inside[index]:
                    found.append(
                        (
                            float(away[who][index] / size),
                            float(np.linalg.norm(both.places[index] - places[who][index]) / size),
                            float(np.linalg.norm(person.second.points[5 + number] - person.points_2d[index]) / size),
                            float(person.second.scores[5 + number]),
                            float(certain[index]),
                            float(both.doubt[index]),
                            float(both.spread[index]),
                        )
                    )
    names = ("error", "mean_error", "apart", "score", "certain", "doubt", "spread")
    return dict(zip(names, np.array(found).reshape(-1, len(names)).T, strict=True))


def area_under_curve(sign: Array, wrong: NDArray[np.bool_]) -> float:
    """The probability that a wrong one has the larger sign than a right one; not a number where all are alike."""
    ranks = np.empty(len(sign))
    ranks[np.argsort(sign, kind="stable")] = np.arange(len(sign))
    count = int(wrong.sum())
    if count in (0, len(sign)):
        return float("nan")
    return float((ranks[wrong].sum() - count * (count - 1) / 2) / (count * (len(sign) - count)))


def report(joints: dict[str, Array]) -> str:
    """The tables, as text."""
    error, sure = joints["error"], joints["score"] > _HALF
    before = TRUST.joint * (1.0 + (TRUST.guess - 1.0) * (1.0 - joints["certain"]))
    lines = [f"{len(error)} joints; apart: count, rms error (at most {_CLIPPED}), sigma before, sigma now"]
    groups = [(f"{low} to {high}", sure & (joints["apart"] >= low) & (joints["apart"] < high)) for low, high in _BINS]
    for name, of in [*groups, ("MoveNet unsure", ~sure)]:
        if of.any():
            rms = float(np.sqrt(np.mean(np.minimum(error[of], _CLIPPED) ** 2)))
            now = float((before * joints["spread"])[of].mean())
            lines.append(f"{name:16} {int(of.sum()):5d} {rms:.3f} {before[of].mean():.4f} {now:.4f}")
    for least in (0.03, 0.05, 0.1):
        wrong = error > least
        areas = [area_under_curve(sign, wrong) for sign in (1.0 - joints["certain"], joints["doubt"])]
        lines.append(
            f"off by more than {least}: {int(wrong.sum())}, AUC {areas[0]:.3f} (certainty), {areas[1]:.3f} (doubt)"
        )
    for name, values in (("BlazePose", error), ("mean of both", joints["mean_error"])):
        lines.append(f"{name:14} median {np.median(values):.4f}, within 0.05: {100 * np.mean(values < 0.05):.1f} %")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--split", choices=("tune", "held-out", "all"), default="tune")
    parser.add_argument("--readings", type=Path, required=True, help="made by bench.accuracy read")
    arguments = parser.parse_args()
    print(report(measure(arguments.folder, arguments.split, arguments.readings)))


if __name__ == "__main__":
    main()
