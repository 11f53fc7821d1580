"""The project's own poses, ``rig_templates/fit/authored_poses.json``: what motion capture lacks (sitting, kneeling,
lying, idling), written as directions of limbs.

A direction is [outwards, up, forward]: outwards is towards the limb's own side, so that one line stands for both sides
("thighs") and a pose is mirrored by exchanging the sides. With ``"axes": "world"`` limbs are given as trunk and head
are, [to the person's left when facing +Z, up, forward]. What is not named is as in a person who stands at ease.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.files.templates import load_json

from .limbs import LIMBS, LimbPose

Array = NDArray[np.float64]

_AT_EASE: Mapping[str, tuple[float, float, float]] = {
    "thigh": (0.06, -1.0, 0.02), "shank": (0.03, -1.0, -0.1), "foot": (0.2, -0.3, 1.0),
    "upper_arm": (0.2, -1.0, -0.05), "forearm": (0.08, -1.0, 0.25),
}  # fmt: skip
_BOTH = {"thigh": "thighs", "shank": "shanks", "foot": "feet", "upper_arm": "upper_arms", "forearm": "forearms"}
_WHOLE = ("tags", "axes", "trunk", "hips", "shoulders", "look", "crown", "angles")
_ANGLE_DEVIATION = 0.08


@dataclass(frozen=True)
class AuthoredPose:
    """A pose by its name, the first of its tags, and its directions."""

    name: str
    kind: str
    pose: LimbPose


def authored_poses() -> list[AuthoredPose]:
    """All of the project's poses, in the file's order."""
    entries: Mapping[str, Mapping[str, Any]] = load_json("fit", "authored_poses.json")["poses"]
    return [AuthoredPose(name, entry["tags"][0], limb_pose(name, entry)) for name, entry in entries.items()]


def limb_pose(name: str, entry: Mapping[str, Any]) -> LimbPose:
    """The directions of an entry of the file.

    Raises:
        UsageError: it names something unknown, or a direction that is none.
    """
    known = {*_WHOLE, *LIMBS, *_BOTH.values()}
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise UsageError(f"The pose '{name}' names {', '.join(unknown)}; {', '.join(sorted(known))} are known")
    trunk = _unit(name, "trunk", entry.get("trunk", (0.0, 1.0, 0.0)))
    hips = _unit(name, "hips", entry["hips"]) if "hips" in entry else _across(np.array([1.0, 0.0, 0.0]), trunk)
    shoulders = _unit(name, "shoulders", entry["shoulders"]) if "shoulders" in entry else _across(hips, trunk)
    vectors = {"trunk": trunk, "hips": hips, "shoulders": shoulders}
    for limb in LIMBS:
        side, part = limb.split("_", 1)
        given = entry.get(limb, entry.get(_BOTH[part], _AT_EASE[part]))
        vector = _unit(name, limb, given)
        own = entry.get("axes") == "world" and (limb in entry or _BOTH[part] in entry)
        vectors[limb] = vector if own or side == "left" else vector * [-1.0, 1.0, 1.0]
    look = _unit(name, "look", entry.get("look", (0.0, 0.0, 1.0)))
    crown = _across(_unit(name, "crown", entry.get("crown", trunk)), look)
    head = np.stack([np.cross(crown, look), crown, look], axis=1)
    angles = {key: (float(value), _ANGLE_DEVIATION) for key, value in entry.get("angles", {}).items()}
    return LimbPose(vectors, head, angles)


def _unit(name: str, part: str, given: Any) -> Array:
    vector = np.asarray(given, np.float64)
    if vector.shape != (3,) or not np.linalg.norm(vector) > 1e-6:
        raise UsageError(f"The pose '{name}': {part} needs three numbers, not all 0")
    return np.asarray(vector / np.linalg.norm(vector))


def _across(vector: Array, axis: Array) -> Array:
    """The part of a vector that is perpendicular to a unit axis, as a unit vector."""
    part = vector - (vector @ axis) * axis
    length = float(np.linalg.norm(part))
    if length < 1e-6:
        raise UsageError("A pose's trunk lies along its hips, or its crown along where it looks")
    return np.asarray(part / length)
