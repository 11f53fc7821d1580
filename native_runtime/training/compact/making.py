"""From readings to the network that the project ships, with its card."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.compact.network import FILE
from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically

from .export import export
from .reading import Readings
from .train import Recipe, answer, calibrate, train

Say = Callable[[str], None]

_CHECKED = 10
"""One pose in so many is kept from learning, to find how large standard deviations are."""
_SEEN, _ENOUGH, _ASTRAY = 0.5, 6, 0.09
"""The visibility from which a point is seen, how many there must be, and how far off, in sides of the window."""
_MIXED = " + "
"""Between the names of two poses, where one has limbs of the other."""


def recipe_of(choices: Sequence[str]) -> Recipe:
    """The recipe with some ``NAME=VALUE`` of its own, values in JSON.

    Raises:
        UsageError: there is no such name, or the value is none.
    """
    names = {field.name for field in fields(Recipe)}
    found: dict[str, Any] = {}
    for choice in choices:
        name, _, value = choice.partition("=")
        if name not in names:
            raise UsageError(f"The recipe has no '{name}': it has {', '.join(sorted(names))}.")
        try:
            parsed = json.loads(value)
        except ValueError as error:
            raise UsageError(f"'{value}' is no value for '{name}'.") from error
        found[name] = tuple(parsed) if isinstance(parsed, list) else parsed
    return replace(Recipe(), **found)


def checked(poses: NDArray[np.str_]) -> NDArray[np.bool_]:
    """(n,) which people are kept from learning for the standard deviations: whole poses."""
    return np.array([zlib.crc32(str(pose).split(_MIXED)[0].encode()) % _CHECKED == 0 for pose in poses])


def sound(readings: Readings) -> NDArray[np.bool_]:
    """(n,) of whom the landmark network saw the right person: of the points that it sees, half are near the truth."""
    off = np.linalg.norm(readings.true_points - (readings.points[..., :2] + 0.5), axis=3)
    seen = readings.points[..., 6] > _SEEN
    enough = seen.sum(axis=2) >= _ENOUGH
    middle = np.nanmedian(np.where(seen | ~enough[..., None], off, np.nan), axis=2)
    return np.asarray(enough & (middle < _ASTRAY)).all(axis=1)


def make(folders: Sequence[Path], out: Path | None, choices: Sequence[str], say: Say) -> dict[str, Any]:
    """Learn, calibrate, export, and write ``training.json`` beside the network; its content.

    Args:
        folders: of readings.
        out: the ``.onnx`` to write; None for the project's own.
        choices: see ``recipe_of``.

    Raises:
        UsageError: there are no readings, or a choice is none of the recipe.
    """
    recipe, target = recipe_of(choices), out or FILE
    everybody = Readings.load([path for folder in folders for path in sorted(folder.glob("*.npz"))])
    readings = everybody.some(sound(everybody))
    say(f"{len(everybody) - len(readings)} of {len(everybody)} people are left out: the network saw something else")
    check = checked(readings.pose) & ~readings.held_out
    learnt, check_people = np.flatnonzero(~readings.held_out & ~check), np.flatnonzero(check)
    held_out = np.flatnonzero(readings.held_out)
    say(f"{len(learnt)} people to learn from, {len(check_people)} to check, {len(held_out)} held out")
    network = train(readings, learnt, recipe, say)
    calibrate(network, readings, check_people)
    content = {
        "people": {"learnt": len(learnt), "checked": len(check_people), "held_out": len(held_out)},
        "recipe": json.loads(recipe.text()),
        "checked": answer(network, readings, check_people).report(),
        "held_out": answer(network, readings, held_out).report(),
        "difference_to_pytorch": export(network, target),
    }
    write_atomically(target.with_name("training.json"), (json.dumps(content, indent=1) + "\n").encode())
    say(json.dumps(content["held_out"]))
    return content
