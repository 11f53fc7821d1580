"""Several photos to one body: how large people are, where cameras stand, and how well real cameras agree.

    python -m bench.views render OUT --kind photos|cameras [--people N] [--seed S]
    python -m bench.views photos OUT [--json FILE]
    python -m bench.views cameras OUT [--json FILE]
    python -m bench.views real FOLDER TRUTH.json [--json FILE]

Constants are chosen on people of seed 21 (see ``--seed``), never on those that figures are told of.

* ``--kind photos``: people in random clothes, each in three poses, from front, side and behind, by one lens.
  ``photos`` says how far stature and girths are off: of each photo alone, of all together, and with a stated height.
* ``--kind cameras``: people seen by three cameras at the same moment. ``cameras`` says how far the cameras' rotations
  (degrees) and places (per cent of the baseline, after the best scale) are off where nothing but the lenses is known.
* ``real``: FOLDER holds cam01.mp4 to cam04.mp4 and Calib.qca.txt of Pose2Sim's demo of one person (package
  ``pose2sim`` 0.10.49), TRUTH.json the triangulated points. Mean reprojection (px), PA-MPJPE (mm), and the
  reprojection in a camera that was left out.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_angle
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.takes.views.calibration.read import read_calibration
from native_runtime.takes.views.cameras import ViewCamera
from native_runtime.takes.views.fit import fit_photos, fit_synchronised
from native_runtime.takes.views.joint import extrinsics_between
from native_runtime.takes.views.observing import looks_of_all, match_people, observation
from native_runtime.takes.views.request import ViewLook

Array = NDArray[np.float64]

SEED = 20
SIZE = (600, 800)
LENS = 35.0
"""mm of a 36 x 24 mm frame."""
POSES = ("standing", "contrapposto", "walk_passing", "arms_crossed", "pointing_side", "explaining", "hands_on_hips",
         "waving", "standing_wide", "a_pose")  # fmt: skip
TURNS = {"photos": (0.0, math.pi / 2, math.pi), "cameras": (0.0, math.radians(75), math.radians(-110))}
GIRTHS = ("bust_girth", "waist_girth", "hip_girth", "thigh_girth")
KEYS = ("stature", *GIRTHS)
FRAMES = (5, 65, 95)


def render(kind: str, out: Path, people: int, seed: int = SEED) -> None:
    """Render the pictures of a set, three for each person."""
    from bench.accuracy.figures import Figure, random_figure
    from bench.accuracy.plan import Plan
    from bench.accuracy.render import FEW_SAMPLES, keep_body, render_picture
    from bench.accuracy.views import FULL_FRAME_DIAGONAL, Placed
    from native_runtime.models import store
    from native_runtime.synthetic.anatomy import Anatomy
    from native_runtime.synthetic.builds import random_build
    from native_runtime.synthetic.views import View, look

    body = store.load_body("default", None)
    out.mkdir(parents=True, exist_ok=True)
    keep_body(body, out)
    anatomy = Anatomy(body)
    skeleton = np.array([name.startswith("scale_") for name in body.parameter_names])
    for person in range(people):
        rng = np.random.default_rng([seed, person, len(kind)])
        identity, expression, scales = random_build(body, rng)
        poses = [str(name) for name in rng.choice(POSES, 3, replace=False)]
        figures = [random_figure(body, rng, name) for name in (poses if kind == "photos" else poses[:1] * 3)]
        if kind == "cameras":
            figures = figures[:1] * 3
        for number, (figure, turn) in enumerate(zip(figures, TURNS[kind], strict=True)):
            picture = out / f"{person:02d}_{number}.jpg"
            aim = np.random.default_rng([seed, person, number, 1])
            if picture.exists() and picture.with_suffix(".npz").exists():
                continue
            parameters = np.where(skeleton, scales, figure.parameters)
            dressed = Figure(parameters, identity, expression, figure.pose, figure.tags)
            off = 0.0 if kind == "cameras" else float(aim.uniform(-0.25, 0.25))
            placed = Placed(dressed, turn + off, np.zeros(3))
            placed = replace(placed, root=np.array([0.0, 0.0, -float(placed.vertices(body)[:, 2].min())]))
            lens = LENS if kind == "photos" else float(aim.uniform(26.0, 50.0))
            focal = lens / FULL_FRAME_DIAGONAL * math.hypot(*SIZE)
            intrinsics = np.array([[focal, 0, (SIZE[0] - 1) / 2], [0, focal, (SIZE[1] - 1) / 2], [0, 0, 1.0]])
            rotation = look(float(aim.uniform(-0.22, 0.05)), 0.0)
            points = np.asarray(placed.vertices(body), np.float64)
            middle = (points.min(axis=0) + points.max(axis=0)) / 2
            distance = float(np.ptp(points[:, 2]) * focal / SIZE[1] / aim.uniform(0.7, 0.85))
            view = View(SIZE, intrinsics, rotation, middle - rotation[2] * (distance + 0.25))
            plan = Plan((placed,), view, "studio" if person % 2 else "room", False, False)
            truth = render_picture(
                anatomy, picture, plan, np.random.default_rng([seed, person, 2]), {"person": person}, FEW_SAMPLES
            )
            truth.save(picture.with_suffix(".npz"))
            print(picture.name, figure.pose, flush=True)


class Reader:
    """Reads photos with the engine `landmarks`, as `sam3db views` does."""

    def __init__(self) -> None:
        self._inference = Inference(kept_photos=1)
        self.request = ViewLook(photo="", engine="landmarks")

    def look(self, pictures: Sequence[Path | NDArray[np.uint8]], lenses: Sequence[Array]) -> list[Any]:
        """What is found in photos with known lenses."""
        from native_runtime.image.reading import Photo, read_photo

        out = []
        for picture, lens in zip(pictures, lenses, strict=True):
            photo = read_photo(picture) if isinstance(picture, Path) else Photo(picture, Path("frame.png"))
            rows = tuple((float(a), float(b), float(c)) for a, b, c in lens)
            look = part_of(ViewLook, self.request, photo="frame", intrinsics=rows)
            out.append(self._inference.look(photo, look, Silent()))
        return out

    def observe(
        self, found: Sequence[Any], people: Sequence[int], height: float | None = None, places_cameras: bool = False
    ) -> list[Any]:
        """(estimate, observation) of a person in each photo."""
        seen = [one.reading.people[person].landmarks for one, person in zip(found, people, strict=True)]
        engine = found[0].engine
        looks = looks_of_all(seen, engine, None, None)
        out = []
        for one, person, points in zip(found, people, seen, strict=True):
            ((_, estimate),) = self._inference.estimates(one, [person])
            seen_here = observation(
                engine, one.photo, points, estimate, one.lens.gravity, looks, height, places_cameras=places_cameras
            )
            out.append((estimate, seen_here))
        return out


def sets_of(folder: Path) -> Iterator[tuple[list[Path], list[Any]]]:
    """The pictures of each person of a rendered set, and their truth."""
    from bench.accuracy.truth import Truth

    for first in sorted(folder.glob("*_0.npz")):
        records = [first.with_name(f"{first.stem[:-1]}{number}.npz") for number in range(3)]
        if all(record.exists() for record in records):
            yield [record.with_suffix(".jpg") for record in records], [Truth.load(record) for record in records]


def photos(folder: Path) -> dict[str, Any]:
    """Stature and girths of people in three photos."""
    from native_runtime.characters.measures.measurer import Measurer
    from native_runtime.pipeline.heights import of_stated_height

    reader, rows = Reader(), []
    for pictures, truths in sets_of(folder):
        person = truths[0].people[0]
        found = reader.look(pictures, [truth.intrinsics for truth in truths])
        body = found[0].engine.body
        measurer = Measurer(body)

        def off(state: Any, true: dict[str, float], measurer: Measurer = measurer) -> list[float]:
            own = measurer.measured(state.model_parameters, state.identity, KEYS).values
            return [own[key] - true[key] for key in KEYS]

        true = dict(measurer.measured(person.model_parameters, person.identity, KEYS).values)
        seen = reader.observe(found, [0, 0, 0])
        fit = fit_photos(body, [one for _, one in seen])
        said = reader.observe(found, [0, 0, 0], true["stature"])
        told = fit_photos(body, [one for _, one in said])
        sized = of_stated_height(body, said[0][0].with_state(body, told.state.views[0]), true["stature"])
        row = {
            "person": pictures[0].stem[:2],
            "true": [round(true[key], 1) for key in KEYS],
            "single": [off(estimate, true) for estimate, _ in seen],
            "single_sized": [off(of_stated_height(body, one, true["stature"]), true) for one, _ in seen],
            "joint": off(fit.state.views[0], true),
            "joint_sized": off(sized, true),
        }
        rows.append(row)
        print(row["person"], *(f"{name} {np.round(row[name], 1).tolist()}" for name in ("joint", "joint_sized")))
    summary: dict[str, Any] = {"people": len(rows)}
    for name in ("joint", "joint_sized"):
        values = np.abs([row[name] for row in rows])
        summary[name] = dict(zip(("stature", *GIRTHS), values.mean(axis=0).round(2).tolist(), strict=True))
        summary[f"{name}_girths_mean_cm"] = round(float(values[:, 1:].mean()), 2)
        summary[f"{name}_girths_within_4cm"] = round(float((values[:, 1:] <= 4.0).mean()), 3)
        summary[f"{name}_stature_within_2cm"] = round(float((values[:, 0] <= 2.0).mean()), 3)
    for name in ("single", "single_sized"):
        values = np.abs([row[name] for row in rows])  # people, photos, measures
        summary[name] = [
            dict(zip(("stature", *GIRTHS), values[:, photo].mean(axis=0).round(2).tolist(), strict=True))
            for photo in range(3)
        ]
        best = values[:, :, 1:].mean(axis=2).min(axis=1)
        joint = np.abs([row[name.replace("single", "joint")] for row in rows])[:, 1:].mean(axis=1)
        summary[f"{name}_best_photo_girths_mean_cm"] = round(float(best.mean()), 2)
        summary[f"{name}_joint_better_than_best_photo"] = round(float((joint <= best).mean()), 3)
    return {"summary": summary, "rows": rows}


def cameras(folder: Path) -> dict[str, Any]:
    """Relative cameras of synchronised photos, nothing but whose lenses is known."""
    reader, rows = Reader(), []
    for pictures, truths in sets_of(folder):
        found = reader.look(pictures, [truth.intrinsics for truth in truths])
        body = found[0].engine.body
        seen = reader.observe(found, [0, 0, 0], places_cameras=True)
        fit = fit_synchronised(body, [one for _, one in seen])
        for name, views in (("single", [e.state for e, _ in seen]), ("joint", list(fit.state.views))):
            rows.append({"person": pictures[0].stem[:2], "fit": name} | _cameras_off(body, truths, views))
        print(json.dumps(rows[-1]), flush=True)
    summary = {}
    for name in ("single", "joint"):
        mine = [row for row in rows if row["fit"] == name]
        for key in ("rotation_deg", "place_percent", "pa_mpjpe_mm"):
            values = np.concatenate([np.atleast_1d(row[key]) for row in mine])
            summary[f"{name}_{key}"] = {
                "median": round(float(np.median(values)), 2),
                "mean": round(float(values.mean()), 2),
                "worst": round(float(values.max()), 2),
            }
    return {"summary": summary | {"people": len(rows) // 2}, "rows": rows}


def _cameras_off(body: Body, truths: Sequence[Any], views: Sequence[PlacedState]) -> dict[str, Any]:
    def relative(states: Sequence[Any]) -> tuple[Array, Array]:
        pairs = [extrinsics_between(body, states[0], state) for state in states[1:]]
        return np.array([r for r, _ in pairs]), np.array([-r.T @ t for r, t in pairs])

    true = [
        PlacedState(p.model_parameters, p.identity, p.expression, p.camera_translation)
        for p in (truth.people[0] for truth in truths)
    ]
    rotations, places = relative(true)
    own, where = relative(views)
    scale = float(np.sum(places * where) / np.sum(where**2))
    baseline = np.linalg.norm(places, axis=1)
    joints = mhr_to_camera(body.pose(views[0].model_parameters).translations)
    return {
        "rotation_deg": np.degrees(rotation_angle(rotations, own)).round(2).tolist(),
        "place_percent": (100 * np.linalg.norm(scale * where - places, axis=1) / baseline).round(2).tolist(),
        "scale": round(scale, 3),
        "pa_mpjpe_mm": round(_pa_mpjpe(joints, mhr_to_camera(body.pose(true[0].model_parameters).translations)), 1),
    }


def real(folder: Path, truth: Path) -> dict[str, Any]:
    """Pose2Sim's demo of one person."""
    entries = json.loads(truth.read_text())
    known, reader, rows = read_calibration(folder / "Calib.qca.txt"), Reader(), []
    for frame in FRAMES:
        said = {e["camera"]: e["person"][0] for e in entries if e["frame"] == f"single_f{frame:03d}"}
        found = reader.look(
            [_frame(folder, n, frame, known[n - 1]) for n in range(1, 5)], [c.intrinsics for c in known]
        )
        people = [[one.landmarks for one in view.reading.people] for view in found]
        chosen = match_people(people, [view.photo for view in found], known)
        seen = dict(enumerate(reader.observe(found, chosen), 1))
        body = found[0].engine.body
        names = list(said[1]["points_camera_m"])
        world = (np.array(list(said[1]["points_camera_m"].values())) - known[0].translation) @ known[0].rotation
        places = {n: np.array([said[n]["points_px"][name] for name in names]) for n in said}

        def measured(points: Array, numbers: Sequence[int], known: Any = known, places: Any = places) -> list[float]:
            out = []
            for n in numbers:
                pixels = project(known[n - 1].from_world(points), known[n - 1].intrinsics)
                out.append(float(np.linalg.norm(pixels - places[n], axis=1).mean()))
            return out

        for number in (1, 2, 4):
            points = known[number - 1]
            own = (_points(body, seen[number][1].start, names) - points.translation) @ points.rotation
            rows.append({"frame": frame, "views": [number], "pa_mpjpe_mm": _pa_mpjpe(own, world),
                         "reprojection_px": measured(own, (1, 2, 4)), "left_out_px": {}})  # fmt: skip
        for views in [*combinations((1, 2, 4), 2), (1, 2, 4), (1, 2, 3, 4)]:
            fit = fit_synchronised(body, [seen[n][1] for n in views], [known[n - 1] for n in views])
            assert fit.state.world is not None
            own = _points(body, fit.state.world, names)
            left = [n for n in (1, 2, 4) if n not in views]
            rows.append({"frame": frame, "views": list(views), "pa_mpjpe_mm": _pa_mpjpe(own, world),
                         "reprojection_px": measured(own, (1, 2, 4)),
                         "left_out_px": dict(zip(left, measured(own, left), strict=True)),
                         "doubted": [views[n] for n in sorted(fit.doubted)]})  # fmt: skip
            print(json.dumps(rows[-1]), flush=True)
    return {"summary": _real_summary(rows), "rows": rows}


def _real_summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def mean(views: Sequence[int], key: str) -> float:
        return round(float(np.mean([np.mean(row[key]) for row in rows if row["views"] == list(views)])), 2)

    left: dict[str, Any] = {}
    for out in (1, 2, 4):
        pair = [n for n in (1, 2, 4) if n != out]
        joint = float(np.mean([row["left_out_px"][out] for row in rows if row["views"] == pair]))
        alone = [
            float(np.mean([row["reprojection_px"][(1, 2, 4).index(out)] for row in rows if row["views"] == [n]]))
            for n in pair
        ]
        left[str(out)] = {"joint": round(joint, 2), "best_single": round(min(alone), 2)}
    return {
        "reprojection_px": mean((1, 2, 4), "reprojection_px"),
        "pa_mpjpe_mm": mean((1, 2, 4), "pa_mpjpe_mm"),
        "pa_mpjpe_mm_with_camera_3": mean((1, 2, 3, 4), "pa_mpjpe_mm"),
        "reprojection_px_with_camera_3": mean((1, 2, 3, 4), "reprojection_px"),
        "pa_mpjpe_mm_single": {str(n): mean((n,), "pa_mpjpe_mm") for n in (1, 2, 4)},
        "reprojection_px_single": {str(n): mean((n,), "reprojection_px") for n in (1, 2, 4)},
        "left_out_px": left,
    }


def _frame(folder: Path, camera: int, frame: int, known: ViewCamera) -> NDArray[np.uint8]:
    video = cv2.VideoCapture(str(folder / f"cam{camera:02d}.mp4"))
    picture = None
    for _ in range(frame + 1):
        good, picture = video.read()
        if not good or picture is None:
            raise SystemExit(f"cam{camera:02d}.mp4 has no frame {frame}.")
    assert picture is not None
    return known.undistorted_picture(np.ascontiguousarray(picture[:, :, ::-1]))


def _points(body: Body, state: PlacedState, names: Sequence[str]) -> Array:
    pose = body.pose(state.model_parameters)
    vertices = body.vertices(state.model_parameters, state.identity)
    keypoints = mhr_to_camera(body.keypoints(pose, vertices), state.camera_translation)
    return np.asarray(keypoints[[body.keypoint_names.index(name) for name in names]])


def _pa_mpjpe(own: Array, true: Array) -> float:
    """mm, after the best similarity transform (Umeyama 1991)."""
    from bench.accuracy.metrics import aligned, distances

    return float(distances(aligned(own, true), true).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.views", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("render")
    made.add_argument("--kind", choices=tuple(TURNS), default="photos")
    made.add_argument("out", type=Path)
    made.add_argument("--people", type=int, default=20)
    made.add_argument("--seed", type=int, default=SEED)
    for name in ("photos", "cameras", "real"):
        one = commands.add_parser(name)
        one.add_argument("folder", type=Path)
        if name == "real":
            one.add_argument("truth", type=Path)
        one.add_argument("--json", type=Path)
    said = parser.parse_args(arguments)
    if said.command == "render":
        render(said.kind, said.out, said.people, said.seed)
        return
    if said.command == "real":
        result = real(said.folder, said.truth)
    else:
        result = photos(said.folder) if said.command == "photos" else cameras(said.folder)
    print(json.dumps(result["summary"], indent=1))
    if said.json is not None:
        said.json.write_text(json.dumps(result, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
