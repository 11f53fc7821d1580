"""``python -m bench.takes COMMAND``: make; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from .make import SECONDS, Split, count, make


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.takes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="render takes with their truth")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--split", choices=(*get_args(Split), "all"), default="tune")
    making.add_argument("--only", default="", help="numbers to make (again), separated by commas")
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--seconds", type=float, default=SECONDS)
    making.add_argument("--pictures", action="store_true", help="folders of pictures instead of videos")
    making.add_argument("--body", default="default", help="name of the body; NAME-lod1 is drawn")
    arguments = parser.parse_args()

    from native_runtime.mhr import Body
    from native_runtime.models import store

    body = Body.load(store.body_path(arguments.body))
    coarse = Body.load(store.body_path(f"{arguments.body}-lod1"))
    chosen = [int(number) for number in arguments.only.split(",") if number]
    splits: tuple[Split, ...] = get_args(Split) if arguments.split == "all" else (arguments.split,)
    for split in splits:
        make(body, coarse, arguments.out, split, chosen or range(count(split)), seed=arguments.seed,
             seconds=arguments.seconds, pictures=arguments.pictures, again=bool(chosen), progress=_say)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
