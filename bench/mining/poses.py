"""Poses of known kind, in two halves that share none: what is tuned on one is measured on the other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.pose_prior.authored import authored_poses, limb_pose
from native_runtime.build.pose_prior.limbs import LimbSolver
from native_runtime.mhr import Body
from native_runtime.synthetic.library import mirror, part_of, pose_parameters

Array = NDArray[np.float64]
Half = Literal["tuned", "held"]

_SPREAD = {"spine": 0.04, "neck": 0.06, "head": 0.06, "clavicle": 0.04, "uparm": 0.07, "elbow": 0.08, "lowarm": 0.15,
           "wrist": 0.12, "upleg": 0.04, "knee": 0.06, "lowleg": 0.04, "foot": 0.05, "ball": 0.03}  # fmt: skip
"""Standard deviations in radians of what is added to a pose, by a parameter's part."""

Entry = str | Mapping[str, Any]
"""The name of an authored pose, "library/" and one of the accuracy bench's, or directions as in the authored ones."""

_DOWN = {"upper_arms": [0.2, -1.0, 0.0], "forearms": [0.1, -1.0, 0.2]}
_UP = {"upper_arms": [0.1, 1.0, 0.0], "forearms": [0.0, 1.0, 0.05]}
_OUT = {"upper_arms": [1.0, 0.0, 0.0], "forearms": [1.0, 0.0, 0.1]}
_STAND = {"thighs": [0.1, -1.0, 0.0], "shanks": [0.05, -1.0, -0.05]}


def _over(**directions: Any) -> dict[str, Any]:
    """Somebody whose trunk points down, the arms beneath it."""
    return {"trunk": [0.0, -1.0, 0.05], "hips": [-1.0, 0.0, 0.0], "look": [0.0, 0.2, 1.0],
            "upper_arms": [-0.15, -1.0, 0.05], "forearms": [-0.05, -1.0, 0.1], **directions}  # fmt: skip


PLAIN: Mapping[Half, tuple[Entry, ...]] = {
    "tuned": ("standing_at_ease", "standing_weight_on_one_leg", "standing_hands_on_hips", "standing_hand_at_the_chin",
              "standing_carrying_a_bag", "library/contrapposto", "library/explaining", "library/walk_contact",
              "library/looking_at_phone", "library/shrug", "library/boxing", "standing_holding_a_phone"),
    "held": ("standing_attention", "standing_hands_in_pockets", "standing_hand_on_hip", "standing_phone_at_the_ear",
             "standing_arms_crossed", "library/standing", "library/pointing_forward", "library/walk_passing",
             "library/thinking", "library/stroll_looking_back", "library/punch",
             "standing_hands_clasped_in_front"),
}  # fmt: skip
"""Upright people whose picture has nothing hard about it."""

KNOWN: Mapping[str, Mapping[Half, tuple[Entry, ...]]] = {
    "inverted": {
        "tuned": (_over(thighs=[0.1, 1.0, 0.0], shanks=[0.0, 1.0, -0.1]),
                  _over(thighs=[0.5, 1.0, 0.0], shanks=[0.3, 1.0, -0.2])),
        "held": (_over(left_thigh=[0.1, 1.0, 0.1], right_thigh=[0.1, 0.7, -0.6], shanks=[0.0, 1.0, -0.2]),
                 _over(thighs=[0.2, 1.0, -0.1], shanks=[0.0, 0.7, -0.7])),
    },
    "leg_split": {
        "tuned": ({"thighs": [1.0, -0.05, 0.1], "shanks": [1.0, -0.05, 0.0], **_DOWN},
                  {"left_thigh": [0.0, -0.05, 1.0], "left_shank": [0.0, -0.05, 1.0], "right_thigh": [0.0, -0.2, -1.0],
                   "right_shank": [0.0, 0.0, -1.0], **_OUT}),
        "held": ({"thighs": [1.0, -0.2, 0.3], "shanks": [1.0, -0.2, 0.1], "upper_arms": [0.5, -0.7, 0.5],
                  "forearms": [0.0, 0.2, 1.0]},
                 {"left_thigh": [0.0, 0.9, 0.6], "left_shank": [0.0, 1.0, 0.4], "right_thigh": [0.0, -1.0, 0.0],
                  "right_shank": [0.0, -1.0, 0.0], "trunk": [0.0, 1.0, -0.2], **_DOWN}),
    },
    "arm_split": {
        "tuned": ({**_STAND, **_OUT}, {**_STAND, "left_upper_arm": [0.6, 0.8, 0.0], "left_forearm": [0.6, 0.8, 0.0],
                                       "right_upper_arm": [0.6, -0.8, 0.0], "right_forearm": [0.6, -0.8, 0.0]}),
        "held": ("library/t_pose", {**_STAND, "left_upper_arm": [0.0, 0.3, 1.0], "left_forearm": [0.0, 0.2, 1.0],
                                    "right_upper_arm": [0.3, 0.0, -0.9], "right_forearm": [0.3, 0.0, -0.9]}),
    },
    "arms_raised": {
        "tuned": ("standing_arms_up", "library/arms_overhead"),
        "held": ("library/cheering", {**_STAND, **_UP}, "library/reaching_up"),
    },
    "contortion": {
        "tuned": ({"trunk": [0.0, 0.35, -1.0], "thighs": [0.1, -1.0, 0.25], "shanks": [0.05, -0.1, -1.0],
                   "feet": [0.0, -0.1, -1.0], "upper_arms": [0.1, -1.0, -0.3], "forearms": [0.0, -1.0, 0.0],
                   "look": [0.0, 1.0, -0.3], "crown": [0.0, 0.0, -1.0]},
                  {"left_thigh": [0.15, 1.0, 0.25], "left_shank": [-0.1, 1.0, -0.2], "right_thigh": [0.1, -1.0, 0.0],
                   "right_shank": [0.0, -1.0, 0.0], "upper_arms": [0.4, 0.6, 0.5], "forearms": [-0.2, 1.0, 0.2]}),
        "held": ({"trunk": [0.0, -0.3, -1.0], "thighs": [0.1, 0.3, 1.0], "shanks": [0.05, -1.0, 0.1],
                  "hips": [1.0, 0.0, 0.0], "feet": [0.0, -0.2, 1.0], "upper_arms": [0.1, -1.0, -0.2],
                  "forearms": [0.0, -1.0, 0.1], "look": [0.0, 0.3, -1.0], "crown": [0.0, -1.0, -0.2]},
                 {"trunk": [0.0, 0.75, -0.8], "thighs": [0.1, -1.0, 0.35], "shanks": [0.05, -1.0, -0.35],
                  "upper_arms": [0.2, 0.5, -1.0], "forearms": [0.0, 0.1, -1.0], "look": [0.0, 1.0, -0.1],
                  "crown": [0.0, 0.1, -1.0]},
                 {"right_thigh": [0.3, 1.0, 0.3], "right_shank": [0.0, 1.0, -0.3], "left_thigh": [0.1, -1.0, -0.1],
                  "left_shank": [0.0, -1.0, 0.0], **_OUT}),
    },
    "bent_over": {
        "tuned": ("standing_picking_up", "yoga_forward_fold"), "held": ("library/bending_over", "yoga_downward_dog"),
    },
    "lying": {
        "tuned": ("lying_on_the_back", "lying_on_the_side", "library/lying_front", "lying_on_the_belly_arms_down"),
        "held": ("library/lying_back", "lying_on_the_belly", "lying_arms_spread", "library/lying_side"),
    },
    "crouch": {
        "tuned": ("squatting_deep", "library/squat"),
        "held": ("crouching_on_the_toes", "squatting_arms_forward", "library/deep_squat_elbows_on_knees"),
    },
    "cross_legged": {
        "tuned": ("floor_cross_legged", "yoga_lotus"),
        "held": ("library/floor_sit_crosslegged", "floor_cross_legged_hands_in_the_lap"),
    },
    "crossed_legs": {
        "tuned": ("standing_ankles_crossed", "sitting_legs_crossed"),
        "held": ("library/sitting_legs_crossed", "sitting_ankles_crossed", "sitting_legs_crossed_hugging_the_knee"),
    },
}  # fmt: skip
"""Kinds that are a matter of the pose."""

OF_PICTURES = ("back_view", "top_down", "bottom_up", "truncation", "occlusion", "crowd", "motion_blur")
"""Kinds that are a matter of the picture: plain poses, seen or shown so."""


class KnownPoses:
    """Poses of known kind, as numbers of a body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._known: dict[str, Array] = {}
        self._spread = np.array([_SPREAD.get(part_of(name), 0.0) for name in body.parameter_names])

    @cached_property
    def _solver(self) -> LimbSolver:
        return LimbSolver(self._body)

    @cached_property
    def _authored(self) -> Mapping[str, Any]:
        return {entry.name: entry.pose for entry in authored_poses()}

    def pose(self, kind: str, half: Half, rng: np.random.Generator) -> Array:
        """(204,) a variation of one of a kind's poses; of kinds of pictures, of a plain one."""
        entries = KNOWN.get(kind, PLAIN)[half]
        index = int(rng.integers(len(entries)))
        parameters = self._of(f"{kind if kind in KNOWN else 'plain'}/{half}/{index}", entries[index])
        noisy = np.clip(
            parameters + self._spread * rng.normal(size=len(parameters)), self._body.limit_min, self._body.limit_max
        )
        parameters = np.where(self._spread > 0, noisy, parameters)
        return mirror(self._body, parameters) if rng.random() < 0.5 else parameters

    def _of(self, key: str, entry: Entry) -> Array:
        if key not in self._known:
            self._known[key] = self._solved(key, entry)
        return self._known[key]

    def _solved(self, key: str, entry: Entry) -> Array:
        if isinstance(entry, str) and entry.startswith("library/"):
            parameters = pose_parameters(self._body, entry.removeprefix("library/"))
            scales = np.array([name.startswith("scale_") for name in self._body.parameter_names])
            return np.where(scales, 0.0, parameters)
        if isinstance(entry, str):
            return self._solver.solve(self._authored[entry]).model_parameters
        return self._solver.solve(limb_pose(key, entry)).model_parameters
