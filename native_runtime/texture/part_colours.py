"""The colours of parts that no photo is laid on, linear Rec.709."""

from __future__ import annotations

PART_COLOURS: dict[str, tuple[float, float, float]] = {
    "eyes": (0.64, 0.59, 0.56),
    "iris": (0.13, 0.072, 0.036),
    "pupil": (0.002, 0.002, 0.002),
    "teeth": (0.74, 0.68, 0.56),
    "tongue": (0.46, 0.14, 0.13),
    "mouth": (0.46, 0.14, 0.13),
    "gums": (0.46, 0.14, 0.13),
}
