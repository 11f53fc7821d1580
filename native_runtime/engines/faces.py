"""What a person's face does, put onto the body: expression, shape and turn of the head, where they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import FaceReading
from native_runtime.fitting.face import FaceFit, fit_face, response_of
from native_runtime.fitting.face_pose import turned_head
from native_runtime.fitting.face_transfer import is_official, to_official
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .estimate import Estimate

Array = NDArray[np.float64]

FACE = "face"
"""Among an estimate's details: ``ReadFace.to_json``."""


@dataclass(frozen=True)
class Legible:
    """What a face must be to be read. Our own choice: the limits of what ``bench.faces`` measures.

    Attributes:
        smallest: px, side of the face.
        aside: degrees of yaw from which a face shows too little; heads that are turned by 65 or 80 degrees look like
            52 and more.
        error: off what the model can show by more (``FaceFit.error``), the points are no face's.
        information: expressions of which the points say less stay 0 (``FaceFit.information``).
        faint: coefficients below this cannot be seen and stay 0.
        closed: ``eyeBlink`` from which an eye looks nowhere.
    """

    smallest: float = 40.0
    aside: float = 50.0
    error: float = 3.0
    information: float = 0.12
    faint: float = 0.08
    closed: float = 0.6


LEGIBLE = Legible()

KEPT = frozenset({"face_gender"})
"""Coefficients of the head that follow the sex (``engines.looks``)."""

_IRISES = (468, 473)
"""The middles of the irises among the points of the mesh."""

_NEUTRAL = "the expression stays neutral."


@dataclass(frozen=True)
class ReadFace:
    """What a face says.

    Attributes:
        expression, identity: by name: coefficients that are not 0.
        confidence: by the names of all expressions that can be told here: 0..1, how much the face says of each.
        why: a sentence on why nothing could be read; empty otherwise.
        size: px, side of the face; None where none was seen.
        fit: None where nothing could be read.
        angles: index of a model parameter -> radians: neck and head as the face shows them.
        turned: degrees by which the face and the body's fit disagreed on the direction of the head.
    """

    expression: dict[str, float]
    identity: dict[str, float]
    confidence: dict[str, float]
    why: str = ""
    size: float | None = None
    fit: FaceFit | None = None
    angles: dict[int, float] = field(default_factory=dict)
    turned: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        content: dict[str, Any] = {"why": self.why, "face_px": None if self.size is None else round(self.size, 1)}
        if self.fit is not None:
            content |= {
                "yaw": round(self.fit.yaw, 1),
                "pitch": round(self.fit.pitch, 1),
                "error": round(self.fit.error, 2),
                "turned": round(self.turned, 1),
            }
        content["confidence"] = {name: round(value, 2) for name, value in self.confidence.items()}
        return content

    def on(self, body: Body, state: PlacedState) -> PlacedState:
        """The state with this face."""
        parameters = np.array(state.model_parameters, np.float64)
        parameters[list(self.angles)] = list(self.angles.values())
        return replace(
            state,
            model_parameters=parameters,
            expression=_with(state.expression, body.expression_names, self.expression),
            identity=np.clip(
                _with(state.identity, body.identity_names, self.identity), body.identity_min, body.identity_max
            ),
        )


def _with(values: Array, names: Sequence[str], changed: dict[str, float]) -> Array:
    result = np.array(values, np.float64)
    for name, value in changed.items():
        result[list(names).index(name)] = value
    return result


def with_face(body: Body, estimate: Estimate, face: FaceReading | None, photo: Photo) -> Estimate:
    """An answer of an engine that infers no expression with the one of the photo; the head stays turned as it is.

    Args:
        body: the body that the estimate's numbers belong to.
        face: in working pixels of ``photo``; None where none is seen.
    """
    read = read_expression(body, face, photo, estimate.intrinsics, estimate.state, turns=False)
    shown = estimate.with_state(body, read.on(body, estimate.state)) if read.expression or read.identity else estimate
    return replace(shown, details=estimate.details | {FACE: read.to_json()})


def read_expression(
    body: Body, face: FaceReading | None, photo: Photo, intrinsics: Array, state: PlacedState, turns: bool = True
) -> ReadFace:
    """What a face says of expression and shape.

    Args:
        body: whose coefficients are meant.
        face: in working pixels of ``photo``; None where none is seen.
        intrinsics: (3, 3) px of the original photo.
        state: of the body without its face: the identity coefficients that are known so far, and where the head is.
        turns: whether neck and head turn as the face shows; an engine may know better.
    """
    response = response_of("default" if is_official(body) else body.name)
    if response is None:
        return _nothing(f"It is not known how the face of the body {body.name!r} moves: {_NEUTRAL}", face)
    if face is None:
        return _nothing(f"No face is seen: {_NEUTRAL}", face)
    if face.size < LEGIBLE.smallest:
        return _nothing(f"The face is smaller than {LEGIBLE.smallest:.0f} pixels: {_NEUTRAL}", face)
    if face.mesh is None:
        return _nothing(f"The points of the face are not seen, or their network is missing: {_NEUTRAL}", face)
    points = photo.to_original(face.mesh.points)
    scale = float(np.ptp(points[:, 0]) / max(np.ptp(face.mesh.points[:, 0]), 1e-9))
    ray = np.linalg.solve(intrinsics, np.append(points.mean(axis=0), 1.0))
    known = dict(zip(map(str, body.identity_names), np.asarray(state.identity, np.float64).tolist()))
    fit = fit_face(response, points, scale * face.mesh.depths, face.size, ray, known)
    if fit.error > LEGIBLE.error:
        return _nothing(f"The points of the face are not like a face's: {_NEUTRAL}", face, fit)
    if abs(fit.yaw) > LEGIBLE.aside:
        return _nothing(f"The face is turned too far aside: {_NEUTRAL}", face, fit)
    told = {
        name: share
        for name, share in fit.information.items()
        if share >= LEGIBLE.information and not _behind_a_lid(name, fit)
    }
    expression = {name: fit.expression[name] for name in told if fit.expression[name] >= LEGIBLE.faint}
    shape = {name: value for name, value in fit.identity.items() if name not in KEPT}
    if is_official(body):
        there = to_official().of(expression)
        expression = {body.expression_names[k]: float(there[k]) for k in np.flatnonzero(there >= LEGIBLE.faint)}
        shape = {}
    if not turns:
        return ReadFace(expression, shape, told, "", face.size, fit)
    turned, apart = turned_head(
        body, state, intrinsics, fit.rotation, fit.yaw, fit.error, points[list(_IRISES)].mean(axis=0), scale * face.size
    )
    moved = np.flatnonzero(turned != state.model_parameters)
    angles = dict(zip(moved.tolist(), turned[moved].tolist()))
    return ReadFace(expression, shape, told, "", face.size, fit, angles, apart)


def _behind_a_lid(name: str, fit: FaceFit) -> bool:
    """Whether an expression is a gaze of an eye that is closed: the network makes one up."""
    side = "Left" if name.endswith("Left") else "Right"
    return name.startswith("eyeLook") and fit.expression.get(f"eyeBlink{side}", 0.0) > LEGIBLE.closed


def _nothing(why: str, face: FaceReading | None, fit: FaceFit | None = None) -> ReadFace:
    return ReadFace({}, {}, {}, why, None if face is None else face.size, fit)
