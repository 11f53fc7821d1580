"""Advice is the command line's and the window's to word: messages elsewhere name no command and no option."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from native_runtime.cli.remedies import REMEDIES, advised
from native_runtime.errors import Remedy
from sam3db_blender.packaging import NOT_IN_WHEEL

_COMMAND = re.compile(r"\bsam3db [a-z]|(?<![\w-])--[a-z]")
_RECORDED = re.compile(r"sam3db [a-z -]+")
"""A command as a manifest's entry has it, which is no sentence."""


@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_has_words_on_the_command_line(remedy: Remedy) -> None:
    assert re.fullmatch(r"It is gone\. [A-Z`].+\.", advised("It is gone.", remedy))
    assert set(REMEDIES) == set(Remedy)


def test_messages_name_no_commands(repository: Path) -> None:
    package = repository / "native_runtime"
    # programs with options of their own; a style sheet; what a scheduler starts
    own = ("__main__.py", "page.py", "scripts.py")
    # Besides the command line itself, what the window never has.
    elsewhere = {"cli", *NOT_IN_WHEEL}
    files = [
        file
        for file in package.rglob("*.py")
        if file.name not in own and file.relative_to(package).parts[0] not in elsewhere
    ]
    assert len(files) > 150
    found = [
        f"{file.relative_to(repository)}:{line}: {text}"
        for file in files
        for line, text in _sentences(file)
        if _COMMAND.search(text) and not _RECORDED.fullmatch(text)
    ]
    assert found == []


def _sentences(file: Path) -> Iterator[tuple[int, str]]:
    """Texts of more than one word, without docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in documentation else None
        if isinstance(text, str) and " " in text.strip():
            yield node.lineno, text
