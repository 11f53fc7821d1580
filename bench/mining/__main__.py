"""``python -m bench.mining COMMAND``; see ``--help``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.mining", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="make the pictures of a set, with what is true of them")
    render.add_argument("--set", dest="what", choices=("kinds", "scores"), required=True)
    render.add_argument("--half", choices=("tuned", "held"), required=True, help="of the poses")
    render.add_argument("--out", type=Path, required=True, help="the folder to write; what it has is kept")
    render.add_argument("--count", type=int, default=240, help="pictures of --set kinds: as many of each")
    render.add_argument("--seed", type=int, default=0)
    measure = commands.add_parser("measure", help="what mining makes of a set; goes on where it stopped")
    measure.add_argument("--set", dest="folder", type=Path, required=True, help="the folder that render wrote")

    flip = commands.add_parser("flip", help="the sign of mirrored photos, of measured ones; goes on where it stopped")
    flip.add_argument("--set", dest="folder", type=Path, required=True, help="the folder that was measured")

    train = commands.add_parser("train", help="weigh the signs by measured sets")
    figures = commands.add_parser("figures", help="how often kinds are told, and how well the score ranks")
    find = commands.add_parser("find", help="how many planted failures are among the first of a ranked folder")
    find.add_argument("--photos", type=int, default=200)
    find.add_argument("--planted", type=int, default=20)
    find.add_argument("--first", type=int, default=30)
    find.add_argument("--made", action="store_true", help="plant only pictures that were made to fail, where they did")
    find.add_argument("--gross", type=float, default=0.0, metavar="MM", help="least mean error of planted failures")
    for command in (train, figures, find):
        command.add_argument("--set", dest="folders", type=Path, action="append", required=True, help="repeatable")
    train.add_argument("--out", type=Path, default=Path("rig_templates/mining/score.json"))

    arguments = parser.parse_args()
    commands_by_name = {"render": _render, "measure": _measure, "flip": _flip, "train": _train}
    commands_by_name |= {"figures": _figures, "find": _find}
    return commands_by_name[arguments.command](arguments)


def _train(arguments: argparse.Namespace) -> int:
    from .flipping import rows_of
    from .weighing import weigh

    data = weigh(rows_of(arguments.folders))
    signs = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in data["signs"].items())
    arguments.out.write_text(f'{{\n "offset": {data["offset"]},\n "signs": {{\n{signs}\n }}\n}}\n')
    return 0


def _figures(arguments: argparse.Namespace) -> int:
    from native_runtime.mining.score import ScoreModel

    from .flipping import rows_of
    from .telling import told_kinds
    from .weighing import area, told

    for line in told_kinds(arguments.folders):
        print(line)
    scores, wrong = told(ScoreModel.load(), rows_of(arguments.folders))
    first = wrong[np.argsort(-scores, kind="stable")][:30]
    print(f"{wrong.sum()} of {len(wrong)} estimates are wrong; {first.sum()} of them are in the first 30")
    if 0 < wrong.sum() < len(wrong):
        print(f"area under the curve {area(scores, wrong):.3f}")
    return 0


def _find(arguments: argparse.Namespace) -> int:
    from .finding import Folder, found_first
    from .flipping import rows_of

    folder = Folder(arguments.photos, arguments.planted, arguments.first)
    found = found_first(rows_of(arguments.folders), folder, arguments.made, arguments.gross)
    print(
        f"of {folder.planted} failures planted into {folder.photos} photos {found.mean:.1f} are in the first "
        f"{folder.first} ({found.low:.0f} to {found.high:.0f} in 90 % of the draws, from {found.wrong} wrong and "
        f"{found.right} right estimates)"
    )
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    from .flipping import MEASURED
    from .measuring import Measuring

    return _going_on(arguments.folder / MEASURED, lambda done: Measuring().rows(arguments.folder, done))


def _flip(arguments: argparse.Namespace) -> int:
    from .flipping import FLIPS, flips

    return _going_on(arguments.folder / FLIPS, lambda done: flips(arguments.folder, done))


def _going_on(path: Path, rows: Callable[[frozenset[str]], Iterator[dict[str, Any]]]) -> int:
    """Add the rows that a file does not have yet."""
    lines = path.read_text().splitlines() if path.exists() else []
    done = frozenset(json.loads(line)["name"] for line in lines)
    with path.open("a") as file:
        for row in rows(done):
            file.write(json.dumps(row) + "\n")
            file.flush()
    return 0


def _render(arguments: argparse.Namespace) -> int:
    from native_runtime.mhr import Body
    from native_runtime.models import store
    from native_runtime.synthetic.anatomy import Anatomy
    from native_runtime.synthetic.looks import Looks

    from .pictures import save, shoot
    from .sets import planned

    body = Body.load(store.body_path("default-lod1"))
    looks = Looks(Anatomy(body))
    photos: Path = arguments.out / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for plan in planned(body, arguments.what, arguments.half, arguments.seed, arguments.count):
        if (photos / f"{plan.name}.jpg").exists():
            continue
        shot = shoot(body, looks, plan.pose, plan.how, plan.rng)
        save(shot, photos / plan.name, {"kind": plan.kind, "half": arguments.half})
        if int(plan.name) % 50 == 0:
            print(plan.name, file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
