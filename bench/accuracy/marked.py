"""Real photos whose points people marked, or several cameras triangulated.

    python -m bench.accuracy marked --views VIDEOS --points ../shared/views/single_triangulated.json --work SET
    python -m bench.accuracy marked --photo ../shared/photos/skier.jpg --points ../shared/photos/skier.json --work SET

VIDEOS is the folder ``Pose2Sim/Demo_SinglePerson/videos`` of the package ``pose2sim`` 0.10.49, unpacked. Its points are
those of two landmark networks, triangulated: no independent truth. Several checkouts may be given with ``--checkout``;
without, this one answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.models import store

from .metrics import aligned, distances, match, pck, rooted
from .score import Found, load_answers
from .truth import BODY_FILE
from .versus import ask_checkout

Array = NDArray[np.float64]

LIMBS = tuple(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
              for side in ("left", "right"))  # fmt: skip
"""The joints whose places in space are compared."""
POINTS = "points.json"
_SHARE = 0.05


@dataclass(frozen=True)
class Marked:
    """One person of a photo.

    Attributes:
        photo: the picture's number.
        name: for people to read.
        box: (4,) x y width height, px.
        pixels: (2,) px by the names of COCO's points; those that were marked.
        places: (3,) m, camera axes, by name; empty where nobody knows.
    """

    photo: str
    name: str
    box: Array
    pixels: dict[str, Array]
    places: dict[str, Array]


def make_photo_set(photo: Path, points: Path, out: Path) -> None:
    """One photo and its marked points as a set. Points are (x, y, flag) with COCO's flag: 0 is not marked."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "0000.jpg").write_bytes(photo.read_bytes())
    people = []
    for entry in json.loads(points.read_text())["people"]:
        pixels = {name: place[:2] for name, place in entry["points_px"].items() if place[2] > 0}
        people.append({"photo": "0000", "name": photo.stem, "box": entry["box_xywh"], "pixels": pixels, "places": {}})
    _finish(people, out)


def make_view_set(videos: Path, points: Path, out: Path) -> None:
    """Frames of the demo's videos as a set, with their focal lengths.

    Raises:
        SystemExit: a video or a frame is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    people = []
    for number, entry in enumerate(json.loads(points.read_text())):
        frame, camera = int(entry["frame"].rpartition("f")[2]), int(entry["camera"])
        found = sorted(videos.glob(f"cam{camera:02d}*")) or sorted(videos.glob(f"*{camera:02d}.mp4"))
        picture = _frame(found[0], frame) if found else None
        if picture is None:
            raise SystemExit(f"There is no frame {frame} of camera {camera} in {videos}.")
        cv2.imwrite(str(out / f"{number:04d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        height, width = picture.shape[:2]
        focal = float(entry["focal_px"])
        intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])
        np.savez(out / f"{number:04d}.npz", intrinsics=intrinsics)
        for person in entry["person"]:
            people.append(
                {
                    "photo": f"{number:04d}",
                    "name": f"frame {frame}, camera {camera}",
                    "box": person["box_xywh"],
                    "pixels": person["points_px"],
                    "places": person["points_camera_m"],
                }
            )
    _finish(people, out)


def _frame(video: Path, number: int) -> NDArray[np.uint8] | None:
    """Frames are counted by reading: seeking is not exact in every container."""
    capture = cv2.VideoCapture(str(video))
    picture = None
    for _ in range(number + 1):
        read, picture = capture.read()
        if not read:
            return None
    return np.asarray(picture, np.uint8)


def _finish(people: list[dict[str, Any]], out: Path) -> None:
    (out / POINTS).write_text(json.dumps(people, indent=1) + "\n")
    body = out / BODY_FILE
    if not body.exists():
        Body.load(store.body_path("default")).save(body)


def marked_people(folder: Path) -> list[Marked]:
    """The people of a set."""

    def arrays(values: dict[str, Any]) -> dict[str, Array]:
        return {name: np.asarray(place, np.float64) for name, place in values.items()}

    return [
        Marked(e["photo"], e["name"], np.asarray(e["box"], np.float64), arrays(e["pixels"]), arrays(e["places"]))
        for e in json.loads((folder / POINTS).read_text())
    ]


def judge_marked(body: Body, person: Marked, found: Found) -> dict[str, float]:
    """``pck`` (share within 0.05 of the box's longer side) and ``pixels`` (mean distance, px); where places are known
    also ``mpjpe`` from the middle of the hips, ``pa_mpjpe`` (mm) and ``depth`` (estimate over truth)."""
    estimate = found.estimate
    if estimate is None:
        return {}
    index = {name: k for k, name in enumerate(body.keypoint_names)}
    names = [name for name in person.pixels if name in index]
    rows = [index[name] for name in names]
    true = np.stack([person.pixels[name] for name in names])
    guess = estimate.keypoints_2d[rows]
    side = float(person.box[2:].max())
    result = {"pck": pck(guess, true, side, _SHARE), "pixels": float(np.linalg.norm(guess - true, axis=1).mean())}
    limbs = [name for name in LIMBS if name in person.places]
    if len(limbs) == len(LIMBS):
        truth = np.stack([person.places[name] for name in limbs])
        own = estimate.keypoints_3d[[index[name] for name in limbs]]
        hips = [limbs.index("left_hip"), limbs.index("right_hip")]
        a, b = own[hips].mean(axis=0), truth[hips].mean(axis=0)
        result["mpjpe"] = float(distances(rooted(own, a), rooted(truth, b)).mean())
        result["pa_mpjpe"] = float(distances(aligned(own, truth), truth).mean())
        result["depth"] = float(a[2] / b[2])
    return result


def judge_set(folder: Path, answers: Path) -> list[dict[str, Any]]:
    """A record of each marked person; without figures for those whom nobody found."""
    body = Body.load(folder / BODY_FILE)
    records = []
    people = marked_people(folder)
    for photo in sorted({person.photo for person in people}):
        mine = [person for person in people if person.photo == photo]
        found = [f for f in load_answers(answers / f"{photo}.npz", body) if f.estimate is not None]
        costs = np.array([[_distance(body, person, f) for f in found] for person in mine])
        pairs = dict(match(costs.reshape(len(mine), len(found)), 0.25))
        for k, person in enumerate(mine):
            measured = judge_marked(body, person, found[pairs[k]]) if k in pairs else {}
            records.append({"name": person.name, "found": k in pairs} | measured)
    return records


def _distance(body: Body, person: Marked, found: Found) -> float:
    """The mean distance of marked points in the box's diagonals."""
    if found.estimate is None:
        return float("inf")
    index = {name: k for k, name in enumerate(body.keypoint_names)}
    away = [np.linalg.norm(found.estimate.keypoints_2d[index[n]] - p) for n, p in person.pixels.items() if n in index]
    return float(np.mean(away) / np.linalg.norm(person.box[2:]))


def table(reports: dict[str, Sequence[dict[str, Any]]]) -> str:
    """Means of some answers as a table in Markdown; those not found count as wrong in PCK."""
    lines = ["| answers | found | PCK@0.05 of the box, % | px | MPJPE, mm | PA-MPJPE, mm | depth off, % |"]
    lines.append("| --- |" + " ---: |" * 6)
    for name, records in reports.items():
        found = [record for record in records if record["found"]]

        def mean(key: str, form: str, found: Any = found) -> str:
            values = [record[key] for record in found if key in record]
            return format(float(np.mean(values)), form) if values else ""

        hit = 100 * sum(record.get("pck", 0.0) for record in records) / max(len(records), 1)
        off = [100 * abs(record["depth"] - 1) for record in found if "depth" in record]
        depth = f"{float(np.mean(off)):.1f}" if off else ""
        lines.append(
            f"| {name} | {len(found)} of {len(records)} | {hit:.1f} | {mean('pixels', '.1f')} | {mean('mpjpe', '.1f')} "
            f"| {mean('pa_mpjpe', '.1f')} | {depth} |"
        )
    return "\n".join(lines)


def run(arguments: Any) -> None:
    """The command ``marked``."""
    if arguments.views:
        make_view_set(arguments.views, arguments.points, arguments.work)
    else:
        make_photo_set(arguments.photo, arguments.points, arguments.work)
    numbers = sorted({person.photo for person in marked_people(arguments.work)})
    cameras = ("default", "true") if arguments.views else ("default",)
    reports = {}
    for checkout in arguments.checkout or [Path(__file__).resolve().parents[2]]:
        for camera in cameras:
            out = arguments.work / "answers" / checkout.resolve().name / camera
            for number in numbers:  # the checkout may have changed since
                (out / f"{number}.npz").unlink(missing_ok=True)
            ask_checkout(checkout, arguments.work, numbers, out, camera)
            reports[f"{checkout.resolve().name}, {camera} lens"] = judge_set(arguments.work, out)
    for name, records in reports.items():
        for record in records:
            print(f"{name}: {json.dumps(record)}")
    print(table(reports))
