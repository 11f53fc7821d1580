"""What a worker needs to know about a chosen engine, by its capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.models.store import NETWORKS_FOLDER

from .. import places
from ..files import sam3d_body
from ..files import shelf as shelf_files

if TYPE_CHECKING:
    from native_runtime.engines.base import Capabilities


def chosen(engine: str) -> str:
    """The engine that a choice means: for "auto" the best one whose files are there, which changes with the next
    installation; whether it runs is found out by the worker.
    """
    from native_runtime.engines import AUTO, BEST_FIRST, DEFAULT_ENGINE

    if engine != AUTO:
        return engine
    ready = shelf_files.ready_engines()
    return next((name for name in BEST_FIRST if name in ready), DEFAULT_ENGINE)


def capabilities_of(engine: str) -> Capabilities:
    """What an engine, or the one that "auto" means, can do."""
    from native_runtime.engines import engines

    return engines()[chosen(engine)].capabilities


def engine_that_made(details: Mapping[str, Any]) -> str:
    """The engine of a character's record; the default one where that is not known here."""
    from native_runtime.engines import DEFAULT_ENGINE, engines

    return details["engine"] if details["engine"] in engines() else DEFAULT_ENGINE


def models_for(engine: str, models: Path | None) -> Path | None:
    """The models folder for a worker's requests: that of imported models for engines that need more than the bundled
    networks.

    Args:
        models: the folder for all others.

    Raises:
        ModelError: the networks that find people cannot be copied there.
    """
    own = set(capabilities_of(engine).model_folders) - {NETWORKS_FOLDER}
    return sam3d_body.folder_for_worker() if own else models


def inferences_of(engine: str) -> tuple[str, ...]:
    """What there is to choose from: what the engine infers, and its model can."""
    kinds = capabilities_of(engine).inferences
    model = sam3d_body.installed() if chosen(engine) == sam3d_body.ENGINE else None
    if model is None:
        return kinds
    return tuple(kind for kind in kinds if kind != "fast" or model.fast) if model.hands else ()


def settings_for(engine: str, *inferences: str) -> dict[str, Any]:
    """``inference``, the first of those given that the engine and its model have a choice of, ``providers`` by the
    preferences, and ``remember`` for those that can.
    """
    can, settings = capabilities_of(engine), places.preferences()
    providers = None if settings is None else settings.requested_providers()
    remember = can.remembers and settings is not None and settings.remember_photos
    return {
        "inference": next((inference for inference in inferences if inference in inferences_of(engine)), None),
        "providers": providers,
        "remember": remember or None,
    }
