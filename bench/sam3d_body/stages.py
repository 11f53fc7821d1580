"""Runs one stage in this process: `python -m bench.sam3d_body.stages NAME SETTINGS`."""

from __future__ import annotations

import json
import sys
from importlib import import_module

from .measure import report
from .places import STAGES, Settings

if __name__ == "__main__":
    name, settings = sys.argv[1], Settings(**json.loads(sys.argv[2]))
    # Only the stage's own libraries are loaded, so that its memory is its own.
    stage = getattr(import_module(f".{STAGES[name]}", __package__), name)
    report(stage(settings))
