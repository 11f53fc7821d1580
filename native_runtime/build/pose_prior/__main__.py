"""Makes the pose prior: ``python -m native_runtime.build.pose_prior COMMAND``; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from native_runtime.errors import Sam3dbError
from native_runtime.files.atomic import write_atomically
from native_runtime.mhr import Body
from native_runtime.models import store

from .learn import RECIPES, Lesson, data_file, file_text, learn
from .limbs import LimbSolver
from .mocap import Mocap
from .poses import APART, PoseSet


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m native_runtime.build.pose_prior", description=__doc__)
    parser.add_argument("--models", type=Path, help="the models folder")
    commands = parser.add_subparsers(dest="command", required=True)
    poses = commands.add_parser("poses", help="the distinct poses of motion capture as MHR parameters")
    poses.add_argument("mocap", type=Path, help="the .npz of joint positions")
    poses.add_argument("out", type=Path, help="the .npz to write")
    poses.add_argument("--apart", type=float, default=APART, help="radians between distinct poses of a clip")
    mixtures = commands.add_parser("learn", help="the mixtures, from these poses and the authored ones")
    mixtures.add_argument("poses", type=Path, help="what the command poses wrote")
    mixtures.add_argument("out", type=Path, help="the .json to write")
    given = parser.parse_args(arguments)
    try:
        body = Body.load(store.body_path("default", given.models))
        solver = LimbSolver(body)
        if given.command == "poses":
            found = PoseSet.of_mocap(solver, Mocap.load(given.mocap, solver.foot_pitch), given.apart, _tell)
            found.save(given.out)
            sys.stdout.write(summary(found) + "\n")
        else:
            lesson = Lesson.of(body, solver, PoseSet.load(given.poses))
            text = file_text(data_file(RECIPES, learn(body, lesson)))
            write_atomically(given.out, text.encode())
    except Sam3dbError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def summary(poses: PoseSet) -> str:
    """How many poses there are, and how well MHR takes them."""
    miss, worst = np.degrees(poses.misses), np.degrees(poses.worst)
    lines = [
        f"{len(miss)} poses, {int(poses.learnt_from.sum())} to learn from, {int(poses.held_out.sum())} held out",
        f"directions missed by {miss.mean():.2f} degrees (rms over the parts, mean over the poses), "
        f"99th percentile {np.percentile(miss, 99):.1f}",
        f"worst part: median {np.median(worst):.1f}, 99th percentile {np.percentile(worst, 99):.1f}, "
        f"{int(np.sum(worst > 15))} poses with a part off by more than 15 degrees",
    ]
    return "\n".join(lines)


def _tell(done: int, total: int) -> None:
    if done % 500 == 0:
        sys.stderr.write(f"{done} of {total}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
