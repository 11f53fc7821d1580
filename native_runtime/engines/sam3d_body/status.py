"""Whether the engine `sam3d_body` could work here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from native_runtime.engines.status import EngineStatus, missing, ready_on
from native_runtime.errors import ModelError, Remedy, Sam3dbError
from native_runtime.models import manifest, store
from native_runtime.models.shelf import model_terms
from native_runtime.models.shelf.catalogue import VARIANTS

from . import ENGINE, FAST_SIZE


def status(models: str | os.PathLike[str] | None, providers: Sequence[str] | None) -> EngineStatus:
    """See ``native_runtime.engines.engine_status``."""
    try:
        facts = manifest.read(store.sam3d_body_dir(models))
        _require_body(models)
    except Sam3dbError as error:
        return missing(error)
    variant, precision = str(facts.get("variant", "")), str(facts.get("precision", ""))
    bodies_only = ", bodies only (its checkpoint lacks the parts for hands)" if "full" not in _inferences(facts) else ""
    return ready_on(f"{VARIANTS.get(variant, variant)}, {precision}{bodies_only}", providers)


def _require_body(models: str | os.PathLike[str] | None) -> None:
    """Refuse a models folder without the body that the engine opens by default.

    Raises:
        ModelError: it is missing or damaged.
    """
    body = ENGINE.capabilities.body
    if not store.lists_body(body, models):
        raise ModelError(
            f"SAM 3D Body is there, but its body '{body}' is not in {store.models_dir(models) / store.BODIES_FOLDER}.",
            Remedy.IMPORT_OFFICIAL,
        )
    store.body_path(body, models)


def inferences_of(folder: Path) -> tuple[str, ...]:
    """What the converted model in a folder can infer, its own kind first.

    Raises:
        ModelError: its list of files cannot be read.
    """
    return _inferences(manifest.read(folder))


def terms_of(folder: Path) -> dict[str, Any]:
    """On which terms the converted model in a folder is used, for ``Estimate.details``.

    Raises:
        ModelError: its list of files cannot be read.
    """
    facts = manifest.read(folder)
    return model_terms(ENGINE.name, str(facts.get("variant", "")), facts)


def _inferences(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """By a manifest. Models of earlier versions have hands, and encoders for one size of crops only."""
    known, step = facts.get("inferences"), facts.get("size_step")
    every = ENGINE.capabilities.inferences
    able = [kind for kind in every if kind in known] if isinstance(known, list) else [*every]
    fast = "full" in able and isinstance(step, int) and step > 0 and FAST_SIZE % step == 0
    kinds = [kind for kind in able if kind != "fast"] + (["fast"] if fast else [])
    return tuple(kinds) or tuple(kind for kind in every if kind != "fast")
