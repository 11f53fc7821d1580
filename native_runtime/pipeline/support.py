"""Which engine a request means, and whether it supports what is requested."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from native_runtime.engines import AUTO, choose_best, engines
from native_runtime.errors import UsageError

from .requests import DEFAULT_BODY, EngineChoice, EstimateRequest, LookRequest, PhotoReading, PoseRequest

if TYPE_CHECKING:
    from native_runtime.engines.base import Capabilities, Engine, EngineDescriptor

Choice = TypeVar("Choice", bound=EngineChoice)


def with_engine(request: Choice) -> Choice:
    """The request with the name of the engine that it means; see `chosen_engine`."""
    return chosen_engine(request)[0]


def chosen_engine(request: Choice) -> tuple[Choice, tuple[str, ...]]:
    """The request with the name of the engine that it means: where it leaves that open, the best that is ready and can
    use its body and make its kind of inference. What it names stays.

    Returns:
        with it, for people, which better engines were passed over though they are installed, and why.

    Raises:
        UsageError: there is no such provider.
    """
    if request.engine != AUTO:
        return request, ()
    body, inference = request.body, getattr(request, "inference", None)

    def suits(engine: EngineDescriptor) -> bool:
        can = engine.capabilities
        return (body == DEFAULT_BODY or can.supports_body(str(body))) and (
            inference is None or inference in can.inferences
        )

    best = choose_best(request.models, request.providers, suits)
    return replace(request, engine=best.name), best.notes


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
    engine = engines().get(with_engine(request).engine)
    if engine is not None:
        require_inference(engine, request.inference)
        require(engine, "masks", isinstance(request, (EstimateRequest, PoseRequest)) and request.mask is not None)
        require(engine, "boxes", isinstance(request, LookRequest) and request.boxes is not None)
