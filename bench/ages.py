"""Whether children come out as children: size and distance with and without an age, and adults taken for children.

    python -m bench.ages --set SET [--adults 6] [--limit N]

SET is a harder set of ``bench.accuracy`` (its tuning part is used); lenses are estimated as the pipeline does it. Ages
below those that the body knows are given as its youngest.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.likeness import size_ratio
from bench.accuracy.score import pictures
from bench.accuracy.truth import Truth, about_of
from native_runtime.engines import looks, open_engine
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.mhr.rotations import nearest_rotation
from native_runtime.pipeline.camera import read_with_camera

Array = NDArray[np.float64]

_CHILD = 14.0
"""Years: younger people are children here."""
_SAME = 0.3
"""Least overlap (IoU) of boxes of one person."""


def overlap(a: Array, b: Array) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if width <= 0 or height <= 0:
        return 0.0
    return float(width * height / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - width * height))


def aligned_error(guess: Array, true: Array) -> float:
    """Mean distance, mm, of points (n, 3) m after the similarity that fits them best."""
    guess, true = guess - guess.mean(axis=0), true - true.mean(axis=0)
    turn = nearest_rotation(true.T @ guess)
    scale = np.trace(turn.T @ true.T @ guess) / np.sum(guess**2)
    return float(1000 * np.linalg.norm(scale * guess @ turn.T - true, axis=1).mean())


def measure(files: list[Path], models: str | None) -> list[dict[str, Any]]:
    """A row for each person who is found: true age, and for each way of asking size, distance and error."""
    engine, rows = open_engine("landmarks", models), []
    belief = looks.BELIEF
    youngest = float(engine.body.ages.years[0])
    for file in files:
        truth = Truth.load(file)
        try:
            reading, _ = read_with_camera(engine, read_photo(file.with_suffix(".jpg")), None)
        except Sam3dbError:
            continue
        for person in truth.people:
            pixels = truth.pixels(person.vertices)
            box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
            over = [overlap(np.asarray(found.bbox, np.float64), box) for found in reading.people]
            years = float(person.about.get("age") or 99.0)
            if not over or max(over) < _SAME:
                continue
            row: dict[str, Any] = {"picture": file.stem, "years": years}
            ways = {"as adults": {}, "by the face": {}, "age given": {"age": max(years, youngest)}}
            for way, said in ways.items():
                if way == "age given" and years >= _CHILD:
                    continue
                looks.BELIEF = looks.Belief(child=-1.0) if way == "as adults" else belief
                reading.take_camera(reading.intrinsics, reading.gravity)  # forgets earlier fits
                try:
                    estimate = reading.estimate(int(np.argmax(over)), **said)
                except Sam3dbError:
                    continue
                finally:
                    looks.BELIEF = belief
                row[way] = {
                    "size": size_ratio(engine.body, estimate.joints, person.joints),
                    "distance": float(np.linalg.norm(estimate.joints[1]) / np.linalg.norm(person.joints[1])),
                    "error": aligned_error(estimate.keypoints_3d, person.keypoints),
                    "young": bool(estimate.details[looks.LOOKS]["age_followed"]),
                }
            rows.append(row)
            print(row, flush=True)
    return rows


def report(rows: list[dict[str, Any]]) -> str:
    """A table in Markdown."""
    lines = [
        "| people | asked | number | size | off | distance | off | PA-MPJPE, mm | of an age |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    groups = {
        "5 to 13 years": lambda years: 5 <= years < _CHILD,
        "3 and 4 years": lambda years: years < 5,
        "adults": lambda years: years >= 18,
    }
    for title, within in groups.items():
        for way in ("as adults", "by the face", "age given"):
            found = [row[way] for row in rows if way in row and within(row["years"])]
            if not found:
                continue
            size, distance, error = (np.array([entry[key] for entry in found]) for key in ("size", "distance", "error"))
            lines.append(
                f"| {title} | {way} | {len(found)} | {size.mean():.2f} | {np.abs(size - 1).mean():.2f} "
                f"| {distance.mean():.2f} | {np.abs(distance - 1).mean():.2f} | {error.mean():.0f} "
                f"| {sum(entry['young'] for entry in found)} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--adults", type=int, default=6, help="of the pictures without children, every so many")
    parser.add_argument("--limit", type=int, help="at most so many pictures")
    parser.add_argument("--models", help="the models folder")
    arguments = parser.parse_args()
    files = pictures(arguments.folder, "tune")
    young = [file for file in files if about_of(file)["scene"] == "child"]
    others = [file for file in files if file not in young][:: arguments.adults]
    print(report(measure([*young, *others][: arguments.limit], arguments.models)))


if __name__ == "__main__":
    main()
