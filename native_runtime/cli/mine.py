"""`sam3db mine`: which photos went wrong, and what is hard about them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from native_runtime.batch.settings import BatchRequest
from native_runtime.cli.console import Console
from native_runtime.cli.requests import request_of
from native_runtime.errors import UsageError
from native_runtime.mining.kinds import TITLES
from native_runtime.mining.language_model.asking import Asker, Endpoint
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
    asker = _asker(arguments)
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
        out=Path(arguments.out),
        batch=batch,
        count=arguments.count,
        photos=None if arguments.photos is None else Path(arguments.photos),
        flip=arguments.flip,
        asker=asker,
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


def _asker(arguments: argparse.Namespace) -> Asker | None:
    """Who is asked about photos, if the user wants and agrees.

    Raises:
        UsageError: the address makes no sense, or nobody agrees.
    """
    if arguments.vlm_url is None:
        return None
    endpoint = Endpoint(
        arguments.vlm_url,
        arguments.vlm_model or "",
        os.environ.get(arguments.vlm_key_env) or None,
        arguments.vlm_photos,
        arguments.vlm_tokens,
    )
    if not arguments.vlm_send and not _agreed(endpoint):
        raise UsageError(f"No photo is sent to {endpoint.host} unless you agree: say so with --vlm-send.")
    return Asker(endpoint)


def _agreed(endpoint: Endpoint) -> bool:
    """Ask on the terminal; without one nobody agrees."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"Up to {endpoint.most_photos} photos of people will be sent to {endpoint.host}. Agree? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
