"""Which stages run: those that were asked for, and before them what they need and is not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from native_runtime.models.manifest import NAME
from native_runtime.models.store import SAM3D_BODY_FOLDER

from .places import PRECISIONS, STAGES, Settings

Step = tuple[str, str | None]
"""A stage, and its precision where it has one."""

_ONCE = frozenset(("weights", "encoders", "eager"))
"""Stages without a precision."""


def plan(stages: Sequence[str], precisions: Sequence[str], made: Callable[[str, str | None], bool]) -> list[Step]:
    """The steps in the order of ``STAGES``.

    Args:
        stages, precisions: what was asked for.
        made: whether the files that a step leaves for others are there.
    """
    steps: set[Step] = set()
    waiting: list[Step] = [
        (stage, precision)
        for stage in stages
        for precision in ((None,) if stage in _ONCE else precisions)
        if (stage, precision) != ("rounding", "fp32")
    ]
    while waiting:
        step = waiting.pop()
        if step not in steps:
            steps.add(step)
            waiting += [need for need in _needs(*step, precisions, made) if not made(*need)]
    order = list(STAGES)
    return sorted(steps, key=lambda step: (order.index(step[0]), PRECISIONS.index(step[1] or "fp32")))


def _needs(
    stage: str, precision: str | None, precisions: Sequence[str], made: Callable[[str, str | None], bool]
) -> Iterator[Step]:
    """What must have run before a step."""
    if stage == "convert":
        yield "weights", None
    elif stage in ("load", "full", "encoder"):
        yield "convert", precision
    elif stage == "decoders":
        yield "convert", precision
        yield "full", precision
    elif stage == "rounding":
        yield "full", precision
        yield "full", "fp32"
    elif stage == "encoders":
        yield "weights", None
        yield from (("convert", each) for each in precisions)
    elif stage == "eager":
        yield "weights", None
        if not any(made("full", each) for each in PRECISIONS):  # it repeats whatever was recorded
            yield "full", min(precisions, key=PRECISIONS.index)


def left_files(settings: Settings, stage: str, precision: str | None) -> bool:
    """Whether the files that a step leaves for others are there."""
    own = replace(settings, precision=precision or settings.precision)
    if stage == "weights":
        return own.checkpoint.is_file() and own.mhr.is_file() and own.converted_from.exists()
    if stage == "convert":
        return (own.models / SAM3D_BODY_FOLDER / NAME).is_file()
    return stage == "full" and own.record.is_file() and own.estimate.is_file()
