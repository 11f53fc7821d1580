"""The arguments of `sam3db texture`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.bounds import TEXTURE_SIZE, TEXTURE_SIZES
from native_runtime.cli.common_arguments import MODELS_HELP, add_common_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `texture`."""
    texture = commands.add_parser(
        "texture",
        help="skin and clothes from the photo, as a picture for the body's texture coordinates",
        description="Writes NAME_personK_texture.png, NAME_personK_texture_confidence.png and "
        "NAME_personK_texture.json for each estimate.",
        allow_abbrev=False,
    )
    texture.add_argument("estimates", nargs="+", metavar="ESTIMATE.npz", help="as `sam3db estimate` writes them")
    texture.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    texture.add_argument(
        "--photo",
        dest="photos",
        metavar="PHOTO",
        action="append",
        default=[],
        help="the photo of an estimate; repeat it for each, in their order (default: the file that the estimate names, "
        "beside it or in the folder above)",
    )
    texture.add_argument(
        "--mask",
        dest="masks",
        metavar="FILE.png",
        action="append",
        default=[],
        help="picture of the photo's size, white where the person is; repeat it for each estimate (default: found from "
        "the body's outline and the photo's edges)",
    )
    texture.add_argument(
        "--one-person",
        action="store_true",
        help="the estimates are photos of one person (`sam3db views` makes such): one texture from all",
    )
    texture.add_argument(
        "--size",
        metavar="TEXELS",
        type=int,
        choices=TEXTURE_SIZES,
        default=TEXTURE_SIZE,
        help=f"along each side: {', '.join(map(str, TEXTURE_SIZES))} (default: %(default)s)",
    )
    texture.add_argument(
        "--remove-light",
        dest="light",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take out the light that can be estimated from the surface's directions, roughly (default: yes)",
    )
    texture.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    texture.add_argument("--body", metavar="NAME|FILE", help="body by name or .npz file (default: the estimate's)")
    add_common_arguments(texture)
