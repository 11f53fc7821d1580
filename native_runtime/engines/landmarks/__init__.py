"""The engine `landmarks`: person and landmark networks, then the fit of the body model (`docs/fit.md`)."""

from __future__ import annotations

from collections.abc import Sequence

from native_runtime.engines.base import Capabilities, Engine, EngineDescriptor, FilePath
from native_runtime.engines.status import EngineStatus


def _open(models: FilePath | None, providers: Sequence[str] | None, body: FilePath) -> Engine:
    from .engine import open_engine

    return open_engine(models, providers, body)


def _status(models: FilePath | None, providers: Sequence[str] | None) -> EngineStatus:
    from .status import status

    return status(models, providers)


ENGINE = EngineDescriptor(
    name="landmarks",
    title="Landmarks",
    description="Landmark networks and a fit of the body; comes with the extension",
    capabilities=Capabilities(
        takes_camera=True,
        boxes=True,
        searches=True,
        edits=True,
        sexes=True,
        ages=True,
        heights=True,
        doubts_prompts=True,
        fits=True,
        live_prompts=True,
        evidence=True,
        follows=True,
        model_folders=("landmarks",),
        seconds=1.5,
        seconds_per_prompt=0.07,
    ),
    open=_open,
    status=_status,
)
