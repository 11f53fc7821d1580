"""What an artist says about several photos: a JSON file of prompts, by photo.

    {"format": "sam3db-views-prompts/1",
     "prompts": [{"photo": 1, "keypoints": [["left_wrist", 412.0, 230.5]]},
                 {"photo": "back.jpg", "keypoints": [["right_ankle", 0, 0, "ignore"]]}]}

A photo is named by its number, counted from 0 in the order given, or by its file's name. The keypoints are as in a
prompts file of one photo (``prompts.prompt``), in pixels of the photo that the estimate belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.engines.evidence import TRUST
from native_runtime.errors import PromptError
from native_runtime.files.formats import Format
from native_runtime.fitting.evidence import Evidence
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt, check_prompts, keypoint_names, kind_of, read_entries
from native_runtime.takes.hints import silenced

FORMAT = Format("sam3db-views-prompts", unversioned=True)

ViewPrompts = tuple[tuple[Prompt, ...], ...]
"""One list for each photo."""


def read_view_prompts(path: Path, photos: Sequence[str]) -> ViewPrompts:
    """Read a file of prompts.

    Args:
        path: the file.
        photos: the photos' files, in their order.

    Raises:
        PromptError: it cannot be read or says something impossible; the message names the entry.
        NewerFormatError: it is for a newer version of the program.
    """
    example = '{"photo": 1, "keypoints": [["left_wrist", 412.0, 230.5]]}'
    entries = read_entries(path, FORMAT, "prompts for several photos", example)
    names = [Path(photo).name for photo in photos]
    given: list[list[Prompt]] = [[] for _ in photos]
    for number, entry in enumerate(entries, start=1):
        photo, keypoints = _entry(path, number, entry, names)
        try:
            given[photo] = check_prompts([*given[photo], *keypoints])
        except PromptError as error:
            raise PromptError(f"{path}: prompt {number}, photo {names[photo]}: {error}") from error
    return tuple(map(tuple, given))


def _entry(path: Path, number: int, entry: Any, names: Sequence[str]) -> tuple[int, list[Any]]:
    if isinstance(entry, dict) and set(entry) <= {"photo", "keypoints"} and isinstance(entry.get("keypoints"), list):
        photo = entry.get("photo")
        if type(photo) is int and 0 <= photo < len(names):
            return photo, entry["keypoints"]
        if isinstance(photo, str) and names.count(photo) == 1:
            return names.index(photo), entry["keypoints"]
        if isinstance(photo, (int, str)):
            raise PromptError(
                f"{path}: prompt {number} is about the photo {photo!r}. The photos are {', '.join(names)}, numbered "
                f"from 0 to {len(names) - 1}; of photos of the same name give the number."
            )
    raise PromptError(
        f'{path}: prompt {number} is not of the kind {{"photo": 1, "keypoints": [["left_wrist", 412.0, 230.5]]}}.'
    )


def check_view_prompts(value: Any) -> ViewPrompts:
    """Lists of prompts, one for each photo, from JSON.

    Raises:
        PromptError: they are none.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, (list, tuple)) for one in value):
        raise PromptError(f"'pins' must be a list for each photo of [index or name, x, y], not {value!r}.")
    return tuple(tuple(check_prompts(one)) for one in value)


def with_prompts(body: Body, evidence: Evidence, prompts: Sequence[Prompt]) -> Evidence:
    """Evidence with an artist's prompts: a place counts as a point that is certain, and what was seen of a keypoint
    that has a place, or is to be ignored, no longer counts."""
    names = keypoint_names()
    spoken_of = {names[prompt[0]] for prompt in prompts}
    if not spoken_of:
        return evidence
    seen = silenced(body, evidence, spoken_of)
    placed = [prompt for prompt in prompts if kind_of(prompt) == "place"]
    points, count = seen.points, len(placed)
    return replace(
        seen,
        points=replace(
            points,
            names=(*points.names, *(names[prompt[0]] for prompt in placed)),
            positions=np.concatenate([points.positions, np.array([p[1:3] for p in placed], float).reshape(-1, 2)]),
            sigmas=np.concatenate([points.sigmas, np.full(count, TRUST.prompt * seen.person_size)]),
            weights=np.concatenate([points.weights, np.full(count, TRUST.prompt_weight)]),
            trusted=np.concatenate([points.trusted, np.ones(count, bool)]),
        ),
    )
