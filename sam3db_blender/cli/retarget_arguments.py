"""The arguments of `sam3db retarget`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import MODELS_HELP, add_common_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    retarget = commands.add_parser(
        "retarget",
        help="pose an existing armature like the person of an estimate",
        description="Poses an armature of a .blend file like the person of an estimate and writes the posed file. Rest "
        "poses, bone rolls, axes and sizes may differ.",
        allow_abbrev=False,
    )
    retarget.add_argument("estimate", metavar="ESTIMATE.npz", help="as written by `sam3db estimate`")
    retarget.add_argument("--armature", metavar="FILE.blend", required=True, help="the file with the armature")
    retarget.add_argument("--object", metavar="NAME", help="the armature object (default: the only one in the file)")
    retarget.add_argument(
        "--map",
        metavar="NAME|FILE|guess",
        default="guess",
        help="which bone is which: rigify, mixamo, unreal, unity, vrm, a map file, or guess (default)",
    )
    retarget.add_argument("-o", "--out", metavar="FILE.blend", required=True, help="the file to write")
    retarget.add_argument(
        "--stand",
        action="store_true",
        help="also move the object to the person's place (default: only its bones move)",
    )
    retarget.add_argument(
        "--floor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the person's height above the floor, whatever the armature's proportions (default: yes)",
    )
    retarget.add_argument(
        "--controls",
        choices=("fk", "ik"),
        default="fk",
        help="pose arms and legs by their FK bones, or by the IK controls of a Rigify, CloudRig or Auto-Rig Pro rig "
        "(default: fk)",
    )
    retarget.add_argument("--keyframe", metavar="FRAME", type=int, help="insert keyframes for the pose at this frame")
    retarget.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    retarget.add_argument("--body", metavar="NAME|FILE", help="the estimate's body (default: the one that it names)")
    add_common_arguments(retarget)
