"""`sam3db engines`: which hardware each engine would use, or what is missing."""

from __future__ import annotations

import argparse

from native_runtime.cli.console import Console
from native_runtime.cli.remedies import advised


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Report on every engine; that succeeds whatever the report says."""
    from native_runtime.engines import engine_status, engines
    from native_runtime.proof.record import last_proof

    found = {name: engine_status(name, arguments.models, arguments.providers) for name in engines()}
    # A proof says nothing of files that are damaged or missing.
    proofs = {name: last_proof(name, arguments.models) if status.ready else None for name, status in found.items()}
    texts = {name: advised(status.text, status.remedy) for name, status in found.items()}
    for name, status in found.items():
        console.line(f"{name:10} {'ready    ' if status.ready else 'not ready'}  {texts[name]}")
        if (proof := proofs[name]) is not None:
            console.line(
                f"{'':10} {'proved' if proof.passed else 'NOT PROVED'} {proof.when}  {' '.join(proof.failures)}"
            )
    for note in dict.fromkeys(note for status in found.values() for note in status.notes):
        console.line(f"{'':10} note       {note}")
    described = [
        status.described(name)
        | {"text": texts[name], "proof": None if (p := proofs[name]) is None else {"when": p.when, "passed": p.passed}}
        for name, status in found.items()
    ]
    console.result({"command": "engines", "ok": True, "engines": described})
    return True
