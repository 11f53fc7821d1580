"""Poses of motion capture for the bench, and how often people's joints are bent how far.

The files are described in ``../shared/mocap/README.md``. Of ``free.npz`` the clips whose index is divisible by five are
held out, and all of ``test_only.npz`` is: nothing is tuned to them or trained on them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .posture import Posture, direction

Array = NDArray[np.float64]

FOLDER = Path(os.environ.get("SAM3DB_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "mocap"
_NAMES = (
    "pelvis", "lhip", "rhip", "lknee", "rknee", "lankle", "rankle", "ltoe", "rtoe", "lshoulder", "rshoulder",
    "lelbow", "relbow", "lwrist", "rwrist", "neck", "head",
)  # fmt: skip
_STEPS = {
    "hips": ("rhip", "lhip"),
    "trunk": ("pelvis", "neck"),
    "shoulders": ("rshoulder", "lshoulder"),
    **{f"{s}_{name}": (s + a, s + b) for s in "lr" for name, a, b in (
        ("upper_arm", "shoulder", "elbow"), ("forearm", "elbow", "wrist"), ("thigh", "hip", "knee"),
        ("shank", "knee", "ankle"), ("foot", "ankle", "toe"),
    )},
}  # fmt: skip

_FASTEST_NECK = 0.12
"""Metres per frame of 1/20 s, seen from the pelvis."""
_FRAMES_AROUND = 10
_LEVEL = 0.5


@dataclass(frozen=True)
class Clip:
    """One clip: its name, its joints (N, 17, 3) m, y up, pelvis at the origin, and the head's frames (N, 3, 3)."""

    name: str
    joints: Array
    heads: Array


def clips(split: str, folder: Path = FOLDER) -> list[Clip]:
    """The clips of ``tune`` or of ``held-out``, in their order."""
    found = []
    for file in ("free.npz", "test_only.npz"):
        path = folder / file
        if not path.is_file():
            raise SystemExit(f"{path} is missing: the poses of the harder set come from there.")
        with np.load(path, allow_pickle=False) as archive:
            if tuple(archive["joint_names"]) != _NAMES:
                raise SystemExit(f"{path} has other joints than the bench knows.")
            joints, heads = archive["joints"].astype(np.float64), archive["head"].astype(np.float64)
            ends = np.cumsum(archive["frames"])
            for index, (name, end, count) in enumerate(zip(archive["clip"], ends, archive["frames"])):
                held_out = file == "test_only.npz" or index % 5 == 0
                if held_out == (split == "held-out"):
                    rows = np.arange(end - count, end)
                    rows = rows[_steady(joints[rows])] if archive["source"][index] == "cmu_expmap" else rows
                    found.append(Clip(f"{file[:4]} {name}", joints[rows], heads[rows]))
    return found


def _steady(joints: Array) -> NDArray[np.bool_]:
    """(N,) which frames of joints (N, 17, 3) are none of those between two poses whose rotations do not belong
    together: there the whole body swings over, its neck faster than anybody's. In these clips people walk, run, jump
    and signal; a trunk that is nearly level is the same fault.
    """
    neck = joints[:, _NAMES.index("neck")]
    jumps = np.flatnonzero(np.linalg.norm(np.diff(neck, axis=0), axis=1) > _FASTEST_NECK)
    away = np.abs(np.arange(len(joints))[:, None] - jumps[None] - 0.5).min(axis=1, initial=np.inf)
    upright = direction(joints[:, _NAMES.index("pelvis")], neck)[:, 1] > _LEVEL
    result: NDArray[np.bool_] = (away > _FRAMES_AROUND) & upright
    return result


def posture_of(clip: Clip, frame: int) -> Posture:
    """A frame as directions of limbs."""
    places = dict(zip(_NAMES, clip.joints[frame]))
    segments = {name: direction(places[a], places[b]) for name, (a, b) in _STEPS.items()}
    return Posture(segments, clip.heads[frame], f"{clip.name} {frame}", ("mocap",))


def directions_of(clip: Clip) -> dict[str, Array]:
    """(N, 3) unit vectors of all frames by names of ``posture.SEGMENTS``."""
    column = {name: k for k, name in enumerate(_NAMES)}
    return {name: direction(clip.joints[:, column[a]], clip.joints[:, column[b]]) for name, (a, b) in _STEPS.items()}


def drawn(pool: list[Clip], rng: np.random.Generator, candidates: int = 3) -> Posture:
    """A random frame of a random clip; of some candidates more often the one that is least like standing."""
    choices = []
    for _ in range(candidates):
        clip = pool[int(rng.integers(len(pool)))]
        choices.append(posture_of(clip, int(rng.integers(len(clip.joints)))))
    if rng.random() < 0.4:
        return choices[0]
    down = np.array([0.0, -1.0, 0.0])

    def unlike(posture: Posture) -> float:
        hanging = [f"{s}_{part}" for s in "lr" for part in ("upper_arm", "forearm", "thigh", "shank")]
        return float(sum(1 - posture.segments[name] @ down for name in hanging))

    return max(choices, key=unlike)
