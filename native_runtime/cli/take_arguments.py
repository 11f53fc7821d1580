"""The arguments of `sam3db take`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, get_args

from native_runtime.cli.common_arguments import (
    add_common_arguments,
    add_engine_arguments,
    add_lens_arguments,
    ages,
    heights,
)
from native_runtime.pipeline.requests import Sex

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    take = commands.add_parser(
        "take",
        help="a video to an animated character's motion; continues where it was interrupted",
        description="Follows the people of a video or of a folder of pictures, and writes NAME_personK_take.npz and "
        ".json for each person K who is chosen: one body, and its pose in every frame. Run the same command again to "
        "go on after an interruption.",
        allow_abbrev=False,
    )
    take.add_argument("footage", metavar="VIDEO", help="a video file, or a folder of pictures in the order of names")
    take.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    add_engine_arguments(take)
    take.add_argument("--range", metavar="A:B", help="frame A up to before frame B, counted from 0 (default: all)")
    take.add_argument("--every", metavar="N", type=int, default=1, help="use each Nth frame only (default: 1)")
    take.add_argument(
        "--fps",
        metavar="F",
        type=float,
        help="frames a second of the footage (default: as the video says; folders: 25)",
    )
    take.add_argument(
        "--prompts",
        metavar="FILE.json",
        help='hints on frames: {"prompts": [{"frame": 30, "keypoints": [["left_wrist", 412, 230]]}]}',
    )
    take.add_argument("--sex", choices=get_args(Sex), help="what the body's shape shows (default: as the face says)")
    take.add_argument("--age", metavar="Y", type=ages, help="how old the person is, 5 to 90 years")
    take.add_argument("--height-cm", metavar="H", type=heights, help="how tall the person is, 50 to 250 cm")
    add_lens_arguments(take)
    take.add_argument(
        "--turn", metavar="90|180|270", type=int, choices=(0, 90, 180, 270), default=0, help="rotate frames clockwise"
    )
    take.add_argument(
        "--plain",
        action="store_true",
        help="estimate each frame by itself and smooth over them, instead of one fit over all frames",
    )
    take.add_argument(
        "--blend",
        action=argparse.BooleanOptionalAction,
        help="also write NAME_take.blend with animated characters (default: where Blender is at hand)",
    )
    take.add_argument(
        "--texture",
        action=argparse.BooleanOptionalAction,
        help="lay each person's best frames on their character as a texture, and tell the colours of skin and hair "
        "(default: where the .blend is written)",
    )
    take.add_argument("--restart", action="store_true", help="read all frames again, also those of an earlier run")
    add_common_arguments(take)
