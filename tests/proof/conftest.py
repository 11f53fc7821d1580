"""A models folder of one's own, and stand-ins among the engines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from native_runtime import engines as registry
from native_runtime.engines.base import EngineDescriptor
from native_runtime.models import manifest


@pytest.fixture
def own_models(models: Path, tmp_path: Path) -> Path:
    """The built models in a folder whose manifests may change."""
    for folder in ("landmarks", "bodies"):
        (tmp_path / "models" / folder).mkdir(parents=True)
        for file in (models / folder).iterdir():
            copy = shutil.copyfile if file.name == manifest.NAME else os.link
            copy(file, tmp_path / "models" / folder / file.name)
    return tmp_path / "models"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Adds engines to the registry for one test."""
    added: list[EngineDescriptor] = []

    def add(*descriptors: EngineDescriptor) -> None:
        added.extend(descriptors)
        registry.engines.cache_clear()

    monkeypatch.setattr(registry, "load_plugins", lambda *rest: added)
    registry.engines.cache_clear()
    yield add
    registry.engines.cache_clear()
