"""What a proof checked, measured and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from native_runtime.errors import ModelError, Remedy


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        engine: whose networks it judges.
        name: of the check, for programs.
        picture: name of the picture, or "" where there is none.
        passed: whether it is as it should be.
        sentence: the finding, for people.
        measured, bound: the figure and what it may be at most; None where there is no figure.
        unit: of both.
        gate: whether networks that fail must not be used. Others are hints: a deviation from what others published.
    """

    engine: str
    name: str
    picture: str
    passed: bool
    sentence: str
    measured: float | None = None
    bound: float | None = None
    unit: str = ""
    gate: bool = True

    def to_json(self) -> dict[str, Any]:
        """All fields; a figure that is not finite becomes None."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return content | {name: _finite(content[name]) for name in ("measured", "bound")}


@dataclass(frozen=True)
class Report:
    """A proof.

    Attributes:
        engines: that were to be proved.
        checks: all, in the order in which they were made.
        when: UTC, ISO 8601.
        seconds: that the pictures took, by engine; witnesses included.
        silent: what could not be compared, for people.
    """

    engines: tuple[str, ...]
    checks: tuple[Check, ...]
    when: str
    seconds: dict[str, float] = field(default_factory=dict)
    silent: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything that is to be proved is, and there is something."""
        return bool(self.engines) and all(self.passed_of(engine) for engine in self.engines)

    def passed_of(self, engine: str) -> bool:
        """Whether the engine's networks may be used."""
        own = self.of(engine)
        return bool(own) and all(check.passed for check in own if check.gate)

    def of(self, engine: str) -> list[Check]:
        """Its checks."""
        return [check for check in self.checks if check.engine == engine]

    def failures(self, engines: Sequence[str] | None = None) -> list[Check]:
        """Failed checks of engines (None: of those to be proved) that forbid their use."""
        return [c for c in self.checks if c.gate and not c.passed and c.engine in (engines or self.engines)]

    def demand(self) -> None:
        """Make sure that it passed.

        Raises:
            ModelError: it did not; the message says what is wrong.
        """
        if not self.passed:
            texts = [check.sentence for check in self.failures()]
            more = f" ({len(texts) - _TOLD} more findings)" if len(texts) > _TOLD else ""
            raise ModelError(
                f"The networks of {' and '.join(self.unproved)} did not prove themselves. "
                + " ".join(texts[:_TOLD])
                + more,
                Remedy.REMAKE_NETWORK,
            )

    @property
    def unproved(self) -> list[str]:
        """Those of the engines that failed."""
        return [engine for engine in self.engines if not self.passed_of(engine)]

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return {
            "passed": self.passed,
            "engines": {engine: self.passed_of(engine) for engine in self.engines},
            "when": self.when,
            "seconds": self.seconds,
            "checks": [check.to_json() for check in self.checks],
            "silent": list(self.silent),
        }

    def lines(self) -> list[str]:
        """For people: each engine's verdict and its findings."""
        out = []
        for engine in dict.fromkeys((*self.engines, *(check.engine for check in self.checks))):
            own = self.of(engine)
            role = "" if engine in self.engines else " (as a witness)"
            count = sum(check.passed for check in own)
            verdict = "proved" if self.passed_of(engine) else "NOT PROVED"
            out.append(f"{engine}{role}: {verdict}, {count} of {len(own)} checks passed")
            out += [f"  {_mark(check)} {check.sentence}" for check in own]
        return [*out, *self.silent]


_TOLD = 3


def _mark(check: Check) -> str:
    return "ok    " if check.passed else "FAILED" if check.gate else "hint  "


def _finite(value: float | None) -> float | None:
    return None if value is None or value != value or abs(value) == float("inf") else float(value)
