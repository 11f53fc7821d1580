"""Hints from a person: where keypoints lie in the photo, or that they should not be trusted.

Read from files and checked here, whoever sends them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from native_runtime.errors import PromptError
from native_runtime.files.formats import Format
from native_runtime.files.templates import load_json

FORMAT = Format("sam3db-prompts", unversioned=True)

PromptKind = Literal["place", "ignore", "incorrect"]
"""What a prompt says: the keypoint lies here; do not use the prediction of this keypoint; it does not lie here."""

Prompt = tuple[int, float, float] | tuple[int, float, float, PromptKind]
"""A keypoint's number in MHR-70, its place (x, y) in original pixels of the photo, and the kind where it is not
"place"."""


def kind_of(prompt: Prompt) -> PromptKind:
    """What a prompt says."""
    return prompt[3] if len(prompt) == 4 else "place"


_CLOSE = 0.8
"""How alike a name has to be to one that may have been meant, as ``difflib`` measures it."""

_NUMBERS = (int, float, np.integer, np.floating)


@cache
def keypoint_names() -> tuple[str, ...]:
    """The 70 names of MHR-70, in order."""
    entries = load_json("mhr", "keypoints.json")["keypoints"]
    return tuple(entry if isinstance(entry, str) else entry["name"] for entry in entries)


@cache
def keypoint_titles() -> tuple[str, ...]:
    """The same in words that an artist knows: "Left Wrist", "Right Index Finger Tip"."""
    return tuple(entry["title"] for entry in load_json("mhr", "keypoints.json")["keypoints"])


def read_content(path: Path, form: Format, what: str) -> Any:
    """What the JSON of a file of prompts holds, unchecked.

    Args:
        path: the file.
        form: its format.
        what: what it is a file of, for the message.

    Raises:
        PromptError: it cannot be read, or is no JSON.
        NewerFormatError: it is for a newer version of the program.
    """
    try:
        return form.parsed(path.read_text(encoding="utf-8-sig"), path)
    except OSError as error:
        raise PromptError(f"{path}: the prompts cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise PromptError(f"{path}: this is not a JSON file of {what} ({error}).") from error


def read_entries(path: Path, form: Format, what: str, example: str) -> list[Any]:
    """The unchecked entries of a file of prompts about several pictures.

    Args:
        path, form, what: as for ``read_content``.
        example: an entry, for the message.

    Raises:
        PromptError: it cannot be read, or holds no list of prompts.
        NewerFormatError: it is for a newer version of the program.
    """
    content = read_content(path, form, what)
    entries = content.get("prompts") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise PromptError(f'{path}: {what} are an object like {{"prompts": [{example}]}}.')
    return entries


def read_prompts(path: str | os.PathLike[str]) -> list[Prompt]:
    """Read a prompts file: ``{"keypoints": [["left_wrist", 412.0, 230.5], [62, 100, 80, "incorrect"], ...]}``.

    A keypoint is named or numbered; a fourth entry is the kind (``PromptKind``), "place" where it is left out.

    Raises:
        PromptError: it cannot be read or says something impossible.
        NewerFormatError: it is for a newer version of the program.
    """
    path = Path(path)
    keypoints = _entries(path)
    try:
        return check_prompts(keypoints)
    except PromptError as error:
        raise PromptError(f"{path}: {error}") from error


def read_sound_prompts(path: Path) -> tuple[list[Prompt], list[PromptError]]:
    """The entries of a prompts file that can be used, and what is wrong with the others.

    Raises:
        PromptError: as ``read_prompts``, where nothing of it can be read.
        NewerFormatError: it is for a newer version of the program.
    """
    prompts: list[Prompt] = []
    wrong: list[PromptError] = []
    for entry in _entries(path):
        try:
            check_prompts([*prompts, entry])
            prompts += check_prompts([entry])
        except PromptError as error:
            wrong.append(error)
    return prompts, wrong


def _entries(path: Path) -> list[Any]:
    """The unchecked entries of a prompts file; raises as ``read_prompts``."""
    content = read_content(path, FORMAT, "prompts")
    keypoints = content.get("keypoints") if isinstance(content, dict) else None
    if not isinstance(keypoints, list):
        raise PromptError(f'{path}: a prompts file is an object like {{"keypoints": [["left_wrist", 412.0, 230.5]]}}.')
    return keypoints


def _instead(wrong: str) -> str:
    """What may have been meant by a name that no keypoint has."""
    near = get_close_matches(wrong.strip().lower().replace(" ", "_"), keypoint_names(), 1, _CLOSE)
    return f"Did you mean {near[0]!r}?" if near else f"The names are those of MHR-70: {', '.join(keypoint_names())}."


def check_prompts(keypoints: Sequence[Any]) -> list[Prompt]:
    """Turn entries ``[index or name, x, y]`` or ``[index or name, x, y, kind]`` into prompts.

    Raises:
        PromptError: an unknown keypoint or kind, a keypoint named twice, or a place that is no number.
    """
    names = keypoint_names()
    prompts: list[Prompt] = []
    for entry in keypoints:
        if not isinstance(entry, (list, tuple)) or len(entry) not in (3, 4):
            raise PromptError(
                f"A keypoint prompt is [index or name, x, y] or [index or name, x, y, kind], not {entry!r}."
            )
        which, x, y = entry[:3]
        kind: PromptKind = entry[3] if len(entry) == 4 else "place"
        if kind not in get_args(PromptKind):
            raise PromptError(f"A prompt's kind is one of {', '.join(get_args(PromptKind))}; this is {kind!r}.")
        if isinstance(which, str):
            if which not in names:
                raise PromptError(f"There is no keypoint {which!r}. {_instead(which)}")
            which = names.index(which)
        if isinstance(which, bool) or not isinstance(which, (int, np.integer)) or not 0 <= which < len(names):
            raise PromptError(f"A keypoint's number lies between 0 and {len(names) - 1}; this is {which!r}.")
        if not all(type(v) is not bool and isinstance(v, _NUMBERS) and math.isfinite(v) for v in (x, y)):
            raise PromptError(f"The position of keypoint {names[which]!r} must be two numbers, not {x!r}, {y!r}.")
        place = int(which), float(x), float(y)
        prompts.append(place if kind == "place" else (*place, kind))
    doubles = sorted({names[p[0]] for p in prompts if sum(q[0] == p[0] for q in prompts) > 1})
    if doubles:
        raise PromptError(f"Each keypoint can be placed once; given more often: {', '.join(doubles)}.")
    return prompts
