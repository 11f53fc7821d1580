"""``python -m native_runtime.cli`` is `sam3db`."""

from native_runtime.cli.main import run

run()
