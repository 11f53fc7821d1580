"""`sam3db convert-checkpoint`."""

from __future__ import annotations

import argparse

from native_runtime.cli.console import Console


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; it succeeds or raises."""
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
        f"Use it with --engine sam3d_body --body {made.body}."
    )
    for note in made.notes:
        console.line(note)
    console.result(
        {
            "command": "convert-checkpoint",
            "ok": True,
            "folder": str(made.folder),
            "variant": made.variant,
            "precision": made.precision,
            "size": made.size,
            "body": made.body,
            "layout": made.layout,
            "inferences": list(made.inferences),
            "notes": list(made.notes),
        }
    )
    return True
