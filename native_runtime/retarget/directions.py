"""Two rest poses compared limb by limb: how MHR would have to be posed to stand as another skeleton does at rest.

One skeleton rests with its arms stretched out, another with them hanging, with elbows bent or straight, with flat or
curled hands. For each joint this finds the rotation A that takes MHR's limb from its own rest into the other's: by the
smallest turns from the trunk outwards, as one would pose it by hand. What a joint has turned since MHR's rest (D) is
then D A^-1 since the other's. Only where joints are and where limbs point is used, never the axes of the other
skeleton's bones; so it does not matter how these were rolled.

The trunk, the shoulders and the head are taken to stand upright in both: where their joints lie differs from rig to
rig by custom, not by pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import angle_between, frame, rotation_about, rotation_between, signed_angle, unit

from .roles import FINGERS, FOOT, above, carrier_of, kind_of, limb_ends, split
from .skeletons import SourcePose, TargetSkeleton

Array = NDArray[np.float64]

#: A joint that is bent less than the first angle says nothing of its hinge, more than the second everything (radians).
_BEND = np.radians((4.0, 12.0))
#: A hinge that seems to lie farther than this from where it is expected is a crooked limb (radians).
_CROOKED = np.radians(90.0)
#: How far a bone without a bone behind it may point beside its limb, and still be believed (radians).
_BELIEVED = np.radians(35.0)


@dataclass(frozen=True)
class Limb:
    """A limb in both skeletons.

    Attributes:
        end: the MHR joint at which it ends.
        rest: (3,) the other skeleton's direction at rest.
    """

    end: str
    rest: Array


@dataclass(frozen=True)
class RestMatch:
    """How MHR's rest fits another skeleton's.

    Attributes:
        turns: MHR joint -> A (3, 3), Blender's axes.
        limbs: MHR joint -> its limb, for those whose direction the other skeleton shows.
    """

    turns: Mapping[str, Array]
    limbs: Mapping[str, Limb]


def match_rest(source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int]) -> RestMatch:
    """Compares the rest poses.

    Args:
        target: in Blender's axes, see ``skeletons.standing_frame``.
        bones: MHR joint -> bone.
    """
    matcher = _Matcher(source, target, bones)
    for joint in source.names:
        matcher.turn(joint)
    return RestMatch(matcher.turns, matcher.limbs)


class _Matcher:
    def __init__(self, source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int]) -> None:
        self.source, self.target, self.bones = source, target, bones
        self.turns: dict[str, Array] = {}
        self.limbs: dict[str, Limb] = {}

    def turn(self, joint: str) -> Array:
        """A of a joint; those that it rests on are found on the way."""
        if joint not in self.turns:
            self.turns[joint] = self._find(joint)
        return self.turns[joint]

    def _find(self, joint: str) -> Array:
        carrier = carrier_of(joint)
        if carrier is not None:
            return self.turn(carrier)
        kind = kind_of(joint)
        if kind == "limb":
            return self._of_limb(joint)
        if kind == "hand":
            return self._of_hand(joint)
        if kind == "foot":
            return self._of_foot(joint)
        return np.eye(3)

    # --- limbs ---

    def _of_limb(self, joint: str) -> Array:
        carrier = above(joint)
        base = np.eye(3) if carrier is None else self.turn(carrier)
        if joint not in self.bones:
            return base
        limb = self._limb(joint, base)
        if limb is None:
            return base
        self.limbs[joint] = limb
        turned = rotation_between(base @ self._along(joint, limb.end), limb.rest) @ base
        return rotation_about(limb.rest, self._hinge_correction(joint, limb, turned)) @ turned

    def _limb(self, joint: str, base: Array) -> Limb | None:
        """Where a limb points in the other skeleton: to the next bone that is known, else along its own bone."""
        bone = self.bones[joint]
        ends = limb_ends(joint)
        for end in ends:
            if end in self.bones:
                rest = unit(self.target.heads[self.bones[end]] - self.target.heads[bone])
                if rest is not None:
                    return Limb(end, rest)
        rest = self.target.rest[bone, :3, 1]
        believed = angle_between(rest, base @ self._along(joint, ends[-1])) < _BELIEVED
        return Limb(ends[-1], rest) if believed else None

    def _along(self, joint: str, end: str) -> Array:
        """The direction (3,) of MHR's limb at rest."""
        index = self.source.index
        along = unit(self.source.rest[index[end]] - self.source.rest[index[joint]])
        return self.source.axes[index[joint], :, 0] if along is None else along

    def _hinge_correction(self, joint: str, upper: Limb, turned: Array) -> float:
        """The angle about an upper limb that brings MHR's elbow or knee axis onto the other's, as far as the other's
        rest pose shows one.
        """
        side, part = split(joint)
        lower = {"uparm": "lowarm", "upleg": "lowleg"}.get(part)
        hinge = f"{side}_{lower}"
        if lower is None or hinge not in self.bones or upper.end != hinge:
            return 0.0
        rest = self._limb(hinge, turned)
        axis = None if rest is None else unit(np.cross(upper.rest, rest.rest))
        if rest is None or axis is None:
            return 0.0
        angle = signed_angle(upper.rest, turned @ self._hinge(joint, hinge), axis)
        low, high = _BEND
        bend = np.clip((angle_between(upper.rest, rest.rest) - low) / (high - low), 0.0, 1.0)
        doubt = np.clip(2.0 - 2.0 * abs(angle) / _CROOKED, 0.0, 1.0)
        return float(angle * bend * bend * (3.0 - 2.0 * bend) * doubt)

    def _hinge(self, joint: str, hinge: str) -> Array:
        """The axis (3,) about which MHR's elbow or knee bends, at rest: as seen where it is bent, else its joint's."""
        index = self.source.index
        upper, lower = self._along(joint, hinge), self._along(hinge, limb_ends(hinge)[0])
        seen = np.cross(upper, lower)
        if angle_between(upper, lower) > _BEND[1]:
            return seen
        axis = self.source.axes[index[hinge], :, 2]
        return axis if axis @ seen >= 0.0 else -axis

    # --- hands and feet ---

    def _of_hand(self, joint: str) -> Array:
        """By the palm: the plane of the wrist and the outer knuckles."""
        side, _ = split(joint)
        forearm = self.turn(f"{side}_lowarm")
        if joint not in self.bones:
            return forearm
        wrist = self.source.rest[self.source.index[joint]]
        here = self.target.heads[self.bones[joint]]
        knuckles = [f"{side}_{finger}1" for finger in FINGERS if f"{side}_{finger}1" in self.bones]
        ours = np.array([self.source.rest[self.source.index[k]] - wrist for k in knuckles]).reshape(-1, 3)
        theirs = np.array([self.target.heads[self.bones[k]] - here for k in knuckles]).reshape(-1, 3)
        if len(knuckles) >= 2:
            first, second = (frame(k[0] + k[-1], k[0] - k[-1]) for k in (ours, theirs))
            if first is not None and second is not None:
                return second @ first.T
        if len(knuckles) == 1 and unit(theirs[0]) is not None:
            pointing, along = unit(theirs[0]), ours[0]
        else:
            pointing = self.target.rest[self.bones[joint], :3, 1]
            along = self.source.rest[self.source.index[f"{side}_middle1"]] - wrist
            if angle_between(pointing, forearm @ along) > _BELIEVED:
                return forearm
        assert pointing is not None
        return rotation_between(forearm @ along, pointing) @ forearm

    def _of_foot(self, joint: str) -> Array:
        """By the heading: soles are flat on the floor at rest, whatever the heights of ankles and balls."""
        side, _ = split(joint)
        foot = next((self.bones[f"{side}_{part}"] for part in FOOT if f"{side}_{part}" in self.bones), None)
        toes = self.bones.get(f"{side}_ball")
        if foot is None:
            return np.eye(3)
        ankle, ball = (self.source.rest[self.source.index[f"{side}_{part}"]] for part in ("foot", "ball"))
        tip = self.target.tails[foot] if toes is None else self.target.heads[toes]
        heading, other = (v * (1.0, 1.0, 0.0) for v in (ball - ankle, tip - self.target.heads[foot]))
        if unit(heading) is None or unit(other) is None or angle_between(heading, other) > _BELIEVED:
            return np.eye(3)
        return rotation_about(np.array([0.0, 0.0, 1.0]), signed_angle(np.array([0.0, 0.0, 1.0]), heading, other))
