"""``python -m sam3db_blender`` is the command line `sam3db`, also where the package is not installed."""

from native_runtime.cli import run

from .cli import EXTENSION

if __name__ == "__main__":
    run([EXTENSION])
