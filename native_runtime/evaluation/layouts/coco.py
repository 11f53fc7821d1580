"""COCO's keypoints: ``annotations/person_keypoints_val2017.json`` (cocodataset.org, *Data format*)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.errors import FileError
from native_runtime.evaluation.truth import COCO_KEYPOINTS, TruePerson, TruePicture, Truth, nowhere


def read(path: Path, fewest: int = 5) -> Truth:
    """The pictures with people of a file of annotations.

    Args:
        fewest: people with fewer annotated keypoints count as ignored, as do crowds.

    Raises:
        FileError: the file cannot be read as annotations of keypoints.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {entry["id"]: str(entry["file_name"]) for entry in content["images"]}
        people: dict[Any, list[TruePerson]] = {}
        ignored: dict[Any, list[list[float]]] = {}
        for entry in content["annotations"]:
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
            people.setdefault(image, []).append(TruePerson(np.array(box), keypoints))
        pictures = [
            TruePicture(names[image], people.get(image, []), np.array(ignored.get(image, [])).reshape(-1, 4))
            for image in sorted(people.keys() | ignored.keys(), key=lambda image: names[image])
        ]
        return Truth(pictures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(f"{path.name} cannot be read as COCO's annotations of keypoints ({error!r:.80}).") from error
