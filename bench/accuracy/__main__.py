"""``python -m bench.accuracy render|score|sheet``; each explains itself with ``--help``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    render = commands.add_parser("render", help="render the pictures and their truth (needs bpy)")
    render.add_argument("--out", type=Path, required=True)
    render.add_argument("--count", type=int, default=120)
    render.add_argument("--seed", type=int, default=0)
    render.add_argument("--body", default="default", help="name or file of the body")
    render.add_argument("--only", default="", help="numbers to render (again), separated by commas")

    arguments = parser.parse_args()
    if arguments.command == "render":
        from native_runtime.mhr import Body
        from native_runtime.models import store

        from .render import render_set

        numbers = [int(n) for n in arguments.only.split(",") if n] or None
        render_set(Body.load(store.body_path(arguments.body)), arguments.out, arguments.count, arguments.seed, numbers)
        sys.stdout.flush()
        os._exit(0)  # the bpy module may crash on a normal exit
    return 0


if __name__ == "__main__":
    sys.exit(main())
