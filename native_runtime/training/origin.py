"""What a training learns from and begins with, by the content of the files: it goes on with the same only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The files that a training is made of, with their SHA-256, in the order in which they are read.

    Attributes:
        data: by name of a shard.
        weights: by name of a file of the checkpoint that the training begins with.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, str]]:
        """As a mapping that ``read`` understands."""
        return {"data": dict(self.data), "weights": dict(self.weights)}

    @staticmethod
    def read(content: Mapping[str, Any]) -> Origin:
        """The origin of a mapping, as a checkpoint holds it; TypeError or ValueError where it is none."""
        data, weights = (dict(content.get(name, {})) for name in ("data", "weights"))
        return Origin(data, weights)

    def differences(self, other: Origin) -> list[str]:
        """What ``other`` has in place of this, in words; empty where it is the same, under whatever names."""
        kinds = ("data", self.data, other.data), ("weights to begin with", self.weights, other.weights)
        return [
            f"other {what} ({', '.join(_changes(own, given)) or 'in another order'})"
            for what, own, given in kinds
            if list(own.values()) != list(given.values())
        ]


def _changes(own: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Which files are others."""
    return [
        *(f"{name} is not the same" for name in own if name in given and own[name] != given[name]),
        *(f"{name} is missing" for name in own if name not in given),
        *(f"{name} is new" for name in given if name not in own),
    ]
