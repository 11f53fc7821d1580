"""The worker's request `segment`: which pixels of a photo show a person, as the bundled networks see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.errors import NoPersonError
from native_runtime.pipeline.boxes import overlap
from native_runtime.pipeline.inference import NEAR_BOX, Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import SegmentRequest

from .photos import NewStem


def segment_person(
    request: SegmentRequest, inference: Inference, new_stem: NewStem, reporter: Reporter
) -> dict[str, Any]:
    """Do a `segment` (see ``docs/worker.md``); the result of `done`."""
    path, box = request.photo, request.box

    import cv2
    import numpy as np

    from native_runtime.detection.silhouettes import mask_on_photo
    from native_runtime.files.atomic import write_atomically
    from native_runtime.image.reading import read_photo

    reporter.status(f"Reading {Path(path).name}")
    photo = read_photo(path)
    reporter.progress(0.2)
    reporter.status("Detecting people")
    people = inference.networks(request.models, request.providers).people(photo.pixels, with_hands=False)
    boxes = [photo.to_original(person.bbox.reshape(2, 2)).ravel().tolist() for person in people]
    shares = [1.0 if box is None else overlap(box, found) for found in boxes]
    person = max(range(len(people)), key=shares.__getitem__, default=None)
    if person is None or shares[person] < NEAR_BOX:
        where = "anywhere in this photo" if box is None else "where this character's person was"
        raise NoPersonError(f"{path}: the segmentation found nobody {where}. Draw the mask instead.")
    mask = mask_on_photo(people[person], photo)
    if not mask.any():
        raise NoPersonError(f"{path}: the segmentation is not sure of any pixel of this person. Draw the mask instead.")
    reporter.progress(0.9)
    file = new_stem(person).with_suffix(".png")
    done, data = cv2.imencode(".png", mask.astype(np.uint8) * 255)
    assert done
    write_atomically(file, data.tobytes())
    return {
        "photo": path,
        "image_size": list(photo.original_size),
        "person": person,
        "bbox": boxes[person],
        "mask": str(file),
        "warnings": list(photo.notes),
    }
