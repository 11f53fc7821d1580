"""`sam3db convert-checkpoint`."""

from __future__ import annotations

import argparse
from typing import Any

from native_runtime.cli.console import Console

_ENGINE = "sam3d_body"


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether the converted networks proved themselves. It raises where they cannot be made."""
    # Converting needs much that `sam3db --help` does not.
    from native_runtime.build.sam3d_body.convert import convert_checkpoint

    made = convert_checkpoint(
        arguments.checkpoint,
        arguments.mhr,
        arguments.out,
        arguments.precision,
        progress=console.step,
        own_weights=arguments.own_weights,
    )
    console.line(
        f"SAM 3D Body {made.title} ({made.precision}, {made.size / 1e9:.2f} GB) is in {made.folder}. "
        f"Use it with --engine {_ENGINE} --body {made.body}."
    )
    for note in made.notes:
        console.line(note)
    ok, proved = _prove(arguments.out, console) if arguments.proof else (True, {})
    console.result(
        {
            "command": "convert-checkpoint",
            "ok": ok,
            "folder": str(made.folder),
            "variant": made.variant,
            "precision": made.precision,
            "size": made.size,
            "body": made.body,
            "layout": made.layout,
            "inferences": list(made.inferences),
            "notes": list(made.notes),
            **proved,
        }
    )
    return ok


def _prove(models: str | None, console: Console) -> tuple[bool, dict[str, Any]]:
    """Let the converted networks look at the bundled pictures: whether they proved themselves, and the report."""
    from native_runtime.proof import prove

    report = prove([_ENGINE], models, progress=console.step)
    if report.passed:
        console.line(f"It proved itself: {len(report.of(_ENGINE))} checks passed.")
    else:
        for check in report.failures():
            console.line(f"FAILED {check.sentence}")
        console.warning(
            "The converted networks are in place, but did not prove themselves: do not trust what they answer. The "
            "engine `auto` passes over them. Fetch the checkpoint again and convert it once more."
        )
    return report.passed, {"proof": report.to_json()}
