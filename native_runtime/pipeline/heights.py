"""How tall people are who are in a photo, where somebody says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from native_runtime.engines.details import number_of, part_of
from native_runtime.errors import UsageError
from native_runtime.mhr.ages import SEXES

if TYPE_CHECKING:
    from native_runtime.characters.measures.measurer import Measurer
    from native_runtime.engines.base import Engine
    from native_runtime.engines.edits import Edits
    from native_runtime.engines.estimate import Estimate
    from native_runtime.mhr import Body

HEIGHT = "height"
"""Among an estimate's details: the height that somebody ``stated``, cm; ``estimated`` and ``reached``, unless an artist
has set the size by hand.
"""

CHILD = "Taken for a child of about {age:.0f} years, being {height:.0f} cm tall. State the age, if it is another."
TINY = "Nobody that this body was made for is so small ({height:.0f} cm): expect folds and odd proportions."
_SMALLEST = 0.92
"""Of the stature at the youngest age that a body knows: smaller ones are two standard deviations below the median."""
HUGE = "Nobody that this body was made for is so tall ({height:.0f} cm): expect folds and odd proportions."
_TALLEST, _GROWN = 1.3, 20.0
"""Of the men's median stature at 20 years: about 230 cm, seven standard deviations above it."""
APART = (
    "People of {age:g} years are {low:.0f} to {high:.0f} cm tall, not {height:g} cm: the height is kept, and the body "
    "is that of somebody so tall. One of the two may be mistyped."
)
_APART = 5.0
"""By how many standard deviations a stated height must be off a stated age to be spoken of: nearly nobody's is."""
NEAREST = "This body cannot be {wanted:.1f} cm tall: it is {nearest:.1f} cm now, the nearest that it can be."


def one_each(stated: float | Sequence[float] | None, people: Sequence[int], what: str = "height") -> dict[int, float]:
    """What is said of people (cm, years), by their numbers.

    Args:
        stated: one for each of the people, in their order; None where nothing is known.
        people: who is estimated.
        what: the word for one of them.

    Raises:
        UsageError: there are more or fewer.
    """
    if stated is None:
        return {}
    values = tuple(stated) if isinstance(stated, Sequence) else (stated,)
    if len(values) != len(people):
        said = f"one {what} is" if len(values) == 1 else f"{len(values)} {what}s are"
        whom = "one person" if len(people) == 1 else f"{len(people)} people"
        remedy = (
            f"Give one {what}"
            if len(people) == 1
            else "Give one for each of them, in their order (the largest in the photo first), or choose one person"
        )
        raise UsageError(
            f"{said[:1].upper()}{said[1:]} given for {whom}. {remedy}. With several photos the same is taken for the "
            "people of each: read photos of other people by themselves."
        )
    return dict(zip(people, values, strict=True))


def of_stated_height(body: Body, estimate: Estimate, height: float) -> Estimate:
    """The estimate of somebody whose height (cm) is known: another size at another distance, the same in the picture.

    What the body cannot reach is named in the warnings.

    Raises:
        UsageError: a height that nobody has.
    """
    from native_runtime.characters.measures.definitions import STATURE
    from native_runtime.characters.measures.height import of_height

    measurer = _measurer(body)
    before = measurer.stature(estimate.model_parameters, estimate.identity)
    state, solved = of_height(measurer, estimate.state, estimate.intrinsics, height, turning=True)
    there = estimate.with_state(body, state)
    said = {"stated": float(height), "estimated": before, "reached": solved.values[STATURE.key]}
    missed = [NEAREST.format(wanted=one.wanted, nearest=one.nearest) for one in solved.missed]
    missed += beyond_anybody(body, height)
    return replace(there, warnings=(*there.warnings, *missed), details=there.details | {HEIGHT: said})


def is_tiny(body: Body, height: float) -> bool:
    """Whether nobody of the ages that a body knows is so small (cm); False where it knows none."""
    return body.ages is not None and height < _SMALLEST * body.ages.at(float(body.ages.years[0])).stature


def beyond_anybody(body: Body, height: float) -> tuple[str, ...]:
    """What is to be said of a height (cm) that nobody has whom a body was made for; nothing, else."""
    if is_tiny(body, height):
        return (TINY.format(height=height),)
    if body.ages is not None and height > _TALLEST * body.ages.at(body.ages.check(_GROWN), "male").stature:
        return (HUGE.format(height=height),)
    return ()


def age_of_height(engine: Engine, height: float) -> float | None:
    """Years of the child who is so tall (cm) in the median; None for heights that adults have, and engines that know no
    ages.

    So a stated height is evidence from the start: the fit looks for a child nearby instead of an adult farther away.
    """
    if not engine.capabilities.ages:
        return None
    from native_runtime.characters.measures.children import years_of_height

    return years_of_height(engine.body.ages, height)


def contradiction(body: Body, age: float, height: float) -> tuple[str, ...]:
    """What is to be said of somebody whose stated age (years) and height (cm) do not go together; nothing, else."""
    if body.ages is None:
        return ()
    ends = [
        (person.stature - _APART * person.spread, person.stature + _APART * person.spread)
        for person in (body.ages.at(body.ages.check(age), sex) for sex in SEXES)
    ]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return () if low <= height <= high else (APART.format(age=age, low=low, high=high, height=height),)


def stated_height(details: Mapping[str, Any]) -> float | None:
    """Cm, by an estimate's details; None where nobody stated one."""
    return number_of(part_of(details, HEIGHT).get("stated"))


def sizes_by_hand(body: Body, edits: Edits | None) -> bool:
    """Whether an artist set lengths of the skeleton, or the shape, by hand."""
    if edits is None:
        return False
    from native_runtime.characters.settings import parameters_of

    skeleton = parameters_of(body, "skeleton")
    return bool(edits.identity) or any(skeleton[index] for index in edits.model_parameters)


@lru_cache(maxsize=2)
def _measurer(body: Body) -> Measurer:
    from native_runtime.characters.measures.measurer import Measurer

    return Measurer(body)
