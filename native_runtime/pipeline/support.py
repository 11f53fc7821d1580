"""Which engine a request means, and whether it supports what is requested."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from native_runtime.engines import AUTO, BEST_FIRST, choose_best, engine_status, engines, own_folder, proof_failed
from native_runtime.errors import UsageError
from native_runtime.models import manifest

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
    sexed, aged = (getattr(request, name, None) is not None for name in ("sex", "age"))
    doubted = _doubted(request)

    def suits(engine: EngineDescriptor) -> bool:
        can = engine.capabilities
        return (
            (body == DEFAULT_BODY or can.supports_body(str(body)))
            and (inference is None or inference in can.inferences)
            and (can.sexes or not sexed)
            and (can.ages or not aged)
            and (can.doubts_prompts or not doubted)
        )

    best = choose_best(request.models, request.providers, suits)
    return replace(request, engine=best.name), best.notes


def _doubted(request: EngineChoice) -> bool:
    """Whether the places of a request's prompts may be off."""
    return any((getattr(request, name, None) or 0.0) > 0 for name in ("prompt_error", "observed_error"))


def require(engine: Engine | EngineDescriptor, what: str, wanted: bool = True) -> None:
    """Refuse what an engine does not support.

    Args:
        what: "boxes", "masks", "a choice of sex", "a stated age" or "an error of prompts".

    Raises:
        UsageError: somebody wants it, and the engine does not support it.
    """

    def supports(can: Capabilities) -> bool:
        offered = {"boxes": can.boxes, "masks": can.masks, "a choice of sex": can.sexes, "a stated age": can.ages}
        return (offered | {"an error of prompts": can.doubts_prompts})[what]

    if wanted and not supports(engine.capabilities):
        able = [name for name, known in engines().items() if name != engine.name and supports(known.capabilities)]
        other = f" The engine {able[0]!r} does." if able else ""
        raise UsageError(f"The engine {engine.name!r} does not support {what}.{other}")


def require_inference(engine: Engine | EngineDescriptor, inference: str | None) -> None:
    """Refuse a kind of inference that an engine does not have.

    Raises:
        UsageError: it has not; who offers that very kind is named, or what there is where nobody does.
    """
    kinds = engine.capabilities.inferences
    if inference is None or inference in kinds:
        return
    own = f"infers one of {_listed(kinds)}, not {inference!r}" if kinds else "offers no choice of inference"
    known = engines().get(engine.name)
    lacks = known is not None and inference in known.capabilities.inferences  # other models of the engine have it
    raise UsageError(f"The engine {engine.name!r} {own}." + ("" if lacks else f" {_offers(inference)}"))


def _require_offered(request: PhotoReading | PoseRequest, inference: str) -> None:
    """Refuse a kind of inference, asked for without an engine's name, that no engine which is ready offers."""
    able = [name for name in BEST_FIRST if inference in engines()[name].capabilities.inferences]
    if not able:
        raise UsageError(f"No engine of the project's own infers {inference!r}. {_offers(inference)}")
    reasons = []
    for name in able:
        if not engine_status(name, request.models, request.providers).ready:
            there = (own_folder(name, request.models) / manifest.NAME).is_file()
            reasons.append(f"{name!r}, which {'cannot be used' if there else 'is not installed'}")
        elif proof_failed(name, request.models):
            reasons.append(f"{name!r}, whose last check failed")
        else:
            reasons.append(f"{name!r}, which cannot use the body {str(request.body)!r}")
    raise UsageError(f"{inference!r} is offered by {'; '.join(reasons)}.")


def _offers(inference: str) -> str:
    """Which engines offer a kind of inference; where none does, what each offers."""
    offered = {name: known.capabilities.inferences for name, known in engines().items()}
    able = [name for name, kinds in offered.items() if inference in kinds]
    if able:
        return f"{inference!r} is offered by {_listed(able)}."
    all_kinds = "; ".join(f"{name!r} infers {_listed(kinds)}" for name, kinds in offered.items() if kinds)
    return f"There are: {all_kinds}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def require_supported(request: PhotoReading | PoseRequest) -> None:
    """Refuse what the registry says of a request's engine, before it is opened; errors as of `require`."""
    engine = engines().get(with_engine(request).engine)
    if engine is not None:
        inference = request.inference
        if request.engine == AUTO and inference is not None and inference not in engine.capabilities.inferences:
            _require_offered(request, inference)
        require_inference(engine, inference)
        require(engine, "masks", isinstance(request, (EstimateRequest, PoseRequest)) and request.mask is not None)
        require(engine, "boxes", isinstance(request, LookRequest) and request.boxes is not None)
        require(engine, "a choice of sex", getattr(request, "sex", None) is not None)
        require(engine, "a stated age", getattr(request, "age", None) is not None)
        require(engine, "an error of prompts", _doubted(request))
