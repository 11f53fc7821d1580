"""The commands of `sam3db`: those of this package, and those that other packages add. Standard library only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from native_runtime.cli import (
    arguments,
    batch_arguments,
    compare_arguments,
    dataset_arguments,
    evaluate_arguments,
    farm_arguments,
    gpu_arguments,
    mine_arguments,
    take_arguments,
    texture_arguments,
    train_arguments,
    views_arguments,
)
from native_runtime.cli.common_arguments import Parser, add_common_arguments
from native_runtime.errors import UsageError
from native_runtime.plugins import load_plugins

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from native_runtime.cli.common_arguments import Subparsers
    from native_runtime.corrections.folder import CharacterReader

GROUP = "sam3db.commands"
"""Group of the entry points by which installed packages add commands; each names an `Extension`."""

ORDER = (
    "character",
    "estimate",
    "batch",
    "farm",
    "take",
    "views",
    "texture",
    "preview",
    "export",
    "retarget",
    "models",
    "engines",
    "gpu",
    "convert-checkpoint",
    "dataset",
    "train",
    "mine",
    "evaluate",
    "compare",
    "doctor",
)
"""As `sam3db --help` lists them; others follow."""

_log = logging.getLogger(__name__)


class Command(NamedTuple):
    """A command: ``add`` adds its parser at every start; ``module`` has ``run(arguments, console)``, which says whether
    all went well.
    """

    name: str
    add: Callable[[Subparsers], None]
    module: str


class TakeSceneWriter(Protocol):
    """Writes the people of take files, and their footage, into a .blend file; returns what an artist should know."""

    def __call__(
        self, files: Sequence[Path], footage: Path | None, blend: Path, models: str | os.PathLike[str] | None = None
    ) -> list[str]: ...


class ViewsSceneWriter(Protocol):
    """Writes a person of several photos, by the summary of the views, into a .blend file."""

    def __call__(
        self,
        summary: Path,
        photos: Sequence[Path],
        blend: Path,
        models: str | os.PathLike[str] | None = None,
        texture: bool = True,
    ) -> list[str]: ...


class Extension(NamedTuple):
    """What a package adds. ``builder`` gives the command line of the process that builds a batch's characters,
    ``take_scene`` what writes the .blend files of takes, ``views_scene`` what writes those of several photos, and
    ``corrections`` what reads the characters of .blend files; all raise `UsageError` where that cannot be done.
    """

    commands: tuple[Command, ...]
    builder: Callable[[], tuple[str, ...]]
    take_scene: Callable[[], TakeSceneWriter] | None = None
    views_scene: Callable[[], ViewsSceneWriter] | None = None
    corrections: Callable[[], CharacterReader] | None = None


_OWN = (
    Command("estimate", arguments.add_estimate, "native_runtime.cli.people"),
    Command("batch", batch_arguments.add, "native_runtime.cli.batch"),
    Command("farm", farm_arguments.add, "native_runtime.cli.farm"),
    Command("take", take_arguments.add, "native_runtime.cli.take"),
    Command("views", views_arguments.add, "native_runtime.cli.views"),
    Command("texture", texture_arguments.add, "native_runtime.cli.texture"),
    Command("models", arguments.add_models, "native_runtime.cli.models"),
    Command("engines", arguments.add_engines, "native_runtime.cli.engines"),
    Command("gpu", gpu_arguments.add, "native_runtime.cli.gpu"),
    Command("dataset", dataset_arguments.add, "native_runtime.cli.dataset"),
    Command("mine", mine_arguments.add, "native_runtime.cli.mine"),
    Command("evaluate", evaluate_arguments.add, "native_runtime.cli.evaluate"),
    Command("compare", compare_arguments.add, "native_runtime.cli.compare"),
    Command("train", train_arguments.add, "native_runtime.cli.train"),
    Command("doctor", arguments.add_doctor, "native_runtime.cli.doctor"),
    Command("convert-checkpoint", arguments.add_convert, "native_runtime.cli.convert"),
)


def installed_extensions() -> list[Extension]:
    """What installed packages add. One that cannot be imported is logged and left out."""
    return list(load_plugins(GROUP, Extension, "group of commands", partial=True))


def all_commands(extensions: Sequence[Extension]) -> dict[str, Command]:
    """By name, in the order in which they are listed. One whose name is taken is logged and left out."""
    commands = {command.name: command for command in _OWN}
    for command in (command for extension in extensions for command in extension.commands):
        if commands.setdefault(command.name, command) is not command:
            _log.warning("The command %r of %s is not used: its name is taken.", command.name, command.module)
    return {name: commands[name] for name in (*ORDER, *commands) if name in commands}


def parser(commands: Iterable[Command]) -> Parser:
    """The parser of some commands."""
    top = Parser(
        prog="sam3db", description="From a photo of a person to a rigged, editable character.", allow_abbrev=False
    )
    add_common_arguments(top, default=False)
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for command in commands:
        command.add(subparsers)
    return top


def missing(what: str) -> UsageError:
    """The error for something that Blender's part of the program does, where that is not there."""
    return UsageError(
        f"{what} needs the package sam3db_blender, which is not installed, or was installed before it had commands: "
        "install it again (`pip install -e .` in a checkout)."
    )
