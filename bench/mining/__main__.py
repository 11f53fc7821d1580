"""``python -m bench.mining COMMAND``; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


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

    arguments = parser.parse_args()
    return {"render": _render, "measure": _measure}[arguments.command](arguments)


def _measure(arguments: argparse.Namespace) -> int:
    import json

    from .measuring import Measuring

    path: Path = arguments.folder / "measured.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    done = frozenset(json.loads(line)["name"] for line in lines)
    with path.open("a") as file:
        for row in Measuring().rows(arguments.folder, done):
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
