"""Motion capture as limb poses: reading the file, thinning it to distinct poses, and which clips are held out.

The file (``.npz``) holds ``source``, ``clip`` and ``frames`` (of each clip), ``joints`` (N, 17, 3) metres, Y up,
``head`` (N, 3, 3), the head's rotation, and ``joint_names``.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError

from .limbs import LimbPose

Array = NDArray[np.float64]

HELD_OUT_EVERY = 5
"""Clips whose index is divisible by this are held out: nothing is learnt from them."""

_BONES = {
    "left_upper_arm": ("lshoulder", "lelbow"), "right_upper_arm": ("rshoulder", "relbow"),
    "left_forearm": ("lelbow", "lwrist"), "right_forearm": ("relbow", "rwrist"),
    "left_thigh": ("lhip", "lknee"), "right_thigh": ("rhip", "rknee"),
    "left_shank": ("lknee", "lankle"), "right_shank": ("rknee", "rankle"),
    "left_foot": ("lankle", "ltoe"), "right_foot": ("rankle", "rtoe"),
    "hips": ("rhip", "lhip"), "shoulders": ("rshoulder", "lshoulder"),
}  # fmt: skip

_JOINTS = sorted({joint for bone in _BONES.values() for joint in bone} | {"pelvis", "neck", "head"})

_STRAIGHT = 0.97
"""A leg whose hip and ankle are this part of its length apart stands."""

_PELVIS = 0.05
"""Metres: where a source's pelvis joint is farther from the middle of the hips, it tells how the pelvis is tilted."""

_BEND_DEVIATION = 0.08
"""Radians, of each half of the spine's bend where the pelvis's tilt is known."""


_FASTEST_TRUNK = 0.5
"""Radians: a trunk turns by less from one frame to the next (1/20 s), but for faults of a conversion."""

_AROUND_FAULTS = 6
"""Frames on both sides of a fault that are left out."""

_LEAST_UPRIGHT = 0.4
"""In ``cmu_expmap`` people walk, run, jump and signal: a trunk whose upward part is less is a fault as well."""


@dataclass(frozen=True)
class Mocap:
    """Frames of motion capture as directions.

    Attributes:
        sources, clips: (c,) names of each clip's source and of the clip.
        clip_of: (n,) the clip of each frame.
        frame: (n,) the number of each frame within its clip.
        vectors: (n, 13, 3) unit vectors in the order of ``parts``.
        parts: names as in ``limbs.LIMBS`` and ``limbs.LINES``.
        heads: (n, 3, 3) rotations of the head.
        bends: (n,) radians by which the spine is bent forward, NaN where the source does not tell.
    """

    sources: tuple[str, ...]
    clips: tuple[str, ...]
    clip_of: NDArray[np.int64]
    frame: NDArray[np.int64]
    vectors: Array
    parts: tuple[str, ...]
    heads: Array
    bends: Array

    @staticmethod
    def load(path: Path, foot_pitch: float) -> Mocap:
        """Read a file.

        Args:
            path: the ``.npz``.
            foot_pitch: radians below the horizon of the foot's direction in MHR when its sole is flat. Sources place
                ankle and toe differently: each one's feet are turned so that they are flat where legs stand.

        Raises:
            UsageError: the file is not one of this kind.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ("source", "clip", "frames", "joints", "head", "joint_names")}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UsageError(f"{path} is no file of motion capture: {error}") from error
        names = [str(name) for name in arrays["joint_names"]]
        missing = [name for name in _JOINTS if name not in names]
        count = int(arrays["frames"].sum())
        if missing or arrays["joints"].shape != (count, len(names), 3) or arrays["head"].shape != (count, 3, 3):
            raise UsageError(
                f"{path}: joints (N, 17, 3), head (N, 3, 3) and the joints {', '.join(_JOINTS)} are needed"
            )
        if not (np.isfinite(arrays["joints"]).all() and np.isfinite(arrays["head"]).all()):
            raise UsageError(f"{path} holds positions that are no numbers")
        joints = {name: np.asarray(arrays["joints"][:, k], np.float64) for k, name in enumerate(names)}
        sources = tuple(str(name) for name in arrays["source"])
        clip_of = np.repeat(np.arange(len(sources)), arrays["frames"])
        source_of = np.array(sources)[clip_of]
        standing = _standing(joints)
        bones = {part: _unit(joints[end] - joints[start]) for part, (start, end) in _BONES.items()}
        middle = (joints["lhip"] + joints["rhip"]) / 2
        bones["trunk"] = _unit((joints["lshoulder"] + joints["rshoulder"]) / 2 - middle)
        for source in dict.fromkeys(sources):
            mine = source_of == source
            for side in ("left", "right"):
                foot, shank = bones[f"{side}_foot"], bones[f"{side}_shank"]
                flat = mine & standing
                pitch = float(np.median(np.arcsin(-foot[flat, 1]))) if flat.any() else foot_pitch
                bones[f"{side}_foot"] = np.where(mine[:, None], _pitched(foot, shank, foot_pitch - pitch), foot)
        parts = tuple(bones)
        bends = _bends(joints["pelvis"] - middle, bones["trunk"], bones["hips"], source_of, standing)
        frame = np.concatenate([np.arange(n) for n in arrays["frames"]])
        clips = tuple(str(name) for name in arrays["clip"])
        vectors = np.stack([bones[part] for part in parts], axis=1)
        return Mocap(sources, clips, clip_of, frame, vectors, parts, np.asarray(arrays["head"], np.float64), bends)

    def pose(self, index: int) -> LimbPose:
        """One frame."""
        bend, angles = float(self.bends[index]), {}
        if np.isfinite(bend):
            angles = {f"spine_bend{half}": (0.6 * bend, _BEND_DEVIATION) for half in (0, 1)}
        return LimbPose(dict(zip(self.parts, self.vectors[index], strict=True)), self.heads[index], angles)

    def held_out(self) -> NDArray[np.bool_]:
        """(c,) which clips are held out."""
        return np.arange(len(self.clips)) % HELD_OUT_EVERY == 0

    def learnt_from(self) -> NDArray[np.bool_]:
        """(c,) which clips may be learnt from: neither held out, nor another copy of a recording that is."""
        held = self.held_out()
        recordings = [recording(*pair) for pair in zip(self.sources, self.clips, strict=True)]
        withheld = {name for name, out in zip(recordings, held, strict=True) if out and name is not None}
        copies = np.array([name in withheld for name in recordings])
        return ~held & ~copies

    def motions(self) -> tuple[str, ...]:
        """(c,) what kind of motion each clip is: the action that its name says, or its performer."""
        return tuple(motion(*pair) for pair in zip(self.sources, self.clips, strict=True))

    def sound(self) -> NDArray[np.bool_]:
        """(n,) which frames are no faults: one conversion has frames between poses whose rotations do not belong
        together, in which the whole body swings over."""
        trunk = self.vectors[:, self.parts.index("trunk")]
        fast = np.arccos(np.clip(np.sum(trunk[1:] * trunk[:-1], axis=1), -1.0, 1.0)) > _FASTEST_TRUNK
        expmap = np.array(self.sources)[self.clip_of] == "cmu_expmap"
        out = ~expmap | (trunk[:, 1] > _LEAST_UPRIGHT)
        for jump in np.flatnonzero(fast & (self.clip_of[1:] == self.clip_of[:-1])):
            out[max(jump + 1 - _AROUND_FAULTS, 0) : jump + 1 + _AROUND_FAULTS] = False
        return out

    def distinct(self, apart: float) -> NDArray[np.int64]:
        """Sound frames, in order, that differ from all frames kept before in their clip by at least ``apart``: radians,
        root mean square over the parts and the head; the way the person faces does not count."""
        features, sound = self._features(), self.sound()
        kept: list[int] = []
        for clip in range(len(self.clips)):
            mine: list[int] = []
            for index in np.flatnonzero((self.clip_of == clip) & sound):
                if not mine or np.min(_apart(features[mine], features[index])) >= apart:
                    mine.append(int(index))
            kept.extend(mine)
        return np.array(kept, np.int64)

    def _features(self) -> Array:
        """(n, 16, 3) the directions and the head's axes, turned about the vertical so that everyone faces +Z."""
        left = self.vectors[:, self.parts.index("hips")]
        yaw = np.arctan2(left[:, 2], left[:, 0])
        turn = np.zeros((len(left), 3, 3))
        turn[:, 0, 0] = turn[:, 2, 2] = np.cos(yaw)
        turn[:, 0, 2], turn[:, 2, 0], turn[:, 1, 1] = np.sin(yaw), -np.sin(yaw), 1.0
        everything = np.concatenate([self.vectors, self.heads.transpose(0, 2, 1)], axis=1)
        return np.asarray(np.einsum("nab,nkb->nka", turn, everything))


def recording(source: str, clip: str) -> str | None:
    """CMU's subject and trial, as "1_5", if the clip's name tells: several sources carry the same recordings."""
    found = re.search(r"(\d+)_(\d+)(?:\.amc)?$", clip)
    if found is None or source not in ("cmu_iclone", "cmu_amc", "makehuman_google"):
        return None
    return f"{int(found[1])}_{int(found[2])}"


def motion(source: str, clip: str) -> str:
    """The kind of motion of a clip."""
    if source == "cmu_expmap":
        twice = re.match(r"(?:train|test)_(.+?)_\1_\d+$", clip)
        return twice[1] if twice else clip.split("_")[1]
    number = recording(source, clip)
    if number is not None:
        return f"subject {number.split('_')[0]}"
    return source


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _standing(joints: dict[str, Array]) -> NDArray[np.bool_]:
    """(n,) whether both legs are straight and the trunk is upright."""
    out = joints["neck"][:, 1] - joints["pelvis"][:, 1] > 0.9 * np.linalg.norm(
        joints["neck"] - joints["pelvis"], axis=1
    )
    for side in "lr":
        hip, knee, ankle = (joints[side + name] for name in ("hip", "knee", "ankle"))
        length = np.linalg.norm(knee - hip, axis=1) + np.linalg.norm(ankle - knee, axis=1)
        out &= np.linalg.norm(ankle - hip, axis=1) > _STRAIGHT * length
    return out


def _pitched(foot: Array, shank: Array, angle: float) -> Array:
    """Feet (n, 3) turned down by an angle in the plane of foot and shank."""
    across = _unit(shank - np.sum(shank * foot, axis=1, keepdims=True) * foot)
    return np.asarray(np.cos(angle) * foot + np.sin(angle) * across)


def _bends(pelvis: Array, trunk: Array, hips: Array, source_of: NDArray, standing: NDArray[np.bool_]) -> Array:
    """(n,) radians from the pelvis's own upward axis to the trunk, forward, in the plane across the hips.

    Args:
        pelvis: (n, 3) from the middle of the hips to the pelvis joint, fixed in the pelvis.
        trunk, hips: (n, 3) unit vectors.
    """
    out = np.full(len(trunk), np.nan)
    forward = _unit(np.cross(hips, trunk))
    up = np.cross(forward, hips)
    # the trunk lies in the plane of "up" and the hips: it is at 0 here
    difference = -np.arctan2(np.sum(pelvis * forward, axis=1), np.sum(pelvis * up, axis=1))
    for source in dict.fromkeys(source_of.tolist()):
        mine = source_of == source
        if np.median(np.linalg.norm(pelvis[mine], axis=1)) < _PELVIS or not (mine & standing).any():
            continue
        straight = np.angle(np.mean(np.exp(1j * difference[mine & standing])))
        out[mine] = np.angle(np.exp(1j * (difference[mine] - straight)))
    return out


def _apart(some: Array, one: Array) -> Array:
    """(k,) radians, root mean square over the parts, between poses (k, 16, 3) and one (16, 3)."""
    angles = np.arccos(np.clip(np.sum(some * one, axis=2), -1.0, 1.0))
    return np.asarray(np.sqrt(np.mean(angles**2, axis=1)))
