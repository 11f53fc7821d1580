"""What an artist says about frames of a take: a JSON file of prompts, by frame and person.

    {"format": "sam3db-take-prompts/1",
     "prompts": [{"frame": 30, "keypoints": [["left_wrist", 412.0, 230.5]]},
                 {"frame": 80, "person": 1, "keypoints": [["right_ankle", 0, 0, "ignore"]]}]}

The keypoints are as in a prompts file of a photo (``prompts.prompt``); a person who is not named is 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.engines.point_names import body_keypoint, body_point
from native_runtime.errors import PromptError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.pins import Pin
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt, check_prompts, keypoint_names, kind_of, read_entries

from .observations import FrameObservation

FORMAT = Format("sam3db-take-prompts", unversioned=True)

Hints = Mapping[int, Mapping[int, Sequence[Prompt]]]
"""By person, then by frame number."""


def read_hints(path: Path) -> Hints:
    """Read a file of prompts.

    Raises:
        PromptError: it cannot be read or says something impossible; the message names the entry.
        NewerFormatError: it is for a newer version of the program.
    """
    example = '{"frame": 30, "keypoints": [["left_wrist", 412.0, 230.5]]}'
    entries = read_entries(path, FORMAT, "prompts for a take", example)
    hints: dict[int, dict[int, list[Prompt]]] = {}
    for number, entry in enumerate(entries, start=1):
        frame, person, keypoints = _entry(path, number, entry)
        there = hints.setdefault(person, {}).setdefault(frame, [])
        try:
            there[:] = check_prompts([*there, *keypoints])
        except PromptError as error:
            raise PromptError(f"{path}: prompt {number}, frame {frame}: {error}") from error
    return hints


def write_hints(path: Path, hints: Hints) -> None:
    """Write a file of prompts, which appears whole or not at all; without any, there is no file.

    Raises:
        OSError: it cannot be written.
    """
    names = keypoint_names()
    entries = [
        {"frame": frame, "person": person, "keypoints": [[names[prompt[0]], *prompt[1:]] for prompt in said]}
        for person, frames in sorted(hints.items())
        for frame, said in sorted(frames.items())
        if said
    ]
    if not entries:
        path.unlink(missing_ok=True)
        return
    lines = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    write_atomically(path, f'{{"format": "{FORMAT}",\n "prompts": [\n  {lines}]}}\n'.encode())


def _entry(path: Path, number: int, entry: Any) -> tuple[int, int, list[Any]]:
    known = {"frame", "person", "keypoints"}
    if isinstance(entry, dict) and set(entry) <= known:
        frame, person, keypoints = entry.get("frame"), entry.get("person", 0), entry.get("keypoints")
        if type(frame) is int and type(person) is int and min(frame, person) >= 0 and isinstance(keypoints, list):
            return frame, person, keypoints
    raise PromptError(
        f'{path}: prompt {number} is not of the kind {{"frame": 30, "person": 0, "keypoints": [["left_wrist", 412.0, '
        "230.5]]}."
    )


def with_hints(body: Body, observation: FrameObservation, prompts: Sequence[Prompt]) -> FrameObservation:
    """An observation with an artist's hints: places become pins, and what the engine says of a keypoint that has a
    place, or is to be ignored, no longer counts.
    """
    names = keypoint_names()
    spoken_of = {names[prompt[0]] for prompt in prompts}
    pins = tuple(Pin(names[p[0]], np.array(p[1:3], float)) for p in prompts if kind_of(p) == "place")
    evidence = observation.evidence
    if evidence is not None and spoken_of:
        evidence = silenced(body, evidence, spoken_of)
    return replace(observation, evidence=evidence, pins=(*observation.pins, *pins))


def silenced(body: Body, evidence: Evidence, keypoints: set[str]) -> Evidence:
    """Evidence without what it says of some keypoints, by whatever name of the body's points it says it."""
    own = {body_point(body, name) for name in BODY_POINTS if body_keypoint(name) in keypoints}
    silent = keypoints | {name for name in own if name is not None}
    points, turns, places = evidence.points, evidence.directions, evidence.positions
    points = replace(points, weights=np.where([name in silent for name in points.names], 0.0, points.weights))
    ends = [start in silent or end in silent for start, end in zip(turns.starts, turns.ends)]
    turns = replace(turns, weights=np.where(ends, 0.0, turns.weights))
    if places is not None:
        places = replace(places, weights=np.where([name in silent for name in places.names], 0.0, places.weights))
    return replace(evidence, points=points, directions=turns, positions=places)
