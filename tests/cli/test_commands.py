"""Where commands come from."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from native_runtime.cli import main
from native_runtime.cli.commands import GROUP, ORDER, Command, Extension, all_commands, installed_extensions
from native_runtime.cli.console import Console
from sam3db_blender.cli import EXTENSION


def error_of(*words: str, extensions: list[Extension]) -> str:
    out = io.StringIO()
    assert main([*words, "--json"], Console(out, True, False), extensions) == 2
    return json.loads(out.getvalue())["error"]["text"]


def test_the_extension_for_blender_is_found() -> None:
    """Where this fails, the checkout was installed before it had entry points: `pip install -e .` again."""
    assert EXTENSION in installed_extensions()


def test_all_are_listed_in_their_order() -> None:
    assert tuple(all_commands([EXTENSION])) == ORDER
    added = Command("harvest", EXTENSION.commands[0].add, "harvest")
    assert tuple(all_commands([Extension((added,), EXTENSION.builder), EXTENSION])) == (*ORDER, "harvest")


@pytest.mark.parametrize("name", [command.name for command in EXTENSION.commands])
def test_without_it_its_commands_say_what_is_missing(name: str) -> None:
    text = error_of(name, "photo.jpg", "-o", "out", extensions=[])
    assert f"`sam3db {name}` needs the package sam3db_blender" in text
    assert "pip install" in text


def test_a_batch_without_it_says_what_it_can_do(tmp_path: Path) -> None:
    text = error_of("batch", str(tmp_path), "-o", str(tmp_path / "out"), extensions=[])
    assert "pip install" in text
    assert "--no-blend --preview none" in text


def test_what_cannot_be_imported_is_left_out(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    points = [EntryPoint(name, value, GROUP) for name, value in (("a", "not_there:X"), ("b", "json:nothing"))]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    assert installed_extensions() == []
    assert "json:nothing" in caplog.text
    assert "not_there" not in caplog.text


def test_the_extension_s_own_program_needs_no_installation(repository: Path) -> None:
    code = (
        "import importlib.metadata, runpy, sys\n"
        "importlib.metadata.entry_points = lambda group: []\n"
        "sys.argv[1:] = ['preview', '--help']\n"
        "runpy.run_module('sam3db_blender', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--renderer" in done.stdout


def test_no_package_replaces_a_command(caplog: pytest.LogCaptureFixture) -> None:
    own = all_commands([])["estimate"]
    other = Extension((Command("estimate", EXTENSION.commands[0].add, "other"),), EXTENSION.builder)
    assert all_commands([other])["estimate"] is own
    assert "its name is taken" in caplog.text
