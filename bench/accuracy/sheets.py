"""Pictures to look at: contact sheets of the set, and what went wrong in the worst cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.engines import open_engine
from native_runtime.image.reading import read_photo

from .compare import distance_between, landmark_columns, silhouette
from .metrics import aligned
from .truth import BODY_FILE, Truth

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_TRUE, _FIT, _NETWORKS = (60, 200, 60), (40, 60, 235), (235, 150, 40)  # BGR
_BONES = tuple(
    (BODY_POINTS.index(a), BODY_POINTS.index(b))
    for side in ("left", "right")
    for a, b in (
        *((f"{side}_{p}", f"{side}_{q}") for p, q in (("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"),
          ("hip", "knee"), ("knee", "ankle"), ("ankle", "heel"), ("heel", "foot_index"), ("ear", "eye"))),
        (f"{side}_eye", "nose"),
    )
) + tuple((BODY_POINTS.index(f"left_{p}"), BODY_POINTS.index(f"right_{p}")) for p in ("shoulder", "hip"))  # fmt: skip


def contact_sheet(folder: Path, out: Path, columns: int = 10, cell: int = 200) -> None:
    """All pictures of a set on one page."""
    files = sorted(folder.glob("[0-9]*.jpg"))
    _write(out, _grid([_fitted(_read(file), cell, cell, file.stem) for file in files], columns))


def worst_cases(folder: Path, report: dict[str, Any], out: Path, count: int = 12, camera: str = "default") -> None:
    """The people with the largest PA-MPJPE: the photo with truth, fit and networks, and all three from the side."""
    records = [r for r in report["people"] if r["camera"] == camera and r["found"]]
    records.sort(key=lambda r: -r["fit"]["pa_mpjpe"])
    engine = open_engine(report["engine"], body=folder / BODY_FILE)
    cells = []
    for record in records[:count]:
        truth = Truth.load(folder / f"{record['picture']}.npz")
        photo = read_photo(folder / f"{record['picture']}.jpg")
        reading = engine.read(photo, truth.intrinsics if camera == "true" else None)
        cells.append(_case(engine.body, truth, record, reading, photo.pixels))
    _write(out, _grid(cells, 4))


def _case(body: Any, truth: Truth, record: dict[str, Any], reading: Any, rgb: Image) -> Image:
    person = truth.people[record["person"]]
    costs = [distance_between(person, other.landmarks, body, truth) for other in reading.people]
    chosen = int(np.argmin(costs))
    estimate, found = reading.estimate(chosen), reading.people[chosen].landmarks
    points, _ = landmark_columns(body)
    pose = body.pose(estimate.model_parameters)
    vertices = body.vertices(estimate.model_parameters, estimate.identity, estimate.expression)
    fit = mhr_to_camera(body.landmarks(pose, vertices), estimate.camera_translation)[points]
    true = person.landmarks[points]

    canvas = np.ascontiguousarray(rgb[..., ::-1])
    mask = silhouette(body, project(estimate.vertices, estimate.intrinsics), truth.size).astype(np.uint8)
    mask = cv2.resize(mask, canvas.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outline, -1, _FIT, 1, cv2.LINE_AA)
    for pixels, colour in (
        (truth.pixels(true), _TRUE),
        (np.asarray(found.points_2d), _NETWORKS),
        (project(fit, estimate.intrinsics), _FIT),
    ):
        _skeleton(canvas, pixels, colour)
    side = np.full((360, 360, 3), 245, np.uint8)
    turn = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])  # from the person's side: depth to the right
    scale = 300 / max(float(np.ptp(true, axis=0).max()), 0.5)
    middle = true.mean(axis=0)
    for target, colour in (
        (true, _TRUE),
        (aligned(np.asarray(found.points_3d), true), _NETWORKS),
        (aligned(fit, true), _FIT),
    ):
        _skeleton(side, ((target - middle) @ turn.T)[:, :2] * scale + 180, colour)
    label = f"{record['picture']} fit {record['fit']['pa_mpjpe']:.0f} nets {record['networks']['pa_mpjpe']:.0f} mm"
    pose_name = record["pose"].split(",")[0][:44]
    left, right = _fitted(canvas, 360, 360, label), _fitted(side, 360, 360, pose_name)
    return np.hstack([left, right])


def _skeleton(canvas: Image, pixels: Array, colour: tuple[int, int, int]) -> None:
    if not np.isfinite(pixels).all():
        return
    places = np.round(np.clip(pixels, -3000, 3000) * 8).astype(int)
    for a, b in _BONES:
        cv2.line(canvas, tuple(map(int, places[a])), tuple(map(int, places[b])), colour, 1, cv2.LINE_AA, 3)


def _fitted(image: Image, width: int, height: int, label: str) -> Image:
    scale = min(width / image.shape[1], height / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    page = np.full((height, width, 3), 30, np.uint8)
    page[: small.shape[0], : small.shape[1]] = small
    for thickness, colour in ((3, (0, 0, 0)), (1, (255, 255, 255))):
        cv2.putText(page, label, (4, height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, thickness, cv2.LINE_AA)
    return page


def _grid(cells: Sequence[Image], columns: int) -> Image:
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // columns)
    page = np.full((rows * height, min(columns, len(cells)) * width, 3), 30, np.uint8)
    for number, cell in enumerate(cells):
        y, x = number // columns * height, number % columns * width
        page[y : y + height, x : x + width] = cell
    return page


def _read(path: Path) -> Image:
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise SystemExit(f"{path} cannot be read; render it again.")
    return pixels


def _write(path: Path, page: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), page):
        raise SystemExit(f"{path} cannot be written; name a .png or .jpg file in a folder that exists.")
