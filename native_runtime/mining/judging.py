"""From an estimate to its score, its kinds and the reasons, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from native_runtime.camera import project
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.pipeline.boxes import overlap
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.prompts.quality import person_size

from .kinds import Kind, Scene, kinds_of
from .picture import sharpness
from .posture import posture
from .score import ScoreModel
from .seen import SeenPhoto
from .signs import MAIN, SignReader, Signs

REASONS: Mapping[str, str] = {
    "disagreement": "two networks see the joints in different places",
    "worst_disagreement": "two networks see some joints in different places",
    "hidden": "joints are hidden",
    "outside": "joints are outside the photo",
    "unseen": "the landmark networks see nobody there",
    "faint": "the person is hard to make out",
    "residual": "the body misses the detected points",
    "worst_residual": "the body misses some detected points",
    "depth": "depth is uncertain",
    "unlikely": "the pose is unusual",
    "limits": "joints are at their limits",
    "outline": "the body does not fill the outline",
    "inside": "parts of the body lie inside others",
    "floating": "one foot floats",
    "warnings": "the engine warns",
    "blur": "the picture is blurred",
    "small": "the person is small",
    "dark": "the picture is dark",
    "flip": "the mirrored photo gives another pose",
}
_TELLING = 0.25
"""What a sign adds to the log odds from which it is a reason."""
_MOST_REASONS = 3


@dataclass(frozen=True)
class Judgement:
    """What is thought of an estimate.

    Attributes:
        score: 0..1, the probability that it is wrong.
        kinds: what is hard about the photo.
        signs: what the score is made of.
        reasons: the signs that add most to it, in words, the strongest first.
    """

    score: float
    kinds: tuple[Kind, ...]
    signs: Signs
    reasons: tuple[str, ...]


class Judge:
    """Judges estimates of one body."""

    def __init__(self, body: Body, model: ScoreModel | None = None) -> None:
        self.body = body
        self._signs = SignReader(body)
        self._model = model or ScoreModel.load()

    def judge(self, estimate: Estimate, seen: SeenPhoto | None, flip: Estimate | None = None) -> Judgement:
        """Judge an estimate.

        Args:
            estimate: of this judge's body.
            seen: its photo; None where it cannot be read any more: then the kinds of pictures are not told.
            flip: the estimate of the mirrored photo, mirrored back.
        """
        signs = self._signs.read(estimate, seen, flip)
        kinds = kinds_of(posture(estimate, self.body), scene_of(estimate, seen, signs))
        parts = self._model.parts(signs)
        telling = sorted((name for name in parts if parts[name] >= _TELLING), key=lambda name: -parts[name])
        reasons = tuple(dict.fromkeys(REASONS[name] for name in telling))
        return Judgement(self._model.score(signs), kinds, signs, reasons[:_MOST_REASONS])


def scene_of(estimate: Estimate, seen: SeenPhoto | None, signs: Signs) -> Scene:
    """What kinds are told by besides the pose."""
    names = keypoint_names()
    flat = np.asarray(estimate.keypoints_2d, np.float64)[[names.index(name) for name in MAIN]]
    with np.errstate(invalid="ignore"):
        within = np.all((flat > -0.5) & (flat < np.asarray(estimate.image_size) - 0.5), axis=1)
    size = person_size(estimate.keypoints_3d, estimate.intrinsics)
    if seen is None:
        return Scene(float(np.mean(~within)), size=size)
    own = seen.person(estimate)
    return Scene(
        outside=float(np.mean(~within)),
        hidden=1.0 if own is None else behind_something(estimate, signs.hidden),
        people=len(seen.people),
        covered=_covered(estimate, seen, own),
        sharpness=sharpness(seen.photo.pixels, seen.photo.to_working(estimate.bbox.reshape(2, 2)).ravel()),
        size=size,
    )


def behind_something(estimate: Estimate, hidden: float) -> float:
    """The share of the joints of the limbs that are out of sight, less those that lie behind the body itself.

    Args:
        hidden: the share that is within the photo and out of sight.
    """
    names = keypoint_names()
    rows = [names.index(name) for name in MAIN]
    flat, deep = np.asarray(estimate.keypoints_2d, np.float64)[rows], np.asarray(estimate.keypoints_3d)[rows, 2]
    vertices = np.asarray(estimate.vertices, np.float64)
    seen = project(vertices, estimate.intrinsics)
    reach = _BESIDE * person_size(estimate.keypoints_3d, estimate.intrinsics)
    with np.errstate(invalid="ignore"):
        over = np.linalg.norm(seen[None] - flat[:, None], axis=-1) < reach
        inside = np.all((flat > -0.5) & (flat < np.asarray(estimate.image_size) - 0.5), axis=1)
    nearest = np.where(over, vertices[None, :, 2], np.inf).min(axis=1)
    return max(0.0, hidden - float(np.mean(inside & (nearest < deep - _BEFORE))))


_BESIDE, _BEFORE = 0.02, 0.14
"""Of the person's size, and metres: skin this near to a joint in the photo and this far before it hides it; the joint's
own skin is nearer."""


def _covered(estimate: Estimate, seen: SeenPhoto, own: PersonLandmarks | None) -> float:
    """The largest share of the person's box that somebody else's covers."""
    x0, y0, x1, y1 = estimate.bbox.tolist()
    area = max((x1 - x0) * (y1 - y0), 1e-9)
    shares = [0.0]
    for one, box in zip(seen.people, seen.boxes, strict=True):
        if one is own or overlap(box.tolist(), estimate.bbox.tolist()) > _SAME:
            continue
        width, height = min(x1, box[2]) - max(x0, box[0]), min(y1, box[3]) - max(y0, box[1])
        shares.append(max(width, 0.0) * max(height, 0.0) / area)
    return float(max(shares))


_SAME = 0.7
"""Boxes that overlap more are of one person."""
