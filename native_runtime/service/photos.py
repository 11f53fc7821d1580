"""The worker's requests about photos: who is in them, their poses, and what that would be computed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from native_runtime.engines import engine_status, engines
from native_runtime.pipeline.estimating import SavedEstimate, estimate_photo
from native_runtime.pipeline.heights import one_each
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import EngineStatusRequest, EstimateRequest, LookRequest, PoseRequest

from .textures import ESTIMATED, FirstPart, textures_of_people

NewStem = Callable[[int], Path]
"""Where the files of a person go, by their number."""


def look_at_photo(request: LookRequest, inference: Inference, reporter: Reporter) -> dict[str, Any]:
    """Do a `read` (see ``docs/worker.md``); the result of `done`."""
    found = inference.read(request, reporter)
    result = _result(request, found)
    result["warnings"] += found.doubts
    return result


class EventReporter(Reporter, Protocol):
    """Hears of results on the way as well."""

    def estimates(self, result: dict[str, Any]) -> None:
        """An event `estimates` (see ``docs/worker.md``)."""


def estimate_people(
    request: EstimateRequest, inference: Inference, new_stem: NewStem, reporter: EventReporter
) -> dict[str, Any]:
    """Do an `estimate`; the result of `done`."""

    def early(found: ReadPhoto, rough: Iterable[SavedEstimate]) -> None:
        reporter.estimates(_with_estimates(_result(request, found), rough))

    first = FirstPart(reporter, ESTIMATED) if request.texture else reporter
    found, estimates = estimate_photo(request, inference, first, new_stem, early=early if request.steps else None)
    people = list(estimates)
    result = _with_estimates(_result(request, found), people)
    if request.texture:
        mask = None if request.mask is None else str(request.mask)
        for person, files in textures_of_people(found, people, mask, reporter).items():
            result["people"][person]["texture"] = files
    return result


def _with_estimates(result: dict[str, Any], estimates: Iterable[SavedEstimate]) -> dict[str, Any]:
    for saved in estimates:
        seconds = saved.described()["seconds"]
        result["people"][saved.person] |= {"estimate": f"{saved.stem}.npz", "seconds": seconds}
    return result


def _result(request: LookRequest, found: ReadPhoto) -> dict[str, Any]:
    people = zip(found.bboxes, found.heads)
    return {
        "photo": request.photo,
        "image_size": list(found.photo.original_size),
        "turn": found.photo.turn,
        "people": [{"person": number, "bbox": bbox, "head": head} for number, (bbox, head) in enumerate(people)],
        "warnings": [*found.photo.notes, *found.notes],
    }


def pose_person(request: PoseRequest, inference: Inference, new_stem: NewStem, reporter: Reporter) -> dict[str, Any]:
    """Do a `pose`: one person again, with what an artist has pinned; the result of `done`."""
    from native_runtime.image.reading import mask_of, read_photo

    picture = read_photo(request.mask) if request.mask else None  # before any work on the photo
    found, person = inference.person_at(request, reporter)
    mask = mask_of(picture, found.photo.original_size) if picture else None
    reporter.progress(0.5)
    height, age = (
        one_each(stated, [person], what).get(person)
        for stated, what in ((request.height_cm, "height"), (request.age, "age"))
    )
    estimate = inference.pose(
        found,
        person,
        request.pins,
        mask,
        request.inference,
        request.edits,
        request.snap,
        request.refine,
        request.sex,
        height,
        age,
        request.prompt_error,
        request.observed,
        request.observed_error,
    )
    for warning in estimate.warnings:
        reporter.warning(warning)
    stem = new_stem(person)
    estimate.save(stem)
    reporter.progress(1.0)
    return {
        "photo": request.photo,
        "image_size": list(found.photo.original_size),
        **SavedEstimate(person, found.bboxes[person], estimate, stem).described(),
        "estimate": f"{stem}.npz",
        "details": estimate.details,
    }


def status_of_engines(request: EngineStatusRequest) -> dict[str, Any]:
    """Do an `engine_status`; the result of `done`."""

    def describe(name: str) -> dict[str, Any]:
        status = engine_status(name, request.models, request.providers)
        return status.described(name) | ({"remedy": status.remedy.value} if status.remedy else {})

    if request.engine is not None:
        return describe(request.engine)
    return {"engines": [describe(name) for name in engines()]}
