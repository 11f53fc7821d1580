"""Which clips of motion capture become takes, and their frames as directions of limbs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.mocap import FOLDER
from bench.accuracy.posture import Posture
from native_runtime.build.pose_prior.mocap import Mocap

Array = NDArray[np.float64]

RATE = 20.0
"""Frames a second of the clips."""


@dataclass(frozen=True)
class Excerpt:
    """A part of a clip that a take shows.

    Attributes:
        file: ``free`` or ``test_only`` (``../shared/mocap/README.md``).
        clip: the clip's name there; ``source`` where several have it.
        start: its first frame; the next one that a conversion left sound is taken.
        seen: what the motion is, for people to read.
    """

    file: str
    clip: str
    start: int
    seen: str
    source: str = ""


# Of clips that are in the file twice, by two conversions, none is here if the pair is on both sides of the split
# (Mocap.learnt_from).
HELD_OUT: tuple[Excerpt, ...] = (
    Excerpt("free", "002_08", 20, "sword play"),
    Excerpt("free", "006_11", 5, "basketball, dribbling"),
    Excerpt("free", "005_06", 0, "dancing on one leg"),
    Excerpt("free", "fm_tests_data_11_01.amc", 5, "a kick"),
    Excerpt("free", "train_walking_extra_walking_51", 8, "walking"),
    Excerpt("free", "test_walking_extra_walking_10", 0, "walking, turning"),
    Excerpt("free", "train_basketball_basketball_1", 15, "basketball"),
    Excerpt("free", "train_basketball_signal_basketball_signal_1", 120, "signals of a referee"),
    Excerpt("free", "train_directing_traffic_directing_traffic_1", 150, "directing traffic"),
    Excerpt("free", "makehuman_data_bvhs_cmu_12_03", 30, "tai chi"),
    Excerpt("test_only", "dance_a", 8, "dancing, arms wide"),
    Excerpt("test_only", "dance_b", 30, "dancing with turns"),
    Excerpt("test_only", "stealthy_walk", 8, "sneaking"),
    Excerpt("test_only", "dance", 150, "dancing on the spot", "isaac_amp"),
)
TUNE: tuple[Excerpt, ...] = (
    Excerpt("free", "002_10", 60, "washing oneself"),
    Excerpt("free", "002_05", 30, "punching"),
    Excerpt("free", "005_18", 30, "dancing"),
    Excerpt("free", "train_walking_extra_walking_50", 60, "walking about"),
    Excerpt("free", "test_washwindow_washwindow_1", 150, "washing a window"),
    Excerpt("free", "train_basketball_basketball_2", 0, "basketball"),
    Excerpt("free", "train_soccer_soccer_1", 20, "soccer"),
    Excerpt("free", "train_directing_traffic_directing_traffic_4", 200, "directing traffic"),
)
EXCERPTS = {"held-out": HELD_OUT, "tune": TUNE}


@cache
def _file(name: str, foot_pitch: float) -> tuple[Mocap, NDArray[np.bool_]]:
    path: Path = FOLDER / f"{name}.npz"
    if not path.is_file():
        raise SystemExit(f"{path} is missing: the motions of the takes come from there.")
    mocap = Mocap.load(path, foot_pitch)
    return mocap, mocap.sound()


def postures(excerpt: Excerpt, count: int, foot_pitch: float) -> list[Posture]:
    """``count`` consecutive frames of an excerpt, or as many as are sound from its start on.

    Args:
        foot_pitch: radians below the horizon of the way from MHR's foot joint to its ball joint at rest.
    """
    mocap, sound = _file(excerpt.file, foot_pitch)
    matches = [
        k
        for k, (source, name) in enumerate(zip(mocap.sources, mocap.clips))
        if name == excerpt.clip and excerpt.source in ("", source)
    ]
    if len(matches) != 1:
        raise SystemExit(f"{excerpt.file}.npz has {len(matches)} clips named {excerpt.clip}")
    rows = np.flatnonzero(mocap.clip_of == matches[0])
    free = sound[rows]
    # the first run of sound frames that is long enough from the start on; else the longest there is
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(int), [0]])))
    runs = [(max(a, excerpt.start), b) for a, b in zip(edges[::2], edges[1::2])]
    long_enough = [run for run in runs if run[1] - run[0] >= count]
    first, last = long_enough[0] if long_enough else max(runs, key=lambda run: run[1] - run[0])
    chosen = rows[first : min(first + count, last)]
    names = [f"{part[0]}_{part.split('_', 1)[1]}" if "_" in part else part for part in mocap.parts]
    return [
        Posture(dict(zip(names, mocap.vectors[row])), mocap.heads[row], f"{excerpt.clip} {row - rows[0]}", ("mocap",))
        for row in chosen
    ]
