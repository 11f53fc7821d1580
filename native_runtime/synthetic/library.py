"""Poses made by hand (``poses.json``), and what can be done with any pose: mirrored, turned, blended, varied."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler

from .capsules import penetration

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
_TOLERANCE = 1.5
"""Overlap of capsules in cm that counts as touching; a pose of the library may have more by its nature."""


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


def varied(body: Body, rng: np.random.Generator, name: str, plain: Array) -> tuple[Array, str]:
    """A pose of the library blended with others and perturbed, without limbs inside each other, and what it is made
    of. ``plain`` itself, (204,) the pose's parameters, where no such variation is found.
    """
    tags = tuple(library()["poses"][name]["tags"])
    allowed = max(_TOLERANCE, penetration(body, body.pose(plain)) + 0.5)
    for attempt in range(24):
        strength = 1.0 if attempt < 12 else 0.5
        candidate, label = _blended(body, rng, name, plain, tags)
        candidate = _perturbed(body, rng, candidate, strength)
        if penetration(body, body.pose(candidate)) <= allowed:
            return candidate, label
    return plain, name


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
