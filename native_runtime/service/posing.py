"""The worker's request `pose`: one person again, with what an artist has pinned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.errors import UsageError
from native_runtime.pipeline.boxes import check_box
from native_runtime.pipeline.inference import Inference, Reporter
from native_runtime.service.photos import choice_of, lens_of
from native_runtime.service.requests import flag, optional_text, required_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.engines.edits import Edits


def pose_person(
    request: Mapping[str, Any], inference: Inference, new_stem: Callable[[int], Path], reporter: Reporter
) -> dict[str, Any]:
    """Do a `pose` (see ``docs/worker.md``); the result of `done`.

    Args:
        new_stem: where the estimate of a person goes, by their number.
    """
    # What can be known to be wrong is said before any work is done.
    path = required_text(request, "photo")
    choice, lens = choice_of(request), lens_of(request)
    box = None if request.get("box") is None else check_box(request["box"])
    wish = _Wish(request)

    found, person = inference.person_at(path, choice, lens, reporter, box)
    mask = wish.mask(found.photo.original_size)
    reporter.progress(0.5)
    estimate = inference.pose(found, person, wish.pins, mask, wish.inference, wish.edits, wish.snap)
    for warning in estimate.warnings:
        reporter.warning(warning)
    stem = new_stem(person)
    estimate.save(stem)
    reporter.progress(1.0)
    return {
        "photo": path,
        "image_size": list(found.photo.original_size),
        "person": person,
        "bbox": found.bboxes[person],
        "estimate": f"{stem}.npz",
        "seconds": {name: float(value) for name, value in estimate.seconds.items()},
        "details": estimate.details,
        "warnings": list(estimate.warnings),
    }


class _Wish:
    """What a `pose` says about the person, checked."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        from native_runtime.prompts.prompt import check_prompts

        self.pins = check_prompts(request.get("pins") or [])
        self.mask_path = optional_text(request, "mask")
        self.inference = optional_text(request, "inference")
        self.snap = flag(request, "snap")
        self.edits = _edits(request)
        slot = request.get("slot")
        if slot is not None and not isinstance(slot, str):
            raise UsageError(f"'slot' must be a text, not {slot!r}.")

    def mask(self, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """The person's mask, or None."""
        from native_runtime.image.reading import read_mask

        return read_mask(self.mask_path, size) if self.mask_path else None


def _edits(request: Mapping[str, Any]) -> Edits | None:
    """The artist's own work on the body; None where there is none."""
    from native_runtime.engines.edits import Edits

    return Edits.from_json(request["edits"]) if request.get("edits") is not None else None
