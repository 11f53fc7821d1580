"""From directions of limbs to MHR's angles: how poses of motion capture, and such as are described in words, reach the
body.

A posture says where limbs point; how long they are is the body's own affair. The angles are those within MHR's limits
whose limbs point nearest to that (bounded least squares), and what they miss it by is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.synthetic.library import turned

Array = NDArray[np.float64]

SEGMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hips": (("r_upleg",), ("l_upleg",)),
    "trunk": (("l_upleg", "r_upleg"), ("c_neck",)),
    "shoulders": (("r_uparm",), ("l_uparm",)),
    **{f"{s}_upper_arm": ((f"{s}_uparm",), (f"{s}_lowarm",)) for s in "lr"},
    **{f"{s}_forearm": ((f"{s}_lowarm",), (f"{s}_wrist",)) for s in "lr"},
    **{f"{s}_thigh": ((f"{s}_upleg",), (f"{s}_lowleg",)) for s in "lr"},
    **{f"{s}_shank": ((f"{s}_lowleg",), (f"{s}_foot",)) for s in "lr"},
    **{f"{s}_foot": ((f"{s}_foot",), (f"{s}_ball",)) for s in "lr"},
}
"""From the middle of some of MHR's joints to the middle of others."""
LIMBS = tuple(name for name in SEGMENTS if name[1] == "_" and not name.endswith("foot"))
"""The eight that are judged: upper arms, forearms, thighs, shanks."""
_WEIGHTS = {"hips": 1.0, "trunk": 1.0, "shoulders": 0.7, "l_foot": 0.3, "r_foot": 0.3}
_HEAD_WEIGHT = 0.3
_MOVING = (
    *(f"spine_{turn}{k}" for k in (0, 1) for turn in ("twist", "lean", "bend")),
    *(f"{part}_{turn}" for part in ("neck", "head") for turn in ("twist", "lean", "bend")),
    *(f"{s}_{name}" for s in "lr" for name in (
        "clavicle_ry", "clavicle_rz", "uparm_twist", "uparm_ry", "uparm_rz", "elbow_bend",
        "upleg_twist", "upleg_ry", "upleg_rz", "knee_bend", "foot_bend", "foot_lean0",
    )),
)  # fmt: skip
_STIFF = {"clavicle": 0.4, "spine": 0.15, "neck": 0.25, "head": 0.25, "foot": 0.15}
"""How strongly a radian of a parameter's part is held at rest, against a unit vector's error; others: 0.04."""
_NEAR = 0.08
"""How strongly a radian away from the frame before is held, against a unit vector's error."""
_REACH_CM = 4.0
_GOOD = 6.0
"""Degrees: where no limb misses its direction by more, no other start is tried."""


@dataclass(frozen=True)
class Posture:
    """Where limbs point, y up, in any frame that is level.

    Attributes:
        segments: unit vectors (3,) by names of ``SEGMENTS``; what is missing is left to the other terms.
        head: (3, 3) columns right, up, forward of the head, or None.
        label: for people to read.
        tags: as those of ``poses.json``.
    """

    segments: Mapping[str, Array]
    head: Array | None
    label: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Retargeted:
    """The body's answer to a posture.

    Attributes:
        parameters: (204,), the root's rotation included; the frame is the posture's.
        missed: degrees between where each of the posture's segments should point and does.
    """

    parameters: Array
    missed: dict[str, float]

    @property
    def limbs(self) -> float:
        """The mean over ``LIMBS``, degrees."""
        return float(np.mean([self.missed[name] for name in LIMBS if name in self.missed]))


def direction(a: Array, b: Array) -> Array:
    """(..., 3) unit vectors from a to b."""
    way = np.asarray(b, np.float64) - a
    result: Array = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
    return result


def segment_directions(body: Body, translations: Array) -> dict[str, Array]:
    """(..., 3) unit vectors by name, from joint positions (..., 127, 3)."""

    def middle(names: tuple[str, ...]) -> Array:
        result: Array = translations[..., [body.joint_index(name) for name in names], :].mean(axis=-2)
        return result

    return {name: direction(middle(start), middle(end)) for name, (start, end) in SEGMENTS.items()}


def torso_frame(segments: Mapping[str, Array]) -> Array:
    """(3, 3) columns left, up, forward of the trunk."""
    up = segments["trunk"]
    left = segments["hips"] - up * (segments["hips"] @ up)
    left = left / np.linalg.norm(left)
    return np.stack([left, up, np.cross(left, up)], axis=1)


def retarget(
    body: Body, posture: Posture, reach: Mapping[str, Array] | None = None, near: Array | None = None
) -> Retargeted:
    """The angles within MHR's limits that come nearest to a posture.

    Args:
        reach: joints that shall be at (3,) cm relative to the root joint, in the posture's frame; they outweigh the
            directions of their limb.
        near: (204,) parameters of the frame before: the only start, and weakly held, so that a motion does not jump
            from one answer to another.
    """
    columns = np.array([body.parameter_index(name) for name in _MOVING])
    low, high = body.limit_min[columns] + 1e-6, body.limit_max[columns] - 1e-6
    names = [name for name in SEGMENTS if name in posture.segments]
    weights = np.array([_WEIGHTS.get(name, 1.0) for name in names])
    target = np.stack([posture.segments[name] for name in names])
    rest = body.pose(np.zeros(len(body.parameter_names)))
    frame = torso_frame(posture.segments) @ torso_frame(segment_directions(body, rest.translations)).T
    stiff = np.array([next((v for k, v in _STIFF.items() if k in name), 0.04) for name in _MOVING])
    head, root = body.joint_index("c_head"), body.joint_index("root")
    goals = dict(reach or {})

    def residuals(x: Array) -> Array:
        """(B, m) for unknowns (B, 3 + n): a rotation vector, and the angles."""
        values = np.zeros((len(x), len(body.parameter_names)))
        values[:, columns] = x[:, 3:]
        pose = body.pose(values)
        rotation = np.stack([rotation_vector_to_matrix(vector) for vector in x[:, :3]]) @ frame
        found = segment_directions(body, pose.translations)
        ways = np.stack([found[name] for name in names], axis=1) @ rotation.transpose(0, 2, 1)
        parts = [((ways - target) * weights[:, None]).reshape(len(x), -1), stiff * x[:, 3:]]
        if near is not None:
            parts.append(_NEAR * (x[:, 3:] - near[columns]))
        if posture.head is not None:
            now = rotation @ pose.rotations[:, head] @ rest.rotations[head].T @ np.diag([-1.0, 1.0, 1.0])
            parts.append(_HEAD_WEIGHT * (now - posture.head).reshape(len(x), -1))
        for joint, place in goals.items():
            arm = pose.translations[:, body.joint_index(joint)] - pose.translations[:, root]
            parts.append((np.einsum("bij,bj->bi", rotation, arm) - place) / _REACH_CM)
        return np.concatenate(parts, axis=1)

    def jacobian(x: Array) -> Array:
        step = 1e-5
        moved = x + step * np.concatenate([np.zeros((1, len(x))), np.eye(len(x))])
        values = residuals(moved)
        return (values[1:] - values[0]).T / step

    limbs = [names.index(name) for name in LIMBS if name in names]

    def limbs_missed(x: Array) -> float:
        """The most that a limb points elsewhere, degrees."""
        off = residuals(x[None])[0][: 3 * len(names)].reshape(-1, 3)[limbs]
        return float(np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(off, axis=1).max(initial=0.0) / 2, 0, 1))))

    bounds = np.concatenate([np.full(3, -np.pi), low]), np.concatenate([np.full(3, np.pi), high])
    best: Any = None
    for arm_start in _ARM_STARTS if near is None else ({},):
        start = np.zeros(3 + len(columns))
        for name, value in arm_start.items():
            for side in "lr":
                start[3 + _MOVING.index(f"{side}_{name}")] = value
        for side in "lr":
            start[3 + _MOVING.index(f"{side}_knee_bend")] = 0.3
        if near is not None:
            start[3:] = near[columns]
        start[3:] = np.clip(start[3:], low + 1e-3, high - 1e-3)
        solution = least_squares(
            lambda x: residuals(x[None])[0], start, jacobian, bounds, ftol=1e-4, xtol=1e-4, max_nfev=25
        )
        if best is None or solution.cost < best.cost - 1e-6:
            best = solution
        if limbs_missed(best.x) < _GOOD:
            break
    parameters = np.zeros(len(body.parameter_names))
    parameters[columns] = best.x[3:]
    rotation = rotation_vector_to_matrix(best.x[:3]) @ frame
    found = segment_directions(body, body.pose(parameters).translations)
    missed = {
        name: float(np.degrees(np.arccos(np.clip(rotation @ found[name] @ posture.segments[name], -1, 1))))
        for name in names
    }
    return Retargeted(turned(body, parameters, rotation), missed)


_ARM_STARTS: tuple[dict[str, float], ...] = (
    {"elbow_bend": 0.3},
    {"uparm_rz": 1.2, "elbow_bend": 0.5},
    {"uparm_rz": -0.8, "elbow_bend": 0.5},
    {"uparm_ry": 0.8, "uparm_twist": 0.8, "elbow_bend": 0.8},
    {"uparm_ry": -0.6, "uparm_twist": -0.8, "elbow_bend": 0.8},
)
"""Where the arms begin: their three angles have local minima."""
