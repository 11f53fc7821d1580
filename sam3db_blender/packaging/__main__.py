"""The command line: builds zips as it says, and prints a line of JSON for each."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from native_runtime.cli.remedies import advised
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.gpu_runtime import platform_key
from native_runtime.models.store import models_dir

from .build import build, build_again, check
from .targets import PLATFORMS, ROOT, target_of

log = logging.getLogger("sam3db.packaging")


def main(argv: Sequence[str] | None = None) -> int:
    """Build as the command line says; print the zips' paths and sizes."""
    parser = argparse.ArgumentParser(
        prog="python -m sam3db_blender.packaging", description="Build the Blender extension."
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument(
        "--platform",
        action="append",
        metavar="NAME",
        help=f"{', '.join(PLATFORMS)} or all; may be repeated (default: this one)",
    )
    parser.add_argument(
        "--python",
        action="append",
        metavar="X.Y",
        help="Python of the Blender meant; may be repeated (default: all that Blender runs on the platform)",
    )
    parser.add_argument("--models", metavar="DIR", help="models folder (default: SAM3DB_MODELS, else the user's cache)")
    parser.add_argument("--untouched", action="store_true", help="leave nothing out of other makers' wheels")
    parser.add_argument("--twice", action="store_true", help="build each zip again and compare the two byte for byte")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    names = arguments.platform or [platform_key()]
    models = models_dir(arguments.models)
    try:
        for name in PLATFORMS if "all" in names else names:
            target = target_of(name, tuple(arguments.python or ()), arguments.untouched)
            finished = build(target, arguments.out, models)
            check(finished, target)
            if arguments.twice:
                build_again(target, models, finished)
            sys.stdout.write(json.dumps({"extension": str(finished), "bytes": finished.stat().st_size}) + "\n")
    except Sam3dbError as error:
        log.error("%s", advised(str(error), error.remedy))
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
