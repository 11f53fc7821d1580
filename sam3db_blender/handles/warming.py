"""Making the worker ready before it is needed, when a file with characters is opened."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from native_runtime.errors import Sam3dbError

from ..jobs.engines import capabilities_of
from ..jobs.photo import PoseJob
from ..scene.provenance import read_origin
from .limb_preview import get_ready
from .question import question_for

if TYPE_CHECKING:
    from collections.abc import Callable

    import bpy

    from ..jobs.worker import Client


def warm(rig: bpy.types.Object, client: Callable[[], Client]) -> bool:
    """Has the worker do for a character what the next drag needs done: open the engine, read the photo, fit the body.

    Nobody hears the answer, and nothing changes. Where the photo or the body is missing, the drag will say so.

    Returns:
        Whether the worker was asked.
    """
    with contextlib.suppress(Sam3dbError):
        request = question_for(rig, remember=False)
        if capabilities_of(request.engine).live_prompts:
            PoseJob(client(), request)
            get_ready(read_origin(rig).details["body_name"])
            return True
    return False
