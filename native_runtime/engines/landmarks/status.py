"""Whether the engine `landmarks` could work here."""

from __future__ import annotations

import os
from collections.abc import Sequence

from native_runtime.engines.status import EngineStatus, missing, ready_on
from native_runtime.errors import Sam3dbError
from native_runtime.models import store


def status(models: str | os.PathLike[str] | None, providers: Sequence[str] | None) -> EngineStatus:
    """See ``native_runtime.engines.engine_status``."""
    try:
        store.verify_networks(models)
    except Sam3dbError as error:
        return missing(error)
    return ready_on("Landmark networks", providers)
