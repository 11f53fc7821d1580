"""Checks that an engine supports what is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.engines import engines
from native_runtime.errors import UsageError

from .requests import EstimateRequest, LookRequest, PhotoReading, PoseRequest

if TYPE_CHECKING:
    from native_runtime.engines.base import Capabilities, Engine, EngineDescriptor


def require(engine: Engine | EngineDescriptor, what: str, wanted: bool = True) -> None:
    """Refuse what an engine does not support.

    Args:
        what: "boxes", "masks" or "inference" (a choice of what is inferred).

    Raises:
        UsageError: somebody wants it, and the engine does not support it.
    """

    def supports(can: Capabilities) -> bool:
        return {"boxes": can.boxes, "masks": can.masks, "inference": bool(can.inferences)}[what]

    if wanted and not supports(engine.capabilities):
        able = [name for name, known in engines().items() if name != engine.name and supports(known.capabilities)]
        other = f" The engine {able[0]!r} does." if able else ""
        lacks = "offers no choice of inference" if what == "inference" else f"does not support {what}"
        raise UsageError(f"The engine {engine.name!r} {lacks}.{other}")


def require_inference(engine: Engine | EngineDescriptor, inference: str | None) -> None:
    """Refuse a kind of inference that an engine does not have; errors as of `require`."""
    require(engine, "inference", inference is not None)
    kinds = engine.capabilities.inferences
    if inference is not None and inference not in kinds:
        raise UsageError(f"The engine {engine.name!r} infers one of {', '.join(map(repr, kinds))}, not {inference!r}.")


def require_supported(request: PhotoReading | PoseRequest) -> None:
    """Refuse what the registry says of a request's engine, before it is opened; errors as of `require`."""
    engine = engines().get(request.engine)
    if engine is not None:
        require_inference(engine, request.inference)
        require(engine, "masks", isinstance(request, (EstimateRequest, PoseRequest)) and request.mask is not None)
        require(engine, "boxes", isinstance(request, LookRequest) and request.boxes is not None)
