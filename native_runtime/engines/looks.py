"""What a person's face says about sex and age, how far it can be believed, and the shape that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import FaceReading
from native_runtime.engines.details import number_of, part_of
from native_runtime.errors import UsageError
from native_runtime.fitting.shape_prior import Sex, ShapePrior, sliders_of
from native_runtime.fitting.stature import expected_stature
from native_runtime.mhr import Body
from native_runtime.mhr.ages import AgedBody

Array = NDArray[np.float64]

LOOKS = "looks"
"""Among an estimate's details: ``Looks.to_json``."""

SEXES: tuple[Sex, ...] = get_args(Sex)


@dataclass(frozen=True)
class Belief:
    """What a face must be to be believed. Our own choice: the networks' authors state none; what they say of turned,
    small and blurred faces is as sure as it is wrong.

    Attributes:
        smallest: px, side of the face.
        full: px, from which size counts no more; below, what the networks say is shrunk in proportion.
        score: the least probability of a face: hair seen from behind reaches 0.7.
        straight, aside: turn (``FaceReading.turn``) up to which it counts fully, and from which it says nothing.
        largest_logit: no crop counts more.
        unsure, sure: |2 p - 1|, p the probability of a man, up to which the body stays neutral, and from which it shows
            the sex fully.
        faint: a certainty below this cannot be seen, and counts as none.
        age_spread: years, standard deviation between crops above which the age is unknown.
        child, child_px: somebody is believed to be a child where no more than one crop says more years, of a straight
            face at least so large.
    """

    smallest: float = 25.0
    full: float = 64.0
    score: float = 0.75
    straight: float = 0.6
    aside: float = 1.1
    largest_logit: float = 5.0
    unsure: float = 0.65
    sure: float = 0.9
    faint: float = 0.1
    age_spread: float = 10.0
    child: float = 12.0
    child_px: float = 64.0


BELIEF = Belief()


@dataclass(frozen=True)
class Looks:
    """What is known of a person's sex and age.

    Attributes:
        sex: "neutral" where it is unknown.
        certainty: 0..1, how far the body may show it.
        man: probability of a man, 0..1; None where no face can be believed.
        age: years; None where it is unknown.
        face_px: side of the face, px; None where none was seen.
        why: a sentence on what is unknown, or said by an artist; empty where both are known.
        stated: whether an artist said which sex.
        age_stated: whether an artist said which age.
        grown: whether the body's size and proportions follow the age: where it was stated, or the face is clearly a
            child's.
    """

    sex: Sex = "neutral"
    certainty: float = 0.0
    man: float | None = None
    age: float | None = None
    face_px: float | None = None
    why: str = ""
    stated: bool = False
    age_stated: bool = False
    grown: bool = False

    def prior(self, body: Body) -> ShapePrior:
        """The prior of the shape that follows."""
        return ShapePrior.of(body, self.sex, self.certainty, self.age, self.aged(body), self.leaning)

    @property
    def leaning(self) -> float:
        """-1..1: how much likelier a man than a woman, where a face is too doubtful for more."""
        unsaid = self.man is not None and self.certainty == 0.0 and not self.stated
        return 2.0 * float(self.man or 0.0) - 1.0 if unsaid else 0.0

    def aged(self, body: Body) -> AgedBody | None:
        """The median person of the age that is known, for a body that knows ages; None: an adult of no age."""
        if body.ages is None or self.age is None or not self.grown:
            return None
        return body.ages.at(float(np.clip(self.age, *body.ages.years[[0, -1]])), self.sex, self.certainty)

    @property
    def stature(self) -> float:
        """cm, how tall adults are on average who look like this."""
        return expected_stature(self.sex, self.certainty)

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return {
            "sex": self.sex if self.certainty > 0 or self.stated else "unknown",
            "certainty": round(self.certainty, 3),
            "probability_of_a_man": None if self.man is None else round(self.man, 3),
            "age": None if self.age is None else round(self.age, 3 if self.age_stated else 1),
            "age_followed": self.grown,
            "face_px": None if self.face_px is None else round(self.face_px, 1),
            "why": self.why,
            "stated": self.stated,
            "age_stated": self.age_stated,
        }


def check_sex(sex: str | None) -> Sex | None:
    """The sex that somebody stated; None for none.

    Raises:
        UsageError: it is something else.
    """
    for known in SEXES:
        if sex == known:
            return known
    if sex is None:
        return None
    raise UsageError(f"The sex is one of {', '.join(map(repr, SEXES))}, not {sex!r}.")


def check_age(body: Body, age: float | None) -> float | None:
    """The age that somebody stated; None for none.

    Raises:
        UsageError: the body knows no ages, or not this one.
    """
    if age is None:
        return None
    if body.ages is None:
        raise UsageError(
            f"The body {body.name!r} knows no ages: leave the age out, or choose the body 'default', built by this "
            "version."
        )
    return body.ages.check(age)


def stated_age(details: Mapping[str, Any]) -> float | None:
    """The age that an estimate was made with because somebody said it, by its details; None for none."""
    looks = part_of(details, LOOKS)
    return number_of(looks.get("age")) if looks.get("age_stated") else None


def looks_of(
    face: FaceReading | None,
    body: Body,
    stated: Sex | None = None,
    looked: Callable[[], bool] = lambda: True,
    age: float | None = None,
) -> Looks:
    """What is known of somebody.

    Args:
        face: what the networks see of the face; None where there is none.
        body: whether there is anything to know it for.
        stated: the sex that an artist stated, which counts; None: none.
        looked: whether anybody looked for a face; asked where there is none.
        age: the age that an artist stated, years, which counts; None: none.
    """
    looks = _looks_of_face(face, body, stated, looked)
    if age is not None:
        return replace(looks, age=age, grown=True, age_stated=True)
    return replace(looks, grown=body.ages is not None and clearly_a_child(face))


def _looks_of_face(face: FaceReading | None, body: Body, stated: Sex | None, looked: Callable[[], bool]) -> Looks:
    age = _age(face)
    size = None if face is None else face.size
    man = None if face is None else probability_of_a_man(face)
    if not sliders_of(body, "neutral"):
        why = "" if stated is None else f"The body {body.name!r} has no sliders that show a sex."
        return Looks(man=man, age=age, face_px=size, why=why, stated=stated is not None)
    if stated is not None:
        return Looks(stated, 1.0, man, age, size, stated=True)
    if face is None or man is None:
        return Looks(age=age, face_px=size, why=_why_not(face) if face is not None or looked() else NOT_LOOKED)
    excess = abs(2 * man - 1) - BELIEF.unsure
    certainty = float(np.clip(excess / (BELIEF.sure - BELIEF.unsure), 0.0, 1.0))
    if certainty < BELIEF.faint:
        return Looks(man=man, age=age, face_px=size, why=_UNCLEAR)
    return Looks("male" if man > 0.5 else "female", certainty, man, age, size)


NOT_LOOKED = (
    "Nobody looked whether this is a woman or a man: the networks of faces are missing. The body is neutral. Build or "
    "install the models again, or choose the sex."
)

_UNCLEAR = (
    "The face does not say clearly whether this is a woman or a man: the body hardly shows it. Choose the sex, if you "
    "know it."
)

_NEUTRAL = "this is a woman or a man: the body is neutral. Choose the sex, if you know it."


def believable(face: FaceReading) -> bool:
    """Whether a face is large enough and turned to the camera."""
    return face.size >= BELIEF.smallest and face.score >= BELIEF.score and face.turn < BELIEF.aside


def probability_of_a_man(face: FaceReading) -> float | None:
    """0..1; None where the face cannot be believed.

    The mean of the crops' log odds, shrunk by their spread, by the size of the face and by how far it is turned aside.
    """
    if not believable(face):
        return None
    share = np.clip(face.male, 1e-6, 1 - 1e-6)
    odds = np.clip(np.log(share / (1 - share)), -BELIEF.largest_logit, BELIEF.largest_logit)
    turned = np.clip((BELIEF.aside - face.turn) / (BELIEF.aside - BELIEF.straight), 0.0, 1.0)
    shrunk = float(odds.mean() / (1 + odds.std()) * turned * min(face.size / BELIEF.full, 1.0))
    return float(1 / (1 + np.exp(-shrunk)))


def clearly_a_child(face: FaceReading | None) -> bool:
    """Whether a face is believed to be a child's: nearly all crops agree, on a face that is seen well."""
    if face is None or _age(face) is None or face.size < BELIEF.child_px or face.turn > BELIEF.straight:
        return False
    return float(np.sort(face.ages)[-2]) <= BELIEF.child


def _age(face: FaceReading | None) -> float | None:
    if face is None or not believable(face) or float(np.std(face.ages)) > BELIEF.age_spread:
        return None
    return float(np.mean(face.ages))


def _why_not(face: FaceReading | None) -> str:
    if face is None or face.score < BELIEF.score:
        return f"No face is seen that says whether {_NEUTRAL}"
    if face.size < BELIEF.smallest:
        return f"The face is too small to say whether {_NEUTRAL}"
    return f"The face is turned too far aside to say whether {_NEUTRAL}"
