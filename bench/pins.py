"""Measures what pins do to rendered people whose pose is known.

    python -m bench.pins --set SET [--split held-out] [--lens estimated] [--no-wrong] [--people N] [--cache FILE]

SET is a folder that ``python -m bench.accuracy render`` made; the settings of ``fitting.refit`` were chosen on the
pictures for tuning. Per person the landmarks engine predicts, and then

* the visible keypoints that are farthest off (in the photo; in space) are pinned at their true places: 1, 2, 4, 8;
* of single pins, those that can help at all (`Case.can_gain`), and those on what is plainly off, are told apart;
* wrong prompts (the place of the other side's joint; 0.3 body heights off) that ``prompt_quality`` does not flag are
  obeyed all the same.

MPJPE and PA-MPJPE are those of ``bench.accuracy``, 21 points. ``--cache`` keeps what the networks saw, which takes
longest, for the next run; it is a pickle: read only your own.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.landmarks.engine import LandmarksReading, open_engine
from native_runtime.engines.point_names import body_keypoint
from native_runtime.fitting.problem import named_rows
from native_runtime.image.reading import read_photo
from native_runtime.lens.estimate import estimate_lens
from native_runtime.mhr import Body, PointSet
from native_runtime.prompts.prompt import Prompt
from native_runtime.prompts.quality.anatomy import mirrors

from .accuracy.compare import POINTS, distance_between, landmark_columns
from .accuracy.metrics import aligned, distances, match
from .accuracy.score import pictures
from .accuracy.truth import BODY_FILE, Person, Truth

Array = NDArray[Any]

COUNTS = (1, 2, 4, 8)
LENSES = ("default", "estimated", "true")
FEWEST_VISIBLE = 8
OFF = 0.3
"""Body heights by which a wrong prompt is off."""
FAR_OFF = 0.05
"""Body heights from which an artist sees at once that a keypoint is off."""
WRONG_PROMPTS = 6
"""Keypoints per person, chosen at random among the visible ones, that are put in wrong places."""
APART = 0.05
"""Body heights: sides that lie nearer to each other are not worth exchanging."""
_MATCH_LIMIT = 0.25
_LIMBS = ("left_arm", "right_arm", "left_leg", "right_leg", "trunk")
_HIPS = ("left_hip", "right_hip")


class Yardstick:
    """The scored points of a body, without its mesh."""

    def __init__(self, body: Body) -> None:
        self.body = body
        points, _ = landmark_columns(body)
        self.columns = [points[BODY_POINTS.index(name)] for name in (*POINTS, *_HIPS)]
        names = [body.landmark_names[column] for column in self.columns]
        self._points = PointSet.from_rows(body, named_rows(body, names))

    def score(self, estimate: Estimate, person: Person) -> Array:
        """(2,) mm: MPJPE from the middle of the hips, PA-MPJPE."""
        pose = self.body.pose(estimate.model_parameters)
        guess = mhr_to_camera(self._points.positions(pose, estimate.identity))
        true = person.landmarks[self.columns]
        a, b = (points[: len(POINTS)] - points[len(POINTS) :].mean(axis=0) for points in (guess, true))
        return np.array([distances(a, b).mean(), distances(aligned(a, b), b).mean()])


@dataclass
class Case:
    """A true person, as the engine sees them."""

    body: Body
    name: str
    reading: LandmarksReading
    number: int
    person: Person
    places: Array
    """(70, 2) px: where the keypoints truly are."""
    visible: list[int]
    estimate: Estimate

    @property
    def size(self) -> float:
        return float(self.estimate.details["person_size_px"])

    @property
    def off(self) -> dict[str, Array]:
        """(70,) how far off each keypoint is: in the photo in body heights, in space (from the hips) in metres."""
        hips = [self.estimate.keypoints_3d, self.person.keypoints]
        deep = [points - points[[9, 10]].mean(axis=0) for points in hips]
        return {
            "photo": np.linalg.norm(self.estimate.keypoints_2d - self.places, axis=1) / self.size,
            "space": np.linalg.norm(deep[0] - deep[1], axis=1),
        }

    def can_gain(self, keypoint: int) -> bool:
        """Whether the true place in the photo says anything true in space: at the depth that the body has there, the
        keypoint comes nearer to where it is, from the middle of the hips. It does not where lens, size or hips are off
        by more than the keypoint is: no pin can mend these, as untouched limbs shall stay.
        """
        now, true = self.estimate.keypoints_3d, self.person.keypoints
        ray = np.linalg.solve(self.estimate.intrinsics, [*self.places[keypoint], 1.0])
        before, after = (point - now[[9, 10]].mean(axis=0) for point in (now[keypoint], now[keypoint, 2] * ray))
        target = true[keypoint] - true[[9, 10]].mean(axis=0)
        return bool(np.linalg.norm(after - target) < np.linalg.norm(before - target))

    def pinned(self, keypoints: Sequence[int], places: Array | None = None) -> Estimate:
        """The estimate with keypoints at their true places, or at others (70, 2)."""
        at = self.places if places is None else places
        prompts: list[Prompt] = [(int(k), float(at[k, 0]), float(at[k, 1])) for k in keypoints]
        return self.reading.estimate(self.number, prompts)


def cases(folder: Path, split: str, people: int | None, cache: Path | None, lens: str) -> Iterator[Case]:
    """People who are found, picture by picture, through a lens of ``LENSES``."""
    engine = open_engine(None, None, folder / BODY_FILE)
    names = list(engine.body.keypoint_names)
    columns, _ = landmark_columns(engine.body)
    seen = pickle.loads(cache.read_bytes()) if cache is not None and cache.is_file() else {}
    left = people
    for file in pictures(folder, split):
        if left == 0:
            return
        truth, photo = Truth.load(file), read_photo(file.with_suffix(".jpg"))
        if file.stem not in seen:
            fresh = engine.read(photo)
            seen[file.stem] = ([person.landmarks for person in fresh.people], fresh.intrinsics)
            if cache is not None:
                cache.write_bytes(pickle.dumps(seen))
        landmarks, intrinsics = seen[file.stem]
        gravity = Gravity()
        if lens == "true":
            intrinsics = truth.intrinsics
        elif lens == "estimated":
            found_lens = estimate_lens(photo, landmarks)
            intrinsics, gravity = found_lens.intrinsics, found_lens.gravity
        costs = [[distance_between(p, q, engine.body, truth) for q in landmarks] for p in truth.people]
        for index, found in match(np.array(costs).reshape(len(truth.people), len(landmarks)), _MATCH_LIMIT):
            person = truth.people[index]
            visible = [
                names.index(keypoint)
                for point, column in zip(BODY_POINTS, columns)
                if (keypoint := body_keypoint(point)) and "finger" not in keypoint and "thumb" not in keypoint
                if person.seen[column]
            ]
            if len(visible) < FEWEST_VISIBLE or left == 0:
                continue
            left = None if left is None else left - 1
            reading = LandmarksReading(engine, photo, intrinsics, landmarks, {})
            reading.take_camera(intrinsics, gravity)
            places = project(person.keypoints, truth.intrinsics)
            yield Case(engine.body, file.stem, reading, found, person, places, visible, reading.estimate(found))


def limb_of(name: str) -> str:
    """The part of the body that a keypoint belongs to."""
    side = name.split("_")[0]
    if any(part in name for part in ("knee", "ankle", "heel", "toe")):
        return f"{side}_leg"
    if any(part in name for part in ("elbow", "wrist", "finger", "thumb", "olecranon", "cubital")):
        return f"{side}_arm"
    return "trunk"


def measure(case: Case, yardstick: Yardstick, tables: dict[str, list[dict[str, float]]], wrong: bool = True) -> None:
    """Add what pins at true and, if asked for, at wrong places do to one person."""
    names = yardstick.body.keypoint_names
    limbs = np.array([limb_of(name) for name in names])
    before = yardstick.score(case.estimate, case.person)

    def add(label: str, keypoints: Sequence[int], places: Array | None = None) -> None:
        started = time.perf_counter()
        after = case.pinned(keypoints, places)
        seconds = time.perf_counter() - started
        gain = before - yardstick.score(after, case.person)
        moved = np.linalg.norm(after.keypoints_2d - case.estimate.keypoints_2d, axis=1) / case.size
        touched = {limbs[k] for k in keypoints} | {"trunk"}
        other = ~np.isin(limbs, list(touched))
        missed = max(after.details["pins_missed_px"].values(), default=0.0) / case.size
        tables[label].append(
            {
                "gain": gain[0],
                "PA gain": gain[1],
                "missed": 1000 * missed,
                "others moved": 100 * float(moved[other].max()) if other.any() else 0.0,
                "ms": 1000 * seconds,
                "before": before[0],
            }
        )

    for where, off in case.off.items():
        order = sorted(case.visible, key=lambda k: -off[k])
        for count in COUNTS if where == "photo" else (1,):
            add(f"{count} farthest off in the {where}", order[:count])
    rows = tables["1 farthest off in the photo"]
    farthest = max(case.visible, key=lambda k: case.off["photo"][k])
    if case.can_gain(farthest):
        tables["1 farthest off in the photo, which brings it nearer in space"].append(rows[-1])
    if case.off["photo"][farthest] >= FAR_OFF:
        tables[f"1 farthest off in the photo, by {100 * FAR_OFF:.0f} % of the height or more"].append(rows[-1])

    if not wrong:
        return
    rng = np.random.default_rng(int(case.name))
    mirror = mirrors()
    for keypoint in rng.choice(case.visible, WRONG_PROMPTS, replace=False):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        shifted = case.places + OFF * case.size * np.array([np.cos(angle), np.sin(angle)])
        swapped = case.places[mirror]
        for label, places in (("0.3 h off", shifted), ("the other side's place", swapped)):
            if np.linalg.norm(places[keypoint] - case.places[keypoint]) < APART * case.size:
                continue
            flagged = case.pinned([keypoint], places).details["prompt_warnings"]
            tables[f"{label}: all"].append({"flagged": float(bool(flagged))})
            if not flagged:
                add(f"{label}: unflagged", [keypoint], places)


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """What is reported of a table's rows."""
    if "flagged" in rows[0]:
        return {"number": len(rows), "flagged, %": 100 * float(np.mean([row["flagged"] for row in rows]))}
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return {
        "number": len(rows),
        "helped, %": 100 * float(np.mean(columns["gain"] > 0)),
        "helped PA, %": 100 * float(np.mean(columns["PA gain"] > 0)),
        "gain, mm": float(columns["gain"].mean()),
        "PA gain, mm": float(columns["PA gain"].mean()),
        "least gain, mm": float(columns["gain"].min()),
        "before, mm": float(columns["before"].mean()),
        "missed by, median, thousandths of the height": float(np.median(columns["missed"])),
        "missed by, 90th percentile": float(np.quantile(columns["missed"], 0.9)),
        "other limbs moved by, 90th percentile, % of the height": float(np.quantile(columns["others moved"], 0.9)),
        "other limbs moved by, most": float(columns["others moved"].max()),
        "ms, median": float(np.median(columns["ms"])),
        "ms, most": float(columns["ms"].max()),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.pins", description=__doc__.splitlines()[0])
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    parser.add_argument(
        "--lens",
        choices=LENSES,
        default=LENSES[0],
        help="the engine's rule for a photo without EXIF; as the pipeline finds it in the photo; or the true one",
    )
    parser.add_argument("--wrong", action=argparse.BooleanOptionalAction, default=True, help="wrong prompts as well")
    parser.add_argument("--people", type=int, help="so many at most")
    parser.add_argument("--cache", type=Path, help="what the networks saw, kept for the next run")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    tables: dict[str, list[dict[str, float]]] = defaultdict(list)
    yardstick: Yardstick | None = None
    for case in cases(arguments.folder, arguments.split, arguments.people, arguments.cache, arguments.lens):
        yardstick = yardstick or Yardstick(case.body)
        measure(case, yardstick, tables, arguments.wrong)
        print(".", end="", flush=True)
    report = {label: summary(rows) for label, rows in tables.items() if rows}
    for label, figures in report.items():
        print(f"\n{label}")
        for key, value in figures.items():
            print(f"    {key:55s} {value:8.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
