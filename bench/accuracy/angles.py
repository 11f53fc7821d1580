"""Angles of elbows, knees, hips and shoulders; how far people bend them; and limbs bent as people hardly do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .mocap import clips, directions_of
from .posture import segment_directions

Array = NDArray[np.float64]

HINGES = {"elbow": ("upper_arm", "forearm"), "knee": ("thigh", "shank")}
SIDES = {"l": "left", "r": "right"}
_TAIL = 0.5
"""Percent at each end that count as hardly ever done: together the hundredth part."""


def flexion(segments: Mapping[str, Array], side: str, hinge: str) -> Array:
    """(...) degrees between the bones of an elbow or a knee: 0 is straight."""
    upper, lower = (segments[f"{side}_{part}"] for part in HINGES[hinge])
    cosine = np.clip((upper * lower).sum(axis=-1), -1, 1)
    result: Array = np.degrees(np.arccos(cosine))
    return result


def limb_angles(segments: Mapping[str, Array], side: str, limb: str) -> dict[str, Array]:
    """(...) degrees by name of a limb, ``arm`` or ``leg``, in the trunk's frame.

    Legs: how far the thigh is raised ahead (negative: behind) and aside (negative: across the other), the knee's
    flexion. Arms: how far the upper arm is raised from hanging down, how far it points ahead (negative: behind the
    back) and to its own side (negative: across the chest), the elbow's flexion.
    """
    up = segments["trunk"]
    left = segments["hips" if limb == "leg" else "shoulders"]
    left = left - up * (left * up).sum(axis=-1, keepdims=True)
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    ahead = np.cross(left, up)
    bone = segments[f"{side}_{'thigh' if limb == 'leg' else 'upper_arm'}"]
    out = (bone * left).sum(axis=-1) * (1 if side == "l" else -1)
    front, down = (bone * ahead).sum(axis=-1), -(bone * up).sum(axis=-1)
    aside = np.degrees(np.arcsin(np.clip(out, -1, 1)))
    if limb == "leg":
        raised = np.degrees(np.arctan2(front, down))
        return {"raised ahead": raised, "aside": aside, "knee": flexion(segments, side, "knee")}
    return {
        "raised": np.degrees(np.arccos(np.clip(down, -1, 1))),
        "ahead": np.degrees(np.arcsin(np.clip(front, -1, 1))),
        "aside": aside,
        "elbow": flexion(segments, side, "elbow"),
    }


_LOW = {"leg": ("raised ahead", "aside"), "arm": ("ahead", "aside")}
_HIGH = {"leg": ("raised ahead", "aside", "knee"), "arm": ("raised", "ahead", "aside", "elbow")}
"""Ends of ranges that are limits: a straight knee and a hanging arm are none."""


@dataclass(frozen=True)
class Ranges:
    """How far people bend their limbs: degrees (lowest, highest) by limb and angle, left and right taken together."""

    limits: Mapping[str, Mapping[str, tuple[float, float]]]

    @staticmethod
    def of_mocap() -> Ranges:
        """Of all clips of motion capture."""
        every = [directions_of(clip) for split in ("tune", "held-out") for clip in clips(split)]
        segments = {name: np.concatenate([clip[name] for clip in every]) for name in every[0]}
        limits: dict[str, dict[str, tuple[float, float]]] = {}
        for limb in ("leg", "arm"):
            both = [limb_angles(segments, side, limb) for side in SIDES]
            limits[limb] = {}
            for name in both[0]:
                values = np.concatenate([angles[name] for angles in both])
                low, high = np.percentile(values, [_TAIL, 100 - _TAIL])
                limits[limb][name] = (
                    float(low) if name in _LOW[limb] else -np.inf,
                    float(high) if name in _HIGH[limb] else np.inf,
                )
        return Ranges(limits)

    def beyond(self, segments: Mapping[str, Array], side: str, limb: str) -> list[str]:
        """The names of a limb's angles that lie outside."""
        angles, limits = limb_angles(segments, side, limb), self.limits[limb]
        return [name for name, value in angles.items() if not limits[name][0] <= float(value) <= limits[name][1]]


def segments_of(body: Body, joints: Array) -> dict[str, Array]:
    """Directions by name of ``posture.SEGMENTS`` from joints (127, 3) in camera axes."""
    turned = np.asarray(joints, np.float64) * [1.0, -1.0, -1.0]  # a right-handed frame with y up, as the mocap's
    return segment_directions(body, turned)


def angle_between(a: Array, b: Array) -> float:
    """Degrees between two unit vectors (3,)."""
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))
