"""Which people to correct first: the worst, but not all of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_SHARE = 0.9
"""What another one of a kind counts for each one of it that was chosen before."""


def main_kinds(kinds: Sequence[Sequence[str]]) -> list[str]:
    """Of each person's kinds the one that is rarest among all, by which they are balanced; "" where there is none."""
    often = Counter(kind for own in kinds for kind in own)
    return [min(own, key=lambda kind: (often[kind], kind)) if own else "" for own in kinds]


def balanced(scores: Sequence[float], kinds: Sequence[Sequence[str]], count: int) -> list[int]:
    """The numbers of at most so many people, the highest score first.

    One is taken after the other: the one whose score, times 0.9 for each of the same kind taken before, is highest. So
    a kind that a folder is full of leaves room for others whose scores are nearly as high, and for nobody who is right.

    Args:
        scores: of each person, 0..1.
        kinds: of each person.
    """
    groups, taken, chosen = main_kinds(kinds), Counter[str](), list[int]()
    left = set(range(len(scores)))
    while left and len(chosen) < count:
        best = max(left, key=lambda number: (scores[number] * _SHARE ** taken[groups[number]], -number))
        left.remove(best)
        chosen.append(best)
        taken[groups[best]] += 1
    return sorted(chosen, key=lambda number: (-scores[number], number))
