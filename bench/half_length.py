"""How upright the engine ``landmarks`` has people whose lower parts are not seen, against rendered truth.

    python -m native_runtime.build.pose_prior poses MOCAP.npz POSES.npz
    python -m bench.half_length render --poses POSES.npz --out SET [--count 120] [--held-out]
    python -m bench.half_length score --set SET [--json REPORT.json]
    python -m bench.half_length compare BEFORE.json AFTER.json

Somebody of the rendered poses is before the camera, and what is below the chest, the waist, the hips or the middle of
the thighs is beyond the picture, behind a table, or behind others; every fifth is seen as a whole. The poses are of
clips and libraries that may be learnt from, or, with ``--held-out``, of the others. ``score`` gives the photo alone to
the engine, which finds lens and attitude as for any photo; what its networks see is kept beside the pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.readings import with_readings
from native_runtime.camera import mhr_to_blender, project
from native_runtime.engines import open_engine
from native_runtime.evaluation.alignment import MM, aligned
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.models import store
from native_runtime.pipeline.camera import read_with_camera
from native_runtime.synthetic import things
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.backgrounds import background
from native_runtime.synthetic.looks import Looks
from native_runtime.synthetic.painting import paint
from native_runtime.synthetic.people import Standing, before, stand
from native_runtime.synthetic.pictures import photographed
from native_runtime.synthetic.poses import Pose, Poses
from native_runtime.synthetic.props import around
from native_runtime.synthetic.views import View, about_z, look

Array = NDArray[np.float64]

CUTS = ("chest", "waist", "hips", "thighs", "whole")
BEHIND = ("frame", "table", "others")
"""Why the lower part is not seen."""
TRULY = 15.0
"""Degrees from which a trunk leans."""
_LOWEST = 45.0
"""Degrees from upright: of whoever leans more nothing would be left above the cut."""
_LONGER_SIDE = 640
_UPPER = ("nose", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
          "left_wrist", "right_wrist", "left_hip", "right_hip")  # fmt: skip
_WHOLE = (*_UPPER, "left_knee", "right_knee", "left_ankle", "right_ankle")


class _Maker:
    def __init__(self, body: Body, poses: Poses, held_out: bool) -> None:
        self.body, self.looks, self._poses, self._held_out = body, Looks(Anatomy(body)), poses, held_out
        self._joint = body.joint_index

    def _standing(self, number: int, other: int, rng: np.random.Generator, spot: tuple[float, float]) -> Standing:
        """Somebody whose trunk is not far from upright, most of them facing the camera."""
        lean = _LOWEST if other == 0 else TRULY
        for attempt in range(60):
            one = stand(self.body, self._pose(number, 100 * other + attempt).parameters, rng, spot)
            neck, root = (self.world(one, name) for name in ("c_neck", "root"))
            facing = abs(one.yaw) < 1.2 or (other == 0 and number % 5 == 4)
            if facing and _degrees(neck - root, np.array([0, 0, 1.0])) < lean:
                break
        return one

    def _pose(self, number: int, attempt: int) -> Pose:
        return self._poses.pose(9 * (1000 * number + attempt) + (8 if self._held_out else number % 8))

    def world(self, one: Standing, joint: str) -> Array:
        """(3,) m where a joint is."""
        places = self.body.pose(one.parameters).translations[[self._joint(joint), self._joint("root")]]
        return np.asarray(mhr_to_blender(places[0] - places[1]) @ about_z(one.yaw).T + one.root)

    def picture(self, number: int) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """The picture of a number, and what is true of it."""
        rng = np.random.default_rng([number, int(self._held_out)])
        cut, behind = CUTS[number % len(CUTS)], BEHIND[number // len(CUTS) % len(BEHIND)]
        one = self._standing(number, 0, rng, (0.0, 0.0))
        height = self._height(one, cut)
        framed = one.vertices[one.vertices[:, 2] > (height if behind == "frame" else height - 0.15)]
        view = self._view(framed, rng, behind, cut)
        people, props = [one], []
        if cut != "whole" and behind == "table":
            front = max(float(one.vertices[:, 1].min()), -0.4) - 0.06
            near = things.plain(things.mesh(*things.box(np.array([3.0, 0.06, height]))), rng)
            props.append(things.moved(near, np.array([0.0, front, 0.0])))
        if cut != "whole" and behind == "others":
            for k, side in enumerate((-1.0, 1.0)):
                spot = side * rng.uniform(0.1, 0.26), -rng.uniform(0.45, 0.7)
                people.append(self._lowered(self._standing(number, 1 + k, rng, spot), height + rng.uniform(0.15, 0.35)))
        dressed = [thing for who in people for thing in self.looks.dressed(who.vertices, who.build, rng)]
        everybody = np.concatenate([who.vertices for who in people])
        scene = [*dressed, *props, *around(view, everybody, rng)]
        behind_all = background(view, everybody, rng)
        pixels = photographed(paint([thing.surface for thing in scene], view), scene, behind_all, rng)
        true = before(self.body, one, view)
        return pixels, {
            "keypoints": true.keypoints, "up": view.rotation @ [0.0, 0.0, 1.0], "intrinsics": view.intrinsics,
            "cut": np.array(cut), "behind": np.array("whole" if cut == "whole" else behind),
        }  # fmt: skip

    def _height(self, one: Standing, cut: str) -> float:
        """m of what is just not seen."""
        if cut == "whole":
            return -0.05
        joints = {"chest": ("root", "c_neck", 0.6), "waist": ("root", "c_neck", 0.3),
                  "hips": ("l_upleg", "c_neck", -0.05), "thighs": ("l_upleg", "l_lowleg", 0.5)}  # fmt: skip
        low, high, share = joints[cut]
        return float((1 - share) * self.world(one, low)[2] + share * self.world(one, high)[2])

    def _lowered(self, one: Standing, top: float) -> Standing:
        """Somebody who hides nothing above a height of ``top`` m: smaller people stand lower."""
        down = np.array([0.0, 0.0, max(float(one.vertices[:, 2].max()) - top, 0.0)])
        return replace(one, vertices=one.vertices - down, root=one.root - down)

    def _view(self, framed: Array, rng: np.random.Generator, behind: str, cut: str) -> View:
        side = _LONGER_SIDE
        size = (round(side * float(rng.choice([0.66, 0.8]))), side) if cut in ("whole", "thighs") else (
            round(side * float(rng.choice([0.8, 1.0]))), side)  # fmt: skip
        focal = float(np.exp(rng.uniform(*np.log((0.6, 1.3))))) * float(np.hypot(*size))
        intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
        pitch = float(rng.normal(-0.15 if behind == "others" else -0.05, 0.12))
        return _framed(framed, size, intrinsics, look(pitch, float(rng.normal(0, 0.03))), behind != "frame", rng)


def _framed(
    points: Array, size: tuple[int, int], intrinsics: Array, rotation: Array, whole: bool, rng: np.random.Generator
) -> View:
    """A camera whose picture ends below the points, or, if ``whole``, has some space there as well."""
    limits, focal, middle = np.array(size), float(intrinsics[0, 0]), (points.min(axis=0) + points.max(axis=0)) / 2
    fill, distance, local = float(rng.uniform(0.75, 0.92)), 3.0, (points - middle) @ rotation.T
    for _ in range(8):
        pixels = project(local + [0, 0, distance], intrinsics)
        distance = max(distance * float(np.max(np.ptp(pixels, axis=0) / limits)) / fill, 0.6)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    wanted = (limits - 1) / 2 - (low + high) / 2
    if not whole:
        wanted[1] = limits[1] - 1 - high[1]
    offset = np.append(wanted / focal, 0.0)
    return View(size, intrinsics, rotation, middle - rotation[2] * distance - rotation.T @ offset * distance)


def render(
    poses: Path, out: Path, count: int, held_out: bool, part: tuple[int, int], tell: Callable[[str], None]
) -> None:
    """Write ``out/NNNN.jpg`` and ``out/NNNN.npz``; pictures that are there are left alone."""
    body = Body.load(store.body_path("default-lod1"))
    maker = _Maker(body, Poses(body, poses, 0.4, 5), held_out)
    out.mkdir(parents=True, exist_ok=True)
    for number in range(part[0], count, part[1]):
        if (out / f"{number:04d}.npz").exists():
            continue
        pixels, truth = maker.picture(number)
        cv2.imwrite(
            str(out / f"{number:04d}.jpg"), np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 92]
        )
        write_arrays(out / f"{number:04d}.npz", truth)
        tell(f"{number:04d}: {truth['cut']}, {truth['behind']}")


def score(folder: Path, wanted: Sequence[int] | None, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """A record of each picture in which the person is found.

    Args:
        wanted: only pictures of these numbers; None: all.
    """
    engine = open_engine("landmarks", body="default-lod2")
    networks = with_readings(engine, folder / "readings")
    names = engine.body.keypoint_names
    records = []
    for path in sorted(folder.glob("[0-9]*.npz")):
        if wanted is not None and int(path.stem) not in wanted:
            continue
        with np.load(path, allow_pickle=False) as archive:
            truth = {key: archive[key] for key in archive.files}
        networks.picture = path.stem
        reading, _ = read_with_camera(engine, read_photo(path.with_suffix(".jpg")))
        true = dict(zip(names, truth["keypoints"], strict=True))
        number = _who(reading, project(truth["keypoints"], truth["intrinsics"]), list(names))
        if number is None:
            tell(f"{path.stem}: not found")
            continue
        found = dict(zip(names, reading.estimate(number).keypoints_3d, strict=True))
        record = {"picture": path.stem, "cut": str(truth["cut"]), "behind": str(truth["behind"])}
        record |= judged(found, true, truth["up"], record["cut"] == "whole")
        records.append(record)
        tell(json.dumps(record))
    return records


def _who(reading: Any, pixels: Array, names: list[str]) -> int | None:
    """The number of whoever has head and shoulders where the pixels (70, 2) have them."""
    rows = [names.index(name) for name in ("nose", "left_shoulder", "right_shoulder")]
    true, columns = pixels[rows], [0, 11, 12]
    limit = 0.5 * float(np.linalg.norm(true[1:].mean(axis=0) - true[0])) + 0.25 * float(
        np.linalg.norm(true[1] - true[2])
    )
    off = [float(np.linalg.norm(who.landmarks.points_2d[columns] - true, axis=1).mean()) for who in reading.people]
    return int(np.argmin(off)) if off and min(off) < limit else None


def judged(found: dict[str, Array], true: dict[str, Array], up: Array, whole: bool) -> dict[str, float]:
    """Errors of a person's keypoints, m, camera axes; degrees and mm.

    ``lean`` is by how much the trunk leans further from the camera than in truth (negative: towards it), ``trunk`` the
    angle between the trunks, ``truly`` the true lean.
    """
    level = np.array([0.0, 0.0, 1.0]) - up[2] * up
    level /= np.linalg.norm(level)
    trunks = [_trunk(points) for points in (found, true)]
    leans = [float(np.degrees(np.arctan2(trunk @ level, trunk @ up))) for trunk in trunks]
    rows = _WHOLE if whole else _UPPER
    one, other = (np.array([points[name] for name in rows]) for points in (found, true))
    return {
        "lean": leans[0] - leans[1],
        "trunk": _degrees(*trunks),
        "truly": _degrees(trunks[1], up),
        "mpjpe": MM * float(np.linalg.norm((one - found["neck"]) - (other - true["neck"]), axis=1).mean()),
        "pa": MM * float(np.linalg.norm(aligned(one, other) - other, axis=1).mean()),
    }


def _trunk(points: dict[str, Array]) -> Array:
    return np.asarray(points["neck"] - (points["left_hip"] + points["right_hip"]) / 2)


def _degrees(first: Array, second: Array) -> float:
    cosine = float(first @ second) / float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def table(records: list[dict[str, Any]]) -> str:
    """Means over groups, in Markdown."""
    lines = ["| group | people | trunk off, degrees | along the view | mean | by 20 and more | MPJPE, mm | PA |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    parts = [r for r in records if r["cut"] != "whole"]
    groups = {"whole": [r for r in records if r["cut"] == "whole"], "cut, all": parts,
              "cut, truly upright": [r for r in parts if r["truly"] < TRULY],
              "cut, truly leaning": [r for r in parts if r["truly"] >= TRULY]}  # fmt: skip
    groups |= {f"at the {cut}": [r for r in parts if r["cut"] == cut] for cut in CUTS[:-1]}
    groups |= {f"behind {kind}": [r for r in parts if r["behind"] == kind] for kind in BEHIND}
    for name, some in groups.items():
        if not some:
            continue
        trunk, lean = np.array([r["trunk"] for r in some]), np.array([r["lean"] for r in some])
        mpjpe, pa = (float(np.mean([r[key] for r in some])) for key in ("mpjpe", "pa"))
        lines.append(
            f"| {name} | {len(some)} | {trunk.mean():.1f} | {np.abs(lean).mean():.1f} | {lean.mean():+.1f} | "
            f"{100 * np.mean(np.abs(lean) >= 20):.0f} % | {mpjpe:.1f} | {pa:.1f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("render")
    make.add_argument("--poses", type=Path, required=True, help="of python -m native_runtime.build.pose_prior poses")
    make.add_argument("--out", type=Path, required=True)
    make.add_argument("--count", type=int, default=120)
    make.add_argument("--held-out", action="store_true", help="poses that nothing is learnt from")
    judge = commands.add_parser("score")
    judge.add_argument("--set", type=Path, required=True, dest="folder")
    judge.add_argument("--json", type=Path)
    make.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"),
                      help="every Nth picture, from the Ith: for several processes")  # fmt: skip
    judge.add_argument("--pictures", type=int, nargs="+", help="only these numbers")
    both = commands.add_parser("compare", help="the same people in two reports")
    both.add_argument("reports", type=Path, nargs=2)
    given = parser.parse_args()

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if given.command == "render":
        render(given.poses, given.out, given.count, given.held_out, tuple(given.part), tell)
    elif given.command == "score":
        records = score(given.folder, given.pictures, tell)
        if given.json:
            given.json.write_text(json.dumps(records) + "\n")
        print(table(records))
    else:
        reports = [{r["picture"]: r for r in json.loads(path.read_text())} for path in given.reports]
        for path, report in zip(given.reports, reports):
            print(path.stem, table([report[key] for key in sorted(set.intersection(*map(set, reports)))]), sep="\n\n")
        changed = [key for key in reports[0] if key in reports[1] and reports[0][key] != reports[1][key]]
        whole = sum(reports[0][key]["cut"] == "whole" for key in changed)
        print(f"\n{len(changed)} people changed, {whole} of them seen as a whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
