"""Kinds of photos that somebody told, for figures of each kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from native_runtime.errors import FileError
from native_runtime.files.reasons import reason

from .truth import TruePicture, Truth


def read_kinds(path: Path) -> dict[str, tuple[str, ...]]:
    """By the name or path of a photo, its kinds: of a file ``{"photo.jpg": ["inverted", "crowd"], ...}``, or of the
    ``mining.json`` of mining, where a photo is of every kind that one of its people is.

    Raises:
        FileError: it cannot be read, or is no such file.
    """
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it holds no object of photos")
        entries: list[tuple[str, Any]] = list(content.items())
        if isinstance(content.get("people"), list):
            entries = [(one["photo"], one["kinds"]) for one in content["people"]]
        kinds: dict[str, tuple[str, ...]] = {}
        for photo, those in entries:
            if not isinstance(photo, str) or not isinstance(those, list) or not all(isinstance(k, str) for k in those):
                raise ValueError(f"it holds no list of kinds for {photo!r:.40}")
            kinds[photo] = tuple(dict.fromkeys([*kinds.get(photo, ()), *filter(None, those)]))
        return kinds
    except OSError as error:
        raise FileError(f"{path.name} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(
            f"{path.name} cannot be read as kinds of photos ({reason(error)}). Give a mining.json, or an object like "
            '{"photo.jpg": ["crowd", "lying"]}.'
        ) from error


def with_kinds(truth: Truth, kinds: Mapping[str, tuple[str, ...]]) -> tuple[Truth, int]:
    """The truth with the kinds of its photos, beside those that it tells itself, and how many photos have one.

    Photos are found by the name that the truth has of them, else by their file name.
    """
    by_file = {PurePosixPath(photo).name: those for photo, those in kinds.items()}
    pictures: list[TruePicture] = []
    known = 0
    for picture in truth.pictures:
        file = PurePosixPath(picture.name).name
        told = kinds.get(picture.name) or ("/" not in picture.name and by_file.get(file)) or ()
        known += bool(told)
        people = [
            replace(person, categories=tuple(dict.fromkeys([*person.categories, *told]))) for person in picture.people
        ]
        pictures.append(replace(picture, people=people))
    return replace(truth, pictures=pictures), known
