"""COCO's keypoints: ``annotations/person_keypoints_val2017.json`` (cocodataset.org, *Data format*)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.evaluation.truth import COCO_KEYPOINTS, TruePerson, TruePicture, Truth, nowhere
from native_runtime.evaluation.unreadable import unreadable

Array = NDArray[np.float64]

#: Flags of keypoints: 0 not marked, 1 marked though hidden, 2 seen.
_HIDDEN = 1
#: Somebody of whom so much of what is marked is hidden is occluded.
_OCCLUDED = 0.25
#: px: a box that comes so near to the border of the picture is cut off by it.
_BORDER = 2.0
#: A picture of so many people, crowds as one, is a crowd.
_CROWD = 6


def read(path: Path, fewest: int = 5) -> Truth:
    """The pictures with people of a file of annotations. Categories: each person is "visible" or "occluded", and may be
    "truncated" by the border of the picture, or in a "crowd".

    Args:
        fewest: people with fewer annotated keypoints count as ignored, as do crowds.

    Raises:
        FileError: the file cannot be read as annotations of keypoints.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        images = {entry["id"]: entry for entry in content["images"]}
        crowded = Counter(entry["image_id"] for entry in content["annotations"])
        people: dict[Any, list[TruePerson]] = {}
        ignored: dict[Any, list[list[float]]] = {}
        for entry in content["annotations"]:
            _check_finite(entry)
            x, y, width, height = (float(number) for number in entry["bbox"])
            box = [x, y, x + width, y + height]
            points = np.array(entry.get("keypoints", [0] * 51), np.float64).reshape(17, 3)
            marked = points[:, 2] > 0
            image = entry["image_id"]
            if entry.get("iscrowd") or np.count_nonzero(marked) < fewest:
                ignored.setdefault(image, []).append(box)
                continue
            keypoints = nowhere(2)
            keypoints[np.array(COCO_KEYPOINTS)[marked]] = points[marked, :2]
            kinds = _kinds(np.array(box), points[marked, 2], images[image], crowded[image])
            people.setdefault(image, []).append(TruePerson(np.array(box), keypoints, categories=kinds))
        names = {image: str(images[image]["file_name"]) for image in people.keys() | ignored.keys()}
        return Truth(
            [
                TruePicture(name, people.get(image, []), np.array(ignored.get(image, [])).reshape(-1, 4))
                for image, name in sorted(names.items(), key=lambda item: item[1])
            ]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise unreadable(path.name, "COCO's annotations of keypoints", error) from error


def _check_finite(entry: dict[str, Any]) -> None:
    """Raises ValueError where an annotation's box or keypoints hold NaN or infinity, which JSON has no numbers for."""
    for name in ("bbox", "keypoints"):
        if not np.isfinite(np.array(entry.get(name, []), np.float64)).all():
            raise ValueError(
                f"{name} of the annotation with the id {entry.get('id')} holds numbers that are not finite"
            )


def _kinds(box: Array, flags: Array, image: dict[str, Any], people: int) -> tuple[str, ...]:
    """The categories of a person of whom keypoints are marked with some flags."""
    hidden = np.count_nonzero(flags == _HIDDEN) >= _OCCLUDED * len(flags)
    kinds = ["occluded" if hidden else "visible"]
    if "width" in image and "height" in image:
        size = np.array([image["width"], image["height"]], np.float64)
        if (box[:2] <= _BORDER).any() or (box[2:] >= size - _BORDER).any():
            kinds.append("truncated")
    if people >= _CROWD:
        kinds.append("crowd")
    return tuple(kinds)
