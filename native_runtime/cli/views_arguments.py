"""The arguments of `sam3db views`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, get_args

from native_runtime.bounds import REFINE
from native_runtime.cli.common_arguments import (
    add_body_arguments,
    add_common_arguments,
    add_lens_arguments,
    add_provider_argument,
    heights,
    listed,
    one_age,
)
from native_runtime.pipeline.boxes import read_box
from native_runtime.pipeline.requests import Sex
from native_runtime.takes.views.request import Unit

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `views`."""
    views = commands.add_parser(
        "views",
        help="several photos of one person to one body",
        description="Writes NAME_personK.npz and .json for each photo, which share one skeleton and shape, and "
        "NAME_views.json of the first photo about all. Photos of the same moment (--synchronised, --calibration) share "
        "the pose as well.",
        allow_abbrev=False,
    )
    views.add_argument("photos", nargs="+", metavar="PHOTO", help="two or more, of the same person")
    views.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    views.add_argument(
        "--synchronised",
        action="store_true",
        help="the photos were taken at the same moment, from several places: one pose, and the cameras follow from it",
    )
    views.add_argument(
        "--calibration",
        metavar="FILE",
        help="the cameras, whose photos are synchronised: Pose2Sim's .toml, Qualisys's .qca.txt, EasyMocap's .yml, "
        "OpenCV's .xml, .yml or .json, COLMAP's folder of text files",
    )
    views.add_argument(
        "--camera",
        dest="cameras",
        metavar="NAME,...",
        action="extend",
        type=listed,
        help="which camera of the calibration took each photo, in the photos' order (default: the one whose name is in "
        "the photo's name, else by order)",
    )
    views.add_argument(
        "--unit",
        choices=get_args(Unit),
        help="of the calibration's lengths; unknown: as large as the person's size makes them (default: m; of COLMAP "
        "unknown)",
    )
    views.add_argument(
        "--engine",
        metavar="NAME",
        help="landmarks, instanthmr, sam3d_body, or another that `sam3db engines` names (default: auto, the best that "
        "is ready)",
    )
    add_provider_argument(views)
    views.add_argument("--inference", metavar="KIND", help="what the engine infers, as of `sam3db estimate`")
    views.add_argument(
        "--refine", metavar="0..1", type=float, help=f"what a photo counts against the engine (default: {REFINE:g})"
    )
    add_body_arguments(views)
    views.add_argument(
        "--person",
        dest="people",
        metavar="N,...",
        type=_numbers,
        help="the person's number in each photo, the largest being 0 (default: the largest; with a calibration, whom "
        "the cameras see at the place of the largest in the first photo)",
    )
    views.add_argument(
        "--box",
        dest="boxes",
        metavar="X0,Y0,X1,Y1",
        type=read_box,
        action="append",
        help="the person's bounding box in pixels, one for each photo, instead of detecting people",
    )
    views.add_argument("--sex", choices=get_args(Sex), help="what the body's shape shows (default: what the faces say)")
    views.add_argument("--age", metavar="Y", type=one_age, help="how old the person is, 5 to 90 years")
    views.add_argument(
        "--height-cm", metavar="H", type=_height, help="how tall the person is; known cameras measure it themselves"
    )
    views.add_argument(
        "--prompts",
        metavar="FILE.json",
        help='keypoints placed by hand: {"prompts": [{"photo": 1, "keypoints": [["left_wrist", 412, 230]]}]}',
    )
    views.add_argument(
        "--start",
        metavar="FILE.json",
        help="NAME_views.json of an earlier run with the same photos: go on from its body (for prompts)",
    )
    add_lens_arguments(views)
    views.add_argument(
        "--turn", metavar="90|180|270", type=int, choices=(0, 90, 180, 270), default=0,
        help="rotate all photos clockwise first",
    )  # fmt: skip
    views.add_argument(
        "--blend",
        action=argparse.BooleanOptionalAction,
        help="also write NAME_views.blend with the character before all cameras (default: where Blender is at hand)",
    )
    views.add_argument(
        "--texture",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="lay the photos on the character in the .blend as a texture (default: yes)",
    )
    add_common_arguments(views)


def _numbers(text: str) -> list[int]:
    words = listed(text)
    if not all(word.isascii() and word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"numbers from 0 on are expected, one for each photo, not {text!r}")
    return [int(word) for word in words]


def _height(text: str) -> float:
    found = heights(text)
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"one height is expected, not {text!r}: all photos are of one person")
    return found[0]
