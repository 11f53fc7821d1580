"""The parts of what can be set on a character."""

from __future__ import annotations

from typing import Literal

Part = Literal["pose", "skeleton", "shape", "expression"]
PARTS: tuple[Part, ...] = ("pose", "skeleton", "shape", "expression")
