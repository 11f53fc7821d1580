"""Estimates of annotated people in their boxes, for `sam3db evaluate --true-boxes`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.cli.console import Console, describe
from native_runtime.cli.people import make_folder
from native_runtime.errors import NoPersonError, PhotoError, UsageError

if TYPE_CHECKING:
    from native_runtime.evaluation.truth import Truth

ESTIMATES = "estimates"
"""Where estimates go that are made first, below the folder of the results."""


def in_true_boxes(arguments: argparse.Namespace, truth: Truth, console: Console, failed: list[dict[str, Any]]) -> Path:
    """The folder of the estimates of the annotated people in the photos of a folder, each in the box that the truth
    has, made where they are missing.

    Args:
        failed: gets the photos that could not be read.

    Raises:
        UsageError: the arguments do not fit together, or none of the photos is annotated.
    """
    from native_runtime.batch.photos import look_through
    from native_runtime.cli.requests import request_of
    from native_runtime.evaluation.found import pictures_of
    from native_runtime.pipeline.estimating import estimate_photo
    from native_runtime.pipeline.inference import Inference
    from native_runtime.pipeline.requests import EstimateRequest

    if len(arguments.folders) > 1:
        raise UsageError("--engine takes one folder of photos; compare engines by the folders of their estimates.")
    if arguments.persons is not None:
        raise UsageError("--true-boxes says whom to estimate: --person does not go with it.")
    folder = Path(arguments.folders[0])
    out = make_folder(arguments.out) / ESTIMATES
    root = "/".join(folder.resolve().parts[1:])
    photos = {f"{root}/{photo.relative}": photo for photo in look_through(folder).photos}
    names, _, _ = pictures_of(photos, truth.pictures)
    if not names:
        raise UsageError("None of the photos is one that the annotations name.")
    boxes = {picture.name: [person.box.tolist() for person in picture.people] for picture in truth.pictures}
    inference = Inference(kept_photos=1)
    for number, (key, name) in enumerate(names.items()):
        photo = photos[key]
        stem = out / photo.relative
        last = _numbered(stem, len(boxes[name]) - 1)
        if not boxes[name] or last.with_name(f"{last.name}.npz").exists():
            continue
        console.step(number / len(names), "Estimating in the true boxes")
        try:
            request = request_of(
                EstimateRequest, arguments, photo=str(photo.path), boxes=boxes[name], persons="all", turn=0
            )
            stem.parent.mkdir(parents=True, exist_ok=True)
            _, estimates = estimate_photo(
                request,
                inference,
                console,
                partial(_numbered, stem),
                left_out=lambda error: None,  # nobody is seen in the box: counts as not found
            )
            for _ in estimates:
                pass
        except NoPersonError:
            continue
        except PhotoError as error:
            console.warning(f"{photo.relative}: {error}")
            failed.append({"file": str(photo.path), **describe(error)})
    return out


def _numbered(stem: Path, person: int) -> Path:
    return stem.with_name(f"{stem.name}_person{person}")
