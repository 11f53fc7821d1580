"""Counting votes: figures and how certain they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError

from .pairs import Key
from .strengths import bradley_terry, connected
from .votes import Ballots, Vote

Array = NDArray[np.float64]

_RESAMPLES = 1000
_CERTAINTY = 0.95
#: Of natural logarithms, the points of chess players' ratings: 400 for odds of 10 to 1.
_ELO = 400 / np.log(10)


@dataclass(frozen=True)
class Figure:
    """A value, and the interval that holds it with a certainty of 95 %."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """As elsewhere among figures."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True)
class Preference:
    """What votes say.

    Attributes:
        votes, voters, pairs: how many, and how many pairs have one.
        strengths: by engine, points (400 for odds of 10 to 1) above the mean of all.
        wins, ties, losses: by engine, votes.
        against: by two engines, how often the first is preferred, %, by their strengths.
        agreement: %, of two votes of different voters on one pair, how many are the same; None where there are none.
        left: %, of votes that are no ties, how many are for the left side: near 50 where sides do not matter.
    """

    votes: int
    voters: int
    pairs: int
    strengths: Mapping[str, Figure]
    wins: Mapping[str, int]
    ties: Mapping[str, int]
    losses: Mapping[str, int]
    against: Mapping[tuple[str, str], Figure]
    agreement: float | None
    left: float | None

    def to_json(self) -> dict[str, Any]:
        """As in ``preference.json``."""
        engines = [
            {
                "engine": engine,
                "strength": figure.to_json(),
                "wins": self.wins[engine],
                "ties": self.ties[engine],
                "losses": self.losses[engine],
            }
            for engine, figure in self.strengths.items()
        ]
        against = [
            {"engine": one, "other": other, "preferred, %": figure.to_json()}
            for (one, other), figure in self.against.items()
        ]
        return {
            "votes": self.votes,
            "voters": self.voters,
            "pairs": self.pairs,
            "engines": engines,
            "against": against,
            "agreement, %": self.agreement,
            "left, %": self.left,
        }


def count(ballots: Ballots, key: Key, seed: int = 0) -> Preference:
    """Strengths by Bradley and Terry, ties as half a vote for either, and intervals by drawing voters and pairs again
    and again, each by itself (Owen, "The pigeonhole bootstrap", 2007): votes of one voter are alike, and so are votes
    on one pair.

    Raises:
        UsageError: there are no votes, or none that connect all engines.
    """
    votes, engines = ballots.votes, list(key.engines)
    if not votes:
        raise UsageError("There are no votes to count.")
    voters, pairs = list(ballots.voters), {vote.pair for vote in votes}
    each = _each(votes, key)
    everything = each.sum(axis=0)
    if not connected(everything):
        raise UsageError("The votes do not compare all engines with each other, not even by way of others.")
    by_voter = np.array([voters.index(vote.voter) for vote in votes])
    by_pair = np.unique([vote.pair for vote in votes], return_inverse=True)[1]
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(_RESAMPLES):
        weights = np.ones(len(votes))
        for many, of_vote in ((len(voters), by_voter), (len(pairs), by_pair)):
            if many > 1:
                weights = weights * np.bincount(random.integers(many, size=many), minlength=many)[of_vote]
        drawn.append((weights @ each.reshape(len(votes), -1)).reshape(everything.shape))
    strengths, draws = bradley_terry(everything), bradley_terry(np.stack(drawn))
    order = np.argsort(-strengths, kind="stable").tolist()
    tally = {engine: [0, 0, 0] for engine in engines}
    for vote in votes:
        for side, engine in zip(("left", "right"), key.sides[vote.pair]):
            tally[engine][1 if vote.choice == "tie" else 0 if vote.choice == side else 2] += 1
    against = {
        (engines[i], engines[j]): _figure(
            float(_preferred(strengths[i] - strengths[j])), _preferred(draws[:, i] - draws[:, j])
        )
        for i, j in combinations(order, 2)
    }
    decided = [vote for vote in votes if vote.choice != "tie"]
    return Preference(
        votes=len(votes),
        voters=len(voters),
        pairs=len(pairs),
        strengths={engines[i]: _figure(float(_ELO * strengths[i]), _ELO * draws[:, i]) for i in order},
        wins={engine: counts[0] for engine, counts in tally.items()},
        ties={engine: counts[1] for engine, counts in tally.items()},
        losses={engine: counts[2] for engine, counts in tally.items()},
        against=against,
        agreement=_agreement(votes),
        left=100 * sum(vote.choice == "left" for vote in decided) / len(decided) if decided else None,
    )


def table(preference: Preference) -> str:
    """The figures as tables for people, in Markdown."""
    lines = ["| engine | strength | wins | ties | losses |", "| --- | --- | --- | --- | --- |"]
    for engine, figure in preference.strengths.items():
        counts = (preference.wins[engine], preference.ties[engine], preference.losses[engine])
        lines.append(f"| {_cell(engine)} | {figure} | {' | '.join(map(str, counts))} |")
    lines += ["", "| engine | is preferred to | in % of pairs |", "| --- | --- | --- |"]
    for (one, other), figure in preference.against.items():
        lines.append(f"| {_cell(one)} | {_cell(other)} | {figure} |")
    said = [f"{preference.votes} votes of {preference.voters} people on {preference.pairs} pairs."]
    if preference.agreement is not None:
        said.append(f"Two people say the same of a pair in {preference.agreement:.0f} % of cases.")
    if preference.left is not None:
        said.append(f"{preference.left:.0f} % of votes that are no ties are for the left side.")
    return "\n".join([*lines, "", " ".join(said)]) + "\n"


def _each(votes: Sequence[Vote], key: Key) -> Array:
    """(V, N, N) what each vote adds to the votes that ``bradley_terry`` takes."""
    number = {engine: place for place, engine in enumerate(key.engines)}
    share = {"left": 1.0, "tie": 0.5, "right": 0.0}
    each = np.zeros((len(votes), len(number), len(number)))
    for one, vote in zip(each, votes):
        left, right = (number[engine] for engine in key.sides[vote.pair])
        one[left, right], one[right, left] = share[vote.choice], 1 - share[vote.choice]
    return each


def _preferred(difference: Any) -> Any:
    return 100 / (1 + np.exp(-difference))


def _figure(value: float, draws: Array) -> Figure:
    tail = 50 * (1 - _CERTAINTY)
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Figure(value, float(low), float(high))


def _agreement(votes: Sequence[Vote]) -> float | None:
    choices: dict[str, list[str]] = {}
    for vote in votes:
        choices.setdefault(vote.pair, []).append(vote.choice)
    same = [one == other for those in choices.values() for one, other in combinations(those, 2)]
    return 100 * sum(same) / len(same) if same else None


def _cell(text: str) -> str:
    """As text of a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")
