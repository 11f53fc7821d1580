"""The arguments of `sam3db dataset`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import MODELS_HELP, Parser, add_common_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `dataset` and its actions."""
    dataset = commands.add_parser("dataset", help="data sets of annotated people for training", allow_abbrev=False)
    add_common_arguments(dataset)
    actions = dataset.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    _add_synthesize(actions)
    _add_export(actions)


def _add_synthesize(actions: Subparsers) -> None:
    synthesize = actions.add_parser(
        "synthesize",
        help="make pictures of people of whom everything is known",
        description="Writes shards of pictures and rows of what is true of their people. Run the same command again "
        "to make what is missing, or with a larger --count to make more.",
        allow_abbrev=False,
    )
    synthesize.add_argument("out", metavar="OUT", help="folder of the data set; created if missing")
    synthesize.add_argument(
        "--poses", metavar="FILE", required=True, help="what `python -m native_runtime.build.pose_prior poses` wrote"
    )
    synthesize.add_argument("--count", metavar="N", type=int, default=1024, help="how many pictures (default: 1024)")
    synthesize.add_argument(
        "--seed", metavar="N", type=int, default=0, help="another seed gives other pictures (default: 0)"
    )
    synthesize.add_argument(
        "--part",
        metavar="I/N",
        default="1/1",
        help="make part I of N only, for several processes or machines (default: 1/1)",
    )
    synthesize.add_argument(
        "--authored",
        metavar="0..1",
        type=float,
        default=0.3,
        help="share of poses that are variations of the project's own, not motion capture (default: 0.3)",
    )
    synthesize.add_argument(
        "--body",
        metavar="NAME|FILE",
        help="the body (default: mhr-lod3 where it is installed, else default-lod1)",
    )
    synthesize.add_argument("--depth", action="store_true", help="also write depth, as PNG of 16 bits in millimetres")
    synthesize.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    add_common_arguments(synthesize)


def _add_export(actions: Subparsers) -> None:
    export = actions.add_parser(
        "export",
        help="characters that you corrected, as a data set in a folder",
        description="Writes the characters below FOLDER that a person corrected as rows of a data set, with their "
        "pictures and a data card, into a folder. Nothing is sent anywhere.",
        allow_abbrev=False,
    )
    export.add_argument(
        "folder", metavar="FOLDER", help="results of `sam3db batch` or `sam3db estimate`, or .blend files"
    )
    export.add_argument("-o", "--out", metavar="DIR", required=True, help="a folder that is new or empty")
    export.add_argument(
        "--consent",
        action="store_true",
        help="the people in the photos, and those who own the photos, agree to the use for training; required",
    )
    export.add_argument(
        "--photos", metavar="DIR", help="where the photos lie, if they are not where the batch read them"
    )
    export.add_argument("--all", action="store_true", help="characters that nobody corrected as well")
    export.add_argument(
        "--blur-faces",
        action="store_true",
        help="make all faces coarse: those of the characters, and those that the landmark networks find",
    )
    export.add_argument(
        "--blend",
        action=argparse.BooleanOptionalAction,
        help="read the .blend files, which needs Blender as a Python module (default: yes, where there are any)",
    )
    export.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    add_common_arguments(export)
