"""How things stand with the models that one can have. Panels ask at each redraw: it is looked at again only when
something was installed, removed or changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, INSTANTHMR_FOLDER, SAM3D_BODY_FOLDER

from . import sam3d_body

if TYPE_CHECKING:
    from native_runtime.models.shelf import ItemState

_FOLDERS = (SAM3D_BODY_FOLDER, INSTANTHMR_FOLDER, BODIES_FOLDER)


def states() -> Mapping[str, ItemState]:
    """How things stand with each item of the shelf, by name."""
    models = sam3d_body.models_folder()
    return _look(models, tuple(_changed(models / folder) for folder in _FOLDERS))


def forget() -> None:
    """Has the next call look again: downloads came or went."""
    _look.cache_clear()


def ready_engines() -> frozenset[str]:
    """The engines whose models are there, by their lists of files; the worker verifies them when it opens them."""
    from native_runtime.engines import engines
    from native_runtime.models.shelf import shelf

    ready = {shelf()[name].engine or "" for name, state in states().items() if state.state == "ready"}
    model = sam3d_body.installed()
    if model is None or not model.body:
        ready.discard(sam3d_body.ENGINE)
    return frozenset(name for name in ready if name in engines())


@lru_cache(maxsize=2)
def _look(models: Path, changed: tuple[int, ...]) -> Mapping[str, ItemState]:
    from native_runtime.models.shelf import shelf, state_of

    return MappingProxyType({name: state_of(item, models) for name, item in shelf().items()})


def _changed(folder: Path) -> int:
    try:
        return os.stat(folder / manifest.NAME).st_mtime_ns
    except OSError:
        return 0


def detach() -> None:
    """Leaves nothing behind."""
    forget()
