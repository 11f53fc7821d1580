"""`sam3db` as the child of another program, such as a Blender without a window: run as a file, isolated.

python -I .../native_runtime/cli/child.py --path FOLDER ... --builder WORD ... -- COMMAND ...

It ends at once when its standard input does, which is when its parent ends, however that does.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Set the module path, then run one command; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--")
    own = argparse.ArgumentParser(prog="child", description="Runs a command of sam3db for another program.")
    own.add_argument("--path", action="append", default=[], metavar="DIR", help="module folder; may be given often")
    own.add_argument("--builder", action="append", default=[], metavar="WORD", help="of the command of a builder")
    arguments = own.parse_args(words[:split])
    sys.path[:0] = [path for path in arguments.path if path not in sys.path]
    threading.Thread(target=_end_with_the_parent, name="parent watch", daemon=True).start()

    from native_runtime.cli.commands import Extension
    from native_runtime.cli.main import main as run_command

    builder = tuple(arguments.builder)
    return run_command(words[split + 1 :], extensions=[Extension((), lambda: builder)])


def _end_with_the_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread still waits for input
