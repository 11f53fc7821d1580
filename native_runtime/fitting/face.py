"""A face in a photo -> how the head is turned, the shape of the face, and its expression.

The landmark network does not put its points on bones and skin but where faces usually have them: of a slider that moves
a cheek by a centimetre it may show two millimetres, and something at the mouth as well. So the shapes that are fitted
are not those of the mesh but what the network makes of them, measured on rendered heads (``FaceResponse``, made by
``python -m bench.faces learn``): the points, brought to one place, size and direction, are taken as a linear function
of identity and expression coefficients and of how the head is turned, plus noise, whose covariance is measured, too.
That noise includes what the body's sex and weight do to the points. Differences between points that hardly vary say as
much as large ones: the network gives its points without noise of its own.

The coefficients follow by least squares within their bounds. Those of the identity are Gaussian; those of the
expression are few and not large: an exponential prior, which for coefficients that are not negative is a linear cost
(Tibshirani's lasso, 1996), and a Gaussian one.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr.rotations import rotation_vector_to_matrix

Array = NDArray[np.float64]

FAMILIES = {"default": "default.json", "default-lod1": "default.json", "default-lod2": "default.json"}
"""The bodies whose faces are known, and the data of each: all levels of detail have the same sliders."""

UNIT = 0.0536
"""m: what a unit of ``FaceResponse.mean`` is on a head of the usual size: the mean of rendered heads (``bench.faces``)
at known distances; of single ones it differs by 4 %, and by 2.5 % where their shape is taken into account."""

_SWEEPS = 400
_SETTLED = 1e-5


@dataclass(frozen=True)
class FaceTrust:
    """How far points and priors are believed. Our own choice, on rendered heads for tuning (``bench.faces``).

    Attributes:
        few: cost of one unit of an expression coefficient.
        spread: sigma of expression coefficients about 0.
        sides: sigma of the difference between both sides of a face, and between what both eyes look at.
        identity: sigma of identity coefficients.
        noise: factor on the measured covariance: people differ more than rendered heads do.
        blur: px, added to the noise of small faces: at this size its variance is doubled.
        turned: degrees, added to the noise of faces that look aside: at this yaw its variance is doubled.
        usual: error of a rendered head. The variance grows with the square of what is beyond: a beard, a hand before
            the mouth or glasses are not taken for an expression.
        aside: degrees of yaw at which the usual error of people is twice as large, and the costs in ``RARE`` are
            taken to the power of 1.5.
    """

    few: float = 0.7
    spread: float = 0.8
    sides: float = 0.15
    identity: float = 0.35
    noise: float = 1.2
    blur: float = 40.0
    turned: float = 75.0
    usual: float = 0.7
    aside: float = 45.0


TRUST = FaceTrust()

RARE: dict[str, float] = {
    "jawLeft": 4.0, "jawRight": 4.0, "jawForward": 4.0, "mouthLeft": 4.0, "mouthRight": 4.0, "cheekPuff": 4.0,
    "browDown": 3.0, "noseSneer": 4.0, "cheekSquint": 2.0, "mouthRollUpper": 2.0, "mouthRollLower": 2.0,
    "mouthShrugUpper": 2.0, "mouthShrugLower": 2.0, "mouthFunnel": 2.0, "mouthPress": 2.0, "mouthStretch": 2.0,
    "mouthFrown": 1.5, "eyeSquint": 1.5, "browOuterUp": 1.5, "mouthUpperUp": 1.5, "mouthPucker": 2.0,
}  # fmt: skip
"""How many times ``FaceTrust.few`` an expression costs that people show less often in photos, or that the shape of a
face, a beard or its turn imitates, than they smile, open their mouths or close their eyes; for both sides. Our own
choice, by looking at photos."""


CONTRARY = (
    ("browDown", "browOuterUp"), ("mouthSmile", "mouthFrown"), ("eyeWide", "eyeBlink"), ("eyeWide", "eyeSquint"),
    ("eyeLookUp", "eyeLookDown"),
)  # fmt: skip
"""Expressions of one side that nobody shows together; glasses and fringes can look like both."""


@dataclass(frozen=True)
class FaceResponse:
    """What the network shows of a body's head.

    Attributes:
        mean: (478, 3) the points of the neutral mean head, of unit size, x to the picture's right, y down, z away.
        components: (D, 1434) principal directions of the points about the mean.
        slopes: (n, D) change of the components' amounts for one unit of each coefficient.
        covariance: (D, D) of what the coefficients do not explain.
        bends: (5, D) change of the amounts with the turn of the head (``turn_terms``): on a face that is turned the
            network puts its points elsewhere.
        expression, identity: the names of the coefficients, expression first in ``slopes``.
        forward: (3,) unit vector out of the neutral head's face, in the axes of ``mean``.
    """

    mean: Array
    components: Array
    slopes: Array
    covariance: Array
    bends: Array
    expression: tuple[str, ...]
    identity: tuple[str, ...]
    forward: Array

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return {
            "expression": list(self.expression),
            "identity": list(self.identity),
            "forward": np.round(self.forward, 5).tolist(),
            **{name: _packed(getattr(self, name)) for name in _ARRAYS},
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> FaceResponse:
        """Read back what ``to_json`` wrote."""
        arrays = {name: _unpacked(content[name]) for name in _ARRAYS}
        return FaceResponse(
            expression=tuple(content["expression"]),
            identity=tuple(content["identity"]),
            forward=np.array(content["forward"]),
            **arrays,
        )


_ARRAYS = ("mean", "components", "slopes", "covariance", "bends")

_MOST_TURNED = np.radians(50.0)


def turn_terms(yaw: float, pitch: float) -> Array:
    """(5,) what the network's points follow when a head is turned: yaw and pitch (degrees), in radians, and their
    products; beyond 50 degrees as at 50.
    """
    across, up = np.clip(np.radians([yaw, pitch]), -_MOST_TURNED, _MOST_TURNED)
    return np.array([across, across**2, up, up**2, across * up])


def _packed(values: Array) -> dict[str, Any]:
    """An array as text: single precision would be three times what the measurement is good for."""
    scale = float(np.abs(values).max()) or 1.0
    halves = (values / scale).astype("<f2").tobytes()
    return {"shape": list(values.shape), "scale": scale, "halves": base64.b64encode(halves).decode("ascii")}


def _unpacked(packed: dict[str, Any]) -> Array:
    halves = np.frombuffer(base64.b64decode(packed["halves"]), "<f2").astype(np.float64)
    return np.asarray(packed["scale"] * halves.reshape(packed["shape"]))


@lru_cache(maxsize=4)
def response_of(body_name: str) -> FaceResponse | None:
    """What the network shows of a body's head; None for bodies whose faces are not known."""
    if body_name not in FAMILIES:
        return None
    return FaceResponse.from_json(load_json("face", FAMILIES[body_name]))


@dataclass(frozen=True)
class FaceFit:
    """The result.

    Attributes:
        expression, identity: by name: coefficients.
        information: by the expressions' names, 0..1: which part of the prior's variance the points took away.
        error: how far the points are off what the model can show, in the noise's own standard deviations (about 1 for
            faces like those it was measured on).
        rotation: (3, 3) from the resting head's axes (x to its left, y down, z backwards) to the camera's.
        yaw, pitch: degrees by which the head is turned from the line of sight, in its own axes: to the picture's right,
            and up.
    """

    expression: dict[str, float]
    identity: dict[str, float]
    information: dict[str, float]
    error: float
    rotation: Array
    yaw: float
    pitch: float


def aligned(points: Array, depths: Array, mean: Array) -> tuple[Array, Array, float]:
    """The points (478, 3) brought to the place, size and direction of ``mean`` (478, 3); the rotation (3, 3) that was
    taken away, and the size in px (Umeyama 1991).
    """
    seen = np.column_stack([points, depths])
    seen = seen - seen.mean(axis=0)
    model = mean - mean.mean(axis=0)
    left, values, right = np.linalg.svd(seen.T @ model)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(sign) @ right
    size = float(values @ sign / np.sum(model**2))
    return seen @ rotation / max(size, 1e-9) + mean.mean(axis=0), rotation, size


def fit_face(
    response: FaceResponse,
    points: Array,
    depths: Array,
    size: float,
    ray: Array,
    known: Mapping[str, float] | None = None,
    trust: FaceTrust = TRUST,
) -> FaceFit:
    """The coefficients of a face.

    Args:
        response: of the body that has them.
        points, depths: (478, 2), (478,) px, as ``detection.landmarks.FaceMesh``.
        size: px, side of the face.
        ray: (3,) camera axes, from the camera to the face: networks see it as if the camera looked straight at it.
        known: identity coefficients that the body has already, by name, about which they are looked for.
    """
    places, rotation, _ = aligned(points, depths, response.mean)
    # Where the camera is from the head tells how the head is turned, however the photo is rolled.
    camera = -rotation[2]
    yaw = float(np.degrees(np.arctan2(-camera[0], -camera[2])))
    pitch = float(np.degrees(np.arcsin(np.clip(camera[1], -1.0, 1.0)) - np.arcsin(response.forward[1])))
    amounts = response.components @ (places - response.mean).ravel() - turn_terms(yaw, pitch) @ response.bends
    noise = trust.noise * (1.0 + (trust.blur / size) ** 2 + (yaw / trust.turned) ** 2)
    weight = np.linalg.inv(noise * response.covariance)
    problem = _Problem(response, trust, known or {}, yaw)
    values, error = problem.solved(amounts, weight)
    usual = trust.usual * (1.0 + (yaw / trust.aside) ** 2)
    if error > usual:
        weight = weight * (usual / error) ** 2
        values, _ = problem.solved(amounts, weight)
    count = len(response.expression)
    return FaceFit(
        _agreeing(dict(zip(response.expression, values[:count].tolist()))),
        dict(zip(response.identity, values[count:].tolist())),
        dict(zip(response.expression, problem.information(weight).tolist())),
        error,
        _onto(ray) @ rotation @ _pitched(response.forward),
        yaw,
        pitch,
    )


def _agreeing(expression: dict[str, float]) -> dict[str, float]:
    """The same where nothing contradicts itself: of what both of a pair show nothing is left."""
    result = dict(expression)
    for one, other in CONTRARY:
        for side in ("Left", "Right"):
            both = min(expression.get(one + side, 0.0), expression.get(other + side, 0.0))
            for name in (one + side, other + side):
                if name in result:
                    result[name] = result[name] - both
    return result


class _Problem:
    """The priors of a body's coefficients, and the cost together with the points."""

    def __init__(self, response: FaceResponse, trust: FaceTrust, known: Mapping[str, float], yaw: float) -> None:
        self._slopes = response.slopes
        names, others = response.expression, len(response.identity)
        self._count = len(names)
        prior = np.diag(np.r_[np.full(self._count, trust.spread**-2), np.full(others, trust.identity**-2)])
        for one, other in _pairs(names):
            prior[[one, other], [one, other]] += trust.sides**-2
            prior[[one, other], [other, one]] -= trust.sides**-2
        self._prior = prior
        kinds = [name.removesuffix("Left").removesuffix("Right") for name in names]
        costs = np.array([RARE.get(name, RARE.get(kind, 1.0)) for name, kind in zip(names, kinds)])
        self._cost = np.r_[trust.few * costs ** (1.0 + 0.5 * (yaw / trust.aside) ** 2), np.zeros(others)]
        self._low = np.r_[np.zeros(self._count), np.full(others, -1.0)]
        self._mean = np.r_[np.zeros(self._count), [known.get(name, 0.0) for name in response.identity]]

    def solved(self, amounts: Array, weight: Array) -> tuple[Array, float]:
        """The coefficients, and the error that is left (see ``FaceFit``)."""
        hessian = self._slopes @ weight @ self._slopes.T + self._prior
        pull = self._slopes @ (weight @ amounts) + self._prior @ self._mean - self._cost
        values = within_bounds(hessian, pull, self._low, np.ones(len(pull)))
        rest = amounts - values @ self._slopes
        return values, float(np.sqrt(rest @ weight @ rest / len(rest)))

    def information(self, weight: Array) -> Array:
        """(n_ex,) which part of the prior's variance the points take away."""
        before = np.diag(np.linalg.inv(self._prior))
        after = np.diag(np.linalg.inv(self._slopes @ weight @ self._slopes.T + self._prior))
        return np.clip(1.0 - after / before, 0.0, 1.0)[: self._count]


def _pairs(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Numbers of the expressions that are mostly alike on both sides; eyes that look aside do so together."""
    pairs = []
    for number, name in enumerate(names):
        if not name.endswith("Left") or name in ("mouthLeft", "jawLeft"):
            continue
        other = name.removesuffix("Left") + "Right"
        for inwards, outwards in (("LookIn", "LookOut"), ("LookOut", "LookIn")):
            if inwards in name:
                other = name.removesuffix("Left").replace(inwards, outwards) + "Right"
                break
        if other in names:
            pairs.append((number, names.index(other)))
    return pairs


def within_bounds(hessian: Array, pull: Array, low: Array, high: Array) -> Array:
    """The x within ``low`` and ``high`` (n,) at which x' hessian x / 2 - pull' x is least: one coordinate after the
    other, which for a positive definite matrix (n, n) comes to the only minimum (Luo and Tseng, 1992).
    """
    x = np.clip(np.zeros(len(pull)), low, high)
    slope = hessian @ x - pull
    scale = np.diag(hessian)
    for _ in range(_SWEEPS):
        most = 0.0
        for k in range(len(x)):
            moved = min(max(x[k] - slope[k] / scale[k], low[k]), high[k])
            step = moved - x[k]
            if step:
                slope += step * hessian[k]
                x[k] = moved
                most = max(most, abs(step))
        if most < _SETTLED:
            break
    return x


def _pitched(forward: Array) -> Array:
    """The rotation from the resting head's axes to those of the mean face, whose ``forward`` lies above or below."""
    _, sine, cosine = -forward / np.linalg.norm(forward)
    return np.array([[1.0, 0.0, 0.0], [0.0, cosine, sine], [0.0, -sine, cosine]])


def _onto(ray: Array) -> Array:
    """The smallest rotation that brings the optical axis onto a ray."""
    forward = np.asarray(ray) / np.linalg.norm(ray)
    axis = np.array([-forward[1], forward[0], 0.0])
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return np.eye(3)
    return np.asarray(rotation_vector_to_matrix(axis / sine * np.arctan2(sine, forward[2])))
