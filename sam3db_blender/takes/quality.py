"""A take's figures of quality as lamps: green, yellow, red."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["good", "fair", "poor", ""]


@dataclass(frozen=True)
class Lamp:
    """One figure.

    Attributes:
        title: what it measures.
        text: the figure with its unit.
        level: what it means; empty where nobody has said.
    """

    title: str
    text: str
    level: Level


@dataclass(frozen=True)
class _Gauge:
    """How a figure is shown: up to which value it is good, and up to which fair."""

    title: str
    form: str
    good: float
    fair: float
    unit: float = 1.0
    """What is shown of a figure of 1."""


#: Jitter and foot slide as WHAM has them (Shin et al. 2024, section 4): 10 m/s^3, and mm a frame in contact.
_GAUGES = {
    "jitter": _Gauge("Jitter", "{:.0f} m/s³", 8.0, 20.0, unit=10.0),
    "foot_slide_mm": _Gauge("Foot slide", "{:.1f} mm", 3.0, 8.0),
    "penetration_mm": _Gauge("Below the floor", "{:.1f} mm", 5.0, 15.0),
}


def lamps(quality: Mapping[str, Any]) -> list[Lamp]:
    """The figures of a take that are numbers, those with limits first."""
    found = []
    for name, gauge in _GAUGES.items():
        value = quality.get(name)
        if isinstance(value, int | float):
            level: Level = "good" if value <= gauge.good else "fair" if value <= gauge.fair else "poor"
            found.append(Lamp(gauge.title, gauge.form.format(value * gauge.unit), level))
    return found
