"""What `sam3db character` takes. Standard library only."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.arguments import add_photo_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
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
