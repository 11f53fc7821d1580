"""A photo and its mirror image: what an engine makes of both should be each other's mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import NoPersonError
from native_runtime.image.reading import Photo
from native_runtime.pipeline.boxes import overlap
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.pipeline.requests import LookRequest
from native_runtime.prompts.quality.anatomy import mirrors

Array = NDArray[np.float64]

_SAME_PERSON = 0.4


def flipped(
    photo: Photo, estimates: Sequence[Estimate], request: LookRequest, inference: Inference
) -> list[Estimate | None]:
    """For each estimate that of the mirrored photo, mirrored back as far as its keypoints go; None where nobody is seen
    there.

    Args:
        photo: upright, as the estimates have it.
        request: the engine, and how photos are read; the turn has been made already.

    Raises:
        ModelError, UsageError: as ``Inference.look``.
    """
    twin = replace(photo, pixels=np.ascontiguousarray(photo.pixels[:, ::-1]))
    width = photo.original_size[0]
    try:
        found = inference.look(twin, request, Silent())
    except NoPersonError:
        return [None] * len(estimates)
    boxes = [[width - 1 - box[2], box[1], width - 1 - box[0], box[3]] for box in found.bboxes]
    wanted: dict[int, int] = {}
    for number, estimate in enumerate(estimates):
        shares = [overlap(box, estimate.bbox.tolist()) for box in boxes]
        best = int(np.argmax(shares))
        if shares[best] >= _SAME_PERSON:
            wanted[number] = best
    people = sorted(set(wanted.values()))
    if not people:
        return [None] * len(estimates)
    answers = dict(inference.estimates(found, people, left_out=lambda error: None))
    return [
        None if wanted.get(number) not in answers else mirrored_back(answers[wanted[number]])
        for number in range(len(estimates))
    ]


def mirrored_back(estimate: Estimate) -> Estimate:
    """With keypoints as in the photo that was not mirrored; all else stays."""
    width = int(estimate.image_size[0])
    space = np.asarray(estimate.keypoints_3d, np.float64)[mirrors()] * [-1.0, 1.0, 1.0]
    flat = np.asarray(estimate.keypoints_2d, np.float64)[mirrors()]
    flat[:, 0] = width - 1 - flat[:, 0]
    return replace(estimate, keypoints_2d=flat, keypoints_3d=space)
