"""A choice of what to wear, and the styles to choose from; modules that make wearables say theirs in these words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .wearable import Wearable

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Choice:
    """What a character wears of one kind, and all that is needed to make it again.

    Attributes:
        kind: see ``Wearable.kind``.
        style: one of the styles of the kind, see ``wardrobe.STYLES``.
        colour: linear Rec.709; None for the colour that the style has by itself.
        numbers: what else the style can be told, by its own names.
    """

    kind: str
    style: str
    colour: Colour | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return asdict(self) | {"numbers": dict(self.numbers)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Choice:
        """Raises KeyError, TypeError or ValueError where the content is none."""
        colour = content.get("colour")
        if colour is not None:
            red, green, blue = (float(channel) for channel in colour)
            colour = (red, green, blue)
        numbers = {str(name): float(value) for name, value in content.get("numbers", {}).items()}
        return cls(str(content["kind"]), str(content["style"]), colour, numbers)


@dataclass(frozen=True, eq=False)
class Wearer:
    """The person that something is made for.

    Attributes:
        model_parameters: (204,); the pose in them does not matter.
        identity: (n_id,) coefficients.
    """

    model_parameters: NDArray[np.float64]
    identity: NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """A way to make wearables of a kind.

    Attributes:
        title: what artists call it.
        make: the mesh for a body, in the choice's colour where it has one.
        fit: the same for a person of that body's, where their shape matters beyond what carries the mesh along.
    """

    title: str
    make: Callable[[Body, Choice], Wearable]
    fit: Callable[[Body, Choice, Wearer], Wearable] | None = None
