"""What can be done with a character's settings as a whole: reset, randomise, mirror a side, blend. No Blender here."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import RIGID
from native_runtime.mhr.rotations import (
    euler_to_matrix,
    matrix_to_euler,
    matrix_to_quaternion,
    quaternion_to_matrix,
)

from .channels import nearest_angles
from .parts import Part
from .settings import CharacterSettings, with_parts
from .wiring import ParameterHomes

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Side = Literal["left", "right"]

_ROOT_PLACE = slice(0, 3)
_ROOT_TURN = slice(3, 6)
#: Limits are taken as this many standard deviations: most characters stay ordinary, some come near the limits.
_DEVIATIONS = 2.5
#: Of how many expressions a random face is made, on average.
_RANDOM_EXPRESSIONS = 5.0
#: Same place, other sense: eyes look to the front on both sides, limbs are mirror images.
_NOT_MIRRORED = ("l_eye", "r_eye")


def reset(body: Body, settings: CharacterSettings, parts: Collection[Part]) -> CharacterSettings:
    """The chosen parts back to 0."""
    return with_parts(body, settings, CharacterSettings.neutral(body), set(parts))


def randomise(
    body: Body, settings: CharacterSettings, parts: Collection[Part], rng: np.random.Generator, amount: float = 1.0
) -> CharacterSettings:
    """The chosen parts at random, within MHR's limits and the sliders' ranges.

    Args:
        amount: 1 uses the whole range (normally distributed, cut at the limits), 0 none of it. What MHR fixes stays
            0, the root stays where it is, and so does the age.
    """
    low, high = (np.where(np.isfinite(limit), limit, 0.0) for limit in (body.limit_min, body.limit_max))
    parameters = _spread(rng, low, high, amount)
    parameters[RIGID] = settings.model_parameters[RIGID]
    identity = np.where(body.ageless, _spread(rng, body.identity_min, body.identity_max, amount), settings.identity)
    count = max(body.expression_count, 1)
    chosen = rng.random(body.expression_count) < _RANDOM_EXPRESSIONS / count
    expression = np.where(chosen, amount * rng.random(body.expression_count), 0.0)
    return with_parts(body, settings, CharacterSettings(parameters, identity, expression), set(parts))


def _spread(rng: np.random.Generator, low: Array, high: Array, amount: float) -> Array:
    deviation = np.clip(rng.standard_normal(len(low)) / _DEVIATIONS, -1.0, 1.0) * amount
    return np.where(deviation < 0, -deviation * np.minimum(low, 0.0), deviation * np.maximum(high, 0.0))


def copy(
    body: Body, settings: CharacterSettings, other: CharacterSettings, parts: Collection[Part], place: bool = False
) -> CharacterSettings:
    """The chosen parts of ``other``; where it stands only with ``place``."""
    mixed = with_parts(body, settings, other, set(parts))
    if not place:
        mixed.model_parameters[_ROOT_PLACE] = settings.model_parameters[_ROOT_PLACE]
    return mixed


def blend(
    body: Body, first: CharacterSettings, second: CharacterSettings, share: float, parts: Collection[Part]
) -> CharacterSettings:
    """Between two characters: 0 is the first, 1 the second; beyond that exaggerates.

    Angles go the short way, the root turns as a whole about one axis; it stays where the first one stands.
    """
    homes = ParameterHomes.of(body)
    angles = np.zeros(len(first.model_parameters), dtype=bool)
    posed = np.flatnonzero(homes.rows >= 0)
    angles[posed] = np.isin(homes.rows[posed] % 7, (3, 4, 5))
    change = second.model_parameters - first.model_parameters
    change = np.where(angles, (change + np.pi) % (2 * np.pi) - np.pi, change)
    parameters = first.model_parameters + share * change
    parameters[_ROOT_PLACE] = first.model_parameters[_ROOT_PLACE]
    parameters[_ROOT_TURN] = _between_turns(
        first.model_parameters[_ROOT_TURN], second.model_parameters[_ROOT_TURN], share
    )
    own, others = (s.beyond if len(s.beyond) else np.zeros((len(body.joint_names), 7)) for s in (first, second))
    mixed = CharacterSettings(
        parameters,
        first.identity + share * (second.identity - first.identity),
        first.expression + share * (second.expression - first.expression),
        (1 - share) * own + share * others,
    )
    return with_parts(body, first, mixed, set(parts))


def _between_turns(first: Array, second: Array, share: float) -> Array:
    """Euler angles (3,) part of the way from one rotation to another, near the first's."""
    a, b = matrix_to_quaternion(euler_to_matrix(np.stack([first, second])))
    b = b if a @ b >= 0 else -b
    angle = np.arccos(np.clip(a @ b, -1.0, 1.0))
    if angle < 1e-8:
        return first.copy()
    mixed = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    return nearest_angles(matrix_to_euler(quaternion_to_matrix(mixed)), first)


def symmetrise(
    body: Body,
    settings: CharacterSettings,
    parts: Collection[Part],
    side: Side = "left",
    straighten: bool = False,
) -> CharacterSettings:
    """One side's limbs, lengths and expressions on both sides.

    MHR's frames of the two sides are mirror images, so that equal numbers are mirrored poses.

    Args:
        side: the one that is kept.
        straighten: also take lean and twist out of spine, neck and head.
    """
    pairs = paired(body.parameter_names)
    parameters = _copy_side(settings.model_parameters, pairs, side)
    if straighten:
        parameters[lopsided(body)] = 0.0
    beyond = settings.beyond.copy()
    if len(beyond):
        joints = [(a, b) for a, b in paired(body.joint_names) if not body.joint_names[a].startswith(_NOT_MIRRORED)]
        beyond = _copy_side(beyond, joints, side)
        opposite = [b if side == "left" else a for a, b in joints]
        beyond[opposite, :3] *= -1.0
    mirrored = CharacterSettings(
        parameters,
        _copy_side(settings.identity, paired(body.identity_names), side),
        _copy_side(settings.expression, paired(body.expression_names), side),
        beyond,
    )
    return with_parts(body, settings, mirrored, set(parts))


def mirrored(body: Body, settings: CharacterSettings) -> CharacterSettings:
    """The same with left and right exchanged; the root stays where it is."""
    parameters = _swapped(settings.model_parameters, paired(body.parameter_names))
    parameters[lopsided(body)] *= -1.0
    rx, ry, rz = settings.model_parameters[_ROOT_TURN]
    parameters[_ROOT_TURN] = rx, -ry, -rz  # Rz Ry Rx, mirrored at the plane x = 0
    beyond = settings.beyond.copy()
    if len(beyond):
        beyond = _swapped(beyond, paired(body.joint_names))
    return CharacterSettings(
        parameters,
        _swapped(settings.identity, paired(body.identity_names)),
        _swapped(settings.expression, paired(body.expression_names)),
        beyond,
    )


def _swapped(values: Array, pairs: list[tuple[int, int]]) -> Array:
    result = values.copy()
    for left, right in pairs:
        result[left], result[right] = values[right], values[left]
    return result


def paired(names: Collection[str]) -> list[tuple[int, int]]:
    """(left, right) indices of names that differ in their side alone: ``l_uparm_ry``, ``scale_l_hands``,
    ``mouthSmileLeft``.
    """
    index = {name: i for i, name in enumerate(names)}
    pairs = []
    for name, i in index.items():
        for left, right in (("l_", "r_"), ("scale_l_", "scale_r_")):
            if name.startswith(left) and right + name[len(left) :] in index:
                pairs.append((i, index[right + name[len(left) :]]))
        for left, right in (("Left", "Right"), ("_left", "_right")):
            if name.endswith(left) and name[: -len(left)] + right in index:
                pairs.append((i, index[name[: -len(left)] + right]))
    return pairs


def lopsided(body: Body) -> list[int]:
    """The parameters that take a symmetric body out of its symmetry: lean and twist of spine, neck and head."""
    transform = ParameterHomes.of(body).transform
    found = []
    for index, column in enumerate(transform.T):
        rows = np.flatnonzero(column)
        middle = all(body.joint_names[row // 7].startswith("c_") for row in rows)
        if len(rows) and middle and all(row % 7 in (3, 4) for row in rows):
            found.append(index)
    return found


def _copy_side(values: Array, pairs: list[tuple[int, int]], side: Side) -> Array:
    result = values.copy()
    for left, right in pairs:
        if side == "left":
            result[right] = values[left]
        else:
            result[left] = values[right]
    return result
