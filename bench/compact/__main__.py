"""``python -m bench.compact COMMAND``: read, train; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.compact", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    read = commands.add_parser("read", help="keep what the landmark networks see of the people of data sets")
    read.add_argument("--data", type=Path, required=True, help="a folder of sam3db dataset synthesize")
    read.add_argument("--out", type=Path, required=True, help="the folder to write; what it has is kept")
    read.add_argument("--body", default="default-lod1", help="the body that the pictures show")
    read.add_argument("--seed", type=int, default=0, help="of the errors of the windows")
    read.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"),
                      help="every Nth shard, from the Ith: for several processes")  # fmt: skip

    train = commands.add_parser("train", help="learn from readings; needs PyTorch")
    train.add_argument("--readings", type=Path, nargs="+", required=True, help="folders that read wrote")
    train.add_argument("--out", type=Path, help="the .onnx to write (default: that of native_runtime/compact)")
    train.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the recipe")

    arguments = parser.parse_args()
    if arguments.command == "read":
        from native_runtime.dataset.shards import files_of
        from native_runtime.mhr import Body
        from native_runtime.models import store
        from native_runtime.training.compact.reading import Networks, read_all

        part, parts = arguments.part
        count = len(files_of(arguments.data))
        read_all(
            Networks.open(), Body.load(store.body_path(arguments.body)), arguments.data, arguments.out, arguments.seed,
            range(part, count, parts), _say,
        )  # fmt: skip
    else:
        from native_runtime.training.compact.making import make

        make(arguments.readings, arguments.out, arguments.set, _say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
