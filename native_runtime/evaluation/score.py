"""Who was found, and how well: estimates against the truth, picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from native_runtime.models.sam3d_body_layout import HIPS

from . import metrics
from .found import FoundPerson
from .intervals import bootstrap, mean
from .truth import BODY_JOINTS, TruePicture

Array = NDArray[np.float64]

_ROOT = tuple(BODY_JOINTS.index(number) for number in range(HIPS.start, HIPS.stop))
#: An estimate is of a person whose box it shares so much with.
_SAME_PERSON = 0.3
_IGNORED = 0.5


@dataclass(frozen=True)
class Scores:
    """The errors of people, each in groups of those of one picture.

    Attributes:
        found, false: people of each picture who were found, as shares 0 or 1 of those there are; estimates of nobody.
        correct: PCK@0.05 of keypoints; those of people who were not found count as wrong.
        correct_found: the same, of those who were found.
        errors, aligned: mm at the body's joints, of those who were found, from the middle of the hips and after
            Procrustes analysis.
    """

    found: list[Array] = field(default_factory=list)
    false: list[Array] = field(default_factory=list)
    correct: list[Array] = field(default_factory=list)
    correct_found: list[Array] = field(default_factory=list)
    errors: list[Array] = field(default_factory=list)
    aligned: list[Array] = field(default_factory=list)

    def figures(self) -> dict[str, dict[str, float]]:
        """By name: the figure, and the interval that holds it with a certainty of 95 %."""
        shown = {
            "people found, %": (self.found, 100.0),
            "false people a picture": (self.false, 1.0),
            "PCK@0.05, %": (self.correct, 100.0),
            "PCK@0.05 of people found, %": (self.correct_found, 100.0),
            "MPJPE, mm": (self.errors, 1.0),
            "PA-MPJPE, mm": (self.aligned, 1.0),
        }
        figures = {}
        for name, (groups, unit) in shown.items():
            scaled = [unit * group for group in groups]
            figures[name] = _figure(scaled, mean)
        figures["AUC, %"] = _figure(self.errors, lambda values: 100 * metrics.area_under_curve(values))
        return {name: figure for name, figure in figures.items() if np.isfinite(figure["value"])}


def score(pictures: Sequence[TruePicture], estimates: Mapping[str, Sequence[FoundPerson]]) -> dict[str, Scores]:
    """The scores of all people, under "", and of each category.

    Args:
        estimates: by the picture's file name; a picture without any is one where nobody was found.
    """
    scores = {"": Scores()}
    for picture in pictures:
        given = list(estimates.get(picture.name, ()))
        partners = _partners(picture, given)
        alone = [number for number in range(len(given)) if number not in partners.values()]
        stray = [number for number in alone if not _is_ignored(given[number], picture)]
        for category in {"", *(person.category for person in picture.people)}:
            own = scores.setdefault(category, Scores())
            people = [i for i, person in enumerate(picture.people) if category in ("", person.category)]
            _add(own, picture, people, given, partners)
            own.false.append(np.array([float(len(stray))]))
    return scores


def _add(
    scores: Scores,
    picture: TruePicture,
    people: Sequence[int],
    given: Sequence[FoundPerson],
    partners: Mapping[int, int],
) -> None:
    if not people:
        return
    scores.found.append(np.array([float(number in partners) for number in people]))
    correct, correct_found, errors, aligned = [], [], [], []
    for number in people:
        true = picture.people[number]
        if number not in partners:
            correct.append(np.where(np.isfinite(true.keypoints_2d).all(axis=1), 0.0, np.nan))
            continue
        estimate = given[partners[number]]
        correct.append(metrics.correct_keypoints(estimate.keypoints_2d, true.keypoints_2d, true.box))
        correct_found.append(correct[-1])
        if true.keypoints_3d is not None:
            body = list(BODY_JOINTS)
            errors.append(metrics.joint_errors(estimate.keypoints_3d[body], true.keypoints_3d[body], _ROOT))
            aligned.append(metrics.aligned_errors(estimate.keypoints_3d[body], true.keypoints_3d[body]))
    for groups, values in (
        (scores.correct, correct),
        (scores.correct_found, correct_found),
        (scores.errors, errors),
        (scores.aligned, aligned),
    ):
        if values:
            groups.append(np.concatenate(values))


def _partners(picture: TruePicture, given: Sequence[FoundPerson]) -> dict[int, int]:
    """By person, the estimate that is of them: the pairs that overlap most first, each at most once."""
    if not given or not picture.people:
        return {}
    true = np.stack([person.box for person in picture.people])
    overlaps = metrics.overlap(true, np.stack([_body_box(estimate) for estimate in given]))
    partners: dict[int, int] = {}
    for flat in np.argsort(-overlaps, axis=None, kind="stable").tolist():
        person, estimate = divmod(flat, len(given))
        if overlaps[person, estimate] < _SAME_PERSON:
            break
        if person not in partners and estimate not in partners.values():
            partners[person] = estimate
    return partners


def _is_ignored(estimate: FoundPerson, picture: TruePicture) -> bool:
    """Whether most of an estimate lies in the box of somebody who is not annotated."""
    box = _body_box(estimate)
    low, high = np.maximum(picture.ignored[:, :2], box[:2]), np.minimum(picture.ignored[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return bool((shared > _IGNORED * (box[2:] - box[:2]).prod()).any())


def _body_box(estimate: FoundPerson) -> Array:
    """(4,) the box of the estimate's keypoints within the picture; the one that was found where none is inside."""
    size = estimate.image_size.astype(np.float64)
    points = estimate.keypoints_2d
    inside = np.isfinite(points).all(axis=1) & (points >= 0).all(axis=1) & (points < size).all(axis=1)
    if np.count_nonzero(inside) < 2:
        return np.asarray(estimate.bbox, np.float64)
    return np.concatenate([points[inside].min(axis=0), points[inside].max(axis=0)])


def _figure(groups: Sequence[Array], figure: Callable[[Array], float]) -> dict[str, float]:
    values = np.concatenate(groups) if groups else np.zeros(0)
    low, high = bootstrap(groups, figure)
    return {"value": float(figure(values)), "low": low, "high": high}
