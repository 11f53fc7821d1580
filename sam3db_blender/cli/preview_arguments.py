"""The arguments of `sam3db preview`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import add_common_arguments, listed

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers

KINDS = ("panels", "overlay", "beside", "turntable", "wire", "shaded")
RENDERERS = ("own", "workbench", "cycles", "eevee")
LOOKS = ("textured", "clay")
_SMALLEST, _LARGEST = 64, 8192


def add(commands: Subparsers) -> None:
    """Add the command."""
    preview = commands.add_parser(
        "preview",
        help="pictures of the characters in .blend files",
        description="Writes NAME_KIND.jpg for each .blend file and kind, and a contact sheet of all.",
        allow_abbrev=False,
    )
    preview.add_argument("files", nargs="+", metavar="FILE.blend", help="files with characters made from photos")
    preview.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the pictures")
    preview.add_argument(
        "--kinds",
        "--preview",
        "--previews",
        dest="kinds",
        metavar="KIND,...",
        type=_kinds,
        action="extend",
        help=f"{', '.join(KINDS)} (default: all but panels). The first is shown in the contact sheet",
    )
    preview.add_argument(
        "--size", metavar="PX", type=_size, default=768, help="height of the pictures (default: %(default)s)"
    )
    preview.add_argument(
        "--look",
        choices=LOOKS,
        default="textured",
        help="textured (default) shows the pictures on characters that have some, such as textures from photos; clay "
        "shows all in one tint for each person",
    )
    preview.add_argument(
        "--renderer",
        choices=RENDERERS,
        default="own",
        help="own (default) is fast and works everywhere; workbench needs OpenGL; cycles and eevee show the "
        "characters' own materials and are slow",
    )
    preview.add_argument(
        "--contact-sheet",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write contact_sheet.html and .png, which show all pictures (default: yes)",
    )
    add_common_arguments(preview)


def _kinds(text: str) -> list[str]:
    kinds = listed(text)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no preview {unknown[0]!r}; there are {', '.join(KINDS)}")
    return kinds


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and _SMALLEST <= int(text) <= _LARGEST:
        return int(text)
    raise argparse.ArgumentTypeError(f"a picture is {_SMALLEST} to {_LARGEST} px high, not {text!r}")
