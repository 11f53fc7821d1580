"""Pictures to look at: frames of a video with a take's body drawn over them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.takes.footage import FrameRange, open_footage
from native_runtime.takes.take import Take

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

_CELL = 420
_COLUMNS = 4
_CONTACT, _FREE = (40, 220, 40), (60, 60, 235)
_BODY = np.array([235, 150, 40], np.float32)
_KEYPOINTS = ("left_heel", "left_big_toe", "right_heel", "right_big_toe")


def sheet(
    video: Path, take_file: Path | None, body_file: Path | None, out: Path, count: int, first: int, last: int | None
) -> None:
    """``count`` frames from ``first`` to ``last``, cut out around the person; feet in contact are green, others red,
    the person's left side is blue, the right side orange."""
    footage = open_footage(video)
    take = None if take_file is None else Take.load(take_file)
    body = None
    if take is not None:
        body = Body.load(body_file if body_file is not None else store.body_path(take.body_name))
    known = np.arange(footage.frame_count) if take is None else take.frames
    known = known[(known >= first) & (known <= (known[-1] if last is None else last))]
    wanted = known[np.linspace(0, len(known) - 1, min(count, len(known))).astype(int)]
    cells = []
    for frame in footage.frames(FrameRange(first, int(wanted[-1]) + 1)):
        if frame.number not in wanted:
            continue
        picture = np.ascontiguousarray(frame.photo.pixels[..., ::-1])
        if take is not None and body is not None:
            picture = _overlaid(picture, take, int(np.flatnonzero(take.frames == frame.number)[0]), body)
        else:
            picture = cv2.resize(picture, (_CELL * picture.shape[1] // picture.shape[0], _CELL))
        cv2.putText(picture, str(frame.number), (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(picture, str(frame.number), (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1, cv2.LINE_AA)
        cells.append(picture)
    wide = max(cell.shape[1] for cell in cells)
    cells = [cv2.copyMakeBorder(cell, 2, 2, 2, wide - cell.shape[1] + 2, cv2.BORDER_CONSTANT) for cell in cells]
    while len(cells) % _COLUMNS:
        cells.append(np.zeros_like(cells[0]))
    rows = [np.hstack(cells[k : k + _COLUMNS]) for k in range(0, len(cells), _COLUMNS)]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88])


def _overlaid(picture: Pixels, take: Take, row: int, body: Body) -> Pixels:
    """The body's outline and shade, its bones and feet, cut out around the person: (``_CELL``, W, 3)."""
    estimate = take.estimate(row, body)
    pixels = (estimate.vertices @ take.intrinsics.T)[:, :2] / estimate.vertices[:, 2:]
    low = np.clip(pixels.min(axis=0) - 60, 0, None).astype(int)
    high = np.clip(pixels.max(axis=0) + 60, None, picture.shape[1::-1]).astype(int)
    side = max(high[1] - low[1], 1)
    wide = max(int(side * 0.8), high[0] - low[0])
    left = int(np.clip((low[0] + high[0] - wide) // 2, 0, max(picture.shape[1] - wide, 0)))
    zoom = _CELL / side
    shift = np.array([left, low[1]])
    cut = cv2.resize(picture[low[1] : high[1], left : left + wide], None, fx=zoom, fy=zoom)
    mask = np.zeros(cut.shape[:2], np.uint8)
    for triangle in np.round((pixels[body.triangles] - shift) * zoom).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 255)
    shaded = (0.7 * cut + 0.3 * _BODY).astype(np.uint8)
    cut = np.where(mask[..., None] > 0, shaded, cut)
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(cut, outline, -1, (255, 255, 255), 1, cv2.LINE_AA)
    joints = (take.joints[row] @ take.intrinsics.T)[:, :2] / take.joints[row][:, 2:]
    for start, end in _bones():
        a, b = (tuple(np.round((joints[body.joint_index(name)] - shift) * zoom).astype(int)) for name in (start, end))
        colour = (255, 120, 30) if start[0] == "l" else (30, 140, 255) if start[0] == "r" else (230, 230, 230)
        cv2.line(cut, a, b, colour, 2, cv2.LINE_AA)
    names = list(body.keypoint_names)
    for part, name in enumerate(_KEYPOINTS):
        place = np.round((take.keypoints_2d[row, names.index(name)] - shift) * zoom)
        if np.isfinite(place).all():
            colour = _CONTACT if take.contacts[row, part] else _FREE
            cv2.circle(cut, tuple(place.astype(int)), 5, colour, -1, cv2.LINE_AA)
    return np.asarray(cut, np.uint8)


def _bones() -> tuple[tuple[str, str], ...]:
    chains = [("c_spine0", "c_spine3", "c_neck", "c_head")]
    for side in "lr":
        chains += [(f"{side}_upleg", f"{side}_lowleg", f"{side}_foot", f"{side}_ball"),
                   (f"{side}_clavicle", f"{side}_uparm", f"{side}_lowarm", f"{side}_wrist")]  # fmt: skip
    return tuple(pair for chain in chains for pair in pairwise(chain))
