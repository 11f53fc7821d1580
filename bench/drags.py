"""Measures what dragging one handle does to the rest of a rendered person, in space.

    python -m bench.drags --set SET [--split held-out] [--drags N] [--people N] [--cache FILE] [--json FILE]

SET is a folder that ``python -m bench.accuracy render`` made; even pictures were used to choose the settings of
``fitting.refit``, odd ones are held out. Per person, ``N`` single drags: a visible keypoint, a random direction, 5 to
60 px of the photo. And one session: a keypoint of each limb in turn, twice round, with all pins kept.

Joints are compared in metres and camera axes before and after each drag:

* untouched limbs: the farthest that a joint of a limb without a pin moves (of arms, legs and head). Where the pin is on
  a shoulder, a hip or the nose, which move the trunk, knees and elbows must bend, and the head goes along: only hands
  and feet count, and of these what they move more than bones force them to as shoulder or hip are too far away now;
* depth: how far the dragged keypoint goes along the view for what it goes across it. ``least`` is what its bones force:
  the nearest depth on the pin's ray within the reach of the chain of bones from the shoulder, hip or neck, which stay.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.fitting.hold import limbs_of, main_joints
from native_runtime.fitting.problem import named_rows
from native_runtime.mhr import Body, PointSet
from native_runtime.prompts.prompt import Prompt

from .pins import LENSES, Case, cases

Array = NDArray[np.float64]

NEAREST, FARTHEST = 5.0, 60.0
"""Pixels of the photo."""
DRAGGED = (
    "nose", *(f"{side}_{name}" for side in ("left", "right") for name in (
        "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe")),
)  # fmt: skip
TRUNK = ("shoulder", "hip", "nose")
"""Keypoints that move the trunk."""
_BASES = ("l_uparm", "r_uparm", "l_upleg", "r_upleg")
"""Joints from which the bones that a drag may turn begin."""
_ENDS = ("l_wrist", "r_wrist", "l_foot", "r_foot")
_FORCED = 0.01
"""Metres of depth beyond the least possible one that still count as forced."""


@dataclass(frozen=True)
class Joints:
    """What is known of the skeleton's parts.

    Attributes:
        limbs: (J,) see ``limbs_of``.
        ends: (J,) bool: joints of hands and feet.
        keypoints: (70,) the joint that each keypoint hangs on most.
    """

    body: Body
    limbs: NDArray[np.int64]
    ends: NDArray[np.bool_]
    keypoints: NDArray[np.int64]

    @staticmethod
    def of(body: Body) -> Joints:
        below = body.skeleton.descends_from[[body.joint_index(name) for name in _ENDS]]
        points = PointSet.from_rows(body, named_rows(body, body.keypoint_names))
        return Joints(body, limbs_of(body), below.any(axis=0), main_joints(points))

    def untouched(self, keypoint: int) -> NDArray[np.bool_]:
        """(J,) the joints that a drag of a keypoint should leave where they are."""
        own = self.limbs[self.keypoints[keypoint]]
        other = (self.limbs >= 0) & (self.limbs != own)
        return other & self.ends if self.body.keypoint_names[keypoint].endswith(TRUNK) else other

    def chain(self, keypoint: int) -> list[int] | None:
        """Joints from the base of a keypoint's limb down to its own joint; None for the trunk."""
        joint, found = int(self.keypoints[keypoint]), []
        bases = [self.body.joint_index(name) for name in _BASES]
        while joint >= 0:
            found.append(joint)
            if joint in bases:
                return found[::-1]
            joint = int(self.body.joint_parents[joint])
        return None

    def out_of_reach(self, before: Estimate, after: Estimate) -> Array:
        """(J,) metres by which a joint's old place is too far from where its limb hangs now, or too near."""
        out = np.zeros(len(self.limbs))
        for base, end in zip(_BASES, _ENDS):
            root, tip = self.body.joint_index(base), self.body.joint_index(end)
            chain = [tip]
            while chain[-1] != root:
                chain.append(int(self.body.joint_parents[chain[-1]]))
            bones = np.linalg.norm(np.diff(before.joints[chain], axis=0), axis=1)
            apart = float(np.linalg.norm(before.joints[tip] - after.joints[root]))
            needed = max(0.0, apart - bones.sum(), 2.0 * bones.max() - bones.sum() - apart)
            out[self.body.skeleton.descends_from[tip]] = needed
        return out

    def least_depth(self, estimate: Estimate, keypoint: int, pixel: Array) -> float:
        """Metres by which a keypoint's depth must change for it to lie on a pixel, see the module."""
        chain = self.chain(keypoint)
        if chain is None or self.body.keypoint_names[keypoint].endswith(TRUNK):
            return 0.0
        at = np.vstack([estimate.joints[chain], estimate.keypoints_3d[keypoint]])
        bones = np.linalg.norm(np.diff(at, axis=0), axis=1)
        longest = float(bones.sum())
        shortest = max(0.0, 2.0 * float(bones.max()) - longest)
        ray = np.linalg.solve(estimate.intrinsics, [*pixel, 1.0])
        # depths s at which s ray is on a sphere about the base: |ray|^2 s^2 - 2 (ray . base) s + |base|^2 - r^2 = 0
        middle = float(ray @ at[0] / (ray @ ray))
        beside = float(at[0] @ at[0] - middle**2 * (ray @ ray))
        outer, inner = (np.sqrt(max(0.0, r**2 - beside) / (ray @ ray)) for r in (longest, shortest))
        depth = float(at[-1, 2])
        near = np.clip(abs(depth - middle), inner, outer)
        return float(abs(abs(depth - middle) - near))


def moves(joints: Joints, before: Estimate, after: Estimate, keypoint: int, pixel: Array) -> dict[str, float]:
    """What one drag did."""
    moved = np.linalg.norm(after.joints - before.joints, axis=1)
    if joints.body.keypoint_names[keypoint].endswith(TRUNK):
        moved = np.maximum(moved - joints.out_of_reach(before, after), 0.0)
    at, now = before.keypoints_3d[keypoint], after.keypoints_3d[keypoint]
    across = float(np.linalg.norm(pixel - before.keypoints_2d[keypoint]) * at[2] / before.intrinsics[0, 0])
    least = joints.least_depth(before, keypoint, pixel)
    depth = float(abs(now[2] - at[2]))
    return {
        "untouched": 100 * float(moved[joints.untouched(keypoint)].max()),
        "root": 100 * float(moved[joints.body.joint_index("root")]),
        "across": 100 * across,
        "depth": 100 * depth,
        "least": 100 * least,
        "beyond": float(depth > 2.0 * across and depth > least + _FORCED),
        "forced": float(least + _FORCED > 2.0 * across),
        "missed": 1000 * max(after.details["pins_missed_px"].values()) / after.details["person_size_px"],
    }


def drags(case: Case, count: int, seed: int) -> list[tuple[int, Array]]:
    """Visible keypoints of a person and where they are dragged to, (2,) px."""
    rng = np.random.default_rng(seed)
    visible = _visible(case)
    out = []
    for _ in range(count):
        keypoint = int(rng.choice(visible))
        angle, length = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(NEAREST, FARTHEST)
        out.append((keypoint, case.estimate.keypoints_2d[keypoint] + length * np.array([np.cos(angle), np.sin(angle)])))
    return out


def _visible(case: Case) -> list[int]:
    names = case.body.keypoint_names
    return [k for k in case.visible if names[k] in DRAGGED]


def pose(case: Case, pins: dict[int, Array]) -> Estimate:
    """The engine's answer to pins."""
    prompts: list[Prompt] = [(k, float(at[0]), float(at[1])) for k, at in pins.items()]
    return case.reading.estimate(case.number, prompts)


def session(joints: Joints, case: Case, seed: int) -> list[dict[str, float]]:
    """Drags of a keypoint of each limb in turn, twice round, each measured against what stood before it."""
    rng = np.random.default_rng(seed)
    names = case.body.keypoint_names
    limbs: dict[int, list[int]] = defaultdict(list)
    for keypoint in _visible(case):
        if not names[keypoint].endswith(TRUNK):
            limbs[int(joints.limbs[joints.keypoints[keypoint]])].append(keypoint)
    chosen = [int(rng.choice(limb)) for limb in limbs.values()]
    pins: dict[int, Array] = {}
    before, out = case.estimate, []
    for keypoint in chosen * 2:
        angle, length = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(NEAREST, FARTHEST / 2)
        pins[keypoint] = before.keypoints_2d[keypoint] + length * np.array([np.cos(angle), np.sin(angle)])
        after = pose(case, pins)
        out.append(moves(joints, before, after, keypoint, pins[keypoint]))
        before = after
    return out


def summary(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """What is reported of drags."""
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    free = columns["forced"] == 0
    return {
        "drags": len(rows),
        "untouched limbs, median, cm": float(np.median(columns["untouched"])),
        "untouched limbs, 95th percentile, cm": float(np.quantile(columns["untouched"], 0.95)),
        "untouched limbs, most, cm": float(columns["untouched"].max()),
        "root, 95th percentile, cm": float(np.quantile(columns["root"], 0.95)),
        "depth over the move across, median": float(np.median(columns["depth"] / columns["across"])),
        "depth over twice the move across, not forced, %": 100 * float(columns["beyond"].mean()),
        "depth where not forced, 95th percentile, cm": float(np.quantile(columns["depth"][free], 0.95)),
        "forced by the bones, %": 100 * float(columns["forced"].mean()),
        "depth, most, cm": float(columns["depth"].max()),
        "missed by, median, thousandths of the height": float(np.median(columns["missed"])),
        "missed by, 90th percentile": float(np.quantile(columns["missed"], 0.9)),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.drags", description=__doc__.splitlines()[0])
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    parser.add_argument("--drags", type=int, default=8, help="a person")
    parser.add_argument("--people", type=int, help="so many at most")
    parser.add_argument("--cache", type=Path, help="what the networks saw, kept for the next run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worst", type=int, default=0, help="show so many of the farthest moves")
    arguments = parser.parse_args()

    tables: dict[str, list[dict[str, float]]] = defaultdict(list)
    shown: list[tuple[float, str]] = []
    joints: Joints | None = None
    for case in cases(arguments.folder, arguments.split, arguments.people, arguments.cache, LENSES[0]):
        joints = joints or Joints.of(case.body)
        seed = int(case.name) * 10 + case.number
        for keypoint, pixel in drags(case, arguments.drags, seed):
            row = moves(joints, case.estimate, pose(case, {keypoint: pixel}), keypoint, pixel)
            name = case.body.keypoint_names[keypoint]
            tables["shoulders, hips and nose" if name.endswith(TRUNK) else "arms and legs"].append(row)
            line = " ".join(f"{key} {value:.1f}" for key, value in row.items())
            shown.append((row["untouched"] + 100 * row["beyond"], f"{case.name} {name} {line}"))
        for number, row in enumerate(session(joints, case, seed)):
            tables["in a session, first round" if number < 5 else "in a session, second round"].append(row)
        print(".", end="", flush=True)
    tables = {"all single drags": [*tables["arms and legs"], *tables["shoulders, hips and nose"]]} | tables
    report = {label: summary(rows) for label, rows in tables.items() if rows}
    for label, figures in report.items():
        print(f"\n{label}")
        for key, value in figures.items():
            print(f"    {key:50s} {value:8.2f}")
    for _, line in sorted(shown, reverse=True)[: arguments.worst]:
        print(line)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
