"""Does a placed keypoint contradict the rest? Found by geometry, reported in plain words, never corrected silently.

A prompt helps only where it is right: SAM 3D Body's own study (arXiv 2602.15989, table 7) sees one exact prompt improve
the pose and one that is a tenth of the box off make it worse than none. A check faces two people who can err, though:
the artist, and the model whose error the artist is just correcting. Distance from the prediction alone cannot
distinguish them, so what counts first is what neither can bend: the person's outline, the lengths of the bones,
and the place of the other side's joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.prompts.prompt import Prompt, kind_of

from .anatomy import STATURE, groups, mirrors, spoken
from .prediction import Prediction
from .sides import wrong_side_evidence

Array = NDArray[Any]

WarningKind = Literal[
    "swapped_sides", "coincident", "outside_person", "contradicts_others", "impossible_bone", "far_from_prediction"
]

# All tolerances are in person sizes (``Prediction.size``, about the body's height). docs/prompt_quality.md has the
# figures behind them.
OUTSIDE_MASK, OUTSIDE_BOX = 0.02, 0.06
"""How far off the silhouette, or off the box, a place may lie. The box is the loose one: it is found, not traced."""
OVERREACH_TRUNK, OVERREACH_PROMPT = 0.05, 0.04
"""How much longer than the body allows the way to a predicted joint of the trunk, or to another prompt, may be. Only
the trunk's joints are anchors: where the end of a limb is predicted wrongly, its middle is mostly wrong as well,
and a correct prompt would be blamed for that. Two prompts both claim to be exact."""
OVERREACH_AGREED = 0.01
"""The same where two joints of the trunk are out of reach at once."""
CROSSED = 1.25
"""``sides.wrong_side_evidence`` from which a prompt of trunk and limbs is said to be the other side's."""
NEAR_OTHER, CLEARLY_NEARER = 0.04, 0.3
"""A prompt of a hand or the face is the other side's within ``NEAR_OTHER`` of that one's prediction, at less than
``CLEARLY_NEARER`` times the distance from its own."""
EXCHANGED_BETTER, CLEARLY_BETTER = 0.05, 0.5
"""By how much exchanging the sides must bring a prompt nearer to its prediction; and where both sides are prompted, to
what share of the distance that must bring them."""
COINCIDENT, APART = 0.006, 0.08
"""Prompts of different keypoints closer than this are at one place, which is odd if the prediction has them apart."""
FAR, FAR_IN_DOUBT = 0.85, 5.0
"""A prompt farther from the prediction than this, and than this many times the prediction's own uncertainty. As wide as
a leg stretches that is predicted the opposite way: to correct large errors is what prompts are for."""
MEANT = 0.03
"""A wrong place this near to another keypoint's prediction may have been meant for that one."""

_TRUNK = (0, 5, 6, 9, 10)
"""Nose, shoulders and hips."""
_MAIN = (*_TRUNK, 7, 8, 11, 12, 13, 14, 41, 62)
"""And elbows, knees, ankles, wrists: what a place may have been meant for."""


@dataclass(frozen=True)
class Fix:
    """What would set a prompt right.

    Attributes:
        remove: keypoints whose prompts go.
        place: prompts that come instead, in px of the photo.
    """

    remove: tuple[int, ...]
    place: tuple[Prompt, ...] = ()

    def applied(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts after the fix."""
        gone = {*self.remove, *(prompt[0] for prompt in self.place)}
        return [prompt for prompt in prompts if prompt[0] not in gone] + list(self.place)


@dataclass(frozen=True)
class PromptWarning:
    """A prompt that contradicts the rest.

    Attributes:
        kind: what is odd.
        keypoint: the prompt's keypoint, index in MHR-70.
        severity: 0.5 just beyond what is tolerated, rising to 1 at twice that.
        message: what was noticed.
        suggestion: what to do.
        fix: the suggestion for a program, or None where there is no single one.
    """

    kind: WarningKind
    keypoint: int
    severity: float
    message: str
    suggestion: str
    fix: Fix | None = None

    @property
    def text(self) -> str:
        """Message and suggestion in one line."""
        return f"{self.message} {self.suggestion}"

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return asdict(self)


def check_quality(prompts: Sequence[Prompt], prediction: Prediction) -> list[PromptWarning]:
    """What is odd about prompts, given what the model predicts without them.

    Args:
        prompts: as ``prompts.check_prompts`` gives them. Only those that name a place are judged; a keypoint that is
            said to be ignored or wrong is not taken as an anchor for others.
        prediction: of the same person without these prompts: one that already obeys a wrong prompt agrees with it.

    Returns:
        At most one warning for each prompt, the one that says most, gravest first. Nothing where the prediction has no
        scale (nobody before the camera).
    """
    if not np.isfinite(prediction.size) or prediction.size <= 0:
        return []
    placed = [prompt for prompt in prompts if kind_of(prompt) == "place"]
    if not placed:
        return []
    case = _Case(placed, [prompt[0] for prompt in prompts], prediction)
    found = [case.judge(index) for index in range(len(placed))]
    return sorted((warning for warning in found if warning is not None), key=lambda w: -w.severity)


class _Case:
    """Prompts and a prediction, with the distances between them in person sizes."""

    def __init__(self, placed: Sequence[Prompt], mentioned: Sequence[int], prediction: Prediction) -> None:
        self.prompts, self.prediction = placed, prediction
        self.keypoints = [prompt[0] for prompt in placed]
        self.places = np.array([prompt[1:3] for prompt in placed], np.float64)
        self.distances = np.linalg.norm(self.places[:, None] - prediction.keypoints_2d, axis=-1) / prediction.size
        """(n, 70) from each prompt to each keypoint's prediction; NaN (no comparison is true) where none is."""
        self.own = self.distances[range(len(placed)), self.keypoints]
        self.anchors = [a for a in _TRUNK if a not in mentioned]
        self.others = [a for a in _MAIN if a not in mentioned]
        self.off_person = OUTSIDE_MASK if prediction.silhouette is not None else OUTSIDE_BOX
        self.conflicts = self._conflicts()

    def judge(self, index: int) -> PromptWarning | None:
        """The first of the tests that speaks; they go from the most to the least telling."""
        for test in (self.swapped, self.coincident, self.outside, self.contradicting, self.overreaching, self.far):
            warning = test(index)
            if warning is not None:
                return warning
        return None

    def swapped(self, index: int) -> PromptWarning | None:
        ratio = self._crossing(index)
        if ratio is None:
            return None
        keypoint, other = self.keypoints[index], int(mirrors()[self.keypoints[index]])
        x, y = (float(v) for v in self.places[index])
        if other in self.keypoints:
            px, py = (float(v) for v in self.places[self.keypoints.index(other)])
            first, second = sorted((keypoint, other))
            fix = Fix((), ((other, x, y), (keypoint, px, py)))
            message = f"The {spoken(first)} and the {spoken(second)} were each placed where the other is detected."
            suggestion = f"Swap {spoken(first)} and {spoken(second)}."
        else:
            fix = Fix((keypoint,), ((other, x, y),))
            there = "where" if self.distances[index, other] < NEAR_OTHER else "nearer to where"
            message = f"The {spoken(keypoint)} was placed {there} the {spoken(other)} is detected."
            suggestion = f"Swap {spoken(keypoint)} and {spoken(other)}: place the {spoken(other)} here instead."
        if self.all_crossed:
            ratio = 1.0
            suggestion = (
                "As all prompts agree, the model may have mistaken the person's back for the front: if so, keep them. "
                f"Otherwise: {suggestion[0].lower()}{suggestion[1:]}"
            )
        return PromptWarning("swapped_sides", keypoint, _severity(ratio), message, suggestion, fix)

    @cached_property
    def all_crossed(self) -> bool:
        """Whether prompts of several pairs, and all whose two sides can be distinguished, lie on the other side."""
        pairs = set()
        for index, keypoint in enumerate(self.keypoints):
            other = int(mirrors()[keypoint])
            if self._crossing(index) is not None:
                pairs.add(min(keypoint, other))
            elif other != keypoint and self.distances[index, other] - self.own[index] > EXCHANGED_BETTER:
                return False
        return len(pairs) >= 2

    def _crossing(self, index: int) -> float | None:
        """How clearly a prompt lies where the other side is seen, 1 at the least; None where it does not."""
        keypoint = self.keypoints[index]
        other = int(mirrors()[keypoint])
        if other == keypoint:
            return None
        own, across = float(self.own[index]), float(self.distances[index, other])
        if other in self.keypoints:
            partner = self.keypoints.index(other)
            as_given, exchanged = own + self.own[partner], across + self.distances[partner, keypoint]
            better = float(as_given - exchanged) / 2
            return (
                better / EXCHANGED_BETTER
                if better > EXCHANGED_BETTER and exchanged < CLEARLY_BETTER * as_given
                else None
            )
        if groups()[keypoint] in ("body", "feet"):
            ratio = wrong_side_evidence(self.prediction, keypoint, self.places[index]) / CROSSED
            crossed = ratio > 1.0
        else:
            ratio = (own - across) / EXCHANGED_BETTER
            crossed = across < NEAR_OTHER and across < CLEARLY_NEARER * own and ratio > 1.0
        if not crossed or self.prediction.outside_by(self.prediction.keypoints_2d[keypoint]) > self.off_person:
            return None  # where the model itself has this keypoint off the person, it is the one to doubt
        return ratio

    def coincident(self, index: int) -> PromptWarning | None:
        predicted = self.prediction.keypoints_2d
        for other in range(len(self.prompts)):
            here, there = self.keypoints[index], self.keypoints[other]
            between = float(np.linalg.norm(self.places[index] - self.places[other])) / self.prediction.size
            apart = float(np.linalg.norm(predicted[here] - predicted[there])) / self.prediction.size
            # of the two, the one that came farther from its prediction is the odd one
            odd = self.own[index] >= self.own[other] and other != index
            if odd and between < COINCIDENT and apart > APART:
                message = f"The {spoken(here)} was placed on the {spoken(there)}; the model detects them apart."
                return PromptWarning(
                    "coincident", here, _severity(apart / APART), message, f"Move one of them, or {_ignore(here)}."
                )
        return None

    def outside(self, index: int) -> PromptWarning | None:
        keypoint = self.keypoints[index]
        away = self.prediction.outside_by(self.places[index])
        if not away > self.off_person:
            return None
        message = f"The {spoken(keypoint)} was placed outside the person, {_percent(away)} of the body's height away."
        suggestion = f"Move it onto the person, unless something hides that part of them; or {_ignore(keypoint)}."
        return PromptWarning("outside_person", keypoint, _severity(away / self.off_person), message, suggestion)

    def contradicting(self, index: int) -> PromptWarning | None:
        against = np.flatnonzero(self.conflicts[index])
        counts = self.conflicts.sum(axis=1)
        if not len(against):
            return None
        own = np.nan_to_num(self.own)
        blame = (counts[index], own[index], index)
        if any((counts[other], own[other], other) > blame for other in against):
            return None
        keypoint = self.keypoints[index]
        names = " and the ".join(spoken(self.keypoints[other]) for other in against[:3])
        message = f"The {spoken(keypoint)} was placed farther from the {names} than this body can reach."
        kind: WarningKind = "contradicts_others" if len(against) > 1 else "impossible_bone"
        severity = _severity(float(self.overreach_of_prompts[index].max()) / OVERREACH_PROMPT)
        return self._with_meaning(index, kind, severity, message, "Check both places")

    def overreaching(self, index: int) -> PromptWarning | None:
        over = self.overreach_of_anchors[index]
        strained = np.flatnonzero(over > OVERREACH_AGREED)
        if not (len(strained) >= 2 or np.any(over > OVERREACH_TRUNK)):
            return None
        keypoint = self.keypoints[index]
        reach = self.prediction.reaches[keypoint][self.anchors]
        nearest = self.anchors[min(strained, key=lambda a: reach[a])]
        severity = _severity(1.0 + float(over.max()) / OVERREACH_TRUNK)
        message = (
            f"The {spoken(keypoint)} was placed farther from the {spoken(nearest)}, as the model detects it, than this "
            "body can reach."
        )
        advice = f"If the place is right, place the {spoken(nearest)} as well"
        return self._with_meaning(index, "impossible_bone", severity, message, advice)

    def far(self, index: int) -> PromptWarning | None:
        keypoint, own = self.keypoints[index], float(self.own[index])
        allowed = max(FAR, FAR_IN_DOUBT * float(self.prediction.doubt[keypoint]))
        if not own > allowed:
            return None
        message = (
            f"The {spoken(keypoint)} was placed {_percent(own)} of the body's height away from where the model is sure "
            "to see it."
        )
        advice = "If the place is right, place its neighbours as well"
        return self._with_meaning(index, "far_from_prediction", _severity(own / allowed), message, advice)

    def _with_meaning(self, index: int, kind: WarningKind, severity: float, message: str, advice: str) -> PromptWarning:
        """A warning that names the keypoint which the artist may have meant, where one is predicted right there."""
        keypoint = self.keypoints[index]
        near = [a for a in self.others if self.distances[index, a] < MEANT]
        if not near:
            return PromptWarning(kind, keypoint, severity, message, f"{advice}; otherwise {_ignore(keypoint)}.")
        meant = min(near, key=lambda a: self.distances[index, a])
        x, y = (float(v) for v in self.places[index])
        suggestion = f"Did you mean the {spoken(meant)}? {advice}."
        return PromptWarning(kind, keypoint, severity, message, suggestion, Fix((keypoint,), ((meant, x, y),)))

    def _conflicts(self) -> NDArray[np.bool_]:
        """(n, n) which prompts exclude each other; fills in both overreaches."""
        prediction, keypoints = self.prediction, self.keypoints
        rays = prediction.rays(self.places)
        depths = np.asarray(prediction.keypoints_3d, np.float64)[keypoints, 2]
        points = rays * (np.where(depths > 0, depths, np.nan) / rays[:, 2])[:, None]
        reaches = prediction.reaches[keypoints]
        among = _known((_between(points, rays) - reaches[:, keypoints]) / STATURE)
        # the depth of either may be wrong: what counts is the way that is shorter
        self.overreach_of_prompts = np.minimum(among, among.T)
        anchors = np.asarray(prediction.keypoints_3d, np.float64)[self.anchors]
        over = (_between(anchors, rays) - reaches[:, self.anchors]) / STATURE
        self.overreach_of_anchors = _known(over - prediction.doubt[self.anchors])
        return self.overreach_of_prompts > OVERREACH_PROMPT


def _between(points: Array, rays: Array) -> Array:
    """(n, m) distance of points (m, 3) from rays (n, 3) through the origin: the least that they can be apart."""
    along = rays @ points.T
    return np.linalg.norm(points - along[..., None] * rays[:, None], axis=-1)


def _known(overreach: Array) -> Array:
    """Where an end is not before the camera nothing is known, and nothing is out of reach."""
    return np.where(np.isfinite(overreach), overreach, -np.inf)


def _severity(ratio: float) -> float:
    return float(np.clip(ratio / 2, 0.5, 1.0))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _ignore(keypoint: int) -> str:
    return f"ignore the {spoken(keypoint)}"
