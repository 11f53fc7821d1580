"""`sam3db doctor`: one page about this installation, with a verdict; and how long engines take on this machine."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from native_runtime.cli import gpu
from native_runtime.cli.console import Console
from native_runtime.cli.remedies import advised
from native_runtime.onnx.limits import wrong_limits_hidden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from native_runtime.doctor.speed import Speed


BLENDER = "SAM3DB_BLENDER_VERSION"
"""Names the version of the Blender whose command `sam3db` this is, to its child."""


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Report; False where something is wrong, or an engine could not be measured that is ready, or was named."""
    with wrong_limits_hidden() as wrong:
        return _report(arguments, console, wrong)


def _report(arguments: argparse.Namespace, console: Console, wrong_limits: tuple[str, ...]) -> bool:
    from native_runtime.doctor.examination import Examined, examine
    from native_runtime.doctor.page import described, faults_of, page
    from native_runtime.doctor.privacy import hidden
    from native_runtime.engines import engines, find_engine
    from native_runtime.service.round_trip import round_trip

    names = tuple(find_engine(name).name for name in arguments.engines) or tuple(engines())
    blender = os.environ.get(BLENDER) or None
    what = Examined(
        models=arguments.models,
        providers=arguments.providers,
        engines=names,
        blender=blender,
        wrong_limits=wrong_limits,
    )
    result = examine(what, round_trip, console.step)
    speeds: list[Speed] = []
    missed: list[str] = []
    if arguments.bench:
        found = {str(engine["engine"]) for engine in result.found.engines if engine["ready"]}
        ready = [name for name in names if name in found]
        missed = [name for name in names if arguments.engines and name not in ready]
        speeds = _measured(ready, missed, arguments, console)
    measured: list[str] = []
    if arguments.bench:
        from native_runtime.doctor.table import speed_lines

        measured += ["## Speed", "", *speed_lines(speeds), ""]
    cards: dict[str, object] = {}
    if arguments.gpu:
        _, lines, cards["gpu"] = gpu.measure(gpu.folder_of(), arguments.models, arguments.providers, console)
        measured += ["## Graphics cards", "", *lines, ""]
    for line in page(result.sections, advised, measured):
        console.line(line)
    ok = not faults_of(result.sections) and not any(speed.error for speed in speeds) and not missed
    console.result(
        {
            "command": "doctor",
            "ok": ok,
            "machine": result.machine.described(),
            "engines": hidden(result.found.engines),
            "speeds": [speed.described() for speed in speeds],
            **described(result.sections, advised),
            **cards,
        }
    )
    return ok


def _measured(
    ready: Sequence[str], missed: Sequence[str], arguments: argparse.Namespace, console: Console
) -> list[Speed]:
    from native_runtime.doctor.speed import time_engine

    for name in missed:
        console.warning(f"{name} is not ready and was not measured.")
    speeds = []
    for name in ready:
        console.status(f"Measuring {name}")
        speeds.append(time_engine(name, arguments.models, arguments.providers))
    return speeds
