"""People whose points are known, and all looks at them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.marked import POINTS, marked_people
from bench.accuracy.score import pictures
from bench.accuracy.truth import BODY_FILE, Truth
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY, COCO_POINTS, PersonLandmarks
from native_runtime.detection.movenet import MoveNetPoints
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.agreement import agreement
from native_runtime.engines.evidence import STATURE, pixels_per_metre
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body

from .networks import Read

Array = NDArray[np.float64]

JOINTS = np.arange(COCO_POINTS.index("left_shoulder"), len(COCO_POINTS))
"""The twelve of COCO's points that are compared."""
_IN_BODY = np.array(COCO_IN_BODY)
_LOOKS = (
    (0.0, 0.0, 1.0, 0.0), (0.03, 0.0, 1.0, 0.0), (-0.03, 0.0, 1.0, 0.0), (0.0, 0.03, 1.0, 0.0), (0.0, -0.03, 1.0, 0.0),
    (0.0, 0.0, 1.12, 0.0), (0.0, 0.0, 0.9, 0.0), (0.0, 0.0, 1.0, 0.2), (0.0, 0.0, 1.0, -0.2),
)  # fmt: skip
"""Moved right and down (parts of the side), enlarged, and turned (radians); each is seen plain and mirrored."""
_SIZES = tuple(change for change in _LOOKS if not (change[0] or change[1] or change[3]))
_OFTEN = frozenset({"BlazePose", "Thunder"})
"""Those that look through all ``_LOOKS``; the others through windows of three sizes."""
_AROUND = 1.25
"""Sides of the person's box in a window for networks that say none themselves."""
_SOMEBODY = 0.3
"""Median distance from true joints, in parts of their box, from which somebody else was seen."""


@dataclass(frozen=True)
class Seen:
    """Somebody whose points are known.

    Attributes:
        true: (12, 2) px, the joints.
        known: (12,) whether they are in the picture and known.
        box, size: px, the longer side of the true box, and the person's size by the engine.
        single: (17, 2) px by name: the engine's places, BlazePose's, Thunder's.
        looks: by network, (n, 17, 3) x, y px and score.
    """

    true: Array
    known: NDArray[np.bool_]
    box: float
    size: float
    single: dict[str, Array]
    looks: dict[str, Array]


def look(read: Mapping[str, Read], picture: Picture, person: PersonLandmarks) -> dict[str, Array]:
    """All looks of all networks at somebody: (n, 17, 3)."""
    low, high = person.bbox[:2], person.bbox[2:]
    around = Crop(*((low + high) / 2), _AROUND * float((high - low).max()))
    second = None if person.second is None else MoveNetPoints(person.second.points, person.second.scores).window()
    windows = {
        "BlazePose": person.window or around,
        "EfficientPose": person.window or around,  # worse in upright windows: 12 % off, not 8
        "Thunder": second or around,
        "Lightning": second or around,
    }
    found = {}
    for name, of in read.items():
        seen = [
            of(picture, _moved(windows.get(name, around), *change), mirrored)
            for change in (_LOOKS if name in _OFTEN else _SIZES)
            for mirrored in (False, True)
        ]
        found[name] = np.array([np.column_stack(pair) for pair in seen])
    return found


def _moved(window: Crop, x: float, y: float, size: float, angle: float) -> Crop:
    side = window.size
    return Crop(window.x + x * side, window.y + y * side, side * size, window.angle + angle)


def _true_people(folder: Path, file: Path) -> list[tuple[Array, float]]:
    """The points (17, 2) px of everybody in a picture, not a number where unknown, and the longer side of their box."""
    if (folder / POINTS).exists():
        people = [person for person in marked_people(folder) if person.photo == file.stem]
        unknown = np.full(2, np.nan)
        return [
            (np.array([one.pixels.get(n, unknown)[:2] for n in COCO_POINTS]), float(one.box[2:].max()))
            for one in people
        ]
    truth, body = Truth.load(file.with_suffix(".npz")), Body.load(folder / BODY_FILE)
    rows = [body.landmark_names.index(f"blazepose_{index:02d}") for index in range(len(BODY_POINTS))]
    found = []
    for person in truth.people:
        places = person.landmarks[rows][_IN_BODY]
        points = np.where(truth.inside(places)[:, None], truth.pixels(places), np.nan)
        found.append((points, float(np.ptp(truth.pixels(np.asarray(person.vertices, np.float64)), axis=0).max())))
    return found


def seen_in(folder: Path, split: str, kept: Path, read: Mapping[str, Read], without: str) -> list[Seen]:
    """Everybody of a set who is found; what was seen before is read from ``kept``.

    Args:
        without: pictures of marked people with this in their names are left out; "" for none.
    """
    kept.mkdir(parents=True, exist_ok=True)
    marked = marked_people(folder) if (folder / POINTS).exists() else []
    files = sorted(folder.glob("[0-9]*.jpg")) if marked else pictures(folder, split)
    left_out = {one.photo for one in marked if without and without in one.name}
    networks, people = LandmarkNetworks(), []
    for file in (file for file in files if file.stem not in left_out):
        path, true = kept / f"{file.stem}.npz", _true_people(folder, file)
        if not path.exists():
            _keep(path, networks, read, read_photo(file.with_suffix(".jpg")).pixels, true)
        with np.load(path, allow_pickle=False) as arrays:
            for number, (points, box) in enumerate(true):
                mine = {key.partition(".")[2]: arrays[key] for key in arrays.files if key.startswith(f"{number}.")}
                if mine:
                    people.append(_seen(mine, points[JOINTS], box))
        print(f"{folder.name} {file.stem}", file=sys.stderr, flush=True)
    return people


def _keep(
    path: Path,
    networks: LandmarkNetworks,
    read: Mapping[str, Read],
    rgb: NDArray[np.uint8],
    true: Sequence[tuple[Array, float]],
) -> None:
    """Look at everybody whose points are known, and write what was seen, by their numbers."""
    arrays: dict[str, Any] = {}
    picture, found = Picture(rgb), networks.people(rgb, with_hands=False)
    for number, (points, box) in enumerate(true):
        away = [np.nanmedian(np.linalg.norm(one.points_2d[_IN_BODY] - points, axis=1)) for one in found]
        if not found or not min(away) < _SOMEBODY * box:
            continue
        person = found[int(np.nanargmin(away))]
        size = STATURE * pixels_per_metre(person)
        arrays[f"{number}.size"] = size
        arrays[f"{number}.single.engine"] = agreement(person, size).places[_IN_BODY]
        arrays[f"{number}.single.BlazePose"] = person.points_2d[_IN_BODY]
        if person.second is not None:
            arrays[f"{number}.single.Thunder"] = person.second.points
        arrays |= {f"{number}.looks.{name}": looks for name, looks in look(read, picture, person).items()}
    np.savez_compressed(path, **arrays)


def _seen(arrays: Mapping[str, Array], true: Array, box: float) -> Seen:
    single, looks = (
        {key.partition(".")[2]: value for key, value in arrays.items() if key.startswith(kind)}
        for kind in ("single.", "looks.")
    )
    return Seen(true, np.isfinite(true[:, 0]), box, float(arrays["size"]), single, looks)
