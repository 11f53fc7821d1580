"""Pins of single frames act there and fade over their neighbours; the pull of one out of reach is bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.engines.evidence import TRUST
from native_runtime.fitting.evidence_terms import points_of
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.problem import project
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation

from .options import TemporalOptions

Array = NDArray[np.float64]

GIVE = 0.7
"""Standard deviations of a pin from which on its pull does not grow, where it is out of reach."""


def faded_pins(
    body: Body,
    observations: Sequence[FrameObservation],
    states: Sequence[PlacedState],
    intrinsics: Array,
    fps: float,
    options: TemporalOptions,
) -> list[FrameObservation]:
    """The observations with pins in the frames around pinned ones, too.

    What a pin moves its keypoint by in its own frame, it moves it by in others, the less the farther they are in time
    (a raised cosine); between two pins of a keypoint both fade into each other. Frames with a pin keep it as it is.

    Args:
        body: the body model.
        observations: of consecutive frames.
        states: bodies fitted without the pins.
        intrinsics: (3, 3) px.
        fps: frames per second.
        options: ``pin_fade``.
    """
    pinned: dict[str, dict[int, Array]] = defaultdict(dict)
    for index, one in enumerate(observations):
        for pin in one.pins:
            pinned[pin.keypoint][index] = np.asarray(pin.place, np.float64)
    added: dict[int, list[Pin]] = defaultdict(list)
    reach = max(round(options.pin_fade * fps), 1)
    for name, places in pinned.items():
        points = points_of(body, (name,))
        near = {k for mark in places for k in range(mark - reach, mark + reach + 1)} & set(range(len(observations)))
        seen = {k: _seen(points, states[k], intrinsics) for k in near}
        shifts = {index: place - seen[index] for index, place in places.items()}
        marks = sorted(shifts)
        for index in sorted(near):
            if index in shifts:
                continue
            shares = {mark: 0.5 + 0.5 * np.cos(np.pi * abs(index - mark) / (reach + 1)) for mark in marks
                      if abs(index - mark) <= reach}  # fmt: skip
            total = sum(shares.values())
            mean = sum(share * shifts[mark] for mark, share in shares.items()) / total
            added[index].append(Pin(name, seen[index] + mean * min(total, 1.0)))
    return [
        replace(one, pins=(*one.pins, *added[index])) if index in added else one
        for index, one in enumerate(observations)
    ]


def bounded_pins(
    body: Body, observation: FrameObservation, state: PlacedState, intrinsics: Array, size: float
) -> FrameObservation:
    """A frame's observation with pins that pull no more than from ``GIVE`` standard deviations away.

    That is a pseudo-Huber loss by reweighting, as ``fitting.pins`` has it.

    Args:
        body: the body model.
        observation: with pins.
        state: the body from which they are seen.
        intrinsics: (3, 3) px.
        size: px, the person's.
    """
    stretch = pin_distances(body, observation.pins, state, intrinsics) / (GIVE * TRUST.prompt * size)
    shares = 1.0 / np.sqrt(1.0 + stretch**2)
    pins = tuple(replace(pin, share=float(share)) for pin, share in zip(observation.pins, shares, strict=True))
    return replace(observation, pins=pins)


def pin_distances(body: Body, pins: Sequence[Pin], state: PlacedState, intrinsics: Array) -> Array:
    """(n,) px by which a body misses pins."""
    seen = [_seen(points_of(body, (pin.keypoint,)), state, intrinsics) for pin in pins]
    away = [np.linalg.norm(place - pin.place) for place, pin in zip(seen, pins, strict=True)]
    return np.nan_to_num(np.array(away, np.float64), nan=np.inf)


def _seen(points: PointSet, state: PlacedState, intrinsics: Array) -> Array:
    """(2,) px, where the single point of a set is seen on a body."""
    pose = points.body.pose(state.model_parameters)
    places = mhr_to_camera(points.positions(pose, state.identity), state.camera_translation)
    return np.asarray(project(places, intrinsics)[0])
