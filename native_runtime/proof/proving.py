"""A proof: engines look at known pictures; what they say is held to truth, to one another, and to what always holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from native_runtime.engines import engine_status, engines, find_engine, open_engine
from native_runtime.engines.base import Engine
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest

from . import record
from .agreement import LARGEST_ANGLE, LARGEST_DISTANCE, Difference, difference
from .invariants import against, invariants
from .pictures import Picture, bundled_pictures
from .report import Check, Report
from .weights import weights_checks

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text. It may raise to stop the work."""

WITNESS = "landmarks"
"""Needs nothing that is not included: what others must agree with wherever it can run."""


def prove(
    names: Sequence[str] = (),
    models: str | os.PathLike[str] | None = None,
    providers: Sequence[str] | None = None,
    progress: Progress | None = None,
    pictures: Sequence[Picture] | None = None,
) -> Report:
    """Let engines prove themselves, and keep the result beside their networks (``record.last_proof``).

    Whatever goes wrong within an engine is a finding about it, not an error. `Report.demand` makes it one.

    Args:
        names: of engines; empty for all that are ready. The engine ``landmarks`` is a witness wherever it can run.
        models: the models folder.
        providers: names of providers, best first.
        pictures: instead of the bundled ones.

    Raises:
        UsageError: there is no such engine or provider.
    """
    tell = progress or (lambda fraction, text: None)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    judged = tuple(dict.fromkeys(names)) or tuple(n for n in engines() if engine_status(n, models, providers).ready)
    for name in judged:
        find_engine(name)
    shown = bundled_pictures() if pictures is None else list(pictures)
    asked = [*judged, *([WITNESS] if WITNESS not in judged and engine_status(WITNESS, models, providers).ready else [])]
    checks: list[Check] = []
    answers: dict[str, dict[str, Estimate]] = {}
    seconds: dict[str, float] = {}
    for number, name in enumerate(asked):
        tell(number / len(asked), f"{find_engine(name).title} looks at {len(shown)} pictures")
        if name in judged:
            checks += _weights(name, models)
        found, seconds[name], faults = _answers(name, models, providers, shown)
        answers[name] = found
        checks += faults
        for picture in shown:
            if picture.name in found:
                checks += _known(name, found[picture.name], picture)
    tell(0.98, "Comparing the answers")
    for picture in shown:
        checks += _compared(
            picture, {name: found[picture.name] for name, found in answers.items() if picture.name in found}
        )
    report = Report(judged, tuple(checks), started, {n: round(s, 2) for n, s in seconds.items()})
    unkept = [text for name in judged if (text := record.keep(report, name, models)) is not None]
    tell(1.0, "The proof is done")
    return replace(report, silent=(*report.silent, *unkept))


def _weights(name: str, models: str | os.PathLike[str] | None) -> list[Check]:
    """What the files of an engine's own networks say without being run."""
    folder = record.own_folder(name, models)
    if not (folder / manifest.NAME).is_file():
        return []
    try:
        return weights_checks(name, folder)
    except Sam3dbError as error:
        return [Check(name, "weights", "", False, str(error))]


def _answers(
    name: str, models: str | os.PathLike[str] | None, providers: Sequence[str] | None, pictures: Sequence[Picture]
) -> tuple[dict[str, Estimate], float, list[Check]]:
    """What an engine says about the pictures, the seconds that took, and what failed or must always hold."""
    started = time.perf_counter()
    found: dict[str, Estimate] = {}
    checks: list[Check] = []
    try:
        engine = open_engine(name, models, providers)
    except Exception as error:
        return {}, time.perf_counter() - started, [Check(name, "opens", "", False, _said(error))]
    for picture in pictures:
        try:
            estimate = _asked(engine, picture)
        except Exception as error:
            checks.append(Check(name, "answers", picture.name, False, f"{picture.name}: {_said(error)}"))
            continue
        if estimate is None:
            checks.append(Check(name, "answers", picture.name, False, f"{picture.name}: nobody was found in it."))
            continue
        found[picture.name] = estimate
        checks += [
            Check(name, f.name, picture.name, f.holds, f"{picture.name}: {f.sentence}", f.measured, f.bound, f.unit)
            for f in invariants(estimate, engine.body)
        ]
    finite = {key: value for key, value in found.items() if not _unusable(checks, key)}
    return finite, time.perf_counter() - started, checks


def _unusable(checks: Sequence[Check], picture: str) -> bool:
    return any(c.picture == picture and c.name == "finite" and not c.passed for c in checks)


def _asked(engine: Engine, picture: Picture) -> Estimate | None:
    """The engine's estimate of the picture's person; None where it finds nobody."""
    boxes = picture.box[None] if engine.capabilities.boxes else None
    reading = engine.read(picture.photo, picture.intrinsics, boxes)
    return reading.estimate(0) if len(reading.people) else None


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, Sam3dbError) else f"The engine failed: {type(error).__name__}: {error}"


def _known(name: str, estimate: Estimate, picture: Picture) -> list[Check]:
    """Held to what is in the picture."""
    met = difference(
        estimate.keypoints_2d, estimate.keypoints_3d, picture.keypoints_2d, picture.keypoints_3d, picture.box
    )
    return _difference(name, picture.name, met, "truth") + [
        Check(name, f.name, picture.name, f.holds, f"{picture.name}: {f.sentence}", f.measured, f.bound, f.unit)
        for f in against(estimate, picture.keypoints_3d)
    ]


def _difference(name: str, picture: str, met: Difference, other: str) -> list[Check]:
    joint = (
        f"{picture}: the {met.joint} lies {100 * met.distance:.1f} % of the box from that of {other} "
        f"(at most {100 * LARGEST_DISTANCE:g} %; {100 * met.mean:.1f} % on average)."
    )
    limb = f"{picture}: the {met.limb} points {met.angle:.0f} degrees from that of {other} (at most {LARGEST_ANGLE:g})."
    return [
        Check(name, f"keypoints:{other}", picture, met.distance <= LARGEST_DISTANCE, joint, met.distance,
              LARGEST_DISTANCE, "box"),
        Check(name, f"limbs:{other}", picture, met.angle <= LARGEST_ANGLE, limb, met.angle, LARGEST_ANGLE, "degrees"),
    ]  # fmt: skip


def _compared(picture: Picture, answers: dict[str, Estimate]) -> list[Check]:
    """Pairs of engines; a finding goes to the one that is farther from the truth."""
    far = {
        name: difference(e.keypoints_2d, e.keypoints_3d, picture.keypoints_2d, picture.keypoints_3d, picture.box).mean
        for name, e in answers.items()
    }
    names = sorted(answers, key=lambda name: far[name])
    checks: list[Check] = []
    for place, better in enumerate(names):
        for worse in names[place + 1 :]:
            a, b = answers[worse], answers[better]
            met = difference(a.keypoints_2d, a.keypoints_3d, b.keypoints_2d, b.keypoints_3d, picture.box)
            checks += _difference(worse, picture.name, met, better)
    return checks
