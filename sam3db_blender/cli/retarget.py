"""`sam3db retarget`: an existing armature, posed like the person of an estimate."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from native_runtime.cli.console import Console
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import UsageError
from native_runtime.models.store import load_body

from .blender import require_blender


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; True, since what fails is an error."""
    started = time.perf_counter()
    require_blender("Posing an armature")
    blend, out = Path(arguments.armature), Path(arguments.out)
    if not blend.is_file():
        raise UsageError(f"There is no file {blend}.")
    if out.suffix.lower() != ".blend" or not out.absolute().parent.is_dir():
        raise UsageError(f"{out} cannot be written: give the name of a .blend file in a folder that exists.")
    estimate = Estimate.load(Path(arguments.estimate))
    body = load_body(arguments.body or estimate.body_name, arguments.models)

    from ..retarget.armature import PosingOptions
    from ..retarget.headless import pose_in_file
    from ..retarget.person import person_of_estimate

    person = person_of_estimate(estimate, body, Path(arguments.estimate).name)
    options = PosingOptions(
        stand=arguments.stand, floor=arguments.floor, keyframe=arguments.keyframe, controls=arguments.controls
    )
    posed = pose_in_file(blend, arguments.object, person, arguments.map, options, out)
    for note in posed["notes"]:
        console.warning(note)
    console.line(f"{posed['how']}: {len(posed['bones'])} bones of '{posed['object']}' posed as {person.name}")
    console.line(f"wrote {posed['blend']}")
    console.result({"command": "retarget", "ok": True, **posed, "seconds": round(time.perf_counter() - started, 3)})
    return True
