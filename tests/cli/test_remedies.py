"""Advice is the command line's and the window's to word: messages elsewhere name no command and no option."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from native_runtime.build import catalogue
from native_runtime.cli.remedies import IN_THE_EXTENSION, REMEDIES, advised
from native_runtime.errors import Remedy
from sam3db_blender.packaging import NOT_IN_WHEEL
from sam3db_blender.packaging.wheels import copy_sources

_COMMAND = re.compile(r"\bsam3db [a-z]|(?<![\w-])--[a-z]")
_RECORDED = re.compile(r"sam3db [a-z -]+")
"""A command as a manifest's entry has it, which is no sentence."""


@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_has_words_on_the_command_line(remedy: Remedy) -> None:
    assert re.fullmatch(r"It is gone\. [A-Z`].+\.", advised("It is gone.", remedy))
    assert set(REMEDIES) == set(Remedy)


def test_advice_in_the_extension_names_nothing_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "`sam3db models build`" in advised("It is gone.", Remedy.BUILD_MODELS)
    monkeypatch.setattr(catalogue, "_BUILDERS", ("no_such_builder",))
    for remedy in Remedy:
        said = advised("It is gone.", remedy)
        assert re.fullmatch(r"It is gone\. [A-Z`].+\.", said)
        assert "models build" not in said
        assert "make models" not in said
    expected = "Remove the extension, restart Blender, and install it again"
    assert all(expected.lower() in words.lower() for words in IN_THE_EXTENSION.values())


def test_the_extensions_copy_refuses_to_build_in_one_line(tmp_path: Path) -> None:
    """With the very sources that the extension's wheel is made of."""
    copy_sources(tmp_path / "source")
    begin = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'source')!r}); from native_runtime.cli.main import run; run()"
    )
    models = tmp_path / "models"
    done = subprocess.run(
        [sys.executable, "-I", "-c", begin, "models", "build", "--models", str(models)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "builds no models. Remove the extension, restart Blender, and install it again." in line
    assert not models.exists()


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
