"""Requests from JSON, from arguments and from properties, and to JSON, all by the fields of their classes.

Standard library only, until a prompt or an edit is read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from native_runtime.errors import PromptError, UsageError

from .boxes import check_box, check_boxes
from .requests import Ages, Heights, Intrinsics, Levels, Persons, Sex, Turn, Up

Request = TypeVar("Request")
Decoder = Callable[[str, Any], Any]
"""From a key and what was given for it to the field's value; raises `UsageError`."""

LOCAL: Mapping[str, Any] = {"local": True}
"""Metadata of a field that JSON does not carry."""


def read_by(decoder: Decoder, **more: Any) -> dict[str, Any]:
    """Metadata of a field whose type this module does not know."""
    return {"decoder": decoder, **more}


def decode(kind: type[Request], values: Mapping[str, Any]) -> Request:
    """The request that values by their fields' names make.

    Raises:
        UsageError: a value is missing, of the wrong type or impossible.
        PromptError: a prompt is.
    """
    given: dict[str, Any] = {}
    for known in _fields(kind):
        value = values.get(known.name)
        if value is not None and value != "":
            given[known.name] = _decoder(known)(known.name, value)
        elif known.default is MISSING:
            raise UsageError(f"The request has no {known.name}.")
    return kind(**given)


def gather(kind: type[Request], *sources: object, **given: Any) -> Request:
    """The request that attributes of objects make: arguments of a command, properties of Blender. The first
    that has one counts.

    Args:
        given: values that are not the attributes of their fields' names.

    Raises: as `decode`.
    """
    for name in [known.name for known in _fields(kind) if known.name not in given]:
        given[name] = next((value for source in sources if (value := getattr(source, name, None)) is not None), None)
    return decode(kind, given)


def part_of(kind: type[Request], request: object, **more: Any) -> Request:
    """What a request says of another kind, by the fields that both have."""
    names = {known.name for known in _fields(kind)} & {known.name for known in _fields(type(request))}
    return kind(**{name: getattr(request, name) for name in names} | more)


def encode(request: object) -> dict[str, Any]:
    """The JSON of a request: what `decode` reads, without what is not given."""
    values = {name: getattr(request, name) for name in keys_of(type(request))}
    return {name: plain(value) for name, value in values.items() if value is not None}


def keys_of(kind: type) -> list[str]:
    """The keys of a request's JSON."""
    return [known.name for known in _fields(kind) if "local" not in known.metadata]


def path_keys_of(kind: type) -> list[str]:
    """Those whose values are paths, or lists of them."""
    return [known.name for known in _fields(kind) if str(known.type).startswith(("FilePath", "Path", "tuple[FilePath"))]


def text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{key!r} must be a text, not {value!r}.")
    return value


def texts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, str) for entry in value):
        raise UsageError(f"{key!r} must be a list of texts, not {value!r}.")
    return tuple(value)


def one_of(*choices: str) -> Decoder:
    """Reads one of some texts."""

    def read(key: str, value: Any) -> str:
        if value not in choices:
            raise UsageError(f"{key!r} is one of {', '.join(choices)}, not {value!r}.")
        return str(value)

    return read


def _paths(key: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"{key!r} must be a list of files, not {value!r}.")
    return tuple(_path(key, entry) for entry in value)


def _path(key: str, value: Any) -> Any:
    return value if isinstance(value, os.PathLike) else text(key, value)


def _secret(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{key!r} must be a text.")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{key!r} must be true or false, not {value!r}.")
    return value


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{key!r} must be a number, not {value!r}.")
    return float(value)


def _whole_number(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{key!r} must be a whole number, not {value!r}.")
    return value


def _persons(key: str, value: Any) -> Persons:
    if not isinstance(value, (str, list, tuple)):
        raise UsageError(f"{key!r} must be a text or a list of numbers, not {value!r}.")
    return value if isinstance(value, str) else tuple(value)


def check_turn(value: Any) -> Turn:
    """0, 90, 180, 270 or "auto".

    Raises:
        UsageError: it is none of them.
    """
    if value == "auto" or (type(value) is int and value in (0, 90, 180, 270)):
        return value  # type: ignore[no-any-return]
    raise UsageError(f"A photo is rotated by 90, 180 or 270 degrees clockwise, or by 'auto', not {value!r}.")


def _one_each(key: str, value: Any) -> Ages | Heights:
    if isinstance(value, (list, tuple)):
        if not value:
            raise UsageError(f"{key!r} must be a number or a list of numbers.")
        numbers = tuple(_number(key, entry) for entry in value)
        return numbers[0] if len(numbers) == 1 else numbers
    return _number(key, value)


def _levels(key: str, value: Any) -> Levels:
    if value == "all" or (isinstance(value, list) and value and all(type(level) is int for level in value)):
        return value
    raise UsageError(f'{key!r} must be "all" or a list of whole numbers, not {value!r}.')


def _intrinsics(key: str, value: Any) -> Intrinsics:
    rows = value if isinstance(value, (list, tuple)) else ()
    if [len(row) if isinstance(row, (list, tuple)) else 0 for row in rows] == [3, 3, 3]:
        flat = [entry for row in rows for entry in row]
        usable = all(isinstance(entry, (int, float)) and math.isfinite(entry) for entry in flat)
        if usable and min(flat[0], flat[4]) > 0 and flat[6:] == [0, 0, 1]:
            return tuple((float(a), float(b), float(c)) for a, b, c in rows)
    raise UsageError(
        f"Intrinsics are three rows [fx, s, cx], [0, fy, cy], [0, 0, 1] in pixels of the photo, not {value!r}."
    )


def _up(key: str, value: Any) -> Up:
    if isinstance(value, (list, tuple)) and len(value) == 3:
        usable = all(type(entry) in (int, float) and math.isfinite(entry) for entry in value)
        if usable and any(value):
            x, y, z = (float(entry) for entry in value)
            return x, y, z
    raise UsageError(f"{key!r} is a direction [x, y, z] in the camera's axes, not {value!r}.")


def _prompts(key: str, value: Any) -> tuple[Any, ...]:
    from native_runtime.prompts.prompt import check_prompts

    if not isinstance(value, (list, tuple)):
        raise PromptError(f"{key!r} must be a list of [index or name, x, y], not {value!r}.")
    return tuple(check_prompts(value))


def _edits(key: str, value: Any) -> Any:
    from native_runtime.engines.edits import Edits

    return Edits.from_json(value)


_DECODERS: dict[str, Decoder] = {
    "str": text,
    "tuple[str, ...]": texts,
    "bool": _flag,
    "int": _whole_number,
    "float": _number,
    "FilePath": _path,
    "tuple[FilePath, ...]": _paths,
    "Path": lambda key, value: Path(_path(key, value)),
    "Secret": _secret,
    "Box": lambda key, value: check_box(value),
    "tuple[Box, ...]": lambda key, value: tuple(check_boxes(value)),
    "Persons": _persons,
    "Turn": lambda key, value: check_turn(value),
    "Sex": one_of(*get_args(Sex)),
    "Heights": _one_each,
    "Ages": _one_each,
    "Levels": _levels,
    "Intrinsics": _intrinsics,
    "Up": _up,
    "tuple[Prompt, ...]": _prompts,
    "Edits": _edits,
}
"""By the fields' types as they are written in ``requests``."""


def _fields(kind: type) -> tuple[Field[Any], ...]:
    return fields(kind)


def _decoder(known: Field[Any]) -> Decoder:
    own: Decoder | None = known.metadata.get("decoder")
    return own or _DECODERS[str(known.type).removesuffix(" | None")]


def plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value.to_json()
