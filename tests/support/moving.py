"""Somebody who moves smoothly before a camera, and what networks could have seen of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Positions3D
from native_runtime.fitting.evidence_terms import points_of
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import project
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation

Array = NDArray[np.float64]

LENS = np.array([[1100.0, 0, 639.5], [0, 1100.0, 359.5], [0, 0, 1]])
_SEEN = ("nose", *(f"{side}_{part}" for side in ("left", "right") for part in (
    "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe")))  # fmt: skip
_HIPS = ("left_hip", "right_hip")


@dataclass(frozen=True)
class Moving:
    """A motion: bodies by frame, and the places (F, J, 3) m of their joints in camera axes."""

    body: Body
    states: list[PlacedState]

    @property
    def joints(self) -> Array:
        return joints_of(self.body, self.states)


def joints_of(body: Body, states: list[PlacedState]) -> Array:
    """(F, J, 3) m, camera axes."""
    places = body.pose(np.stack([state.model_parameters for state in states])).translations
    return mhr_to_camera(places, np.stack([state.camera_translation for state in states]))


def walker(body: Body, frames: int) -> Moving:
    """Steps on the spot with swinging arms, turning and drifting sideways."""
    prior = PosePrior.load(body)
    time = np.arange(frames) / 30.0
    swing, bend = np.sin(2 * np.pi * 0.9 * time), np.sin(2 * np.pi * 0.9 * time + 0.6)
    parameters = np.tile(prior.natural_parameters(body), (frames, 1))
    for name, values in {
        "l_upleg_rz": 0.35 * swing, "r_upleg_rz": -0.35 * swing,
        "l_knee_bend": 0.3 + 0.25 * bend, "r_knee_bend": 0.3 - 0.25 * bend,
        "l_uparm_ry": 0.3 * bend, "r_uparm_ry": -0.3 * bend,
        "l_elbow_bend": -0.5 + 0.4 * swing, "r_elbow_bend": -0.5 - 0.4 * swing,
        "spine_twist0": 0.1 * swing, "scale_uplegs": 0.05, "scale_lowarms": -0.04,
    }.items():  # fmt: skip
        parameters[:, body.parameter_index(name)] += values
    parameters = body.parameterisation.clamp(parameters)
    parameters[:, 4] = 0.3 + 0.5 * time
    shift = np.stack([0.2 * time - 0.1, np.full(frames, 1.0), 4.0 + 0.1 * swing], axis=1)
    nobody = np.zeros(body.identity_count), np.zeros(body.expression_count)
    return Moving(body, [PlacedState(p, *nobody, place) for p, place in zip(parameters, shift, strict=True)])


def observed(motion: Moving, noise: float, seed: int = 0) -> list[FrameObservation]:
    """What could have been seen of each frame: points (`noise` 1: off by 0.8 % of the size) and places in space (off by
    3 cm across the view and 6 cm along it), each half by itself and half together with the frames before."""
    rng, body = np.random.default_rng(seed), motion.body
    points = points_of(body, _SEEN)
    count = len(motion.states)
    flat, deep = (noise * _drifting(rng, (count, len(_SEEN), k)) for k in (2, 3))
    hips = [_SEEN.index(name) for name in _HIPS]
    out = []
    for k, state in enumerate(motion.states):
        places = mhr_to_camera(
            points.positions(body.pose(state.model_parameters), state.identity), state.camera_translation
        )
        size = 1.7 * LENS[0, 0] / state.camera_translation[2]
        sigma, spread = 0.008 * size, np.tile([0.03, 0.03, 0.06], (len(_SEEN), 1))
        seen = Points2D(
            _SEEN, project(places, LENS) + sigma * flat[k], np.full(len(_SEEN), sigma), np.ones(len(_SEEN)),
            np.zeros(len(_SEEN), bool),
        )  # fmt: skip
        around = places - places[hips].mean(axis=0) + spread * deep[k]
        placed = Positions3D(_SEEN, around, 2.0 * spread, np.ones(len(_SEEN)), _HIPS, np.eye(3))
        nothing = Directions((), (), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
        out.append(FrameObservation(k, Evidence(seen, nothing, size, positions=placed)))
    return out


def _drifting(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Noise of deviation 1, half of its variance shared with the frames before."""
    slow = rng.normal(size=shape)
    for k in range(1, shape[0]):
        slow[k] = 0.8 * slow[k - 1] + 0.6 * slow[k]
    return (slow + rng.normal(size=shape)) / np.sqrt(2.0)
