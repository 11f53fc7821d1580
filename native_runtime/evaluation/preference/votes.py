"""Votes on a page of pairs, as the page writes them and as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from native_runtime.errors import FileError
from native_runtime.files.formats import Format
from native_runtime.files.reasons import reason

from .pairs import Key

FORMAT = Format("sam3db-votes")
Choice = Literal["left", "right", "tie"]
CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True)
class Vote:
    """What one person says of one pair."""

    voter: str
    pair: str
    choice: Choice


@dataclass(frozen=True)
class Ballots:
    """The votes of several files.

    Attributes:
        votes: of each voter on each pair the last.
        unknown: how many votes name a pair that is not on the page.
        replaced: how many were replaced by a later one of the same voter on the same pair.
    """

    votes: tuple[Vote, ...] = ()
    unknown: int = 0
    replaced: int = 0
    voters: tuple[str, ...] = field(default=())


def read_votes(path: Path, key: Key) -> list[Vote]:
    """The votes of a file, in its order, also those on pairs that are unknown.

    Raises:
        FileError: it cannot be read, or is of another page.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = FORMAT.parsed(path.read_bytes(), path.name)
        voter = content["voter"]
        if not isinstance(voter, str) or not voter.strip():
            raise ValueError("nobody is named as the voter")
        votes = []
        for vote in content["votes"]:
            if vote["choice"] not in CHOICES:
                raise ValueError(f"a choice {vote['choice']!r:.20}, which is none of {', '.join(CHOICES)}")
            votes.append(Vote(voter, str(vote["pair"]), vote["choice"]))
        named = content["set"]
    except OSError as error:
        raise FileError(f"{path.name} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path.name} cannot be read as votes ({reason(error)}). Give the files that voters downloaded from the "
            "page."
        ) from error
    if named != key.set:
        raise FileError(f"{path.name} holds votes on another page: {named!r:.20}, not {key.set}.")
    return votes


def gather(files: Sequence[Sequence[Vote]], key: Key) -> Ballots:
    """The votes that count: a voter has one on each pair, the last of the last file."""
    last: dict[tuple[str, str], Vote] = {}
    unknown = replaced = 0
    for vote in (vote for votes in files for vote in votes):
        if vote.pair not in key.sides:
            unknown += 1
            continue
        replaced += (vote.voter, vote.pair) in last
        last[vote.voter, vote.pair] = vote
    voters = tuple(dict.fromkeys(vote.voter for vote in last.values()))
    return Ballots(tuple(last.values()), unknown, replaced, voters)
