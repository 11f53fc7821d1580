"""What the landmark networks saw in a set's pictures, kept in files, so that a fit can be tried without them.

A cache is a folder with ``NNNN.npz`` a picture. It belongs to one set and to one state of the networks' code: delete
it when the detection has changed.
"""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.engines import open_engine
from native_runtime.engines.base import Engine
from native_runtime.image.reading import read_photo

from .answers import packed
from .truth import BODY_FILE


def unpacked(kind: Any, arrays: dict[str, Any], name: str) -> Any:
    """The value of a dataclass (or a plain type) ``kind`` that ``answers.packed`` took apart under ``name``.

    A field that is not there gets its default; ValueError where it has none: the class has changed.
    """
    choices = [c for c in typing.get_args(kind) if c is not type(None)] if _is_union(kind) else [kind]
    here = name in arrays
    inside = any(key.startswith(name + ".") for key in arrays)
    if not here and not inside:
        return None
    for choice in choices:
        if dataclasses.is_dataclass(choice) and isinstance(choice, type) and inside:
            hints = typing.get_type_hints(choice)
            values: dict[str, Any] = {}
            for field in dataclasses.fields(choice):
                value = unpacked(hints[field.name], arrays, f"{name}.{field.name}")
                missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
                if value is None and missing and not _may_be_none(hints[field.name]):
                    raise ValueError(f"{name}.{field.name} is missing: delete the cache and make it again.")
                if value is not None or missing:
                    values[field.name] = value
            return choice(**values)
    value = arrays[name]
    if value.ndim == 0 and choices[0] in (float, int, str, bool):
        return value.item()
    origin = typing.get_origin(choices[0])
    return tuple(value.tolist()) if choices[0] is tuple or origin is tuple else value


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _may_be_none(kind: Any) -> bool:
    return _is_union(kind) and type(None) in typing.get_args(kind)


def save_people(people: list[PersonLandmarks], path: Path) -> None:
    """Write a picture's people; the file appears whole or not at all."""
    arrays: dict[str, Any] = {"count": np.array(len(people))}
    for index, person in enumerate(people):
        arrays |= packed(person, f"{index}")
    for key in [key for key in arrays if key.endswith(".mask")]:
        arrays[key] = np.round(np.asarray(arrays[key], np.float32) * 255).astype(np.uint8)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    temporary.replace(path)


def load_people(path: Path) -> list[PersonLandmarks]:
    """Read what `save_people` wrote. Masks have 256 levels."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    for key in [key for key in arrays if key.endswith(".mask")]:
        arrays[key] = arrays[key].astype(np.float32) / 255
    return [unpacked(PersonLandmarks, arrays, f"{index}") for index in range(int(arrays["count"]))]


class CachedNetworks:
    """Stands for the networks of the engine ``landmarks``, and remembers in a folder what they saw.

    Attributes:
        picture: the number of the picture that is shown next.
    """

    def __init__(self, folder: Path, engine: Engine) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.picture = ""
        self._folder, self._engine = folder, engine
        self._networks: Any = None

    def people(self, rgb: Any, *arguments: Any, **named: Any) -> list[PersonLandmarks]:
        """As ``LandmarkNetworks.people``."""
        path = self._folder / f"{self.picture}.npz"
        if not path.exists():
            save_people(self._real.people(rgb, *arguments, **named), path)
        return load_people(path)

    @property
    def _real(self) -> Any:
        if self._networks is None:
            # The engine's own, which are behind this object for as long as it is in their place.
            self._networks = type(self._engine).__dict__["_networks"].func(self._engine)
        return self._networks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def read_set(folder: Path, numbers: Sequence[str], out: Path, progress: Callable[[str], None]) -> None:
    """Complete the cache of a set without fitting anything."""
    networks = with_readings(open_engine("landmarks", body=folder / BODY_FILE), out)
    for number in numbers:
        networks.picture = number
        count = len(networks.people(read_photo(folder / f"{number}.jpg").pixels))
        progress(f"{number}: {count}")


def with_readings(engine: Engine, folder: Path) -> CachedNetworks:
    """Let an engine ``landmarks`` see what is in a cache, and complete the cache where it has nothing yet."""
    networks = CachedNetworks(folder, engine)
    vars(engine)["_networks"] = networks
    return networks
