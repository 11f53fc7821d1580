"""How a person holds themselves, in numbers that kinds of poses are told by; from an estimate's points alone.

Angles are degrees, heights and distances parts of the person's stature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_CAMERA, Gravity
from native_runtime.engines.details import part_of
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names

Array = NDArray[np.float64]

SIDES = ("left", "right")
_STATURE = 1.27
"""A stature in lengths of shank, thigh and trunk: what head and feet add."""


@dataclass(frozen=True)
class Posture:
    """One person's measures. Pairs are (left, right).

    Attributes:
        trunk_tilt: between the way from hips to neck and up: 0 upright, 180 upside down.
        hips, neck, head, ankles: heights above the lowest joint; of the two ankles the higher one, then the lower one.
        extent: height of the highest joint above the lowest one.
        reach: longest distance between two joints on the level.
        thigh_spread: between the thighs.
        knees, elbows: bend; 0 straight.
        shanks: between each shank, upwards, and up.
        arm_spread: between the ways from each shoulder to its wrist.
        wrists: heights above the head.
        bend, lean, twist: of the spine: forwards (backwards below 0), sideways either way, shoulders against hips.
        fold: between the trunk and the mean of the thighs: 180 standing, 90 sitting, small in a forward fold.
        extension: by how much the trunk is bent backwards against the mean of the thighs; below 0 forwards.
        ankle_gap, knee_gap: how far the left one is to the left of the right one, in widths of the hips.
        overhang: of the middle of the hips beyond the middle of the ankles, on the level.
        foot_to_head: of the nearer foot.
        facing: between the chest's front and the way back to the camera: 0 frontal, 180 from behind.
        elevation: how far above the person's horizon the camera is; below 0 it looks up at them.
        own_elevation: the same by the line from their feet to their neck, of people who are stretched out and upright;
            of others as ``elevation``. A lens says little of up where a picture shows no lines.
    """

    trunk_tilt: float
    hips: float
    neck: float
    head: float
    ankles: tuple[float, float]
    extent: float
    reach: float
    thigh_spread: float
    knees: tuple[float, float]
    elbows: tuple[float, float]
    shanks: tuple[float, float]
    arm_spread: float
    wrists: tuple[float, float]
    bend: float
    lean: float
    twist: float
    fold: float
    extension: float
    ankle_gap: float
    knee_gap: float
    overhang: float
    foot_to_head: float
    facing: float
    elevation: float
    own_elevation: float


@dataclass(frozen=True)
class _Spine:
    """The lower and the upper part of a spine, (3,) each, and the shoulders', from right to left."""

    lower: Array
    upper: Array
    shoulders: Array
    hips: Array


def up_of(estimate: Estimate) -> Array:
    """(3,) unit vector against gravity, camera axes, by an estimate's lens; a level camera's where none is told."""
    told = part_of(estimate.details, "lens").get("up")
    try:
        up = np.asarray(told, np.float64)
    except (TypeError, ValueError):
        return Gravity().up
    length = float(np.linalg.norm(up)) if up.shape == (3,) else 0.0
    return up / length if np.isfinite(length) and length > 0 else Gravity().up


def posture(estimate: Estimate, body: Body, up: Array | None = None) -> Posture:
    """Measure an estimate.

    Args:
        body: the estimate's.
        up: (3,) unit vector, camera axes; None for ``up_of``.
    """
    upwards = up_of(estimate) if up is None else np.asarray(up, np.float64)
    at = dict(zip(keypoint_names(), np.asarray(estimate.keypoints_3d, np.float64), strict=True))
    hips = (at["left_hip"] + at["right_hip"]) / 2
    trunk = at["neck"] - hips
    across = at["left_hip"] - at["right_hip"]
    head = (at["left_ear"] + at["right_ear"]) / 2
    thighs = [at[f"{side}_knee"] - at[f"{side}_hip"] for side in SIDES]
    shanks = [at[f"{side}_ankle"] - at[f"{side}_knee"] for side in SIDES]
    upper = [at[f"{side}_elbow"] - at[f"{side}_shoulder"] for side in SIDES]
    fore = [at[f"{side}_wrist"] - at[f"{side}_elbow"] for side in SIDES]
    bones = np.linalg.norm([*thighs, *shanks], axis=1)
    stature = _STATURE * (float(np.linalg.norm(trunk)) + 2.0 * float(bones.mean()))
    joints = [*(at[f"{side}_{name}"] for side in SIDES for name in _JOINTS), at["neck"], head]
    heights = np.array(joints) @ upwards
    floor = float(heights.min())
    level = np.array(joints) - heights[:, None] * upwards
    left = across / max(float(np.linalg.norm(across)), 1e-9)
    front = np.cross(at["left_shoulder"] - at["right_shoulder"] + across, trunk)
    towards = hips + trunk / 2

    def height(point: Array) -> float:
        return (float(point @ upwards) - floor) / stature

    ankles = sorted((height(at[f"{side}_ankle"]) for side in SIDES), reverse=True)
    bend, lean, twist = _spine(estimate, body)
    thigh = thighs[0] / np.linalg.norm(thighs[0]) + thighs[1] / np.linalg.norm(thighs[1])
    extension = float(np.degrees(np.arctan2(np.cross(trunk, -thigh) @ left, trunk @ -thigh)))
    line = at["neck"] - (at["left_ankle"] + at["right_ankle"]) / 2
    beyond = hips - (at["left_ankle"] + at["right_ankle"]) / 2
    stretched = _angle(trunk, -thigh) <= _STRETCHED and _angle(line, upwards) <= _UPRIGHT
    axis = line if stretched else upwards
    feet = [np.linalg.norm(at[f"{side}_ankle"] - head) for side in SIDES]
    return Posture(
        trunk_tilt=_angle(trunk, upwards),
        hips=height(hips),
        neck=height(at["neck"]),
        head=height(head),
        ankles=(ankles[0], ankles[1]),
        extent=float(np.ptp(heights)) / stature,
        reach=float(np.linalg.norm(level[:, None] - level[None], axis=-1).max()) / stature,
        thigh_spread=_angle(*thighs),
        knees=_pair(_angle(a, b) for a, b in zip(thighs, shanks)),
        elbows=_pair(_angle(a, b) for a, b in zip(upper, fore)),
        shanks=_pair(_angle(-shank, upwards) for shank in shanks),
        arm_spread=_angle(*(at[f"{side}_wrist"] - at[f"{side}_shoulder"] for side in SIDES)),
        wrists=_pair(float((at[f"{side}_wrist"] - head) @ upwards) / stature for side in SIDES),
        bend=bend,
        lean=lean,
        twist=twist,
        fold=_angle(trunk, thighs[0] + thighs[1]),
        extension=extension,
        ankle_gap=float((at["left_ankle"] - at["right_ankle"]) @ left) / max(float(np.linalg.norm(across)), 1e-9),
        knee_gap=float((at["left_knee"] - at["right_knee"]) @ left) / max(float(np.linalg.norm(across)), 1e-9),
        overhang=float(np.linalg.norm(beyond - (beyond @ upwards) * upwards)) / stature,
        foot_to_head=float(min(feet)) / stature,
        facing=_angle(front, -towards),
        elevation=90.0 - _angle(-towards, upwards),
        own_elevation=90.0 - _angle(-towards, axis),
    )


_STRETCHED, _UPRIGHT = 35.0, 70.0
"""Degrees between trunk and thighs, and between the line through the body and up, up to which people stand."""

_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe")


def _spine(estimate: Estimate, body: Body) -> tuple[float, float, float]:
    """Bend, lean and twist, less what the body at rest has: its spine is curved."""
    rest = body.pose(np.zeros(len(body.parameter_names))).translations / CM_PER_M @ MHR_TO_CAMERA
    still, now = _parts(rest, body), _parts(np.asarray(estimate.joints, np.float64), body)
    differences = [a - b for a, b in zip(_turns(now), _turns(still))]
    bend, lean, twist = ((value + 180.0) % 360.0 - 180.0 for value in differences)
    return bend, lean, twist


def _parts(joints: Array, body: Body) -> _Spine:
    at: Mapping[str, Array] = {name: joints[body.joint_index(name)] for name in _SPINE_JOINTS}
    return _Spine(
        at["c_spine2"] - at["root"],
        at["c_neck"] - at["c_spine3"],
        at["l_uparm"] - at["r_uparm"],
        at["l_upleg"] - at["r_upleg"],
    )


_SPINE_JOINTS = ("root", "c_spine2", "c_spine3", "c_neck", "l_uparm", "r_uparm", "l_upleg", "r_upleg")


def _turns(spine: _Spine) -> tuple[float, float, float]:
    """Degrees by which the upper part points forwards and to the left of the lower one, and by which the shoulders are
    turned to the left against the hips.
    """
    up = spine.lower / max(float(np.linalg.norm(spine.lower)), 1e-9)
    left = spine.hips - (spine.hips @ up) * up
    left = left / max(float(np.linalg.norm(left)), 1e-9)
    front = np.cross(left, up)
    along = float(spine.upper @ up)
    bend = np.degrees(np.arctan2(spine.upper @ front, np.hypot(along, spine.upper @ left) * np.copysign(1.0, along)))
    lean = np.degrees(np.arctan2(spine.upper @ left, np.hypot(along, spine.upper @ front)))
    twist = np.degrees(np.arctan2(-(spine.shoulders @ front), spine.shoulders @ left))
    return float(bend), float(lean), float(twist)


def _angle(first: Array, second: Array) -> float:
    lengths = max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-12)
    return float(np.degrees(np.arccos(np.clip(first @ second / lengths, -1.0, 1.0))))


def _pair(values: Iterable[float]) -> tuple[float, float]:
    left, right = values
    return float(left), float(right)
