"""The page on which people vote, and its script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from native_runtime.evaluation.preference.page import html_page
from native_runtime.evaluation.preference.pictures import PairPictures
from native_runtime.evaluation.preference.script import SCRIPT

_PICTURES = [(f"{k:04d}", PairPictures(b"photo", b"left", b"right")) for k in range(3)]


def _page(title: str = "Which?") -> str:
    return html_page(title, "abc", _PICTURES).decode()


def test_the_page_is_whole_in_itself() -> None:
    page = _page()
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"?(http|//|\.)", page)
    assert "fetch(" not in page
    assert "XMLHttpRequest" not in page


def test_titles_are_text_whatever_they_hold() -> None:
    page = _page("</title><script>alert(1)</script>")
    assert "<script>alert" not in page
    assert page.count("<script") == 2


def test_it_holds_the_pairs_and_nothing_of_engines() -> None:
    found = re.search(r'id="content">(.*?)</script>', _page())
    assert found is not None
    content = json.loads(found[1])
    assert content["set"] == "abc"
    assert [pair["name"] for pair in content["pairs"]] == ["0000", "0001", "0002"]
    assert content["pairs"][0].keys() == {"name", "photo", "left", "right"}


_CHECKS = r"""
const kept = new Map();
const store = { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text) };
const broken = { getItem() { throw new Error(); }, setItem() { throw new Error(); } };
const content = { format: "sam3db-votes/1", set: "abc", pairs: ["1", "2", "3"].map((name) => ({ name })) };
const results = {};
let voting = new Voting(content, store);
voting.vote("left"); voting.vote("tie"); voting.vote("nonsense");
results.at = voting.at;
voting.move(-1); voting.vote("right"); voting.move(-9); results.first = voting.at;
voting.name("  Ann  ");
voting = new Voting(content, store);
results.resumed = [voting.at, voting.voter, voting.done];
voting.vote("right"); voting.vote("left");
results.done = voting.done;
results.file = voting.file();
kept.set("sam3db-votes-abc", "{broken"); results.broken = new Voting(content, store).choices.size;
kept.set("sam3db-votes-abc", JSON.stringify({ votes: [["9", "left"], ["1", "both"], ["2", "tie"]] }));
results.strange = [...new Voting(content, store).choices];
results.other = new Voting({ ...content, set: "other" }, store).choices.size;
const lost = new Voting(content, broken); lost.vote("left"); results.lost = [lost.saved, lost.choices.size];
const none = new Voting(content, null); none.vote("left"); results.none = [none.saved, none.choices.size];
console.log(JSON.stringify(results));
"""


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """What the script does without a page."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js to run the page's script")
    done = subprocess.run([node, "-e", SCRIPT + _CHECKS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_votes_are_kept_and_resumed(results: dict[str, Any]) -> None:
    assert results["at"] == 2
    assert results["first"] == 0
    assert results["resumed"] == [2, "Ann", False]
    assert results["done"] is True


def test_a_later_vote_replaces_the_first_and_the_file_can_be_read(results: dict[str, Any], tmp_path: Any) -> None:
    from native_runtime.evaluation.preference.pairs import Key
    from native_runtime.evaluation.preference.votes import read_votes

    (tmp_path / "ann.json").write_text(json.dumps(results["file"]))
    key = Key("abc", ("a", "b"), dict.fromkeys("123", ("a", "b")))
    votes = {vote.pair: vote.choice for vote in read_votes(tmp_path / "ann.json", key)}
    assert votes == {"1": "left", "2": "right", "3": "right"}


def test_what_a_browser_kept_is_not_trusted(results: dict[str, Any]) -> None:
    assert results["broken"] == 0
    assert results["strange"] == [["2", "tie"]]
    assert results["other"] == 0


def test_without_a_store_votes_stay_on_the_page(results: dict[str, Any]) -> None:
    assert results["lost"] == results["none"] == [False, 1]
