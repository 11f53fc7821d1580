"""An engine from outside the project: what a package would install, and how it is found without installing one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from native_runtime.engines.base import Engine, EngineDescriptor
from native_runtime.engines.status import EngineStatus
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from tests.blender import posed_engine


def _open(
    models: str | os.PathLike[str] | None, providers: Sequence[str] | None, body: str | os.PathLike[str]
) -> Engine:
    return posed_engine.Engine(Body.load(body_path(body, models)), "toy")


def _status(models: str | os.PathLike[str] | None, providers: Sequence[str] | None) -> EngineStatus:
    return EngineStatus(True, "Nothing, on paper", provider="cpu")


ENGINE = EngineDescriptor(
    name="toy",
    title="Toy",
    description="Sees no picture",
    capabilities=posed_engine.Engine.capabilities,
    open=_open,
    status=_status,
)


def pretend_to_install(folder: Path, name: str = "toy", value: str = "tests.support.toy_engine:ENGINE") -> None:
    """Write what pip leaves of a package that registers an engine."""
    about = folder / f"{name}_engine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-engine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[sam3db.engines]\n{name} = {value}\n")
