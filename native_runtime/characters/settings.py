"""All that an artist can set on a character, as plain numbers, without Blender."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import UsageError
from native_runtime.mhr.state import BodyState

from .parts import Part
from .wiring import ParameterHomes

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]


def _nothing() -> Array:
    return np.zeros((0, 7))


@dataclass(frozen=True)
class CharacterSettings(BodyState):
    """The numbers behind a character.

    Attributes:
        beyond: (J, 7) joint parameters (cm, radians, log2) that come on top of what the model parameters say: turned
            eyes, an open jaw, a forearm that bends sideways. Empty where there is none.
    """

    beyond: Array = field(default_factory=_nothing)

    def joint_parameters(self, body: Body) -> Array:
        """(J, 7) all that the joints do."""
        joints = np.asarray(body.joint_parameters(self.model_parameters), dtype=np.float64)
        return joints + self.beyond if len(self.beyond) else joints

    def check(self, body: Body) -> None:
        """Raises UsageError where the numbers do not fit the body."""
        expected = {
            "model_parameters": (len(body.parameter_names),),
            "identity": (body.identity_count,),
            "expression": (body.expression_count,),
        }
        for name, shape in expected.items():
            array, word = getattr(self, name), name.replace("model_", "")
            if array.shape != shape:
                raise UsageError(f"'{body.name}' has {shape[0]} {word}, but {array.size} were given.")
            if not np.isfinite(array).all():
                raise UsageError(f"Some {word} of the character are not numbers.")


def parameters_of(body: Body, part: Part) -> NDArray[np.bool_]:
    """(204,) which model parameters belong to ``pose`` or to ``skeleton``."""
    homes = ParameterHomes.of(body)
    skeleton = np.zeros(len(body.parameter_names), dtype=bool)
    skeleton[[i for i in homes.sliders if i not in homes.shared]] = True
    return skeleton if part == "skeleton" else ~skeleton


def solve_parameters(
    homes: ParameterHomes, joint_parameters: ArrayLike, slider_values: ArrayLike, near: ArrayLike
) -> tuple[Array, Array]:
    """The model parameters behind a pose, exactly.

    Each parameter is read at its home: sliders as they stand, angles from their joints. Only for the spine is there a
    choice, since its joints follow both their own (``*_flexible``) parameters and the whole spine's. There the
    parameters start from ``near`` and the whole spine's take all of the change that they can express, each joint's own
    the rest; so an untouched pose gives back the very numbers it was made of, and a changed one stays as near to what
    MHR allows (its limits for the joints' own are 0) as it can.

    Args:
        joint_parameters: (J, 7) all that the joints do, what the spine's sliders add included.
        slider_values: (n,) of ``homes.sliders``; those of the spine are not used, the joints already hold them.
        near: (204,).

    Returns:
        The parameters (204,) and what no parameter expresses (J, 7).
    """
    transform = homes.transform
    joints = np.asarray(joint_parameters, dtype=np.float64)
    target = joints.reshape(-1)
    parameters = np.array(near, dtype=np.float64)
    shared = list(homes.shared)
    values = np.asarray(slider_values, dtype=np.float64)
    for index, value in zip(homes.sliders, values.tolist()):
        if index not in shared:
            parameters[index] = value
    if shared:
        touched = np.flatnonzero(transform[:, shared].any(axis=1))
        change = target[touched] - transform[touched] @ parameters
        parameters[shared] += np.linalg.lstsq(transform[touched][:, shared], change, rcond=None)[0]
    posed = np.flatnonzero(homes.rows >= 0)
    rows = homes.rows[posed]
    parameters[posed] = 0.0
    parameters[posed] = (target[rows] - transform[rows] @ parameters) / transform[rows, posed]
    return parameters, joints - (transform @ parameters).reshape(joints.shape)


def with_parts(body: Body, base: CharacterSettings, other: CharacterSettings, parts: set[Part]) -> CharacterSettings:
    """``base`` with some parts of ``other``."""
    mixed = base
    for part in parts:
        if part == "shape":
            mixed = replace(mixed, identity=other.identity.copy())
        elif part == "expression":
            mixed = replace(mixed, expression=other.expression.copy())
        else:
            own = parameters_of(body, part)
            mixed = replace(mixed, model_parameters=np.where(own, other.model_parameters, mixed.model_parameters))
            if part == "pose":
                mixed = replace(mixed, beyond=other.beyond.copy())
    return mixed
