"""An engine's answers to the pictures of a set, in files.

This file is also run by itself, with another checkout's Python, so that two versions are judged by one bench:

    OLD/.venv/bin/python -P bench/accuracy/answers.py --set SET --out ANSWERS [--camera true] [--find-only] NUMBER ...

It therefore uses nothing of the bench, and of the project only what both versions have.

``ANSWERS/NNNN.npz`` holds ``found``, a JSON list with an entry for each person that was found (``box``, ``estimated``,
``seconds``, ``details``, ``warnings``), and arrays under ``K.NAME``: what the networks saw of person K
(``landmarks.*``), and the estimate.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ESTIMATE = ("model_parameters", "identity", "expression", "camera_translation", "intrinsics", "image_size", "bbox")
_BODY = "body.npz"


def packed(thing: Any, name: str, without: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of nested dataclasses as arrays under dotted names; what is None is left out."""
    if thing is None:
        return {}
    if dataclasses.is_dataclass(thing):
        found: dict[str, Any] = {}
        for field in dataclasses.fields(thing):
            if field.name not in without:
                found |= packed(getattr(thing, field.name), f"{name}.{field.name}", without)
        return found
    return {name: np.asarray(thing)}


def answer(engine: Any, photo: Any, intrinsics: Any, find_only: bool) -> dict[str, Any]:
    """What an engine finds in a photo, as arrays by name."""
    from native_runtime.errors import Sam3dbError

    entries: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    estimates: dict[int, Any] = {}
    lens = None
    started = time.perf_counter()
    try:
        reading, lens = _read(engine, photo, intrinsics)
        people = reading.people
    except Sam3dbError:
        people = []
    looked = time.perf_counter() - started
    for index, person in enumerate(people):
        entries.append({"box": [float(v) for v in np.ravel(person.bbox)], "estimated": False})
        arrays |= packed(getattr(person, "landmarks", None), f"{index}.landmarks", ("mask",))
        if not find_only:
            try:
                estimates[index] = reading.estimate(index)
            except Sam3dbError as error:
                entries[index]["error"] = str(error)
    told = {} if lens is None else {"lens": lens.details(photo.original_size)}
    for index, estimate in _together(engine, estimates, people, photo, lens).items():
        entries[index] |= {
            "estimated": True,
            "seconds": {key: float(value) for key, value in estimate.seconds.items()},
            "details": json.loads(json.dumps(estimate.details | told, default=_plain)),
            "warnings": [str(line) for line in estimate.warnings],
        }
        arrays |= {f"{index}.{key}": np.asarray(getattr(estimate, key)) for key in ESTIMATE}
    return arrays | {"found": np.array(json.dumps(entries)), "seconds": np.array(looked)}


def _read(engine: Any, photo: Any, intrinsics: Any) -> tuple[Any, Any]:
    """A photo as the pipeline lets an engine read it, and what is told of its camera: newer versions estimate that."""
    try:
        from native_runtime.pipeline.camera import read_with_camera
    except ModuleNotFoundError:
        return engine.read(photo, intrinsics), None
    return read_with_camera(engine, photo, intrinsics)


def _together(engine: Any, estimates: dict[int, Any], people: Any, photo: Any, lens: Any) -> dict[int, Any]:
    """The estimates as the pipeline brings them together in space: newer versions do."""
    try:
        from native_runtime.engines.together import brought_together
    except ModuleNotFoundError:
        return estimates
    if len(estimates) < 2 or engine.capabilities.agrees:
        return estimates
    seen = {index: people[index].landmarks for index in estimates}
    return brought_together(engine.body, estimates, seen, photo, None if lens is None else lens.gravity)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def answer_set(
    engine: Any,
    folder: Path,
    numbers: Sequence[str],
    out: Path,
    camera: str,
    find_only: bool,
    progress: Callable[[str], None],
    before: Callable[[str], None] = lambda number: None,
) -> None:
    """Write the answers to pictures of a set that are not there yet.

    Args:
        before: called with a picture's number before it is read.
    """
    out.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = out / f"{number}.npz"
        if path.exists():
            continue
        started = time.perf_counter()
        intrinsics = None
        if camera == "true":
            with np.load(folder / f"{number}.npz", allow_pickle=False) as truth:
                intrinsics = truth["intrinsics"]
        before(number)
        found = answer(engine, _read_photo(folder / f"{number}.jpg"), intrinsics, find_only)
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            np.savez(file, **found)
        temporary.replace(path)
        progress(f"{number} {camera}: {len(json.loads(str(found['found'])))} ({time.perf_counter() - started:.1f} s)")


def _read_photo(path: Path) -> Any:
    try:
        from native_runtime.image.reading import read_photo
    except ModuleNotFoundError:
        from native_runtime.image import read_photo  # version 0.1 and before
    return read_photo(path)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--engine", default="landmarks")
    parser.add_argument("--models")
    parser.add_argument("--camera", choices=("default", "true"), default="default")
    parser.add_argument("--find-only", action="store_true")
    parser.add_argument("numbers", nargs="+")
    arguments = parser.parse_args()
    from native_runtime.engines import open_engine

    body = arguments.folder / _BODY
    engine = open_engine(arguments.engine, arguments.models, body=body if body.is_file() else "default")
    answer_set(
        engine,
        arguments.folder,
        arguments.numbers,
        arguments.out,
        arguments.camera,
        arguments.find_only,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    return 0


if __name__ == "__main__":
    # Run by itself, this file's folder must not stand for packages of its checkout.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.exit(main())
