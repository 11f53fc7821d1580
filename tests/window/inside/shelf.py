"""The model shelf: what stands on it, and what an installation comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .scene import part


def allow_network() -> None:
    """As an artist who allowed online access earlier."""
    bpy.context.preferences.system.use_online_access = True


def models() -> str:
    """The models folder that installations go to."""
    return str(part("files.sam3d_body").models_folder())


def standing() -> dict[str, Any]:
    """The job, the states of the items, and the engine of the next character."""
    job = part("jobs.shelf").slot.job
    options = bpy.context.window_manager.sam3db
    request = part("properties.import_options").to_request(options, Path("/p.jpg"), None)
    states = part("files.shelf").states()
    return {
        "job": "" if job is None else job.state,
        "said": "" if job is None else job.summary,
        "states": {name: state.state for name, state in states.items()},
        "choice": options.engine,
        "engine": request.engine,
    }
