"""The arguments of `sam3db evaluate`. Standard library only, as ``arguments``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import (
    add_common_arguments,
    add_engine_arguments,
    add_lens_arguments,
)
from native_runtime.evaluation.layouts import LAYOUTS

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `evaluate`."""
    evaluate = commands.add_parser(
        "evaluate",
        help="how good estimates are, by annotations of their photos",
        description="Compares the estimates below folders, as `sam3db batch` or `sam3db estimate` wrote them, with "
        "what is known of their photos, and writes evaluation.json and evaluation.md. With --engine the folder is one "
        "of photos, and the estimates are made first; run the same command again to make only what is missing.",
        allow_abbrev=False,
    )
    evaluate.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="+",
        help="with estimates, of several engines one each; with --engine, one with photos; folders in it are searched "
        "too",
    )
    evaluate.add_argument(
        "-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing"
    )
    evaluate.add_argument(
        "--truth",
        metavar="PATH",
        required=True,
        help="the annotations: a data set's file or folder; see docs/evaluation.md for each layout",
    )
    evaluate.add_argument(
        "--layout", choices=LAYOUTS, required=True, help="how they are laid out; see docs/evaluation.md"
    )
    evaluate.add_argument(
        "--smpl",
        metavar="DIR",
        help="your files of SMPL and SMPL-X (SMPL_NEUTRAL.npz and so on), for data sets that hold their parameters",
    )
    evaluate.add_argument(
        "--kinds",
        metavar="FILE.json",
        help='kinds of photos, for figures of each: {"photo.jpg": ["crowd", "lying"]}, or a mining.json',
    )
    evaluate.add_argument(
        "--only-estimated",
        action="store_true",
        help="leave out photos without any estimate, which otherwise count as photos where nobody was found",
    )
    evaluate.add_argument(
        "--true-boxes",
        action="store_true",
        help="with --engine: estimate the annotated people in their boxes, instead of looking for people, as most "
        "papers do",
    )
    add_engine_arguments(evaluate, everybody=True)
    add_lens_arguments(evaluate)
    add_common_arguments(evaluate)
