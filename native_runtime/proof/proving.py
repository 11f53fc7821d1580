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
from native_runtime.image.reading import Photo
from native_runtime.models import manifest

from . import record
from .agreement import LARGEST_ANGLE, LARGEST_DISTANCE, Difference, difference
from .fast import KIND, fast_checks
from .invariants import against, invariants
from .pictures import Picture, bundled_pictures
from .published import Answer, answer_about, answer_checks
from .report import Check, Report
from .weights import weights_checks

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text. It may raise to stop the work."""

RAW = "raw"
"""What engines call the kind of inference that gives the network's answer as it is."""
WITNESS = "landmarks"
"""Needs nothing that is not included: what others must agree with wherever it can run."""


def prove(
    names: Sequence[str] = (),
    models: str | os.PathLike[str] | None = None,
    providers: Sequence[str] | None = None,
    progress: Progress | None = None,
    pictures: Sequence[Picture] | None = None,
    copy: str | os.PathLike[str] | None = None,
) -> Report:
    """Let engines prove themselves, and keep the result beside their networks (``record.last_proof``).

    Whatever goes wrong within an engine is a finding about it, not an error. `Report.demand` makes it one.

    Args:
        names: of engines; empty for all that are ready. The engine ``landmarks`` is a witness wherever it can run.
        models: the models folder.
        providers: names of providers, best first.
        pictures: instead of the bundled ones.
        copy: the user's own copy of a picture about which an answer of the released model is published: that is
            compared, too (``published``).

    Raises:
        UsageError: there is no such engine or provider, or nothing is published about the picture.
        PhotoError: the picture cannot be read.
    """
    about = None if copy is None else answer_about(copy)
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
    silent: list[str] = []
    for number, name in enumerate(asked):
        tell(number / len(asked), f"{find_engine(name).title} looks at {len(shown)} pictures")
        started_at = time.perf_counter()
        if name in judged:
            checks += _weights(name, models)
        try:
            engine = open_engine(name, models, providers)
        except Exception as error:
            checks.append(Check(name, "opens", "", False, _said(error)))
            continue
        answers[name], found = _answers(name, engine, shown)
        checks += found
        if about is not None and name in judged:
            found, unheard = _published(name, engine, models, *about)
            checks += found
            silent += unheard
        seconds[name] = round(time.perf_counter() - started_at, 2)
        del engine  # its networks take much memory
    tell(0.98, "Comparing the answers")
    for picture in shown:
        own = {name: given[picture.name] for name, given in answers.items() if picture.name in given}
        for name, estimate in own.items():
            checks += _known(name, estimate, picture)
        checks += _compared(picture, own)
    report = Report(judged, tuple(checks), started, seconds, tuple(silent))
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


def _answers(name: str, engine: Engine, pictures: Sequence[Picture]) -> tuple[dict[str, Estimate], list[Check]]:
    """What an engine says about the pictures, and what failed or must always hold."""
    found: dict[str, Estimate] = {}
    checks: list[Check] = []
    for picture in pictures:
        try:
            estimate, fast = _asked(name, engine, picture)
        except Exception as error:
            checks.append(Check(name, "answers", picture.name, False, f"{picture.name}: {_said(error)}"))
            continue
        if estimate is None:
            checks.append(Check(name, "answers", picture.name, False, f"{picture.name}: nobody was found in it."))
            continue
        found[picture.name] = estimate
        checks += fast
        checks += [
            Check(name, f.name, picture.name, f.holds, f"{picture.name}: {f.sentence}", f.measured, f.bound, f.unit)
            for f in invariants(estimate, engine.body)
        ]
    return {key: value for key, value in found.items() if not _unusable(checks, key)}, checks


def _published(
    name: str, engine: Engine, models: str | os.PathLike[str] | None, answer: Answer, photo: Photo
) -> tuple[list[Check], list[str]]:
    """The comparison with a published answer, and why there is none."""
    folder = record.own_folder(name, models)
    try:
        variant = manifest.read(folder).get("variant") if name == answer.engine else None
        if variant != answer.variant:
            what = f"{answer.engine} {answer.variant}"
            return [], [f"What is published about {answer.title} was given by {what}: {name} is not compared with it."]
        return answer_checks(name, engine, folder, answer, photo), []
    except Exception as error:
        return [Check(name, "published", answer.title, False, f"{answer.title}: {_said(error)}")], []


def _unusable(checks: Sequence[Check], picture: str) -> bool:
    return any(c.picture == picture and c.name == "finite" and not c.passed for c in checks)


def _asked(name: str, engine: Engine, picture: Picture) -> tuple[Estimate | None, list[Check]]:
    """The estimate of the picture's person, None where nobody is found, and what a faster inference loses.

    A fit to what other networks see would hide what an engine's own network says: where the answer without it can be
    had, that is taken.
    """
    boxes = picture.box[None] if engine.capabilities.boxes else None
    reading = engine.read(picture.photo, picture.intrinsics, boxes)
    if not len(reading.people):
        return None, []
    kinds = engine.capabilities.inferences
    whole = reading.estimate(0, inference=RAW if RAW in kinds else None)
    return whole, fast_checks(name, reading, whole, picture.name) if KIND in kinds else []


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
        f"{picture}: the {met.joint} lies {100 * met.joint_distance:.1f} % of the box from that of {other}, all lie "
        f"{100 * met.mean:.1f} % on average (at most {100 * LARGEST_DISTANCE:g} %, two up to twice as far)."
    )
    limb = (
        f"{picture}: the {met.limb} points {met.limb_angle:.0f} degrees from that of {other} "
        f"(at most {LARGEST_ANGLE:g}, two up to twice as many)."
    )
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
