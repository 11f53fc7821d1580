"""``python -m bench.takes COMMAND``: make, compare, speed, memory, sheet; see ``--help``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import get_args

from .make import SECONDS, Split, count, make, name_of


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _runs(text: str) -> tuple[int, int]:
    number, length = (int(part) for part in text.split("x"))
    if number < 1 or length < 3:
        raise argparse.ArgumentTypeError("accelerations need 3 frames or more")
    return number, length


def _parser() -> argparse.ArgumentParser:
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

    comparing = commands.add_parser("compare", help="takes and frame-by-frame estimates against the truth")
    comparing.add_argument("--set", type=Path, required=True, dest="folder", help="what make wrote")
    comparing.add_argument("--out", type=Path, required=True, help="a folder for the takes and for kept answers")
    comparing.add_argument("--split", choices=get_args(Split), default="tune")
    comparing.add_argument("--only", default="", help="numbers of takes, separated by commas")
    comparing.add_argument("--engine", default="landmarks")
    comparing.add_argument("--true-lens", action="store_true", help="give the true focal length")
    comparing.add_argument("--runs", type=_runs, metavar="NxM", help="estimate only N runs of M frames one by one")
    comparing.add_argument("--restart", action="store_true", help="read frames of takes again that are kept in --out")
    comparing.add_argument("--json", type=Path, help="where to write everything, take by take")

    speed = commands.add_parser("speed", help="seconds from a video's file to the take's file")
    memory = commands.add_parser("memory", help="memory while a long video is read")
    for command, frames in ((speed, 100), (memory, 2000)):
        command.add_argument("video", type=Path, help="a video that make wrote")
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--frames", type=int, default=frames)
        command.add_argument("--engine", default="landmarks")

    sheet = commands.add_parser("sheet", help="frames of a video with a take's body over them")
    sheet.add_argument("video", type=Path)
    sheet.add_argument("--take", type=Path, help="the take's .npz; without it the frames alone")
    sheet.add_argument("--body", type=Path, help="the take's body, where it is not an installed one")
    sheet.add_argument("--out", type=Path, required=True)
    sheet.add_argument("--frames", type=int, default=12)
    sheet.add_argument("--first", type=int, default=0)
    sheet.add_argument("--last", type=int)
    return parser


def main() -> int:
    """Run the command line."""
    arguments = _parser().parse_args()
    if arguments.command == "make":
        return _make(arguments)
    if arguments.command == "compare":
        from .compare import compare, table, write

        there = [int(number) for number in arguments.only.split(",") if number] or range(count(arguments.split))
        names = [name_of(arguments.split, number) for number in there]
        missing = [name for name in names if not (arguments.folder / f"{name}.npz").exists()]
        if missing:
            _say(f"left out, since make has not written them: {', '.join(missing)}")
        report = compare(arguments.folder, arguments.out, [name for name in names if name not in missing],
                         arguments.engine, true_lens=arguments.true_lens, runs=arguments.runs,
                         restart=arguments.restart, progress=_say)  # fmt: skip
        if arguments.json:
            write(report, arguments.json)
        print(table(report))
        return 0
    if arguments.command == "sheet":
        from .sheets import sheet

        sheet(arguments.video, arguments.take, arguments.body, arguments.out, arguments.frames, arguments.first,
              arguments.last)  # fmt: skip
        return 0
    from . import speed

    measure = speed.timed if arguments.command == "speed" else speed.long_take
    print(json.dumps(measure(arguments.video, arguments.out, arguments.engine, arguments.frames), indent=1))
    return 0


def _make(arguments: argparse.Namespace) -> int:
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
