"""The arguments of `sam3db gpu`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import (
    MODELS_HELP,
    Parser,
    add_common_arguments,
    add_provider_argument,
)

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers

_ACTIONS = {
    "list": "show the graphics cards, what is installed for them, and what can be",
    "install": "fetch libraries for graphics cards from the package index, or take them from files",
    "remove": "remove them again; the processor computes",
    "test": "time each network on each provider, as a table that can be pasted",
}


def add(commands: Subparsers) -> None:
    """Add `gpu` and its actions."""
    gpu = commands.add_parser(
        "gpu", help="graphics cards: libraries for them, and how fast they are", allow_abbrev=False
    )
    add_common_arguments(gpu)
    actions = gpu.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.", allow_abbrev=False)
        action.add_argument(
            "--folder", metavar="DIR", help="where GPU support lies (default: SAM3DB_GPU_SUPPORT, or the user's cache)"
        )
        if name == "install":
            action.add_argument("name", metavar="NAME", help="as `sam3db gpu list` calls it")
            action.add_argument(
                "--accept",
                dest="accepted",
                metavar="TERMS",
                type=lambda text: text.split(","),
                action="extend",
                default=[],
                help="you have read these terms and accept them (repeatable, or separated by commas)",
            )
            action.add_argument(
                "--file",
                dest="files",
                metavar="WHEEL",
                nargs="+",
                action="extend",
                default=[],
                help="wheels that you have, all of them; nothing is downloaded then",
            )
        if name == "test":
            action.add_argument("--models", metavar="DIR", help=MODELS_HELP)
            add_provider_argument(action)
        add_common_arguments(action)
