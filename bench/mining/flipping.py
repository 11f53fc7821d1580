"""The sign that needs a second estimate: how far that of the mirrored photo is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import NoPersonError
from native_runtime.image.reading import Photo, read_photo
from native_runtime.mining.flip import mirrored_back
from native_runtime.mining.signs import SignReader
from native_runtime.models import store
from native_runtime.pipeline.boxes import overlap
from native_runtime.pipeline.camera import read_with_camera

from .measuring import bodies_alone

_SAME_PERSON = 0.4

MEASURED, FLIPS = "measured.jsonl", "flips.jsonl"


def flips(folder: Path, done: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Of each measured picture of a set ``name`` and ``flip``, the sign; None where nobody is seen in the mirror.

    Args:
        done: names that are left out.
    """
    engine, reader = bodies_alone(), SignReader(store.load_body("default"))
    for line in (folder / MEASURED).read_text().splitlines():
        row = json.loads(line)
        if row["name"] in done or "signs" not in row:
            continue
        estimate = Estimate.load(folder / "found" / f"{row['name']}.npz")
        twin = _mirrored(engine, read_photo(folder / "photos" / f"{row['name']}.jpg"), estimate)
        sign = None if twin is None else reader.read(estimate, None, twin).to_json()["flip"]
        yield {"name": row["name"], "flip": sign}


def _mirrored(engine: Any, photo: Photo, estimate: Estimate) -> Estimate | None:
    """What the engine makes of the same person in the mirrored photo, mirrored back."""
    width = photo.original_size[0]
    reading, _ = read_with_camera(engine, replace(photo, pixels=np.ascontiguousarray(photo.pixels[:, ::-1])))
    boxes = [[width - 1 - one.bbox[2], one.bbox[1], width - 1 - one.bbox[0], one.bbox[3]] for one in reading.people]
    shares = [overlap([float(v) for v in box], estimate.bbox.tolist()) for box in boxes]
    if not shares or max(shares) < _SAME_PERSON:
        return None
    try:
        return mirrored_back(reading.estimate(int(np.argmax(shares))))
    except NoPersonError:
        return None


def rows_of(folders: list[Path]) -> list[dict[str, Any]]:
    """All that was measured, with the signs of mirrored photos where there are any."""
    rows = []
    for folder in folders:
        path = folder / FLIPS
        known = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        by_name = {entry["name"]: entry["flip"] for entry in known}
        for line in (folder / MEASURED).read_text().splitlines():
            row = json.loads(line)
            if "signs" in row:
                row["signs"]["flip"] = by_name.get(row["name"])
            rows.append(row)
    return rows
