"""The worker's requests `take`, a video, and `correct_take`, what an artist says of its frames."""

from __future__ import annotations

from typing import Any

from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.takes.correction import correct_take
from native_runtime.takes.request import CorrectTakeRequest, TakeRequest
from native_runtime.takes.run import make_take


def do_take(request: TakeRequest, inference: Inference, reporter: Reporter) -> dict[str, Any]:
    """Do a `take` (see ``docs/worker.md``); the result of `done`."""
    result = make_take(request, inference, reporter)
    failed = [f"Person {number}: {error}" for number, error in result.failed.items()]
    return {
        "takes": [str(saved.stem.with_name(f"{saved.stem.name}.npz").absolute()) for saved in result.takes],
        "tracks": str(result.stem.with_name(f"{result.stem.name}_tracks.json").absolute()),
        "frames": result.frame_count,
        "fresh": result.fresh,
        "out": str(request.out.absolute()),
        "notes": [*failed, *result.notes],
    }


def do_correction(request: CorrectTakeRequest, reporter: Reporter) -> dict[str, Any]:
    """Do a `correct_take` (see ``docs/worker.md``); the result of `done`."""
    made = correct_take(request, reporter)
    return {
        "take": str(made.take.absolute()),
        "before": str(made.before.absolute()),
        "prompts": str(made.prompts.absolute()),
    }
