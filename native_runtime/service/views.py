"""The worker's requests `views` and `pose_views`: several photos to one body, and that body again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.batch.names import result_stems
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.estimating import SavedEstimate
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import EngineChoice
from native_runtime.takes.views.pose_request import PoseViewsRequest
from native_runtime.takes.views.request import ViewsRequest
from native_runtime.takes.views.run import VIEWS, estimate_views

from .photos import NewStem
from .textures import ESTIMATED, FirstPart, texture_of_views


def do_views(request: ViewsRequest, inference: Inference, new_stem: NewStem, reporter: Reporter) -> dict[str, Any]:
    """Do a `views` (see ``docs/worker.md``); the result of `done`."""
    photos = [str(photo) for photo in request.photos]
    if request.out is None:
        stems = [new_stem(number) for number in range(len(photos))]
    else:
        folder = Path(request.out)
        folder.mkdir(parents=True, exist_ok=True)
        stems = [folder / stem for stem in result_stems(photos)]
    saved = estimate_views(request, inference, FirstPart(reporter, ESTIMATED) if request.texture else reporter, stems)
    texture = None
    if request.texture:
        body = inference.open(part_of(EngineChoice, request), reporter).body
        texture = texture_of_views(saved, body, reporter)
        reporter.progress(1.0)
    views = []
    for view in saved.views:
        estimate = view.estimate
        views.append(
            {
                "photo": view.photo,
                "picture": None if view.picture is None else str(view.picture.absolute()),
                "image_size": [int(side) for side in estimate.image_size],
                **SavedEstimate(view.person, [float(x) for x in estimate.bbox], estimate, view.stem).described(),
                "estimate": str(Path(f"{view.stem}.npz").absolute()),
                **{key: value for key, value in estimate.details[VIEWS].items() if key not in ("photos", "number")},
            }
        )
    return {
        "summary": str(saved.summary.absolute()),
        "stature_cm": saved.content["stature_cm"],
        "views": views,
        "texture": texture,
        "seconds": saved.content["seconds"],
    }


def do_pose_views(
    request: PoseViewsRequest, inference: Inference, new_stem: NewStem, reporter: Reporter
) -> dict[str, Any]:
    """Do a `pose_views` (see ``docs/worker.md``); the result of `done`."""
    from native_runtime.takes.views.posing import pose_views

    estimate = pose_views(request, inference, reporter)
    stem = new_stem(estimate.person)
    estimate.save(stem)
    return {"estimate": f"{stem}.npz", "seconds": estimate.seconds, "details": estimate.details}
