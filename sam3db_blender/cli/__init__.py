"""Commands that need Blender as a Python module; `sam3db` finds them by an entry point (``pyproject.toml``).

Standard library only: `sam3db --help` reads this.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.arguments import add_photo_arguments
from native_runtime.cli.commands import Command, Extension
from native_runtime.cli.common_arguments import add_wear_argument

from . import export_arguments, preview_arguments, retarget_arguments
from .blender import builder_command, correction_reader, take_scene_writer, views_scene_writer

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def _add_character(commands: Subparsers) -> None:
    character = commands.add_parser(
        "character",
        help="photos to .blend files with a rigged character, a preview and the estimate",
        description="Writes NAME_personK.blend, .png (the preview), .npz and .json for each person K of each photo.",
        allow_abbrev=False,
    )
    add_photo_arguments(character)
    character.add_argument(
        "--preview", action=argparse.BooleanOptionalAction, default=True, help="render a preview picture (default: yes)"
    )
    character.add_argument(
        "--texture",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="lay the photo on the person: skin and clothes as a texture (default: yes)",
    )
    add_wear_argument(character)
    character.add_argument(
        "--controls",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="give the characters control rigs with FK and IK (default: yes)",
    )


EXTENSION = Extension(
    (
        Command("character", _add_character, f"{__name__}.character"),
        Command("preview", preview_arguments.add, f"{__name__}.preview"),
        Command("export", export_arguments.add, f"{__name__}.export"),
        Command("retarget", retarget_arguments.add, f"{__name__}.retarget"),
    ),
    builder_command,
    take_scene_writer,
    views_scene_writer,
    correction_reader,
)
