"""Runs a builder on this process's standard input and output; a script for Python with bpy, and for Blender.

python -m sam3db_blender.builder.program
blender --background --factory-startup --python .../builder/program.py -- --path FOLDER ...
"""

from __future__ import annotations

import argparse
import os
import sys


def main() -> int:
    """Set the module path, then serve."""
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(
        prog="builder", description="Builds characters as a batch says. See docs/batch.md."
    )
    parser.add_argument("--path", action="append", default=[], metavar="DIR", help="module folder; may be given often")
    sys.path += [path for path in parser.parse_args(words).path if path not in sys.path]

    # Standard output is for answers alone, before anything can print.
    from native_runtime.files.streams import take_stdout

    answers = take_stdout(sys.stderr)
    from sam3db_blender.builder.serve import serve

    return serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Some releases of the bpy module crash while the interpreter winds down.
    os._exit(code)
