"""The arguments of `sam3db train`. Standard library only, as ``arguments``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import MODELS_HELP, add_common_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `train`."""
    train = commands.add_parser(
        "train",
        help="train a SAM 3D Body checkpoint further on annotated people",
        description="Trains the body decoder of a checkpoint and writes model.safetensors for convert-checkpoint, with "
        "a model card. For several processes: torchrun --nproc-per-node N -m native_runtime.cli train ...",
        allow_abbrev=False,
    )
    train.add_argument("settings", metavar="SETTINGS.json", help="the settings; docs/training.md describes them")
    train.add_argument("--data", metavar="FOLDER", required=True, help="a data set: parquet files, or a web data set")
    train.add_argument("--pictures", metavar="FOLDER", help="its pictures (default: images in the data set)")
    train.add_argument(
        "--checkpoint",
        metavar="FILE",
        nargs="+",
        required=True,
        help="the checkpoint to go on from, in any form that convert-checkpoint takes",
    )
    train.add_argument("--mhr", metavar="FILE", help="mhr_model.pt (default: beside the checkpoint, else in its file)")
    train.add_argument("-o", "--out", metavar="DIR", required=True, help="folder of the training; created if missing")
    train.add_argument("--resume", action="store_true", help="go on where the training in the folder was broken off")
    train.add_argument("--stop-after", metavar="N", type=int, help="pause after so many steps, with a checkpoint")
    train.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    add_common_arguments(train)
