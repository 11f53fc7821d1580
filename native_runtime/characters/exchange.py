"""A character's settings as a JSON file, by names, so that they fit other bodies of the same layout.

    {"format": "sam3db-settings/1",
     "body": {"name": "default", "hash": "sha256:..."},
     "parts": ["pose", "skeleton", "shape", "expression"],
     "parameters": {"l_elbow_bend": 0.7, ...},
     "identity": {"weight": 0.5, ...},
     "expression": {"jawOpen": 0.2, ...},
     "beyond": {"l_eye.rx": 0.1, ...}}

Parameters are MHR's (centimetre-tens, radians, log2), coefficients count sliders; ``beyond`` holds joint parameters on
top of what the parameters say (cm, radians, log2), the zeros left out. A part that is not named is left alone on
loading.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.mhr import CHANNELS

from .parts import PARTS, Part
from .presets import copy
from .settings import CharacterSettings, parameters_of
from .sliders import SHAPE_KEY_LIMIT

if TYPE_CHECKING:
    from native_runtime.mhr import Body

FORMAT = Format("sam3db-settings")
_LARGEST_FILE = 4 << 20
_NAMED_AT_MOST = 5


def to_json(body: Body, settings: CharacterSettings, parts: Collection[Part] = PARTS) -> dict[str, Any]:
    """The chosen parts, ready for ``json.dumps``."""
    content: dict[str, Any] = {
        "format": str(FORMAT),
        "body": {"name": body.name, "hash": body.hash},
        "parts": [part for part in PARTS if part in parts],
    }
    wanted = np.zeros(len(body.parameter_names), dtype=bool)
    for part in ("pose", "skeleton"):
        if part in parts:
            wanted |= parameters_of(body, part)
    content["parameters"] = _named(np.array(body.parameter_names)[wanted], settings.model_parameters[wanted])
    if "shape" in parts:
        content["identity"] = _named(body.identity_names, settings.identity)
    if "expression" in parts:
        content["expression"] = _named(body.expression_names, settings.expression)
    if "pose" in parts and len(settings.beyond):
        content["beyond"] = {
            f"{body.joint_names[joint]}.{CHANNELS[channel]}": float(settings.beyond[joint, channel])
            for joint, channel in np.argwhere(settings.beyond).tolist()
        }
    return content


def from_json(
    body: Body, content: Any, base: CharacterSettings, place: bool = False
) -> tuple[CharacterSettings, list[str]]:
    """Settings with the parts that a file holds, and what an artist should know about how they fit.

    Args:
        content: as ``json.loads`` gives it; nothing of it is trusted.
        base: keeps the parts that are not in the file, and all numbers that the file does not name.
        place: also copy the character's place.

    Raises:
        UsageError: it is no such file, or holds something that is no number.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = FORMAT.checked(content, "This settings file")
    except ValueError as error:
        raise UsageError(f"This file holds no character settings: {error}.") from error
    parts = [part for part in PARTS if part in _sequence(content.get("parts"))]
    if not parts:
        raise UsageError("This file contains no part (pose, skeleton, shape, expression) of a character.")
    unknown: list[str] = []
    other = CharacterSettings(
        _by_name(content, "parameters", body.parameter_names, base.model_parameters, unknown),
        _by_name(content, "identity", body.identity_names, base.identity, unknown),
        _by_name(content, "expression", body.expression_names, base.expression, unknown),
        _beyond(content, body, unknown),
    )
    for coefficients in (other.identity, other.expression):
        if np.abs(coefficients).max(initial=0.0) > SHAPE_KEY_LIMIT:
            raise UsageError(f"A coefficient is beyond ±{SHAPE_KEY_LIMIT:g}, the range of Blender's sliders.")
    notes = []
    if unknown:
        more = f" and {len(unknown) - _NAMED_AT_MOST} more" if len(unknown) > _NAMED_AT_MOST else ""
        notes.append(f"This body has no {', '.join(unknown[:_NAMED_AT_MOST])}{more}: left out.")
    return copy(body, base, other, parts, place), notes


def save_settings(path: str | Path, body: Body, settings: CharacterSettings, parts: Collection[Part] = PARTS) -> None:
    """Writes the JSON file; it appears whole or not at all."""
    target = Path(path)
    text = json.dumps(to_json(body, settings, parts), indent=1, ensure_ascii=False) + "\n"
    try:
        target.parent.stat()  # a folder that is not there is a mistake, and is not made
        write_atomically(target, text.encode())
    except OSError as error:
        raise UsageError(f"Cannot write {target}: {error.strerror or error}.") from error


def load_settings(
    path: str | Path, body: Body, base: CharacterSettings, place: bool = False
) -> tuple[CharacterSettings, list[str]]:
    """Reads the JSON file; see ``from_json``."""
    source = Path(path)
    try:
        if source.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{source.name} is too large for character settings.")
        content = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read {source}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source.name} is not JSON ({error}).") from error
    return from_json(body, content, base, place)


def transfer(
    body: Body,
    base: CharacterSettings,
    other_body: Body,
    other: CharacterSettings,
    parts: Collection[Part],
    place: bool = False,
) -> tuple[CharacterSettings, list[str]]:
    """Parts of a character of another body, matched by names; see ``from_json``."""
    if other_body is body:
        return copy(body, base, other, parts, place), []
    return from_json(body, to_json(other_body, other, parts), base, place)


def _named(names: Iterable[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(names, values.tolist())}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"'{name}' in these settings is not a number: {str(value)[:40]!r}.")
    return float(value)


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, Mapping):
        raise UsageError(f"'{key}' in these settings has no names.")
    return value


def _by_name(
    content: Mapping[str, Any], key: str, names: tuple[str, ...], base: NDArray[np.float64], unknown: list[str]
) -> NDArray[np.float64]:
    index = {name: i for i, name in enumerate(names)}
    values = base.copy()
    for name, value in _mapping(content, key).items():
        number = _number(name, value)
        if name in index:
            values[index[name]] = number
        elif number:
            unknown.append(f"'{name}'")
    return values


def _beyond(content: Mapping[str, Any], body: Body, unknown: list[str]) -> NDArray[np.float64]:
    entries = _mapping(content, "beyond")
    beyond = np.zeros((len(body.joint_names) if entries else 0, len(CHANNELS)))
    joints = {name: i for i, name in enumerate(body.joint_names)}
    for name, value in entries.items():
        number = _number(name, value)
        joint, _, channel = name.rpartition(".")
        if joint in joints and channel in CHANNELS:
            beyond[joints[joint], CHANNELS.index(channel)] = number
        else:
            unknown.append(f"'{name}'")
    return beyond
