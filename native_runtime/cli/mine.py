"""`sam3db mine`: which photos went wrong, and what is hard about them."""

from __future__ import annotations

import argparse
from pathlib import Path

from native_runtime.batch.settings import BatchRequest
from native_runtime.cli.console import Console
from native_runtime.cli.people import make_folder
from native_runtime.cli.requests import request_of
from native_runtime.errors import UsageError
from native_runtime.mining.kinds import TITLES
from native_runtime.mining.run import MineRequest, mine

_SHOWN = 10
"""People who are named in lines."""


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every photo was judged."""
    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise UsageError(f"There is no folder '{folder}'.")
    if arguments.photos is not None and not Path(arguments.photos).is_dir():
        raise UsageError(f"There is no folder '{arguments.photos}' with photos.")
    batch = request_of(
        BatchRequest,
        arguments,
        builder=(),
        blend=False,
        previews=(),
        exports=(),
        contact_sheet=False,
        persons=arguments.persons or "all",
    )
    request = MineRequest(
        folder=folder,
        out=make_folder(arguments.out),
        batch=batch,
        count=arguments.count,
        photos=None if arguments.photos is None else Path(arguments.photos),
        flip=arguments.flip,
    )
    result = mine(request, console)
    for number in result.mined.chosen[:_SHOWN]:
        one = result.mined.people[number]
        kinds = ", ".join(TITLES[kind] for kind in one.kinds)
        who = f"{100 * one.judgement.score:3.0f} %  {one.photo}, person {one.person + 1}"
        console.line(f"{who}: {kinds}" if kinds else who)
    console.line(str(result.files[1]))
    console.result(
        {"command": "mine", "ok": result.ok, **result.mined.to_json(), "files": [str(path) for path in result.files]}
    )
    return result.ok
