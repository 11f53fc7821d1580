"""The worker's requests about photos: who is in it, what do they do, and on what would that be computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from native_runtime.engines import DEFAULT_ENGINE, engines
from native_runtime.engines import engine_status as status_of
from native_runtime.errors import PromptError, UsageError
from native_runtime.pipeline.boxes import check_boxes
from native_runtime.pipeline.inference import (
    DEFAULT_BODY,
    EngineChoice,
    Inference,
    Lens,
    Reporter,
    check_intrinsics,
    choose_people,
)
from native_runtime.pipeline.turned import check_turn
from native_runtime.service.requests import optional_number, optional_text, optional_texts, required_text


def look_at_photo(
    request: Mapping[str, Any], inference: Inference, new_stem: Callable[[int], Path], reporter: Reporter
) -> dict[str, Any]:
    """Do a `read` or an `estimate` (see ``docs/worker.md``); the result of `done`.

    Args:
        new_stem: where the estimate of a person goes, by their number.
    """
    # What can be known to be wrong is said before any work is done.
    path = required_text(request, "photo")
    choice, lens = choice_of(request), lens_of(request)
    boxes = None if request.get("boxes") is None else check_boxes(request["boxes"])
    wish = _Wish(request) if request["do"] == "estimate" else None

    found = inference.read(path, choice, lens, reporter, boxes, check_turn(request.get("turn", 0)))
    people: list[dict[str, Any]] = [
        {"person": number, "bbox": bbox, "head": head}
        for number, (bbox, head) in enumerate(zip(found.bboxes, found.heads))
    ]
    result: dict[str, Any] = {
        "photo": path,
        "image_size": list(found.photo.original_size),
        "turn": found.photo.turn,
        "people": people,
        "warnings": list(found.photo.notes),
    }
    if wish is None:
        result["warnings"] += found.doubts
        return result

    chosen = choose_people(wish.persons, len(people))
    if (wish.keypoints or wish.mask_path) and len(chosen) != 1:
        raise PromptError("Keypoint prompts and a mask belong to one person; choose one.")
    mask = None
    if wish.mask_path:
        from native_runtime.image.reading import read_mask

        mask = read_mask(wish.mask_path, found.photo.original_size)
    reporter.status(f"Fitting person {chosen[0] + 1}" if len(chosen) == 1 else f"Fitting {len(chosen)} people")
    estimates = inference.estimates(found, chosen, wish.keypoints, mask, wish.inference)
    for done, (person, estimate) in enumerate(estimates, start=1):
        for warning in estimate.warnings:
            reporter.warning(warning)
        stem = new_stem(person)
        estimate.save(stem)
        people[person]["estimate"] = f"{stem}.npz"
        people[person]["seconds"] = {name: float(value) for name, value in estimate.seconds.items()}
        reporter.progress(0.5 + 0.5 * done / len(chosen))
    return result


def choice_of(request: Mapping[str, Any]) -> EngineChoice:
    """The engine and its files that a request names.

    Raises:
        UsageError: a key is of the wrong type.
    """
    providers = optional_texts(request, "providers")
    return EngineChoice(
        optional_text(request, "engine") or DEFAULT_ENGINE,
        optional_text(request, "models"),
        optional_text(request, "body") or DEFAULT_BODY,
        None if providers is None else tuple(providers),
    )


def lens_of(request: Mapping[str, Any]) -> Lens:
    """What a request says about the lens.

    Raises:
        UsageError: it is said twice, or is no lens.
    """
    lens = Lens(optional_number(request, "focal_px"), optional_number(request, "fov_deg"))
    if request.get("intrinsics") is None:
        return lens
    if lens != Lens():
        raise UsageError("The lens is given either by 'intrinsics' or by 'focal_px' or 'fov_deg'.")
    return Lens(intrinsics=check_intrinsics(request["intrinsics"]))


class _Wish:
    """What an `estimate` says beyond a `read`, checked."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        from native_runtime.prompts.prompt import check_prompts

        self.persons = request.get("persons", "largest")
        self.keypoints = check_prompts(request.get("keypoints") or [])
        self.mask_path = optional_text(request, "mask")
        self.inference = optional_text(request, "inference")


def engine_status(request: Mapping[str, Any]) -> dict[str, Any]:
    """Do an `engine_status` (see ``docs/worker.md``); the result of `done`."""
    models, providers = optional_text(request, "models"), optional_texts(request, "providers")

    def describe(name: str) -> dict[str, Any]:
        status = status_of(name, models, providers)
        return {
            "engine": name,
            "ready": status.ready,
            "text": status.text,
            "notes": list(status.notes),
            "provider": status.provider,
            **({"remedy": status.remedy.value} if status.remedy else {}),
        }

    name = optional_text(request, "engine")
    if name is not None:
        return describe(name)
    return {"engines": [describe(known) for known in engines()]}
