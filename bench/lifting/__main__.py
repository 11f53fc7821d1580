"""``python -m bench.lifting COMMAND``: render, train; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.lifting", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    render = commands.add_parser("render", help="render poses and keep what the landmark network says of them")
    render.add_argument("--poses", type=Path, required=True,
                        help="what python -m native_runtime.build.pose_prior poses wrote")  # fmt: skip
    render.add_argument("--out", type=Path, required=True, help="the folder to write; what it has is kept")
    render.add_argument("--count", type=int, default=1000, help="poses; one in nine is held out")
    render.add_argument("--authored", type=float, default=0.3, help="share of the project's own poses among them")
    render.add_argument("--seed", type=int, default=0)
    render.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"),
                        help="every Nth file, from the Ith: for several processes")  # fmt: skip

    stances = commands.add_parser("stances", help="what is true of people in more poses, without pictures")
    stances.add_argument("--poses", type=Path, required=True, help="as for render")
    stances.add_argument("--out", type=Path, required=True, help="the .npz to write")
    stances.add_argument("--count", type=int, default=6000)
    stances.add_argument("--authored", type=float, default=0.3, help="as for render")
    stances.add_argument("--seed", type=int, default=1)

    train = commands.add_parser("train", help="the map from what the network says to directions and places")
    train.add_argument("--readings", type=Path, required=True, help="the folder that render wrote")
    train.add_argument("--stances", type=Path, required=True, help="the file that stances wrote")
    train.add_argument("--out", type=Path, default=Path("rig_templates/fit/lifting.json"))

    arguments = parser.parse_args()
    if arguments.command in ("render", "stances"):
        from native_runtime.mhr import Body
        from native_runtime.models import store
        from native_runtime.synthetic.poses import Poses

        from .made import stances_of
        from .readings import render_chunks

        body = Body.load(store.body_path("default-lod1" if arguments.command == "render" else "default-lod2"))
        poses = Poses(body, arguments.poses, arguments.authored, arguments.seed)
    if arguments.command == "render":
        part, parts = arguments.part
        size = 50
        render_chunks(
            body, poses.pose, arguments.out, range(part, -(-arguments.count // size), parts), size, arguments.seed,
            lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
    elif arguments.command == "stances":
        chosen = [pose for pose in map(poses.pose, range(arguments.count * 9 // 8)) if not pose.held_out]
        stances_of(
            body, chosen, arguments.seed, lambda n: None if n % 500 else print(n, file=sys.stderr, flush=True)
        ).save(arguments.out)
    else:
        from .training import train as train_map

        data, text = train_map(sorted(arguments.readings.glob("*.npz")), arguments.stances)
        arguments.out.write_text(data)
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
