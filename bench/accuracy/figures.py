"""Random people: the body's parameters in poses that people take, blended, perturbed and varied in build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler

from .capsules import penetration
from .children import grown
from .footing import footed

Array = NDArray[np.float64]

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_BLENDED = ("upright", "moving", "sitting", "balance")
"""Families whose poses may be mixed with each other: between others the way leads through the floor."""
_ARM_PARTS = ("clavicle", "uparm", "elbow", "lowarm", "wrist")
_SPREAD = {
    "spine": 0.06, "neck": 0.1, "head": 0.08, "clavicle": 0.04, "uparm": 0.11, "elbow": 0.14, "lowarm": 0.22,
    "wrist": 0.16, "upleg": 0.06, "knee": 0.08, "lowleg": 0.06, "foot": 0.07, "ball": 0.04, "thumb": 0.1,
    "index": 0.1, "middle": 0.08, "ring": 0.08, "pinky": 0.1,
}  # fmt: skip
"""Standard deviation in radians of what is added to a pose, by a parameter's part."""
_UP = np.array([0.0, 1.0, 0.0])
_TOLERANCE = 1.5
"""Overlap of capsules in cm that counts as touching; a pose of the library may have more by its nature."""


@dataclass(frozen=True)
class Figure:
    """A person before they are placed in front of a camera.

    Attributes:
        parameters: (204,) model parameters; the root's rotation is that of the pose, the person facing +z.
        identity, expression: coefficients.
        pose: what the pose was made of, for people to read.
        tags: of the leading pose: ``sitting`` gets a seat, ``air`` is lifted, ...
        size, head: of children, see ``children.grown``.
        about: what else is known: sex, age, ...
    """

    parameters: Array
    identity: Array
    expression: Array
    pose: str
    tags: tuple[str, ...]
    size: float = 1.0
    head: float = 1.0
    about: Mapping[str, Any] = field(default_factory=dict)

    def posed(self, body: Body) -> tuple[Array, Array]:
        """Joints (J, 3) and vertices (V, 3), cm, MHR axes."""
        vertices = body.vertices(self.parameters, self.identity, self.expression)
        return grown(body, body.pose(self.parameters), vertices, self.size, self.head)


@cache
def library() -> dict[str, Any]:
    """The content of ``poses.json``."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name("poses.json").read_text())
    return content


def part_of(parameter: str) -> str:
    """The part of the body that a pose parameter belongs to: ``l_uparm_twist`` -> ``uparm``."""
    name = parameter[2:] if parameter[:2] in ("l_", "r_") else parameter
    return name.split("_")[0].rstrip("0123456789")


def pose_parameters(body: Body, name: str, mirrored: bool = False) -> Array:
    """Model parameters (204,) of a pose of the library, hands included."""
    entry = library()["poses"][name]
    values = dict(entry["parameters"])
    for side, hand in zip("lr", entry["hands"]):
        values |= {f"{side}_{key}": value for key, value in library()["hands"][hand].items()}
    result = np.zeros(len(body.parameter_names))
    for key, value in values.items():
        result[body.parameter_index(key)] = value
    return mirror(body, result) if mirrored else result


def mirror(body: Body, parameters: Array) -> Array:
    """The same pose with left and right exchanged.

    MHR's two sides turn alike under the same values; twists and leans of the middle change sign, and so do the root's
    turns about the y and z axes.
    """
    result = parameters.copy()
    for index, name in enumerate(body.parameter_names):
        if name[:2] in ("l_", "r_"):
            other = ("r_" if name[0] == "l" else "l_") + name[2:]
            result[index] = parameters[body.parameter_index(other)]
        elif name.split("_")[-1].rstrip("0123456789") in ("twist", "lean") or name in ("root_ry", "root_rz"):
            result[index] = -parameters[index]
    return result


def turned(body: Body, parameters: Array, rotation: Array) -> Array:
    """The parameters (204,) of the same pose, the whole body turned by ``rotation`` (3, 3), MHR axes, about its root.

    The root joint has a prerotation P and hangs on a joint that never turns, so its rotation is P E; turned it is
    R P E = P (P^T R P E).
    """
    root = body.joint_index("root")
    fixed = body.skeleton.prerotation_matrices[root]
    index = [body.parameter_index(f"root_r{axis}") for axis in "xyz"]
    own = euler_to_matrix(parameters[index])
    result = parameters.copy()
    result[index] = matrix_to_euler(fixed.T @ rotation @ fixed @ own)
    return result


def random_figure(body: Body, rng: np.random.Generator, name: str | None = None) -> Figure:
    """A person in a pose of the library, or one between two of them, perturbed, without limbs inside each other."""
    poses = library()["poses"]
    name = name or str(rng.choice(list(poses)))
    tags = tuple(poses[name]["tags"])
    plain = pose_parameters(body, name, mirrored=bool(rng.random() < 0.5))
    allowed = max(_TOLERANCE, penetration(body, body.pose(plain)) + 0.5)
    identity, expression, scales = random_build(body, rng)
    parameters, label = plain, name
    for attempt in range(24):
        strength = 1.0 if attempt < 12 else 0.5
        candidate, label = _blended(body, rng, name, plain, tags)
        candidate = _perturbed(body, rng, candidate, strength)
        if penetration(body, body.pose(candidate)) <= allowed:
            parameters = footed(body, candidate, tags, _UP)
            break
    else:
        label = name
    return Figure(parameters + scales, identity, expression, label, tags)


def _blended(body: Body, rng: np.random.Generator, name: str, plain: Array, tags: tuple[str, ...]) -> tuple[Array, str]:
    poses, result, label = library()["poses"], plain.copy(), name
    if tags[0] in _BLENDED and rng.random() < 0.5:
        others = [n for n, entry in poses.items() if entry["tags"][0] == tags[0] and n != name]
        other, share = str(rng.choice(others)), float(rng.uniform(0.1, 0.5))
        result += share * (pose_parameters(body, other, bool(rng.random() < 0.5)) - result)
        label += f" + {share:.0%} {other}"
    if "free_arms" in tags and rng.random() < 0.4:
        others = [n for n, entry in poses.items() if "free_arms" in entry["tags"]]
        other = str(rng.choice(others))
        arms = pose_parameters(body, other, bool(rng.random() < 0.5))
        parts = np.array([part_of(n) in _ARM_PARTS for n in body.parameter_names])
        result[parts] = arms[parts]
        label += f", arms of {other}"
    hands = list(library()["hands"])
    for side in "lr":
        if rng.random() < 0.35:
            chosen, share = str(rng.choice(hands)), float(rng.uniform(0.5, 1.0))
            for index, key in enumerate(body.parameter_names):
                if key.startswith(f"{side}_") and part_of(key) in FINGERS:
                    result[index] += share * (library()["hands"][chosen].get(key[2:], 0.0) - result[index])
            label += f", {side} hand {chosen}"
    return result, label


def _perturbed(body: Body, rng: np.random.Generator, parameters: Array, strength: float) -> Array:
    spread = np.array([_SPREAD.get(part_of(name), 0.0) for name in body.parameter_names])
    noisy = parameters + strength * spread * rng.normal(size=len(spread))
    limited = spread > 0
    return np.where(limited, np.clip(noisy, body.limit_min, body.limit_max), parameters)


def random_build(body: Body, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Identity (n_id,), expression (n_ex,) and skeleton scales (204,); sizes of both sides are the same."""
    low, high = np.maximum(body.identity_min, -1.0), np.minimum(body.identity_max, 1.0)
    identity = np.zeros(body.identity_count)
    identity[body.ageless] = rng.normal(0.0, 0.45, int(body.ageless.sum()))
    identity = np.clip(identity, low, high)
    scales = np.zeros(len(body.parameter_names))
    for index, name in enumerate(body.parameter_names):
        limit = body.limit_max[index]
        if name.startswith("scale_") and np.isfinite(limit) and limit > 0 and not name.startswith("scale_l_"):
            in_hand = name.startswith("scale_r_") and name != "scale_r_hands"
            sd = (0.08 if in_hand else 0.2) * limit
            scales[index] = np.clip(sd * rng.normal(), -limit, limit)
    for index, name in enumerate(body.parameter_names):
        if name.startswith("scale_l_"):
            scales[index] = scales[body.parameter_index("scale_r_" + name[len("scale_l_") :])]
    return identity, _expression(body, rng), scales


def _expression(body: Body, rng: np.random.Generator) -> Array:
    """A calm face, a smile or an open mouth."""
    result = np.zeros(body.expression_count)

    def add(value: float, *names: str) -> None:
        for name in names:
            if name in body.expression_names:
                result[body.expression_names.index(name)] = value

    kind = rng.random()
    if kind < 0.35:
        add(float(rng.uniform(0.3, 0.9)), "mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight")
    elif kind < 0.5:
        add(float(rng.uniform(0.1, 0.5)), "jawOpen")
    elif kind < 0.6:
        add(float(rng.uniform(0.2, 0.7)), "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    add(float(rng.uniform(0.0, 0.25)), "eyeBlinkLeft", "eyeBlinkRight")
    return result
