"""What one frame of a take says about one person, for any engine: evidence, a start for the fit, an artist's pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.engines.evidence import STATURE
from native_runtime.errors import UsageError
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Positions3D, Silhouette
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.shape_prior import ShapePrior
from native_runtime.fitting.trust import NetworkTrust
from native_runtime.mhr import Body
from native_runtime.mhr.ages import AgedBody
from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FrameObservation:
    """One person in one frame.

    Attributes:
        frame: the footage's number of the frame, from 0.
        evidence: what was seen of the person; None: nothing. Its 2D points are in px of the frame, all else in
            camera axes.
        start: a body to begin with, such as an engine's answer for this frame or a still fit; None: begin with those
            of other frames.
        spreads: (204,) standard deviations of the model parameters of ``start`` where it is an answer that counts by
            itself (of engines that are no fits); infinite or 0 where it says nothing. None: only a place to begin.
        pins: what an artist says of keypoints in this frame.
    """

    frame: int
    evidence: Evidence | None = None
    start: PlacedState | None = None
    spreads: Array | None = None
    pins: tuple[Pin, ...] = ()

    @property
    def seen(self) -> float:
        """0..1: how clearly the person is seen in this frame: the mean confidence of what is seen, pins aside, in which
        clear points count more than doubtful ones."""
        if self.evidence is None:
            return 0.0
        weights = np.clip(self.evidence.points.weights, 0.0, 1.0)
        return float(np.sum(weights**2) / np.sum(weights)) if weights.any() else 0.0

    def to_arrays(self) -> dict[str, NDArray]:
        """Plain arrays (no objects), for ``numpy.savez``; ``from_arrays`` reads them back."""
        out: dict[str, NDArray] = {"frame": np.array(self.frame, np.int64)}
        if self.start is not None:
            for name in _STATE:
                out[f"start.{name}"] = np.asarray(getattr(self.start, name), np.float64)
        if self.spreads is not None:
            out["spreads"] = np.asarray(self.spreads, np.float64)
        if self.pins:
            out["pins.keypoints"] = np.array([pin.keypoint for pin in self.pins], np.str_)
            out["pins.places"] = np.array([pin.place for pin in self.pins], np.float64)
        if self.evidence is not None:
            out |= {f"evidence.{name}": value for name, value in _evidence_arrays(self.evidence).items()}
        return out

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray]) -> FrameObservation:
        """What ``to_arrays`` gave.

        Raises:
            UsageError: the arrays are of something else.
        """
        try:
            start = None
            if f"start.{_STATE[0]}" in arrays:
                start = PlacedState(*(np.asarray(arrays[f"start.{name}"], np.float64) for name in _STATE))
            pins: tuple[Pin, ...] = ()
            if "pins.places" in arrays:
                names, places = _names(arrays["pins.keypoints"]), np.asarray(arrays["pins.places"], np.float64)
                pins = tuple(Pin(name, place) for name, place in zip(names, places, strict=True))
            own = {name[len("evidence.") :]: value for name, value in arrays.items() if name.startswith("evidence.")}
            evidence = _evidence_of(own) if own else None
            spreads = np.asarray(arrays["spreads"], np.float64) if "spreads" in arrays else None
            return FrameObservation(int(arrays["frame"]), evidence, start, spreads, pins)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise UsageError(f"These arrays are no observation of a frame: {error}") from error


_STATE = ("model_parameters", "identity", "expression", "camera_translation")

OUTLINE = "evidence.silhouette."
"""What the names of the arrays of a person's outline begin with; without them there is none."""


def observe_estimate(body: Body, estimate: Estimate, frame: int, pa_mpjpe: float = 45.0) -> FrameObservation:
    """The observation that an engine's estimate makes: for engines whose readings give no evidence of their own.

    Its MHR-70 keypoints count as points in the photo and as places in space, fingers by the directions of their
    phalanges, and its model parameters as they are, each as sure as the engine's published error says.

    Args:
        body: the body of the estimate.
        estimate: the engine's answer for this frame.
        frame: the footage's number of it.
        pa_mpjpe: mm, ``Capabilities.pa_mpjpe`` of the engine.

    Raises:
        UsageError: the estimate is of another body.
    """
    if len(estimate.identity) != body.identity_count:
        raise UsageError(f"The estimate is of the body {estimate.body_name}, not of {body.name}.")
    state, names = estimate.state, body.keypoint_names
    trust = NetworkTrust.of(body, pa_mpjpe)
    depth = max(float(np.median(estimate.keypoints_3d[:, 2])), 0.1)
    size = STATURE * float(estimate.intrinsics[1, 1]) / depth
    width, height = (float(side) for side in estimate.image_size)
    places = np.asarray(estimate.keypoints_2d, np.float64)
    inside = np.all((places >= -0.5) & (places <= np.array([width, height]) - 0.5), axis=1)
    finger = np.array([of_hand(name) for name in names])
    metres = pa_mpjpe / 1000.0
    # a network's places in the photo are nearer the truth than its places in space
    points = Points2D(
        tuple(names), places, np.full(len(names), 0.5 * metres / STATURE * size),
        np.where(inside, 1.0, 0.1) * np.where(finger, 0.3, 1.0), np.zeros(len(names), bool),
    )  # fmt: skip
    about = ("left_hip", "right_hip")
    middle = estimate.keypoints_3d[[names.index(name) for name in about]].mean(axis=0)
    body_points = np.flatnonzero(~finger)
    across, along = metres / np.sqrt(3.0), 1.5 * metres
    positions = Positions3D(
        tuple(names[k] for k in body_points),
        estimate.keypoints_3d[body_points] - middle,
        np.tile([across, across, along], (len(body_points), 1)),
        np.full(len(body_points), 0.5),
        about,
        np.eye(3),
    )
    evidence = Evidence(points, _phalanges(names, estimate.keypoints_3d), size, positions=positions)
    return FrameObservation(frame, evidence, state, np.asarray(trust.parameters, np.float64))


_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_PHALANX = 0.35
"""Radians: sigma of a phalanx's direction, as for landmarks (``engines.evidence.Trust.phalanx``)."""


def of_hand(name: str) -> bool:
    """Whether a keypoint is of a finger."""
    return any(part in name for part in _FINGERS)


def _phalanges(names: Sequence[str], places: Array) -> Directions:
    """Directions between neighbouring joints of each finger, from (70, 3) m."""
    chains = [
        [k for k, name in enumerate(names) if name.startswith(side) and finger in name]
        for side in ("left", "right")
        for finger in _FINGERS
    ]
    pairs = [pair for chain in chains for pair in pairwise(chain)]
    vectors = np.array([places[b] - places[a] for a, b in pairs]).reshape(-1, 3)
    lengths = np.linalg.norm(vectors, axis=1)
    return Directions(
        tuple(names[a] for a, _ in pairs),
        tuple(names[b] for _, b in pairs),
        vectors / np.maximum(lengths, 1e-9)[:, None],
        np.full((len(pairs), 3), _PHALANX),
        np.where(lengths > 1e-4, 0.5, 0.0),
    )


def _evidence_arrays(evidence: Evidence) -> dict[str, NDArray]:
    points, turns, placed = evidence.points, evidence.directions, evidence.positions
    out: dict[str, NDArray] = {
        "person_size": np.array(evidence.person_size, np.float64),
        "points.names": _texts(points.names),
        "points.positions": points.positions,
        "points.sigmas": points.sigmas,
        "points.weights": points.weights,
        "points.trusted": points.trusted,
        "directions.starts": _texts(turns.starts),
        "directions.ends": _texts(turns.ends),
        "directions.vectors": turns.vectors,
        "directions.sigmas": turns.sigmas,
        "directions.weights": turns.weights,
        "directions.axes": turns.axes,
        "unseen": _texts(evidence.unseen),
        "notes": _texts(evidence.notes),
        "rigid": _texts(evidence.rigid),
    }
    for limb in ("arms", "legs"):
        for side, names in getattr(evidence, limb).items():
            out[f"{limb}.{side}"] = _texts(names)
    if placed is not None:
        out |= {
            "positions.names": _texts(placed.names),
            "positions.positions": placed.positions,
            "positions.sigmas": placed.sigmas,
            "positions.weights": placed.weights,
            "positions.about": _texts(placed.about),
            "positions.axes": placed.axes,
        }
    if evidence.silhouette is not None:
        # a byte is finer than any network's mask is true
        mask = np.clip(evidence.silhouette.mask, 0.0, 1.0)
        out["silhouette.mask"] = np.round(255.0 * mask).astype(np.uint8)
        out["silhouette.from_photo"] = evidence.silhouette.from_photo
    if evidence.shape is not None:
        out["shape.means"], out["shape.deviations"] = evidence.shape.means, evidence.shape.deviations
        if evidence.shape.below is not None:
            out["shape.below"] = evidence.shape.below
    if evidence.aged is not None:
        out["aged.sizes"] = np.array([evidence.aged.stature, evidence.aged.spread])
        out["aged.parameters"], out["aged.identity"] = evidence.aged.parameters, evidence.aged.identity
    if evidence.stature is not None:
        out["stature"] = np.array(evidence.stature, np.float64)
    return out


def _evidence_of(arrays: Mapping[str, NDArray]) -> Evidence:
    def numbers(name: str) -> Array:
        return np.asarray(arrays[name], np.float64)

    points = Points2D(
        _names(arrays["points.names"]), numbers("points.positions"), numbers("points.sigmas"),
        numbers("points.weights"), np.asarray(arrays["points.trusted"], bool),
    )  # fmt: skip
    turns = Directions(
        _names(arrays["directions.starts"]), _names(arrays["directions.ends"]), numbers("directions.vectors"),
        numbers("directions.sigmas"), numbers("directions.weights"), numbers("directions.axes"),
    )  # fmt: skip
    out = Evidence(
        points,
        turns,
        float(arrays["person_size"]),
        unseen=_names(arrays["unseen"]),
        notes=_names(arrays["notes"]),
        rigid=_names(arrays["rigid"]),
        arms={name[5:]: _names(value) for name, value in arrays.items() if name.startswith("arms.")},
        legs={name[5:]: _names(value) for name, value in arrays.items() if name.startswith("legs.")},
    )
    if "positions.names" in arrays:
        positions = Positions3D(
            _names(arrays["positions.names"]), numbers("positions.positions"), numbers("positions.sigmas"),
            numbers("positions.weights"), _names(arrays["positions.about"]), numbers("positions.axes"),
        )  # fmt: skip
        out = replace(out, positions=positions)
    if "silhouette.mask" in arrays:
        mask = np.asarray(arrays["silhouette.mask"], np.float32) / np.float32(255.0)
        out = replace(out, silhouette=Silhouette(mask, numbers("silhouette.from_photo")))
    if "shape.means" in arrays:
        below = numbers("shape.below") if "shape.below" in arrays else None
        out = replace(out, shape=ShapePrior(numbers("shape.means"), numbers("shape.deviations"), below))
    if "aged.sizes" in arrays:
        stature, spread = (float(value) for value in arrays["aged.sizes"])
        out = replace(out, aged=AgedBody(stature, spread, numbers("aged.parameters"), numbers("aged.identity")))
    if "stature" in arrays:
        out = replace(out, stature=float(arrays["stature"]))
    return out


def _texts(names: Sequence[str]) -> NDArray:
    return np.array(list(names), np.str_) if names else np.zeros(0, "<U1")


def _names(texts: NDArray) -> tuple[str, ...]:
    return tuple(str(text) for text in np.atleast_1d(texts))
