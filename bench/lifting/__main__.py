"""``python -m bench.lifting COMMAND``: render, train; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.lifting", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    render = commands.add_parser("render", help="render poses and keep what the landmark network says of them")
    render.add_argument("--poses", type=Path, required=True,
                        help="what python -m native_runtime.build.pose_prior poses wrote")  # fmt: skip
    render.add_argument("--out", type=Path, required=True, help="the .npz to write")
    render.add_argument("--count", type=int, default=2000, help="poses to learn from; an eighth as many are held out")
    render.add_argument("--authored", type=int, default=400, help="poses of bench/accuracy/poses.json among them")
    render.add_argument("--seed", type=int, default=0)
    render.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="every Nth, from I")

    train = commands.add_parser("train", help="the map from what the network says to directions")
    train.add_argument("--readings", type=Path, nargs="+", required=True)
    train.add_argument("--out", type=Path, default=Path("rig_templates/fit/lifting.json"))

    arguments = parser.parse_args()
    if arguments.command == "render":
        from native_runtime.mhr import Body
        from native_runtime.models import store

        from .poses import choose
        from .readings import make_readings

        body = Body.load(store.body_path("default-lod1"))
        poses = choose(body, arguments.poses, arguments.count, arguments.authored, arguments.seed)
        part, parts = arguments.part
        readings = make_readings(
            body, poses[part::parts], arguments.seed,
            lambda n: print(n, file=sys.stderr, flush=True) if n % 50 == 0 else None,
        )  # fmt: skip
        readings.save(arguments.out)
        print(f"{len(readings.group)} people, {int(np.sum(readings.held_out))} of them held out")
    else:
        from .training import train

        data, text = train(arguments.readings)
        arguments.out.write_text(data)
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
