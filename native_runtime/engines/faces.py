"""What a person's face does, put onto the body: expression, shape and turn of the head, where they can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import FaceReading
from native_runtime.fitting.evidence import HeadDistance
from native_runtime.fitting.face import TRUST, UNIT, FaceFit, FaceResponse, aligned, fit_face, response_of
from native_runtime.fitting.face_pose import turned_head
from native_runtime.fitting.face_transfer import is_official, to_official
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .estimate import Estimate
from .point_names import body_point

Array = NDArray[np.float64]

FACE = "face"
"""Among an estimate's details: ``ReadFace.to_json``."""


@dataclass(frozen=True)
class Legible:
    """What a face must be to be read. Our own choice: the limits of what ``bench.faces`` measures.

    Attributes:
        score: probability from which something is a face; those of photos have 0.79 and more.
        smallest: px, side of the face.
        aside: degrees of yaw from which a face shows too little; heads that are turned by 65 or 80 degrees look like
            52 and more.
        error: off what the model can show by more (``FaceFit.error``), the points are no face's.
        information: expressions of which the points say less stay 0 (``FaceFit.information``).
        faint: coefficients below this cannot be seen and stay 0.
        gaze: px, side of the face from which irises are seen.
        closed: ``eyeBlink`` from which an eye looks nowhere.
    """

    score: float = 0.7
    smallest: float = 40.0
    aside: float = 50.0
    error: float = 4.0
    information: float = 0.12
    faint: float = 0.08
    gaze: float = 50.0
    closed: float = 0.6


LEGIBLE = Legible()

KEPT = frozenset({"face_gender"})
"""Coefficients of the head that follow the sex (``engines.looks``)."""

_IRISES = (468, 473)
"""The middles of the irises among the points of the mesh."""

_EYES = ("left_eye", "right_eye")

HEADS = 0.045
"""How far the sizes of adults' heads spread, and how well a large face shows its size, together: sigma of the
logarithm. Breadth and length of heads vary by 3.5 to 4 % (standard deviations over means of ANSUR II, Gordon et al.
2014), rendered faces of one head by 2.5 % (``bench.faces``)."""

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


def head_distance(body: Body, face: FaceReading | None, photo: Photo, intrinsics: Array) -> HeadDistance | None:
    """How far a head is by the size of its face; None where that cannot be told. Arguments as ``read_expression``."""
    response, eyes, seen = response_of(body.name), [body_point(body, name) for name in _EYES], _legible(face)
    if response is None or isinstance(seen, str) or None in eyes:
        return None
    points = _Points.of(seen, photo)
    fit = points.fit(response, intrinsics, {})
    if _unlike(fit):
        return None
    focal = float(np.mean(np.diag(intrinsics)[:2]))
    sigma = HEADS * float(np.hypot(1.0, TRUST.blur / seen.size)) * max(1.0, fit.error)
    pixels = aligned(points.places, points.depths, response.mean)[2]
    return HeadDistance(tuple(str(name) for name in eyes), focal * UNIT / pixels, sigma)


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
    seen = _legible(face)
    if isinstance(seen, str):
        return _nothing(seen, face)
    points, known = _Points.of(seen, photo), np.asarray(state.identity, np.float64)
    fit = points.fit(response, intrinsics, dict(zip(map(str, body.identity_names), known.tolist())))
    why = _unlike(fit)
    if why:
        return _nothing(why, face, fit)
    told = {
        name: share
        for name, share in fit.information.items()
        if share >= LEGIBLE.information and not _unseen_gaze(name, fit, seen.size)
    }
    expression = {name: fit.expression[name] for name in told if fit.expression[name] >= LEGIBLE.faint}
    shape = {name: value for name, value in fit.identity.items() if name not in KEPT}
    if is_official(body):
        there = to_official().of(expression)
        expression = {body.expression_names[k]: float(there[k]) for k in np.flatnonzero(there >= LEGIBLE.faint)}
        shape = {}
    if not turns:
        return ReadFace(expression, shape, told, "", seen.size, fit)
    eyes, size = points.places[list(_IRISES)].mean(axis=0), points.scale * seen.size
    turned, apart = turned_head(body, state, intrinsics, fit.rotation, fit.yaw, fit.error, eyes, size)
    moved = np.flatnonzero(turned != state.model_parameters)
    angles = dict(zip(moved.tolist(), turned[moved].tolist()))
    return ReadFace(expression, shape, told, "", seen.size, fit, angles, apart)


def _legible(face: FaceReading | None) -> FaceReading | str:
    """A face whose points can be looked at, or why it says nothing."""
    if face is None or face.score < LEGIBLE.score:
        return f"No face is seen: {_NEUTRAL}"
    if face.size < LEGIBLE.smallest:
        return f"The face is smaller than {LEGIBLE.smallest:.0f} pixels: {_NEUTRAL}"
    if face.mesh is None:
        return f"The points of the face are not seen, or their network is missing: {_NEUTRAL}"
    return face


def _unlike(fit: FaceFit) -> str:
    """Why the points of a face say nothing; empty if they do."""
    if fit.error > LEGIBLE.error:
        return f"The points of the face are not like a face's: {_NEUTRAL}"
    if abs(fit.yaw) > LEGIBLE.aside:
        return f"The face is turned too far aside: {_NEUTRAL}"
    return ""


@dataclass(frozen=True)
class _Points:
    """The points of a face in pixels of the original photo.

    Attributes:
        places, depths: (478, 2), (478,) px.
        size: working px, side of the face.
        scale: px of the original photo to one of these.
    """

    places: Array
    depths: Array
    size: float
    scale: float

    @staticmethod
    def of(face: FaceReading, photo: Photo) -> _Points:
        """`face` has a mesh."""
        assert face.mesh is not None
        places = photo.to_original(face.mesh.points)
        scale = float(np.ptp(places[:, 0]) / max(np.ptp(face.mesh.points[:, 0]), 1e-9))
        return _Points(places, scale * face.mesh.depths, face.size, scale)

    def fit(self, response: FaceResponse, intrinsics: Array, known: Mapping[str, float]) -> FaceFit:
        """What they say."""
        ray = np.linalg.solve(intrinsics, np.append(self.places.mean(axis=0), 1.0))
        return fit_face(response, self.places, self.depths, self.size, ray, known)


def _unseen_gaze(name: str, fit: FaceFit, size: float) -> bool:
    """Whether an expression is a gaze of an eye that is closed or small (px of the face): the network makes one up."""
    side = "Left" if name.endswith("Left") else "Right"
    closed = fit.expression.get(f"eyeBlink{side}", 0.0) > LEGIBLE.closed
    return name.startswith("eyeLook") and (closed or size < LEGIBLE.gaze)


def _nothing(why: str, face: FaceReading | None, fit: FaceFit | None = None) -> ReadFace:
    return ReadFace({}, {}, {}, why, None if face is None else face.size, fit)
