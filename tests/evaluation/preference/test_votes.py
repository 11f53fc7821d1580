"""Votes as they are read and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.errors import FileError, NewerFormatError, UsageError
from native_runtime.evaluation.preference.count import count, table
from native_runtime.evaluation.preference.pairs import Key, Pair, Pairs, read_key
from native_runtime.evaluation.preference.votes import Ballots, Vote, gather, read_votes

_TWO = ("one", "two")
PAIRS = Pairs(_TWO, tuple(Pair(f"{k:04d}", "a.jpg", _TWO[k % 2], _TWO[1 - k % 2]) for k in range(40)), 0)
KEY = Key(PAIRS.set, PAIRS.engines, {pair.name: (pair.left, pair.right) for pair in PAIRS.pairs})


def _write(path: Path, given: list[tuple[str, str]], **changes: Any) -> Path:
    named = [{"pair": pair, "choice": choice} for pair, choice in given]
    content = {"format": "sam3db-votes/1", "set": KEY.set, "voter": path.stem, "votes": named}
    path.write_text(json.dumps(content | changes))
    return path


def _sided(pair: str, engine: str) -> str:
    return "left" if KEY.sides[pair][0] == engine else "right"


def test_the_key_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "pairs.json").write_text(json.dumps(PAIRS.to_json()))
    assert read_key(tmp_path / "pairs.json") == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "sam3db-votes/1"}',
        json.dumps(PAIRS.to_json() | {"engines": ["one"]}),
        json.dumps(PAIRS.to_json() | {"pairs": [{"name": "1", "left": "one", "right": "one"}]}),
        json.dumps(PAIRS.to_json() | {"pairs": [{"name": "1", "left": "one"}]}),
        "[" * 9999,
    ],
)
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pairs.json").write_text(text)
    with pytest.raises(FileError, match=r"pairs\.json cannot be read .*Give the pairs\.json") as raised:
        read_key(tmp_path / "pairs.json")
    assert "Error" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"set": "another"}, "votes on another page"),
        ({"voter": "  "}, "nobody is named"),
        ({"voter": 7}, "nobody is named"),
        ({"votes": [{"pair": "0001", "choice": "both"}]}, "a choice 'both'"),
        ({"votes": {"0001": "left"}}, "cannot be read as votes"),
        ({"votes": None}, "cannot be read as votes"),
        ({"format": "sam3db-pairs/1"}, r"votes \(its format is 'sam3db-pairs/1', not 'sam3db-votes/1'\)"),
    ],
)
def test_files_that_are_no_votes_on_this_page_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileError, match=message):
        read_votes(_write(tmp_path / "ann.json", [("0001", "left")], **changes), KEY)


def test_a_newer_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NewerFormatError):
        read_votes(_write(tmp_path / "ann.json", [], format="sam3db-votes/2"), KEY)


def test_of_duplicate_votes_the_last_counts_and_unknown_pairs_do_not(tmp_path: Path) -> None:
    first = read_votes(_write(tmp_path / "ann.json", [("0001", "left"), ("0001", "tie"), ("9999", "left")]), KEY)
    again = read_votes(_write(tmp_path / "again.json", [("0001", "right")], voter="ann"), KEY)
    other = read_votes(_write(tmp_path / "bob.json", [("0001", "left")]), KEY)
    ballots = gather([first, again, other], KEY)
    assert set(ballots.votes) == {Vote("ann", "0001", "right"), Vote("bob", "0001", "left")}
    assert (ballots.unknown, ballots.replaced, ballots.voters) == (1, 2, ("ann", "bob"))


def _ballots(rng: np.random.Generator, share: float, voters: int, ties: float = 0.0) -> Ballots:
    """Votes of people who prefer the first engine in some share of cases."""
    votes = []
    for voter in range(voters):
        for pair in KEY.sides:
            choice = "tie" if rng.random() < ties else _sided(pair, "one" if rng.random() < share else "two")
            votes.append(Vote(f"voter {voter}", pair, choice))  # type: ignore[arg-type]
    return gather([votes], KEY)


def test_sides_do_not_matter_and_ties_are_halves() -> None:
    names = list(KEY.sides)
    votes = [Vote("ann", pair, _sided(pair, "one")) for pair in names[:20]]  # type: ignore[arg-type]
    votes += [Vote("ann", pair, "tie") for pair in names[20:]]
    preference = count(gather([votes], KEY), KEY)
    assert preference.wins == {"one": 20, "two": 0}
    assert preference.ties == {"one": 20, "two": 20}
    assert preference.losses == {"one": 0, "two": 20}
    assert preference.against["one", "two"].value == pytest.approx(100 * 30.5 / 41, abs=1e-4)
    assert preference.left == 50
    assert preference.agreement is None


def test_more_voters_make_figures_more_certain(rng: np.random.Generator) -> None:
    widths = []
    for voters in (2, 12):
        figure = count(_ballots(rng, 0.7, voters), KEY).against["one", "two"]
        assert figure.low < figure.value < figure.high
        widths.append(figure.high - figure.low)
    assert widths[1] < widths[0]


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(25):
        against = count(_ballots(np.random.default_rng(seed), 0.6, 4), KEY).against
        if ("one", "two") in against:
            held += against["one", "two"].low <= 60 <= against["one", "two"].high
        else:
            held += against["two", "one"].low <= 40 <= against["two", "one"].high
    assert held >= 21


def test_people_who_all_say_the_same_agree() -> None:
    pair = next(iter(KEY.sides))
    votes = [Vote(name, pair, "left") for name in ("ann", "bob", "cid")]
    assert count(gather([votes], KEY), KEY).agreement == 100
    votes[0] = Vote("ann", pair, "right")
    assert count(gather([votes], KEY), KEY).agreement == pytest.approx(100 / 3)


def test_three_engines_are_ranked_and_need_a_link() -> None:
    sides = {"1": ("a", "b"), "2": ("b", "c"), "3": ("c", "a")}
    key = Key("x", ("a", "b", "c"), sides)
    votes = [Vote(str(voter), pair, "left" if pair != "3" else "right") for voter in range(9) for pair in sides]
    preference = count(gather([votes], key), key)
    assert list(preference.strengths) == ["a", "b", "c"]
    assert list(preference.against) == [("a", "b"), ("a", "c"), ("b", "c")]
    text = table(preference)
    assert "| a | b |" in text
    assert "27 votes of 9 people on 3 pairs." in text
    with pytest.raises(UsageError, match="do not compare all engines"):
        count(gather([[vote for vote in votes if vote.pair == "1"]], key), key)
    with pytest.raises(UsageError, match="no votes"):
        count(Ballots(), key)
