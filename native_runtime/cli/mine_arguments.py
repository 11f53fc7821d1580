"""The arguments of `sam3db mine`. Standard library only, as ``arguments``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import (
    add_common_arguments,
    add_engine_arguments,
    add_lens_arguments,
    add_turn_argument,
)

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `mine`."""
    mine = commands.add_parser(
        "mine",
        help="which photos of a folder went wrong, and what is hard about them",
        description="Ranks the people of a folder by how likely their estimate is wrong, tells what is hard about "
        "their photos, and shows the worst in a contact sheet.",
        allow_abbrev=False,
    )
    mine.add_argument(
        "folder", metavar="FOLDER", help="the output folder of a batch, or photos, which are estimated first"
    )
    mine.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    mine.add_argument(
        "--count", metavar="N", type=int, default=60, help="how many people the sheet shows (default: %(default)s)"
    )
    mine.add_argument("--photos", metavar="DIR", help="where the photos of the batch lie now, if they were moved")
    mine.add_argument(
        "--flip",
        action="store_true",
        help="also estimate each photo's mirror image and compare: finds more, takes as long as the estimates",
    )
    mine.add_argument(
        "--vlm-url",
        metavar="URL",
        help="also ask a vision-language model what is hard about the worst photos: the address of an "
        "OpenAI-compatible server, such as https://host/v1. It gets the part of each photo around the person",
    )
    mine.add_argument("--vlm-model", metavar="NAME", help="the model's name there")
    mine.add_argument(
        "--vlm-key-env",
        metavar="NAME",
        default="SAM3DB_VLM_KEY",
        help="environment variable that holds the server's key (default: %(default)s)",
    )
    mine.add_argument(
        "--vlm-photos",
        metavar="N",
        type=int,
        default=50,
        help="how many photos are sent (default: %(default)s)",
    )
    mine.add_argument(
        "--vlm-tokens",
        metavar="N",
        type=int,
        default=200_000,
        help="tokens after which it ends (default: %(default)s)",
    )
    mine.add_argument("--vlm-send", action="store_true", help="agree that photos are sent, without being asked")
    add_engine_arguments(mine, everybody=True)
    add_lens_arguments(mine)
    add_turn_argument(mine)
    add_common_arguments(mine)
