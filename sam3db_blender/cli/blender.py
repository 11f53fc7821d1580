"""Commands that need Blender as a Python module."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

from native_runtime.errors import UsageError
from native_runtime.files.folders import user_cache

if TYPE_CHECKING:
    from native_runtime.cli.commands import TakeSceneWriter, ViewsSceneWriter
    from native_runtime.corrections.folder import CharacterReader


def require_blender(what: str, instead: str = "") -> None:
    """See to it that there is a bpy module, and that importing it leaves the user's own Blender alone.

    Args:
        what: needs it ("Making a character").
        instead: what does without it ("use `sam3db estimate`").

    Raises:
        UsageError: there is none; the message says how to get it.
    """
    if importlib.util.find_spec("bpy") is None:
        raise UsageError(
            f"{what} needs Blender as a Python module: `pip install bpy==4.5.15` (Python 3.11)"
            + (f"; or {instead}, which does not." if instead else ".")
        )
    # The module starts with factory settings, finds no extensions enabled, and removes the Python modules that those
    # of the user have installed, unless it is shown another folder than theirs.
    for name in [name for name in os.environ if name.startswith("BLENDER_USER_")]:
        del os.environ[name]
    os.environ["BLENDER_USER_RESOURCES"] = str(user_cache() / "blender")


def take_scene_writer() -> TakeSceneWriter:
    """What writes the .blend files of takes.

    Raises:
        UsageError: there is no bpy module.
    """
    require_blender("Writing a .blend", "use `--no-blend` for take files only")
    from ..builder.takes import write_take_scene

    return write_take_scene


def views_scene_writer() -> ViewsSceneWriter:
    """What writes the .blend files of several photos of a person.

    Raises:
        UsageError: there is no bpy module.
    """
    require_blender("Writing a .blend", "use `--no-blend` for estimates only")
    from ..builder.views import write_views_scene

    return write_views_scene


def correction_reader() -> CharacterReader:
    """What reads the characters of .blend files for data sets.

    Raises:
        UsageError: there is no bpy module.
    """
    require_blender("Reading .blend files", "use `--no-blend` for estimates only")
    from ..builder.corrections import read_corrections

    return read_corrections


def builder_command() -> tuple[str, ...]:
    """The command line of the process that builds a batch's characters.

    Raises:
        UsageError: there is no bpy module.
    """
    require_blender("Making characters", "use `--no-blend --preview none` for estimates only")
    from ..jobs.builder_command import module_command

    return module_command()
