"""``python -m sam3db_blender`` is the command line `sam3db`."""

from native_runtime.cli import run

if __name__ == "__main__":
    run()
