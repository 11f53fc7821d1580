"""`sam3db doctor`: what this machine is, which engines could work on it, and how long they take."""

from __future__ import annotations

import argparse

from native_runtime.cli.console import Console
from native_runtime.cli.remedies import advised


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Report; False where an engine could not be measured that is ready, or was named."""
    from native_runtime.doctor.machine import this_machine
    from native_runtime.doctor.speed import time_engine
    from native_runtime.doctor.table import machine_lines, speed_lines
    from native_runtime.engines import engine_status, engines, find_engine

    names = [find_engine(name).name for name in arguments.engines] or list(engines())
    machine = this_machine()
    for line in machine_lines(machine):
        console.line(line)
    found = {name: engine_status(name, arguments.models, arguments.providers) for name in names}
    for name, status in found.items():
        text = advised(status.text, status.remedy)
        console.line(f"- {name}: {'ready' if status.ready else 'not ready'}, {text}")
    unready = [name for name in names if arguments.engines and not found[name].ready]
    speeds = []
    if arguments.bench:
        for name in unready:
            console.warning(f"{name} is not ready and was not measured.")
        for name in (name for name, status in found.items() if status.ready):
            console.status(f"Measuring {name}")
            speeds.append(time_engine(name, arguments.models, arguments.providers))
        for line in speed_lines(speeds):
            console.line(line)
    ok = not any(speed.error for speed in speeds) and not (arguments.bench and unready)
    console.result(
        {
            "command": "doctor",
            "ok": ok,
            "machine": machine.described(),
            "engines": [status.described(name) for name, status in found.items()],
            "speeds": [speed.described() for speed in speeds],
        }
    )
    return ok
