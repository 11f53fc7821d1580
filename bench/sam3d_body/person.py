"""The made-up person that the random weights begin from, and the head's buffers, all by rule.

It stands in MHR's zero pose, facing the camera, in the middle of its crop; its hands lie where its wrists are seen.
Random weights then move it a little, so that what the engine does next (hand crops, the tests of the hands, the
refinement pass) is what it does with a real person. MHR's names, axes and rest translations are the project's data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr import RigFacts, Skeleton, load_rig_facts
from native_runtime.mhr.rotations import matrix_to_euler, matrix_to_quaternion, quaternion_to_matrix
from native_runtime.models import sam3d_body_layout as layout

Array = NDArray[np.float64]

_HAND_JOINTS = tuple(f"{finger}{k}" for finger in ("pinky", "ring", "middle", "index") for k in (1, 2, 3))
_HAND_JOINTS += ("thumb0", "thumb1", "thumb2", "thumb3")
_AXES = {3: ("rx", "ry", "rz"), 2: ("ry", "rz"), 1: ("rz",)}
"""Which angles a hand's joint has, by their number."""

_SCALES = layout.SCALE.stop - layout.SCALE.start
_FREE_SCALES = 18
"""The first scale components act on one parameter each, the rest on the fingers'."""

_CURL = 0.15
"""Radians by which every finger joint of the mean hand is bent."""
_FILL = 0.94
"""Camera scale at which a grown person fills four fifths of the crop's height."""
_HAND_FILL = 0.35
_HAND_BOX = 0.3
"""Side of a hand's box in units of the body's crop."""


@dataclass(frozen=True)
class Person:
    """MHR's skeleton, and what follows from it."""

    facts: RigFacts
    skeleton: Skeleton

    @staticmethod
    def standing() -> Person:
        """The person with MHR's own rest translations."""
        facts = load_rig_facts()
        offsets = load_json("default_body", "skeleton.json")["offsets"]
        parents, axes = facts.joint_parents, facts.rest_axes
        frames = [np.eye(3) if p < 0 else axes[p] for p in parents]
        local = np.array([frame.T @ offsets[name] for frame, name in zip(frames, facts.joint_names)])
        turns = np.array([frame.T @ own for frame, own in zip(frames, axes)])
        return Person(facts, Skeleton(facts.joint_names, parents, local, matrix_to_quaternion(turns)))

    @cached_property
    def joints(self) -> Array:
        """(127, 3) cm, MHR axes, in the zero pose."""
        return self.skeleton.rest.translations

    def joint(self, name: str) -> int:
        """The index of a joint."""
        return self.facts.joint_names.index(name)

    def head_buffers(self, rng: np.random.Generator) -> dict[str, NDArray]:
        """The buffers of an MHR head, by the name behind `head_pose.`; without those of the mesh."""
        wrist = self.joint("r_wrist")
        return {
            "joint_rotation": quaternion_to_matrix(self.skeleton.prerotations).astype(np.float32),
            **self._scales(rng),
            "hand_pose_mean": self._mean_hand().astype(np.float32),
            "hand_pose_comps": np.eye(54, dtype=np.float32),
            "hand_joint_idxs_left": self._hand_parameters("l"),
            "hand_joint_idxs_right": self._hand_parameters("r"),
            "right_wrist_coords": (self.joints[wrist] / 100).astype(np.float32),
            "root_coords": (self.joints[self.joint("root")] / 100).astype(np.float32),
            "local_to_world_wrist": self.facts.rest_axes[wrist].T.astype(np.float32),
            "nonhand_param_idxs": self._not_of_the_right_hand(),
        }

    def _scales(self, rng: np.random.Generator) -> dict[str, NDArray]:
        names = self.facts.parameterisation.names[136:]
        mean, comps = np.zeros(len(names)), np.zeros((_SCALES, len(names)))
        mean[3:_FREE_SCALES] = rng.normal(0, 0.05, _FREE_SCALES - 3)
        comps[np.arange(_FREE_SCALES), np.arange(_FREE_SCALES)] = 0.15
        right = [i for i, name in enumerate(names) if i >= _FREE_SCALES and name.startswith("scale_r_")]
        left = [names.index(names[i].replace("_r_", "_l_")) for i in right]
        fingers = rng.normal(0, 0.05, (_SCALES - _FREE_SCALES, len(right)))
        comps[_FREE_SCALES:, right] = comps[_FREE_SCALES:, left] = fingers
        mean[names.index("scale_l_hands")] = mean[names.index("scale_r_hands")]
        return {"scale_mean": mean.astype(np.float32), "scale_comps": comps.astype(np.float32)}

    def _hand_parameters(self, side: str) -> NDArray[np.int64]:
        """(27,) places of a hand's angles among the 136 pose parameters."""
        names = self.facts.parameterisation.names
        return np.array([names.index(f"{side}_{j}_{axis}") for j, count in _hand_joints() for axis in _AXES[count]])

    def _not_of_the_right_hand(self) -> NDArray[np.int64]:
        names = self.facts.parameterisation.names
        scales = [i for i, name in enumerate(names) if name == "scale_r_hands" or name.startswith("scale_r_")]
        kept = {*range(6), *self._hand_parameters("r").tolist(), *scales}
        return np.array([i for i in range(len(names)) if i not in kept])

    @staticmethod
    def _mean_hand() -> Array:
        """(54,) a slightly closed hand: six numbers for a joint of three angles, sine and cosine for every other."""
        sine, cosine = np.sin(_CURL), np.cos(_CURL)
        free = [cosine, sine, 0, -sine, cosine, 0]  # two columns of a turn about z
        return np.concatenate([free if count == 3 else [sine, cosine] * count for _, count in _hand_joints()])

    def initial_pose(self) -> NDArray[np.float32]:
        """(1, 519) the zero pose, seen from the front, with mean shape."""
        return _estimate(np.eye(3))

    def initial_hand(self) -> NDArray[np.float32]:
        """(1, 519) the same for the hand decoder, whose first six numbers turn the right wrist."""
        x, y, z = matrix_to_euler(self.facts.rest_axes[self.joint("r_wrist")])
        # The head reads the 6D matrix as intrinsic ZYX and uses these angles as rotations about x, y, z.
        return _estimate(_about(2, x) @ _about(1, y) @ _about(0, z))

    def initial_camera(self) -> NDArray[np.float32]:
        """(1, 3) the person's middle in the middle of the crop."""
        return np.array([[-_FILL, 0.0, -self._middle() / 100]], np.float32)

    @staticmethod
    def initial_hand_camera() -> NDArray[np.float32]:
        """(1, 3) the wrist in the middle of the hand's crop."""
        return np.array([[-_HAND_FILL, 0.0, 0.0]], np.float32)

    def _middle(self) -> float:
        height = self.joints[:, 1]
        return float(height.min() + height.max()) / 2

    def hand_box_logits(self) -> Array:
        """(2, 4) logits of the hands' boxes (left, right): centre x, y, width, height in units of the crop."""
        boxes = []
        for side in "lr":
            x, y, _ = self.joints[self.joint(f"{side}_wrist")] / 100
            # One metre is half of the camera's scale in crops; the depth of the wrist hardly matters.
            centre = 0.5 + 0.5 * _FILL * np.array([x, self._middle() / 100 - y])
            boxes.append([*centre, _HAND_BOX, _HAND_BOX])
        share = np.array(boxes)
        return np.log(share / (1 - share))


def _estimate(turn: Array) -> NDArray[np.float32]:
    parts = [turn[:, 0], turn[:, 1], np.tile([1.0, 0, 0, 0, 1, 0], len(layout.BODY_ROTATIONS))]
    parts += [np.tile([0.0, 1.0], len(layout.BODY_ANGLES)), np.zeros(layout.ESTIMATE)]
    return np.concatenate(parts)[: layout.ESTIMATE].astype(np.float32)[None]


def _hand_joints() -> Iterable[tuple[str, int]]:
    """Joints and their numbers of angles in SAM 3D Body's order."""
    return zip(_HAND_JOINTS, layout.HAND_FREEDOMS, strict=True)


def _about(axis: int, angle: float) -> Array:
    """The rotation matrix about a coordinate axis."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[second, first], turn[first, second] = np.sin(angle), -np.sin(angle)
    return turn
