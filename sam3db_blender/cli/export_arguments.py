"""The arguments of `sam3db export`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import add_common_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    export = commands.add_parser(
        "export",
        help="a character of a .blend file for another program: FBX, glTF, VRM, BVH or USD",
        description="Writes the character of a .blend file for another program. Options that are not given follow "
        "the target's preset.",
        allow_abbrev=False,
    )
    export.add_argument("file", metavar="FILE.blend", help="a file with a character made from a photo")
    export.add_argument("-o", "--out", metavar="FILE", required=True, help="the file to write")
    export.add_argument("--to", choices=("fbx", "glb", "bvh", "usd"), help="the format (default: by file extension)")
    export.add_argument(
        "--names",
        metavar="NAME|FILE",
        default="mhr",
        help="the target: mhr (default), rigify, mixamo, unreal, unity, vrm, or a map file",
    )
    export.add_argument(
        "--character", metavar="NAME", help="the armature object, where the file has several characters"
    )
    export.add_argument("--rest", choices=("current", "t", "a"), help="the rest pose: the current one, T or A")
    export.add_argument(
        "--pose",
        action=argparse.BooleanOptionalAction,
        help="write the animation, or the current pose as a frame of one",
    )
    export.add_argument(
        "--frames",
        metavar="START:END[:STEP]",
        help="which frames of the animation; also: action (all that is keyed, the default), scene (its range), current "
        "(no animation)",
    )
    export.add_argument(
        "--twist",
        choices=("keep", "fold"),
        help="keep the limbs' twist bones, or fold their weights into the limbs",
    )
    export.add_argument(
        "--shapes",
        choices=("keep", "bake"),
        help="keep shape keys, or bake their current values into the mesh",
    )
    export.add_argument(
        "--correctives",
        type=int,
        metavar="N",
        help="at most so many shape keys that hold what the file's bones cannot, as pose correctives (default: 32; 0: "
        "none)",
    )
    export.add_argument("--influences", type=int, choices=(4, 8), help="the maximum number of bones per vertex")
    export.add_argument(
        "--positions",
        action=argparse.BooleanOptionalAction,
        help="BVH: write positions of all bones, not only of the first",
    )
    export.add_argument("--visible-only", action=argparse.BooleanOptionalAction, help="leave out hidden meshes")
    export.add_argument("--author", metavar="NAME", help="the author of a VRM avatar")
    add_common_arguments(export)
