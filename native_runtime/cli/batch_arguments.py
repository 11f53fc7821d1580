"""The arguments of `sam3db batch`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import (
    add_common_arguments,
    add_engine_arguments,
    add_lens_arguments,
    add_turn_argument,
    add_wear_argument,
    listed,
    one_age,
)

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Parser, Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    batch = commands.add_parser(
        "batch",
        help="a folder of photos to characters; continues where it was interrupted",
        description="Makes the files of `sam3db character` for each photo of a folder, and keeps a manifest. "
        "Run the same command again to make only what is missing.",
        allow_abbrev=False,
    )
    add_batch_settings(batch)
    batch.add_argument("--shard", metavar="K/N", default="1/1", help="do part K of N only, for several machines")
    batch.add_argument(
        "--cluster",
        metavar="ADDRESS|local:N",
        help="let the workers of a Dask cluster do it: a scheduler's address, or N workers on this machine "
        "(needs sam3db[cluster])",
    )
    batch.add_argument(
        "--cluster-path",
        dest="cluster_paths",
        metavar="HERE=THERE",
        action="append",
        default=[],
        help="what a folder of this machine is called on the workers; repeatable",
    )
    batch.add_argument(
        "--cluster-memory",
        metavar="GB",
        type=float,
        help="with local:N, how much memory a worker may use before it is restarted (default: its share of all)",
    )
    batch.add_argument(
        "--accept-bad-photos",
        action="store_true",
        help="exit code 0 also when photos have failed for a reason of their own (they cannot be read or show nobody), "
        "for farms, which try a task again that fails",
    )
    batch.add_argument(
        "--expect-version",
        metavar="V",
        help="refuse to run if this program is of another version, so that all machines of a farm make the same",
    )
    batch.add_argument(
        "--progress-lines",
        choices=("openjd",),
        help="also say the progress on standard output in the form that a farm's program reads",
    )
    add_common_arguments(batch)


def add_batch_settings(batch: Parser) -> None:
    """Which photos, and what is made of each: what a batch has wherever it runs."""
    batch.add_argument("folder", metavar="FOLDER", help="the photos")
    batch.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    batch.add_argument(
        "--pattern",
        dest="patterns",
        metavar="GLOB",
        action="append",
        help="which files: 'IMG_*', 'day 1/*.jpg'; repeatable (default: every picture, recognised by content)",
    )
    batch.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="search sub-folders; the results use the same ones (default: yes)",
    )
    add_engine_arguments(batch)
    batch.add_argument(
        "--age",
        metavar="Y",
        type=one_age,
        help="how old everybody is, 5 to 90 years, one person of each photo (default: adults, or children where the "
        "face says so clearly)",
    )
    add_lens_arguments(batch)
    add_turn_argument(batch)
    batch.add_argument(
        "--layout",
        choices=("person", "photo"),
        default="person",
        help="a .blend file for each person (default), or one with all people of the photo",
    )
    batch.add_argument(
        "--blend", action=argparse.BooleanOptionalAction, default=True, help="keep the .blend files (default: yes)"
    )
    batch.add_argument(
        "--texture",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="lay the photo on the characters as a texture (default: yes)",
    )
    add_wear_argument(batch)
    batch.add_argument(
        "--preview",
        "--previews",
        dest="previews",
        metavar="KIND,...",
        action="extend",
        type=listed,
        help="panels (default), overlay, beside, turntable, wire, shaded or none; repeatable. The first is shown "
        "in the contact sheet",
    )
    batch.add_argument(
        "--export",
        "--exports",
        dest="exports",
        metavar="TO[:NAMES],...",
        action="extend",
        type=listed,
        default=[],
        help="also write fbx, glb, bvh or usd, with the bone names of mhr (default), rigify, mixamo, unreal, unity, "
        "vrm or of a map's file: 'fbx:mixamo'; repeatable",
    )
    batch.add_argument(
        "--contact-sheet",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write contact_sheet.html and .png, which show all results (default: yes)",
    )
    batch.add_argument(
        "--builders",
        metavar="N",
        type=int,
        default=1,
        help="how many Blenders work at the same time, with --cluster for each worker (default: 1)",
    )
    batch.add_argument(
        "--retry-failed", action="store_true", help="also retry photos that could not be read or show nobody"
    )
