"""Measures the checks of prompts and the ranking of keypoints on rendered people whose pose is known.

    python -m bench.prompt_quality --set SET [--split held-out] [--people 16] [--corrections 8] [--json FILE]

SET is a folder that ``python -m bench.accuracy render`` made. Even pictures were used to choose the tolerances, odd
ones are held out. Per person the landmarks engine predicts, and the checks see prompts at

* the true places (false alarms): where the prediction is right, where it is more than a tenth of the body's height off,
  and after an arm or a leg of what the networks saw was swung away, so that the whole limb is predicted wrongly;
* the place of the other side's joint, one prompt or both of a pair;
* the true place and an offset in a random direction.

The ranking is held against the true errors; and for the first ``--corrections`` people every visible keypoint is
prompted at its true place in turn, to see whether the first of the ranking helps more than any one.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.landmarks.engine import LandmarksEngine, LandmarksReading, open_engine
from native_runtime.engines.point_names import body_keypoint
from native_runtime.image.reading import Photo, read_photo
from native_runtime.prompts.quality import Prediction, check_quality, rank_keypoints
from native_runtime.prompts.quality.anatomy import mirrors

from .accuracy.compare import POINTS, distance_between, landmark_columns
from .accuracy.metrics import distances, match
from .accuracy.score import pictures
from .accuracy.truth import BODY_FILE, Person, Truth

Array = NDArray[Any]

OFFSETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
WRONG = 0.1
"""Of the person's size: from here on a prediction is called wrong."""
QUIET = "none"
APART = 0.05
"""Pairs nearer to each other than this are the same place for all purposes; counted apart."""
_JOINTS = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 41, 62)
_LIMBS = {
    "arm": ("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
    "leg": ("hip", "knee", "ankle", "heel", "foot_index"),
}


@dataclass
class Case:
    """A true person, as the engine sees them."""

    engine: LandmarksEngine
    photo: Photo
    truth: Truth
    person: Person
    landmarks: PersonLandmarks
    intrinsics: Array
    estimate: Estimate
    rng: np.random.Generator

    @property
    def prediction(self) -> Prediction:
        return self.engine.uncertainty.prediction(self.landmarks, self.photo, self.estimate)

    @property
    def sources(self) -> dict[str, Array]:
        return self.engine.uncertainty.sources(self.landmarks, self.photo, self.estimate)

    @property
    def reading(self) -> LandmarksReading:
        return LandmarksReading(self.engine, self.photo, self.intrinsics, [self.landmarks], {})

    @property
    def places(self) -> Array:
        """(70, 2) px: where the keypoints truly are."""
        return self.truth.pixels(self.person.keypoints)

    @property
    def visible(self) -> list[int]:
        """Keypoints that the networks look for and that are truly in sight."""
        names = list(self.engine.body.keypoint_names)
        columns, _ = landmark_columns(self.engine.body)
        return [
            names.index(keypoint)
            for point, column in zip(BODY_POINTS, columns)
            if (keypoint := body_keypoint(point)) and "finger" not in keypoint and "thumb" not in keypoint
            if self.person.seen[column]
        ]

    def swung(self, limb: str) -> Case:
        """The same after one limb of what the networks saw was swung by 50 to 120 degrees about one of its joints."""
        side = str(self.rng.choice(["left", "right"]))
        chain = [BODY_POINTS.index(f"{side}_{part}") for part in _LIMBS[limb]]
        pivot = int(self.rng.integers(2))
        angle = np.radians(self.rng.uniform(50, 120)) * self.rng.choice([-1, 1])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        seen = copy.deepcopy(self.landmarks)
        if limb == "arm":
            setattr(seen, f"{side}_hand", None)
        below = chain[pivot + 1 :]
        for points in (seen.points_2d, seen.points_3d):
            points[below, :2] = points[chain[pivot], :2] + (points[below, :2] - points[chain[pivot], :2]) @ turn.T
        reading = LandmarksReading(self.engine, self.photo, self.intrinsics, [seen], {})
        return replace(self, landmarks=seen, estimate=reading.estimate(0))


def cases(folder: Path, split: str, people: int) -> Iterator[Case]:
    """People who are found, from pictures spread evenly over the split."""
    files = pictures(folder, split)
    engine = open_engine(None, None, folder / BODY_FILE)
    left = people
    for file in files[:: max(1, len(files) // people)]:
        truth, photo = Truth.load(file), read_photo(file.with_suffix(".jpg"))
        reading = engine.read(photo)
        costs = np.array(
            [[distance_between(p, q.landmarks, engine.body, truth) for q in reading.people] for p in truth.people]
        )
        for index, found in match(costs.reshape(len(truth.people), len(reading.people)), 0.25):
            if left == 0:
                return
            left -= 1
            estimate = reading.estimate(found)
            rng = np.random.default_rng([int(file.stem), index])
            yield Case(
                engine, photo, truth, truth.people[index], reading.people[found].landmarks,
                estimate.intrinsics, estimate, rng,
            )  # fmt: skip


def count_warnings(case: Case, counts: dict[str, Counter[str]]) -> None:
    """Put all kinds of prompts for one person to the check; count the kinds of warnings."""
    prediction, places, size = case.prediction, case.places, case.prediction.size

    def put(label: str, *prompts: tuple[int, float, float]) -> None:
        warnings = [w for w in check_quality(prompts, prediction) if w.keypoint == prompts[0][0]]
        counts[label][warnings[0].kind if warnings else QUIET] += 1

    visible = case.visible
    off = np.linalg.norm(prediction.keypoints_2d - places, axis=-1) / size
    for keypoint in visible:
        true = (keypoint, *places[keypoint])
        put("true place", true)
        put("true place, prediction wrong" if off[keypoint] > WRONG else "true place, prediction right", true)
        for share in OFFSETS:
            angle = case.rng.uniform(0, 2 * np.pi)
            shift = share * size * np.array([np.cos(angle), np.sin(angle)])
            put(f"{share} h off", (keypoint, *(places[keypoint] + shift)))
        other = int(mirrors()[keypoint])
        if other != keypoint:
            far = bool(np.linalg.norm(places[keypoint] - places[other]) / size > APART)
            labels = ["all pairs"] + ["apart"] * far + ["joints of the limbs"] * (keypoint in _JOINTS)
            for label in labels:
                put(f"one side swapped, {label}", (keypoint, *places[other]))
                if other in visible:
                    put(f"both sides swapped, {label}", (keypoint, *places[other]), (other, *places[keypoint]))
    for number in (2, 4, 8):
        together = [(int(k), *places[k]) for k in case.rng.permutation(visible)[:number]]
        for first in range(len(together)):
            put(f"true places, {number} together", *(together[first:] + together[:first]))
    for limb in _LIMBS:
        there = case.swung(limb).prediction
        for keypoint in visible:
            before, after = (p.keypoints_2d[keypoint] - places[keypoint] for p in (prediction, there))
            if np.linalg.norm(before) < WRONG * size < np.linalg.norm(after):
                warned = check_quality([(keypoint, *places[keypoint])], there)
                counts[f"true place, {limb} predicted wrongly"][warned[0].kind if warned else QUIET] += 1


def rank_person(case: Case) -> dict[str, float] | None:
    """How the ranking of one person's visible keypoints agrees with their true errors in the photo and in space."""
    visible = case.visible
    if len(visible) < 6:
        return None
    scores = {s.keypoint: s.score for s in rank_keypoints(case.sources)}
    hips = [9, 10]
    flat = np.linalg.norm(case.estimate.keypoints_2d - case.places, axis=-1)[visible]
    true, guess = case.person.keypoints, case.estimate.keypoints_3d
    deep = distances(guess - guess[hips].mean(axis=0), true - true[hips].mean(axis=0))[visible]
    score = np.array([scores.get(k, 0.0) for k in visible])
    first = int(np.argmax(score))
    return {
        "rank correlation with the error in the photo": _rank_correlation(score, flat),
        "rank correlation with the error in space": _rank_correlation(score, deep),
        "first, error in the photo over the mean": float(flat[first] / flat.mean()),
        "first, error in space over the mean": float(deep[first] / deep.mean()),
    }


def correct_person(case: Case) -> dict[str, float] | None:
    """What pinning one visible keypoint at its true place changes: mm of MPJPE, lower is better."""
    visible = [k for k in case.visible if k in (*_JOINTS, 0, 15, 18)]
    if len(visible) < 4:
        return None
    reading = case.reading
    before = _mpjpe(case, case.estimate)
    gains = np.array([before - _mpjpe(case, reading.estimate(0, [(k, *case.places[k])])) for k in visible])
    order = [s.keypoint for s in rank_keypoints(case.sources) if s.keypoint in visible]
    off = np.linalg.norm(case.estimate.keypoints_2d - case.places, axis=-1)[visible]
    first = gains[visible.index(order[0])]
    return {
        "before": before,
        "gain of the first": float(first),
        "gain of any": float(gains.mean()),
        "gain of the one farthest off in the photo": float(gains[np.argmax(off)]),
        "gain of the best": float(gains.max()),
        "first helps": float(first > 0),
        "any helps": float(np.mean(gains > 0)),
    }


def _mpjpe(case: Case, estimate: Estimate) -> float:
    body = case.engine.body
    points, _ = landmark_columns(body)
    guess = mhr_to_camera(
        body.landmarks(
            body.pose(estimate.model_parameters),
            body.vertices(estimate.model_parameters, estimate.identity, estimate.expression),
        ),
        estimate.camera_translation,
    )
    columns = [points[BODY_POINTS.index(name)] for name in POINTS]
    hips = [points[BODY_POINTS.index(name)] for name in ("left_hip", "right_hip")]
    true = case.person.landmarks
    return float(distances(guess[columns] - guess[hips].mean(axis=0), true[columns] - true[hips].mean(axis=0)).mean())


def _rank_correlation(a: Array, b: Array) -> float:
    first, second = (np.argsort(np.argsort(values)) for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.prompt_quality", description=__doc__.splitlines()[0])
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    parser.add_argument("--people", type=int, default=16)
    parser.add_argument("--corrections", type=int, default=8, help="people whose keypoints are pinned one by one")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    ranked: list[dict[str, float] | None] = []
    corrected: list[dict[str, float] | None] = []
    people = 0
    for case in cases(arguments.folder, arguments.split, arguments.people):
        people += 1
        count_warnings(case, counts)
        ranked.append(rank_person(case))
        if people <= arguments.corrections:
            corrected.append(correct_person(case))
        print(".", end="", flush=True)
    print(f"\n{people} people, {arguments.split}\n\n| prompts | number | flagged, % | kinds |")
    print("| --- | ---: | ---: | --- |")
    for label, kinds in counts.items():
        total = sum(kinds.values())
        said = ", ".join(f"{kind} {number}" for kind, number in kinds.most_common() if kind != QUIET)
        print(f"| {label} | {total} | {100 * (1 - kinds[QUIET] / total):.1f} | {said} |")
    report: dict[str, Any] = {"people": people, "flagged": counts}
    for title, rows in (("ranking", ranked), ("corrections, mm", corrected)):
        known = [row for row in rows if row]
        report[title] = {key: float(np.mean([row[key] for row in known])) for key in known[0]} if known else {}
        print(f"\n| {title} ({len(known)} people) | mean |\n| --- | ---: |")
        for key, value in report[title].items():
            print(f"| {key} | {value:.2f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
