"""Whether the engine `sam3d_body` could work here."""

from __future__ import annotations

import os
from collections.abc import Sequence

from native_runtime.engines.status import EngineStatus, missing, ready_on
from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest, store

_TITLES = {"dinov3": "DINOv3-H+", "vith": "ViT-H"}


def status(models: str | os.PathLike[str] | None, providers: Sequence[str] | None) -> EngineStatus:
    """See ``native_runtime.engines.engine_status``."""
    try:
        facts = manifest.read(store.sam3d_body_dir(models))
    except Sam3dbError as error:
        return missing(error)
    variant, precision = str(facts.get("variant", "")), str(facts.get("precision", ""))
    return ready_on(f"{_TITLES.get(variant, variant)}, {precision}", providers)
