"""Every word of the pages is in a dictionary of English, or in words.txt beside this file.

The dictionary is pyspellchecker's. Both spellings of English pass. Names of files, options and the like stand in code
spans, which are not read.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .test_pages import PAGES, ROOT

WORDS = Path(__file__).with_name("words.txt")
SHORTEST = 3
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).with_suffix("").as_posix())


@cache
def _dictionary() -> Any:
    spellchecker = pytest.importorskip("spellchecker", reason="requirements/dev.txt is not installed")
    return spellchecker.SpellChecker()


def _words(text: str) -> set[str]:
    """The words of a page in lower case, without those of code, links, tags and formulas."""
    for pattern in (r"^```.*?^```", r"^    .*$", r"`[^`]*`", r"\]\([^)]*\)", r"https?://\S+", r"<[^>]+>"):
        text = re.sub(pattern, " ", text, flags=re.MULTILINE | re.DOTALL if "```" in pattern else re.MULTILINE)
    found = re.findall(r"(?<!\w)[A-Za-z][a-z]+(?:'[a-z]+)?(?!\w)", text)
    return {word.lower().removesuffix("'s") for word in found if len(word.removesuffix("'s")) >= SHORTEST}


def _known() -> set[str]:
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


@pages
def test_every_word_is_known(page: Path) -> None:
    words = _words(page.read_text(encoding="utf-8")) - _known()
    assert sorted(_dictionary().unknown(words)) == []


def test_the_list_holds_no_word_in_vain() -> None:
    """A word that no page has, or that the dictionary has, may hide somebody's slip."""
    used = set().union(*(_words(page.read_text(encoding="utf-8")) for page in PAGES))
    needed = _dictionary().unknown(used)
    assert sorted(_known() - needed) == []
    lines = [line for line in WORDS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))


def test_a_slip_is_found() -> None:
    assert _dictionary().unknown(_words("A skelleton, and its `rg`")) == {"skelleton"}
