"""How well the camera of a set's pictures is estimated: focal length, and which way is up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.camera import intrinsics_for
from native_runtime.image.reading import read_photo
from native_runtime.lens.estimate import estimate_lens

from .angles import angle_between
from .likeness import field_of_view
from .readings import with_readings
from .score import pictures
from .truth import BODY_FILE, Truth


def camera_records(
    folder: Path, split: str, readings: Path | None, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """A record of each picture: errors of the estimated camera, and of the guess without any (the usual lens, level).

    Args:
        readings: a cache of what the networks saw, so that people speak, too; None: lines alone.
    """
    networks = None
    if readings is not None:
        from native_runtime.engines import open_engine

        networks = with_readings(open_engine("landmarks", body=folder / BODY_FILE), readings)
    records = []
    for file in pictures(folder, split):
        truth = Truth.load(file)
        photo = read_photo(file.with_suffix(".jpg"))
        people: Sequence[Any] = ()
        if networks is not None:
            networks.picture = file.stem
            people = networks.people(photo.pixels)
        lens = estimate_lens(photo, people)
        guess = intrinsics_for(photo.original_size, photo=photo)
        true = field_of_view(truth.intrinsics, truth.size)
        ratio = lens.focal_px / float(truth.intrinsics[0, 0])
        records.append(
            {
                "picture": file.stem,
                "scene": truth.about["set"],
                "focal_ratio": ratio,
                "sigmas": abs(math.log(ratio)) / lens.sigma,
                "fov": abs(field_of_view(lens.intrinsics, truth.size) - true),
                "fov_guess": abs(field_of_view(guess, truth.size) - true),
                "up": angle_between(np.asarray(lens.gravity.up), truth.ground[:3]),
                "up_guess": angle_between(np.array([0.0, -1.0, 0.0]), truth.ground[:3]),
                "up_sigmas": math.radians(angle_between(np.asarray(lens.gravity.up), truth.ground[:3]))
                / lens.gravity.sigma,
                "source": lens.source,
            }
        )
        progress(f"{file.stem}: focal {ratio:.2f} of the true one")
    return records


def table(records: Sequence[dict[str, Any]]) -> str:
    """Medians by surroundings as a table in Markdown."""
    lines = [
        "| surroundings | pictures | focal length off, % | field of view off, degrees | the same, usual lens "
        "| within 1 / 2 sigmas, % | up off, degrees | the same, level | within 1 / 2 sigmas, % |",
        "| --- |" + " ---: |" * 8,
    ]
    for scene in (*sorted({record["scene"] for record in records}), "all"):
        rows = [record for record in records if scene in (record["scene"], "all")]
        column = {
            key: np.array([row[key] for row in rows]) for key in rows[0] if key not in ("scene", "source", "picture")
        }
        off = 100 * np.median(np.abs(np.log(column["focal_ratio"])))
        inside = [f"{100 * np.mean(column[key] <= k):.0f}" for key in ("sigmas", "up_sigmas") for k in (1, 2)]
        lines.append(
            f"| {scene} | {len(rows)} | {off:.1f} | {np.median(column['fov']):.1f} "
            f"| {np.median(column['fov_guess']):.1f} "
            f"| {inside[0]} / {inside[1]} | {np.median(column['up']):.1f} | {np.median(column['up_guess']):.1f} "
            f"| {inside[2]} / {inside[3]} |"
        )
    return "\n".join(lines)
