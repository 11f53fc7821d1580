"""The kinds of hard photos, told by rules on an estimate and its picture (``thresholds``).

The kinds are those that the paper on SAM 3D Body (arXiv 2602.15989) has its data engine look for, as far as geometry
shows them, and some of our own. A person may be of several kinds, or of none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .picture import Sharpness
from .posture import Posture
from .thresholds import THRESHOLDS, Thresholds

Kind = Literal[
    "inverted", "leg_split", "arm_split", "arms_raised", "contortion", "bent_over", "lying", "crouch", "cross_legged",
    "crossed_legs", "back_view", "top_down", "bottom_up", "truncation", "occlusion", "crowd", "motion_blur", "small",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

TITLES: Mapping[Kind, str] = {
    "inverted": "upside down",
    "leg_split": "legs split",
    "arm_split": "arms split",
    "arms_raised": "arms raised",
    "contortion": "contorted",
    "bent_over": "bent over",
    "lying": "lying",
    "crouch": "crouching",
    "cross_legged": "cross-legged",
    "crossed_legs": "crossed legs",
    "back_view": "from behind",
    "top_down": "from above",
    "bottom_up": "from below",
    "truncation": "cut off",
    "occlusion": "hidden in part",
    "crowd": "crowd",
    "motion_blur": "motion blur",
    "small": "small",
}
"""As reports call them."""


@dataclass(frozen=True)
class Scene:
    """What the picture says of a person.

    Attributes:
        outside: share of the joints of the limbs beyond the photo.
        hidden: share of them that something else than the person hides; NaN where nobody looked.
        people: how many are in the photo.
        covered: share of the person's box that other people's boxes cover.
        sharpness: of the person's part of the photo; None where nobody looked.
        size: px of 1.7 m at the person's depth.
    """

    outside: float
    hidden: float = math.nan
    people: int = 1
    covered: float = 0.0
    sharpness: Sharpness | None = None
    size: float = math.inf


def kinds_of(posture: Posture, scene: Scene, thresholds: Thresholds = THRESHOLDS) -> tuple[Kind, ...]:
    """The kinds that a person is of, in the order of ``KINDS``."""
    return tuple(kind for kind in KINDS if _RULES[kind](posture, scene, thresholds))


def _inverted(p: Posture, _: Scene, t: Thresholds) -> bool:
    return p.trunk_tilt >= t.inverted_trunk and p.ankles[0] > p.hips


def _leg_split(p: Posture, _: Scene, t: Thresholds) -> bool:
    return p.thigh_spread >= t.leg_split and min(p.knees) <= t.leg_straight


def _arm_split(p: Posture, _: Scene, t: Thresholds) -> bool:
    both_up = min(p.wrists) >= t.raised
    return p.arm_spread >= t.arm_split and max(p.elbows) <= t.arm_straight and not both_up


def _arms_raised(p: Posture, s: Scene, t: Thresholds) -> bool:
    upright = p.trunk_tilt < t.bent_trunk
    return upright and max(p.wrists) >= t.raised and not _arm_split(p, s, t)


def _contortion(p: Posture, _: Scene, t: Thresholds) -> bool:
    spine = p.bend <= t.bend_back or abs(p.lean) >= t.lean or abs(p.twist) >= t.twist
    foot_at_head = p.foot_to_head <= t.foot_at_head and p.fold > t.bent_fold
    return spine or p.extension >= t.extension or foot_at_head


def _bent_over(p: Posture, s: Scene, t: Thresholds) -> bool:
    on_feet = p.hips > t.lying_hips and p.ankles[0] < p.hips and p.hips >= t.crouch_hips
    return p.trunk_tilt >= t.bent_trunk and p.fold <= t.bent_fold and on_feet


def _lying(p: Posture, _: Scene, t: Thresholds) -> bool:
    return p.trunk_tilt >= t.lying_trunk and p.hips <= t.lying_hips and p.neck <= t.lying_neck


def _crouch(p: Posture, s: Scene, t: Thresholds) -> bool:
    folded = max(p.knees) >= t.crouch_knee and max(p.shanks) <= t.crouch_shank
    low = p.hips <= t.crouch_hips and p.hips - p.ankles[1] >= t.crouch_clear and p.overhang <= t.crouch_overhang
    return folded and low and not _lying(p, s, t) and not _cross_legged(p, s, t)


def _cross_legged(p: Posture, _: Scene, t: Thresholds) -> bool:
    on_floor = p.hips <= t.seated_hips and p.trunk_tilt < t.bent_trunk
    crossed = p.ankle_gap <= t.cross_legged_gap and p.knee_gap >= t.cross_legged_knees
    return on_floor and crossed and min(p.knees) >= t.cross_legged_knee


def _crossed_legs(p: Posture, s: Scene, t: Thresholds) -> bool:
    ankles = p.ankle_gap <= t.crossed_ankles and p.knee_gap <= t.crossed_knees
    return (ankles or p.knee_gap <= t.crossed_thighs) and not _cross_legged(p, s, t) and not _inverted(p, s, t)


def _back_view(p: Posture, s: Scene, t: Thresholds) -> bool:
    down = t.bent_trunk <= p.trunk_tilt < t.inverted_trunk or _bent_over(p, s, t)
    return p.facing >= t.behind and not down


def _top_down(p: Posture, _: Scene, t: Thresholds) -> bool:
    return max(p.elevation, p.own_elevation) >= t.from_above


def _bottom_up(p: Posture, _: Scene, t: Thresholds) -> bool:
    return min(p.elevation, p.own_elevation) <= t.from_below


def _truncation(_: Posture, s: Scene, t: Thresholds) -> bool:
    return s.outside >= t.outside


def _occlusion(p: Posture, s: Scene, t: Thresholds) -> bool:
    least = t.hidden_besides if any(rule(p, s, t) for rule in _HIDE_THEMSELVES) else t.hidden
    return s.hidden >= least


def _crowd(_: Posture, s: Scene, t: Thresholds) -> bool:
    return s.people >= t.crowd or s.covered >= t.crowd_overlap


def _motion_blur(_: Posture, s: Scene, t: Thresholds) -> bool:
    sharp = s.sharpness
    return sharp is not None and sharp.softest >= t.soft and sharp.difference >= t.soft_difference


def _small(_: Posture, s: Scene, t: Thresholds) -> bool:
    return s.size < t.small


_HIDE_THEMSELVES: tuple[Callable[[Posture, Scene, Thresholds], bool], ...] = (
    _inverted, _leg_split, _contortion, _bent_over, _lying, _crouch, _cross_legged, _back_view, _motion_blur,
)  # fmt: skip
"""Of whom joints are out of sight though nothing stands before them."""

_RULES: Mapping[Kind, Callable[[Posture, Scene, Thresholds], bool]] = {
    "inverted": _inverted,
    "leg_split": _leg_split,
    "arm_split": _arm_split,
    "arms_raised": _arms_raised,
    "contortion": _contortion,
    "bent_over": _bent_over,
    "lying": _lying,
    "crouch": _crouch,
    "cross_legged": _cross_legged,
    "crossed_legs": _crossed_legs,
    "back_view": _back_view,
    "top_down": _top_down,
    "bottom_up": _bottom_up,
    "truncation": _truncation,
    "occlusion": _occlusion,
    "crowd": _crowd,
    "motion_blur": _motion_blur,
    "small": _small,
}
