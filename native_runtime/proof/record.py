"""The last proof of each engine, kept in the manifest beside its networks.

It is worth something only while the files are those that were proved: their hashes are part of the record.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from native_runtime.engines import own_folder
from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest

from .report import Report


@dataclass(frozen=True)
class Proof:
    """What is remembered.

    Attributes:
        when: UTC, ISO 8601.
        passed: the verdict.
        figures: the largest of each kind of figure, by the check's name.
        failures: sentences.
    """

    when: str
    passed: bool
    figures: Mapping[str, float]
    failures: tuple[str, ...]


def keep(report: Report, engine: str, models: str | os.PathLike[str] | None = None) -> str | None:
    """Write an engine's part of a report into the manifest of its networks; an engine that has none is left alone.

    Returns:
        Why it could not be kept, for people; None where it was, or there is nothing to keep it in.
    """
    folder = own_folder(engine, models)
    try:
        facts = manifest.read(folder)
    except Sam3dbError:
        return None
    figures: dict[str, float] = {}
    for check in report.of(engine):
        if (measured := check.to_json()["measured"]) is not None:
            figures[check.name] = max(figures.get(check.name, measured), measured)
    proofs = dict(facts[manifest.PROOF]) if isinstance(facts.get(manifest.PROOF), dict) else {}
    proofs[engine] = {
        "when": report.when,
        "passed": report.passed_of(engine),
        "figures": {name: round(value, 6) for name, value in figures.items()},
        "failures": [check.sentence for check in report.failures([engine])],
        "files": manifest.digest(facts),
    }
    try:
        manifest.update(folder, {}, **{manifest.PROOF: proofs})
    except OSError as error:
        return f"The proof of {engine} cannot be kept in {folder} ({error.strerror or error})."
    return None


def last_proof(engine: str, models: str | os.PathLike[str] | None = None) -> Proof | None:
    """The last proof of the engine's networks as they are now; None where there is none."""
    try:
        facts = manifest.read(own_folder(engine, models))
        known: Any = facts[manifest.PROOF][engine]
        if known["files"] != manifest.digest(facts):
            return None
        return Proof(
            str(known["when"]),
            bool(known["passed"]),
            {str(name): float(value) for name, value in known["figures"].items()},
            tuple(map(str, known["failures"])),
        )
    except (Sam3dbError, LookupError, TypeError, ValueError, AttributeError):
        return None
