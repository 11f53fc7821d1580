"""Measures when a prompt is said to lie on the wrong side (``native_runtime.prompts.quality.sides``).

    python -m bench.wrong_sides read SET --body default-lod1 --out KNOWN.npz
    python -m bench.wrong_sides score KNOWN.npz ... --crossed 1 1.5 2

SET is what ``sam3db dataset synthesize`` made. ``read`` keeps what the engine ``landmarks`` predicts for everybody held
out whom it finds, others beside the one that a picture is about as well, and the truth. ``score`` puts prompts to that,
on shoulders, elbows, wrists, hips, knees and ankles in plain sight:

* true places, of which one in each person is the worst: the joint that is farthest off;
* the other side's place, where that is 5 % of the box away or more;
* true places after an arm or a leg of all that is predicted was swung by 50 to 120 degrees, so that the joint is more
  than a tenth of the person's size off: what an artist corrects.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset import shards
from native_runtime.dataset.pictures import PictureFolder, photo_of
from native_runtime.engines.landmarks.engine import open_engine
from native_runtime.fitting.evidence import Silhouette
from native_runtime.prompts.quality import Opinion, Prediction, check, check_quality
from native_runtime.prompts.quality.anatomy import mirrors

from .prompt_curves.models import seen_of

Array = NDArray[Any]

BODY = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 41, 62)
LIMBS = ((5, 7, 62), (6, 8, 41), (9, 11, 13), (10, 12, 14))
"""From the shoulder to the wrist, from the hip to the ankle."""
APART, SAME, FEWEST = 0.05, 0.25, 4
"""As in ``bench.prompt_curves``."""
OFF = 0.1
"""Person sizes: from here on a swung joint is wrong."""
KINDS = "true", "worst", "swung", "wrong side"


@dataclass(frozen=True)
class Known:
    """Somebody of whom everything is known.

    Attributes:
        prediction: the engine's, without prompts.
        truth: (70, 2) px.
        seen: (70,) bool: in plain sight.
        side: px, the box's longer one.
    """

    prediction: Prediction
    truth: Array
    seen: Array
    side: float


@dataclass(frozen=True)
class Asked:
    """A prompt and what it is told of: its kind (``KINDS``), and the prediction."""

    person: int
    kind: str
    keypoint: int
    place: Array
    prediction: Prediction


def read(folder: Path, body: str) -> Iterator[Known]:
    """What the engine makes of the people of a set."""
    engine, photos = open_engine(None, None, body), PictureFolder(folder)
    rows = [row for path in shards.files_of(folder) for row in shards.read(path)]
    for image, together in groupby(rows, key=lambda row: row.image):
        people = [row for row in together if row.held_out and seen_of(row).sum() >= FEWEST]
        if not people:
            continue
        photo = photo_of(photos, image)
        reading = engine.read(photo)
        found = [reading.estimate(number) for number in range(len(reading.people))]
        taken: set[int] = set()
        for row in people:
            seen, side = seen_of(row), float((row.box[2:] - row.box[:2]).max())
            true = row.keypoints_2d[:, :2]
            off = [np.linalg.norm(one.keypoints_2d[seen] - true[seen], axis=1).mean() for one in found]
            best = int(np.argmin(off)) if off else -1
            if best < 0 or off[best] >= SAME * side or best in taken:
                continue
            taken.add(best)
            prediction = engine.uncertainty.prediction(reading.people[best].landmarks, photo, found[best])
            yield Known(prediction, true, seen, side)


def save(path: Path, people: Sequence[Known]) -> None:
    """Keep them in an ``.npz``."""
    arrays: dict[str, Array] = {"count": np.array(len(people))}
    for number, one in enumerate(people):
        said = one.prediction
        assert said.silhouette is not None
        parts = {
            "places": said.keypoints_2d, "points": said.keypoints_3d, "intrinsics": said.intrinsics,
            "uncertainty": said.uncertainty, "box": said.bbox, "mask": np.asarray(said.silhouette.mask, np.float16),
            "from_photo": said.silhouette.from_photo, "truth": one.truth, "seen": one.seen, "side": one.side,
        }  # fmt: skip
        if said.second is not None:
            parts |= {"second places": said.second.places, "second spreads": said.second.spreads}
        arrays |= {f"{number} {name}": np.asarray(part) for name, part in parts.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> list[Known]:
    """Read them again."""
    people = []
    with np.load(path) as archive:
        for number in range(int(archive["count"])):
            part = {
                name.split(" ", 1)[1]: archive[name] for name in archive.files if name.startswith(f"{number} ")
            }  # fmt: skip
            second = Opinion(part["second places"], part["second spreads"]) if "second places" in part else None
            prediction = Prediction(
                part["places"], part["points"], part["intrinsics"], part["uncertainty"], part["box"],
                Silhouette(part["mask"].astype(np.float32), part["from_photo"]), second,
            )  # fmt: skip
            people.append(Known(prediction, part["truth"], part["seen"], float(part["side"])))
    return people


def asked(people: Sequence[Known]) -> Iterator[Asked]:
    """All prompts that are put."""
    for number, one in enumerate(people):
        rng = np.random.default_rng([7, number])
        said, true, mirror = one.prediction, one.truth, mirrors()
        candidates = [k for k in BODY if one.seen[k]]
        if not candidates:
            continue
        worst = candidates[int(np.linalg.norm(said.keypoints_2d[candidates] - true[candidates], axis=1).argmax())]
        for keypoint in candidates:
            yield Asked(number, "worst" if keypoint == worst else "true", keypoint, true[keypoint], said)
            if np.linalg.norm(true[keypoint] - true[mirror[keypoint]]) > APART * one.side:
                yield Asked(number, "wrong side", keypoint, true[mirror[keypoint]], said)
        for limb in LIMBS:
            first, angle = int(rng.integers(2)), np.radians(rng.uniform(50, 120)) * rng.choice([-1, 1])
            swung = _swung(said, limb, first, angle)
            for keypoint in limb[first + 1 :]:
                before, after = (np.linalg.norm(p.keypoints_2d[keypoint] - true[keypoint]) for p in (said, swung))
                if one.seen[keypoint] and before < OFF * said.size < after:
                    yield Asked(number, "swung", keypoint, true[keypoint], swung)


def _swung(said: Prediction, limb: tuple[int, ...], first: int, angle: float) -> Prediction:
    """A prediction after all of a limb beyond one of its joints was turned about it."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pivot, beyond = limb[first], list(limb[first + 1 :])

    places = said.keypoints_2d.copy()
    places[beyond] = places[pivot] + (places[beyond] - places[pivot]) @ turn.T
    return replace(said, keypoints_2d=places)


def score(prompts: Sequence[Asked], crossed: float = check.CROSSED) -> dict[str, tuple[int, float, float]]:
    """Of each kind of prompt how many there are, the share that is warned of, and what of it is for the wrong side.

    Args:
        crossed: the evidence from which the wrong side is spoken of, in place of the one in force.
    """
    rows = defaultdict(list)
    with patch.object(check, "CROSSED", crossed):
        for prompt in prompts:
            warned = check_quality([(prompt.keypoint, *map(float, prompt.place))], prompt.prediction)
            rows[prompt.kind].append((bool(warned), any(warning.kind == "swapped_sides" for warning in warned)))
    return {kind: (len(rows[kind]), *np.mean(rows[kind], axis=0).tolist()) for kind in KINDS if kind in rows}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.wrong_sides", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="what the engine predicts for the people of a set")
    reading.add_argument("data", type=Path)
    reading.add_argument("--body", default="default", help="the engine's: a name or a file")
    reading.add_argument("--out", type=Path, required=True)
    scoring = commands.add_parser("score", help="which prompts are warned of")
    scoring.add_argument("known", type=Path, nargs="+", help="what read wrote")
    scoring.add_argument("--crossed", type=float, nargs="+", default=[check.CROSSED], help="evidence to compare")
    given = parser.parse_args()
    if given.command == "read":
        people = []
        for one in read(given.data, given.body):
            people.append(one)
            print(".", end="", file=sys.stderr, flush=True)
        save(given.out, people)
        return
    prompts = list(asked([one for path in given.known for one in load(path)]))
    print("| evidence | prompts | number | warned of, % | of the wrong side, % |\n| ---: | --- | ---: | ---: | ---: |")
    for crossed in given.crossed:
        for kind, (count, warned, named) in score(prompts, crossed).items():
            print(f"| {crossed:g} | {kind} | {count} | {100 * warned:.1f} | {100 * named:.1f} |")


if __name__ == "__main__":
    main()
