"""`sam3db dataset`: data sets of annotated people."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import asdict
from pathlib import Path

from native_runtime.cli.console import Console
from native_runtime.cli.people import make_folder
from native_runtime.cli.words import counted
from native_runtime.errors import UsageError


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the action; whether all went well."""
    return {"synthesize": _synthesize, "export": _export}[arguments.action](arguments, console)


def _export(arguments: argparse.Namespace, console: Console) -> bool:
    from native_runtime.cli import dataset_export

    return dataset_export.run(arguments, console)


def _synthesize(arguments: argparse.Namespace, console: Console) -> bool:
    from native_runtime.models.store import lists_body, load_body

    try:
        from native_runtime.synthetic.making import Part, default_body, synthesize
        from native_runtime.synthetic.truth import COARSEST, OFFICIAL
    except ModuleNotFoundError as error:
        raise UsageError(f"`sam3db dataset synthesize` needs a checkout of the program ({error}).") from error

    part = Part(*_numbers(arguments.part))
    body = load_body(arguments.body or default_body(arguments.models), arguments.models)
    out = make_folder(arguments.out)
    start = time.perf_counter()
    official = body.name.startswith(OFFICIAL) and lists_body(COARSEST, arguments.models)
    coarsest = load_body(COARSEST, arguments.models) if official else None
    made = synthesize(
        body, Path(arguments.poses), out, arguments.count, arguments.seed, part, arguments.authored, arguments.depth,
        coarsest, console.step,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    console.line(
        f"{counted(made.people, 'person', 'people')} in {counted(made.pictures, 'picture')}; "
        f"{counted(made.written, 'shard')} written, {made.kept} there before ({seconds:.0f} s)."
    )
    console.result({"command": arguments.command, "action": arguments.action, "ok": True, **asdict(made),
                    "body": body.name, "seconds": round(seconds, 3), "out": str(out)})  # fmt: skip
    return True


def _numbers(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None:
        raise UsageError(f"'{text[:40]}' is no part: --part 1/4 is the first of four.")
    return int(found[1]), int(found[2])
