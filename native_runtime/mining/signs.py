"""Signs of failure: what about an estimate and its photo makes an error likely. Numbers, larger where it is likelier.

None of them knows the truth; ``score`` says how much each of them counts. Distances are parts of the person's size
(1.7 m at their depth).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.engines.details import number_of
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.uncertainty import UncertaintyMeter
from native_runtime.fitting.collision import CollisionTerm
from native_runtime.fitting.floor import SIDES, Soles
from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.pose_mixture import MixtureTerm
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import SeenPoints
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.prompts.quality import person_size

from .picture import sharpness
from .posture import up_of
from .seen import SeenPhoto

Array = NDArray[np.float64]

UNKNOWN = math.nan

MAIN = tuple(
    f"{side}_{name}" for side in ("left", "right") for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
_LIMB_POINTS = [BODY_POINTS.index(name) for name in MAIN]
_IN_SIGHT = 0.5
"""A network's visibility or presence from which a point counts as seen, or as within the photo."""
_MASK_SIDE = 192
"""Px of the longer side at which outlines are compared: the networks' own masks have 256."""


@dataclass(frozen=True)
class Signs:
    """One person's. NaN where it is not known.

    Attributes:
        disagreement, worst_disagreement: between the two landmark networks, over the twelve joints of the limbs: mean
            and the mean of the three largest.
        hidden: share of these joints that are within the photo and not in sight.
        outside: share of them that are not within the photo.
        unseen: 1 where the landmark networks see nobody where the engine has somebody.
        faint: 1 less the network's probability that somebody is there.
        residual, worst_residual: between the body and what the networks see, within the photo, as for disagreement.
        depth: between the body and what the networks see in space.
        unlikely: the pose prior's cost, in units of its numbers.
        limits: share of the angles of limbs and spine that are on one of MHR's limits.
        outline: 1 less intersection over union of body and mask.
        inside: metres by which parts of the body lie in others, the deepest.
        floating: metres between the heights of both soles, of somebody whose legs are straight.
        warnings: how many there are.
        blur: softness of the picture along its most blurred direction (``picture.Sharpness``).
        small: 1 at a size of 64 px and halved with each doubling.
        dark: 1 less the brightness of the person, 0..1.
        flip: between the estimate and that of the mirrored photo, in space; only where it was asked for.
    """

    disagreement: float = UNKNOWN
    worst_disagreement: float = UNKNOWN
    hidden: float = UNKNOWN
    outside: float = UNKNOWN
    unseen: float = UNKNOWN
    faint: float = UNKNOWN
    residual: float = UNKNOWN
    worst_residual: float = UNKNOWN
    depth: float = UNKNOWN
    unlikely: float = UNKNOWN
    limits: float = UNKNOWN
    outline: float = UNKNOWN
    inside: float = UNKNOWN
    floating: float = UNKNOWN
    warnings: float = UNKNOWN
    blur: float = UNKNOWN
    small: float = UNKNOWN
    dark: float = UNKNOWN
    flip: float = UNKNOWN

    def to_json(self) -> dict[str, float | None]:
        """By name, None where it is not known."""
        return {name: None if math.isnan(value) else round(value, 4) for name, value in asdict(self).items()}


NAMES = tuple(field.name for field in fields(Signs))


class SignReader:
    """Reads the signs of estimates of one body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._meter = UncertaintyMeter(body)
        self._prior = PosePrior.load(body).with_mixtures(body)
        self._collision = CollisionTerm(body)
        names = keypoint_names()
        self._main = [names.index(name) for name in MAIN]
        low, high = body.limit_min, body.limit_max
        free = (high - low > 1e-6) & np.isfinite(low) & np.isfinite(high)
        self._limited = np.array(
            [index for index in self._prior.parameters if free[index] and _of_pose(body.parameter_names[index])]
        )

    def read(self, estimate: Estimate, seen: SeenPhoto | None, flip: Estimate | None = None) -> Signs:
        """The signs of an estimate.

        Args:
            estimate: of this reader's body.
            seen: its photo; None where that cannot be read any more.
            flip: the estimate of the mirrored photo, mirrored back.
        """
        size = person_size(estimate.keypoints_3d, estimate.intrinsics)
        found = self._of_estimate(estimate, size)
        if flip is not None:
            found["flip"] = _apart(estimate, flip)
        if seen is None or not np.isfinite(size):
            return Signs(**found)
        found |= self._of_picture(estimate, seen, size)
        person = seen.person(estimate)
        found["unseen"] = float(person is None)
        if person is not None:
            found |= self._of_person(estimate, seen, person, size)
        return Signs(**found)

    def _of_estimate(self, estimate: Estimate, size: float) -> dict[str, float]:
        state, body = estimate.state, self._body
        pose = body.pose(state.model_parameters)
        up = up_of(estimate)
        costs = [
            MixtureTerm(mixture, 1.0, up).cost(pose, state) / len(mixture.means[0]) for mixture in self._prior.mixtures
        ]
        values = state.model_parameters[self._limited]
        low, high = body.limit_min[self._limited], body.limit_max[self._limited]
        margin = 1e-3 * (high - low)
        error = number_of(estimate.details.get("point_error_px"), 0.0)
        found = {
            "unlikely": float(np.sum(costs)),
            "limits": float(np.mean((values <= low + margin) | (values >= high - margin))),
            "inside": max(0.0, float(self._collision.depths(pose, state).max())),
            "floating": self._floating(estimate, up),
            "warnings": float(len(estimate.warnings)),
            "small": min(4.0, 64.0 / size) if np.isfinite(size) and size > 0 else UNKNOWN,
        }
        if error is not None and np.isfinite(size):
            found["residual"] = error / size
        return found

    def _of_picture(self, estimate: Estimate, seen: SeenPhoto, size: float) -> dict[str, float]:
        photo = seen.photo
        box = photo.to_working(estimate.bbox.reshape(2, 2)).ravel()
        x0, y0, x1, y1 = np.clip(box, 0, [photo.size[0], photo.size[1]] * 2).astype(int)
        part = photo.pixels[y0 : y1 + 1, x0 : x1 + 1]
        bright = float(np.percentile(part, 90)) / 255.0 if part.size else UNKNOWN
        return {"blur": sharpness(photo.pixels, box).softest, "dark": 1.0 - bright}

    def _of_person(self, estimate: Estimate, seen: SeenPhoto, person: PersonLandmarks, size: float) -> dict[str, float]:
        sources = self._meter.sources(person, seen.photo, estimate)
        apart = {name: np.asarray(values)[self._main] / size for name, values in sources.items()}
        within = person.presence[_LIMB_POINTS] >= _IN_SIGHT
        visible = person.visibility[_LIMB_POINTS] >= _IN_SIGHT
        found = {
            "hidden": float(np.mean(within & ~visible)),
            "outside": float(np.mean(~within)),
            "faint": 1.0 - float(person.score),
            "depth": float(np.mean(apart["space"])),
            "outline": self._outline(estimate, seen, person),
        }
        residual = apart["residual"][within] if within.any() else apart["residual"]
        found["residual"], found["worst_residual"] = float(np.mean(residual)), _worst(residual)
        if "second" in apart:
            found["disagreement"], found["worst_disagreement"] = (
                float(np.mean(apart["second"])),
                _worst(apart["second"]),
            )
        return found

    def _outline(self, estimate: Estimate, seen: SeenPhoto, person: PersonLandmarks) -> float:
        """1 less intersection over union of the body and the mask, within the photo."""
        mask = seen.mask(person)
        height, width = mask.shape
        scale = min(1.0, _MASK_SIDE / max(float(np.max(estimate.bbox[2:] - estimate.bbox[:2])), 1.0))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        drawn = body_mask(estimate, self._body, size)
        both = float(np.count_nonzero(small | drawn))
        return 1.0 - float(np.count_nonzero(small & drawn)) / both if both else UNKNOWN

    def _floating(self, estimate: Estimate, up: Array) -> float:
        """Metres between the soles' heights of somebody who stands on straight legs; else 0."""
        body, joints = self._body, np.asarray(estimate.joints, np.float64)
        for side in SIDES:
            hip, knee, foot = (joints[body.joint_index(f"{side}_{name}")] for name in ("upleg", "lowleg", "foot"))
            thigh, shank = knee - hip, foot - knee
            if thigh @ shank < _STRAIGHT * np.linalg.norm(thigh) * np.linalg.norm(shank) or shank @ up > 0:
                return 0.0
        soles = _soles_of(body)
        state = estimate.state
        points = soles.camera(body.pose(state.model_parameters), state)[:8] @ up - Soles.of(body).heights
        return abs(float(points[:4].mean() - points[4:].mean()))


def _of_pose(parameter: str) -> bool:
    """Whether a model parameter is an angle of the trunk or of a limb."""
    return not parameter.startswith(("root_", "scale_")) and not of_fingers(parameter)


_STRAIGHT = 0.94
"""Cosine of the bend of a knee up to which a leg counts as straight."""

_soles: WeakKeyDictionary[Body, SeenPoints] = WeakKeyDictionary()


def _soles_of(body: Body) -> SeenPoints:
    if body not in _soles:
        _soles[body] = SeenPoints(Soles.of(body).points)
    return _soles[body]


def body_mask(estimate: Estimate, body: Body, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) where an estimate's body covers its photo, reduced to ``size`` (width, height)."""
    scale = np.array(size) / np.asarray(estimate.image_size, np.float64)
    vertices = np.asarray(estimate.vertices, np.float64)
    before = vertices[:, 2] > 1e-3
    places = vertices @ estimate.intrinsics.T
    pixels = (places[:, :2] / np.where(before, places[:, 2], 1.0)[:, None] + 0.5) * scale - 0.5
    mask = np.zeros((size[1], size[0]), np.uint8)
    triangles = body.triangles[before[body.triangles].all(axis=1)]
    corners = np.round(np.clip(pixels, -8000, 8000)[triangles] * 16).astype(np.int32)
    for triangle in corners:
        cv2.fillConvexPoly(mask, triangle, 1, shift=4)
    return mask.astype(bool)


def _worst(values: Array) -> float:
    return float(np.mean(np.sort(values)[-3:]))


def _apart(first: Estimate, second: Estimate) -> float:
    """Mean distance of the limbs' joints, from the middle of the hips, in statures of 1.7 m."""
    names = keypoint_names()
    rows = [names.index(name) for name in MAIN]
    hips = [names.index("left_hip"), names.index("right_hip")]
    a, b = (
        np.asarray(one.keypoints_3d, np.float64)[rows] - np.asarray(one.keypoints_3d)[hips].mean(axis=0)
        for one in (first, second)
    )
    return float(np.mean(np.linalg.norm(a - b, axis=1))) / 1.7
