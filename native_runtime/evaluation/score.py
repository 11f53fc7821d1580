"""Who was found, and how well: estimates against the truth, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .found import FoundPerson
from .intervals import bootstrap, mean, paired_difference
from .partners import partners, seen_box
from .truth import BODY, Joints, TruePerson, TruePicture, Truth

Array = NDArray[np.float64]

#: An estimate is of a person whose box it shares so much with.
_SAME_PERSON = 0.3
_IGNORED = 0.5
_PERCENT = 100.0

FOUND, FALSE = "people found, %", "false people a picture"
PCK_SHARES = (0.05, 0.1)
PCKH, PCK_3D, MPJPE, PA_MPJPE, AUC, PVE, PA_PVE = (
    "PCKh@0.5, %",
    "3D PCK@150 mm, %",
    "MPJPE, mm",
    "PA-MPJPE, mm",
    "AUC, %",
    "PVE, mm",
    "PA-PVE, mm",
)
#: In the order in which tables show them.
MEASURES = (
    FOUND,
    FALSE,
    *(f"PCK@{share:g}, %" for share in PCK_SHARES),
    *(f"PCK@{share:g} of people found, %" for share in PCK_SHARES),
    PCKH,
    MPJPE,
    PA_MPJPE,
    PCK_3D,
    AUC,
    PVE,
    PA_PVE,
)


Figure = dict[str, float | None]
"""``value``, and ``low`` and ``high`` of its interval; None where one picture or sequence alone has values."""


@dataclass(frozen=True)
class Scores:
    """The values of each measure, in groups of those that belong together: of a picture, or of a sequence."""

    values: dict[str, dict[str, list[Array]]] = field(default_factory=dict)

    def add(self, measure: str, group: str, values: Array) -> None:
        """Values (n,) of a measure, in its unit; NaN where nothing is known."""
        self.values.setdefault(measure, {}).setdefault(group, []).append(values)

    def figures(self) -> dict[str, Figure]:
        """By measure: the mean of its values, and the interval that holds it with a certainty of 95 %."""
        figures: dict[str, Figure] = {}
        for measure in (measure for measure in MEASURES if measure in self.values):
            groups = [np.concatenate(parts) for parts in self.values[measure].values()]
            value = mean(np.concatenate(groups))
            if np.isfinite(value):
                figures[measure] = _figure(value, *bootstrap(groups))
        return figures

    def less(self, other: Scores) -> dict[str, Figure]:
        """By measure that both have: the figure less the other's, and the interval of the difference."""
        figures: dict[str, Figure] = {}
        for measure in (measure for measure in MEASURES if measure in self.values and measure in other.values):
            value, low, high = paired_difference(self.values[measure], other.values[measure])
            if np.isfinite(value):
                figures[measure] = _figure(value, low, high)
        return figures


def score(truth: Truth, estimates: Mapping[str, Sequence[FoundPerson]]) -> dict[str, Scores]:
    """The scores of all people, under "", and of each category.

    Args:
        estimates: by the picture's name; a picture without any is one where nobody was found.
    """
    scores = {"": Scores()}
    for picture in truth.pictures:
        given = list(estimates.get(picture.name, ()))
        # of a hand where a hand is annotated
        numbers = None if truth.joints is BODY else truth.joints.numbers
        boxes = [seen_box(estimate, numbers) for estimate in given]
        theirs = partners([person.box for person in picture.people], boxes, _SAME_PERSON)
        alone = [number for number in range(len(given)) if number not in theirs.values()]
        stray = [number for number in alone if not _is_ignored(boxes[number], picture)]
        group = picture.group or picture.name
        for number, person in enumerate(picture.people):
            estimate = given[theirs[number]] if number in theirs else None
            values = {FOUND: np.array([_PERCENT * (estimate is not None)]), **_errors(person, estimate, truth.joints)}
            for category in ("", *person.categories):
                own = scores.setdefault(category, Scores())
                for measure, those in values.items():
                    own.add(measure, group, those)
        if truth.everybody:
            for category in {"", *chain.from_iterable(person.categories for person in picture.people)}:
                scores[category].add(FALSE, group, np.array([float(len(stray))]))
    return scores


def _figure(value: float, low: float, high: float) -> Figure:
    return {"value": value, **{name: end if np.isfinite(end) else None for name, end in (("low", low), ("high", high))}}


def _errors(true: TruePerson, estimate: FoundPerson | None, joints: Joints) -> dict[str, Array]:
    """By measure, the values of one person; of somebody who was not found, keypoints are wrong."""
    values: dict[str, Array] = {}
    known = np.isfinite(true.keypoints_2d).all(axis=1)
    wrong = np.where(known, 0.0, np.nan)
    for share in PCK_SHARES:
        correct = wrong
        if estimate is not None:
            correct = _PERCENT * metrics.correct_keypoints(estimate.keypoints_2d, true.keypoints_2d, true.box, share)
            values[f"PCK@{share:g} of people found, %"] = correct
        values[f"PCK@{share:g}, %"] = correct
    if true.head is not None:
        values[PCKH] = wrong
        if estimate is not None:
            near = metrics.near_keypoints(estimate.keypoints_2d, true.keypoints_2d, 0.5 * true.head)
            values[PCKH] = _PERCENT * near
    if estimate is None:
        return values
    if true.keypoints_3d is not None:
        found, real = estimate.keypoints_3d, true.keypoints_3d
        numbers = list(joints.numbers)
        root = tuple(joints.numbers.index(number) for number in joints.root)
        values[MPJPE] = metrics.joint_errors(found[numbers], real[numbers], root)
        values[PA_MPJPE] = metrics.aligned_errors(found[numbers], real[numbers])
        values[PCK_3D] = _PERCENT * metrics.within(values[MPJPE])
        values[AUC] = _PERCENT * metrics.curve_shares(values[MPJPE])
        values |= _surface_errors(true, estimate, joints)
    return values


def _surface_errors(true: TruePerson, estimate: FoundPerson, joints: Joints) -> dict[str, Array]:
    """PVE and PA-PVE, where the true vertices are known on the estimate's body and from where the root is."""
    surface = None if true.vertices is None else true.vertices(estimate.body)
    if surface is None or true.keypoints_3d is None:
        return {}
    vertices = estimate.vertices()
    if vertices.shape != surface.shape:
        return {}
    here, there = (points[list(joints.root)].mean(axis=0) for points in (estimate.keypoints_3d, true.keypoints_3d))
    errors = metrics.vertex_errors(vertices, surface, (here, there))
    return {name: those.mean(keepdims=True) for name, those in zip((PVE, PA_PVE), errors)}


def _is_ignored(box: Array, picture: TruePicture) -> bool:
    """Whether most of an estimate's box lies in the box of somebody who is not annotated."""
    low, high = np.maximum(picture.ignored[:, :2], box[:2]), np.minimum(picture.ignored[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return bool((shared > _IGNORED * (box[2:] - box[:2]).prod()).any())
