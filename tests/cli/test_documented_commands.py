"""Every command line that README and docs show can be written: the real parsers take it."""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from functools import partial
from pathlib import Path

import pytest

from native_runtime.batch.settings import Export, Settings
from native_runtime.cli.commands import all_commands, parser
from native_runtime.errors import UsageError
from sam3db_blender.cli import EXTENSION
from tests.support.documented import CommandLine, command_lines

ROOT = Path(__file__).resolve().parents[2]
LINES = list(command_lines(ROOT))
# Inline pieces of sentences that only look like commands, with what they are.
NO_COMMANDS = {
    "make --count 200 --broken 15": "the action `make` of bench.batch, named just before it",
}


class _ParsedError(Exception):
    """A program got as far as knowing its arguments."""


def _relax(top: argparse.ArgumentParser) -> None:
    """Let arguments be left out, as in a sentence; unknown and impossible ones are refused all the same."""
    for action in top._actions:
        action.required = False
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _relax(command)
        elif not action.option_strings:
            action.nargs = "*"


def _parse_program(line: CommandLine, run: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a module or script of the project and stop it when it has parsed its words."""
    parse = argparse.ArgumentParser.parse_args

    def parse_alone(self: argparse.ArgumentParser, *args: object, **options: object) -> None:
        if line.inline:
            _relax(self)
        parse(self, *args, **options)  # type: ignore[call-overload]
        raise _ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_alone)
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(sys, "argv", run)
    start = partial(runpy.run_path, str(ROOT / run[0])) if run[0].endswith(".py") else partial(runpy.run_module, run[0])
    with pytest.raises(_ParsedError):
        start(run_name="__main__")


def _parse_sam3db(line: CommandLine, words: list[str]) -> None:
    top = parser(all_commands([EXTENSION]).values())
    if line.inline:
        _relax(top)
    arguments = top.parse_args(words)
    if arguments.command == "batch":
        previews = [kind for kind in arguments.previews or () if kind != "none"]
        Settings(previews=tuple(previews), exports=tuple(map(Export.parse, arguments.exports)))


def _check_make(line: CommandLine, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    values = dict(word.split("=", 1) for word in words if "=" in word)
    (target,) = [word for word in words if "=" not in word]
    targets = re.findall(r"^([a-z%-]+):", makefile, re.MULTILINE)
    bench = target.removeprefix("bench-") if target.startswith("bench-") else None
    assert "bench-%" in targets if bench else target in targets
    for variable in values:
        assert re.search(rf"\b{variable}\b", makefile), f"the Makefile knows no {variable}"
    if bench:
        _parse_program(line, [f"bench.{bench}", *values.get("ARGS", "").split()], monkeypatch)


def test_there_are_command_lines() -> None:
    assert len(LINES) > 50
    assert sum(not line.inline for line in LINES) > 10


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.source)
def test_every_documented_command_line_is_one(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    if line.text in NO_COMMANDS:
        pytest.skip(NO_COMMANDS[line.text])
    program, *words = line.words
    if program == "sam3db":
        _parse_sam3db(line, words)
    elif program == "make":
        _check_make(line, words, monkeypatch)
    elif words[0] == "-m" and words[1] == "sam3db_blender":
        _parse_sam3db(line, words[2:] or ["engines"])
    elif words[0] == "-m" and words[1] == "native_runtime.service.worker":
        assert words[2:] == []  # it speaks in lines, see tests/service
    elif words[0] == "-m":
        _parse_program(line, words[1:], monkeypatch)
    else:
        _parse_program(line, words, monkeypatch)


def test_a_wrong_command_line_would_be_noticed() -> None:
    with pytest.raises(UsageError):
        _parse_sam3db(CommandLine("", "sam3db batch --kind wire", True), ["batch", "--kind", "wire"])
    with pytest.raises(UsageError):
        _parse_sam3db(CommandLine("", "", False), ["batch", "a", "-o", "b", "--previews", "front"])


@pytest.mark.parametrize(
    ("words", "previews", "exports"),
    [
        (["--previews", "overlay,turntable", "--export", "glb:unreal"], ["overlay", "turntable"], ["glb:unreal"]),
        (["--preview", "overlay", "--preview", "wire, shaded"], ["overlay", "wire", "shaded"], []),
        (["--exports", "fbx,glb:vrm", "--export", "bvh"], None, ["fbx", "glb:vrm", "bvh"]),
    ],
)
def test_lists_are_written_with_commas_or_one_by_one(
    words: list[str], previews: list[str] | None, exports: list[str]
) -> None:
    arguments = parser(all_commands([EXTENSION]).values()).parse_args(["batch", "photos", "-o", "out", *words])
    assert arguments.previews == previews
    assert arguments.exports == exports


@pytest.mark.parametrize(
    "command", [["batch", "a", "-o", "b"], ["models", "list"], ["engines"], ["estimate", "a", "-o", "b"]]
)
def test_json_may_stand_before_and_after_the_command(command: list[str]) -> None:
    assert not parser(all_commands([EXTENSION]).values()).parse_args(command).json
    for place in range(len(command) + 1):
        words = [*command[:place], "--json", *command[place:]]
        if words[place - 1] != "-o":
            assert parser(all_commands([EXTENSION]).values()).parse_args(words).json, words
