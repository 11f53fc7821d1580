"""Takes against their truth, beside frame-by-frame estimates of the same engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.truth import BODY_FILE
from native_runtime.camera import mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.pipeline.inference import Inference

from . import metrics
from .answers import Answer, frame_by_frame, over_all_frames
from .planting import Soles
from .truth import TakeTruth

Array = NDArray[np.float64]

POINTS = (
    "left_ankle", "left_knee", "left_hip", "right_hip", "right_knee", "right_ankle", "left_wrist", "left_elbow",
    "left_shoulder", "right_shoulder", "right_elbow", "right_wrist", "neck", "nose",
)  # fmt: skip
"""The fourteen that are judged, as in 3DPW's protocol; the nose stands for the top of the head."""
_HIPS = (POINTS.index("left_hip"), POINTS.index("right_hip"))


def measured(answer: Answer, truth: TakeTruth, body: Body, frames: NDArray[np.int64] | None = None) -> dict[str, Any]:
    """All measures of one answer.

    Args:
        frames: where poses are judged; None: wherever there is an answer. Feet, lag, jitter and lengths are those of
            all frames of the answer.
    """
    names = list(body.keypoint_names)
    judged = [names.index(name) for name in POINTS]
    rows, fps = answer.frames, truth.fps
    found, true = answer.keypoints[:, judged], truth.keypoints_3d[rows][:, judged]
    centred = found - found[:, list(_HIPS)].mean(axis=1, keepdims=True)
    true_centred = true - true[:, list(_HIPS)].mean(axis=1, keepdims=True)
    mine = np.ones(len(rows), bool) if frames is None else np.isin(rows, frames)
    consecutive = np.diff(rows[mine]) == 1
    pa, whole = metrics.pa_mpjpe(found[mine], true[mine]), metrics.pa_mpjpe(found, true)
    off = np.linalg.norm(centred - true_centred, axis=-1)[mine].mean(axis=0) * metrics.MM
    out: dict[str, Any] = {
        "frames": int(mine.sum()), "of": len(truth.frames), "pa_mpjpe": float(pa.mean()),
        "pa_mpjpe_all": float(whole.mean()), "pa_mpjpe_worst": float(whole.max()),
        "pa_mpjpe_worst_frame": int(rows[whole.argmax()]),
        "mpjpe": float(metrics.mpjpe(found[mine], true[mine], _HIPS).mean()),
        "acceleration": metrics.acceleration_error(centred[mine], true_centred[mine], fps, consecutive),
        "acceleration_camera": metrics.acceleration_error(found[mine], true[mine], fps, consecutive),
        "bones": metrics.bone_spread(answer.joints, _bones(body)),
        "error_by_point": dict(zip(POINTS, np.round(off, 1).tolist())),
        "depth_off": float(np.median(answer.translation[:, 2] / truth.camera_translation[rows][:, 2] - 1)),
        "seconds": answer.seconds, "computed": len(rows),
    }  # fmt: skip
    if (np.diff(rows) == 1).all():
        out |= _over_time(answer, truth, body, found, centred, true, true_centred)
    if np.isfinite(answer.ground).all():
        out["penetration"] = metrics.below_ground(_lowest(answer, body))
    return out


def _over_time(
    answer: Answer, truth: TakeTruth, body: Body, found: Array, centred: Array, true: Array, true_centred: Array
) -> dict[str, Any]:
    """The measures that need frames without gaps."""
    contacts, to_world = truth.contacts[answer.frames], answer.camera_to_world
    feet, balls = (
        _world(points, to_world) for points in soles(body, answer.model_parameters, answer.identity, answer.translation)
    )
    drift = metrics.drifts(feet, contacts)
    out: dict[str, Any] = {
        "jitter": metrics.jitter(_world(found, to_world), truth.fps), "drift_median": _median(drift),
        "drift_most": _most(drift), "slide": metrics.slide(feet, contacts), "lag": metrics.lag(centred, true_centred),
        "lag_image": metrics.lag(_flat(found, answer.intrinsics), _flat(true, truth.intrinsics)),
    }  # fmt: skip
    if answer.contacts is not None and answer.contacts.any():
        own = answer.contacts
        held = metrics.drifts(balls, own)
        out["precision"], out["recall"] = metrics.precision_recall(own, contacts)
        out |= {
            "own_drift_median": _median(held),
            "own_drift_most": _most(held),
            "own_slide": metrics.slide(balls, own),
        }
    return out


def chosen_frames(count: int, runs: tuple[int, int] | None) -> NDArray[np.int64]:
    """The frames that are estimated one by one: so many runs of so many consecutive frames each, spread evenly over
    ``count``; all of them for None, or where runs would touch."""
    if runs is None or runs[0] * runs[1] >= count:
        return np.arange(count)
    number, length = runs
    starts = np.round(np.linspace(0, count - length, number + 2)[1:-1]).astype(np.int64)
    return np.asarray(starts[:, None] + np.arange(length)).ravel()


def reference(truth: TakeTruth, body: Body) -> dict[str, float]:
    """The truth's own jitter, drift and slide: what a perfect answer has."""
    names = list(body.keypoint_names)
    feet = truth.to_world(soles(body, truth.model_parameters, truth.identity, truth.camera_translation)[0])
    judged = [names.index(name) for name in POINTS]
    drift = metrics.drifts(feet, truth.contacts)
    return {
        "jitter": metrics.jitter(truth.to_world(truth.keypoints_3d[:, judged]), truth.fps),
        "drift_most": _most(drift), "slide": metrics.slide(feet, truth.contacts),
    }  # fmt: skip


def compare(
    folder: Path,
    out: Path,
    names: Sequence[str],
    engine: str,
    *,
    true_lens: bool,
    runs: tuple[int, int] | None = None,
    restart: bool = False,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Run the take path and frame-by-frame estimates over takes; what was read of frames and frame-by-frame answers are
    kept in ``out``.

    Args:
        folder: where ``make`` wrote.
        true_lens: give both the true focal length; else the take path finds it, and the other gets the same.
        runs: which frames are estimated one by one (``chosen_frames``); poses are judged there in both answers. The
            take is of all frames.
        restart: read the take's frames again.
    """
    body = Body.load(folder / BODY_FILE)
    inference, records = Inference(), []
    for name in names:
        truth = TakeTruth.load(folder / f"{name}.npz")
        video = folder / f"{name}.mp4" if (folder / f"{name}.mp4").exists() else folder / name
        focal = float(truth.intrinsics[0, 0]) if true_lens else None
        take = over_all_frames(video, folder / BODY_FILE, engine, out / name, focal, inference,
                                restart=restart)  # fmt: skip
        frames = chosen_frames(len(truth.frames), runs)
        which = "" if runs is None else f"_{runs[0]}x{runs[1]}"
        kept = out / "frames" / f"{name}_{engine}_{'true' if true_lens else 'found'}{which}.npz"
        single = frame_by_frame(video, truth, folder / BODY_FILE, engine, take.intrinsics, kept, frames.tolist())
        record = {
            "name": name, "about": truth.about, "truth": reference(truth, body), "said": take.about,
            "take": measured(take, truth, body, single.frames), "single": measured(single, truth, body, take.frames),
            "lens_off": float(take.intrinsics[0, 0] / truth.intrinsics[0, 0]),
        }  # fmt: skip
        records.append(record)
        a, b = record["take"], record["single"]
        progress(
            f"{name}: PA-MPJPE {a['pa_mpjpe']:.1f} mm, frame by frame {b['pa_mpjpe']:.1f}; acceleration error "
            f"{a['acceleration']:.0f}, {b['acceleration']:.0f} mm/s^2"
        )
    return {"engine": engine, "lens": "true" if true_lens else "found", "runs": runs, "takes": records}


_ROWS = (
    ("pa_mpjpe", "PA-MPJPE, mm"), ("mpjpe", "MPJPE, mm"), ("acceleration", "acceleration error, mm/s²"),
    ("acceleration_camera", "the same with the root's way"), ("jitter", "jitter, 10 m/s³"),
    ("drift_median", "drift in true contacts, median, mm"), ("drift_most", "the most, mm"),
    ("slide", "slide in true contacts, mm a frame"), ("own_drift_most", "drift in its own contacts, the most, mm"),
    ("precision", "contacts: precision"), ("recall", "contacts: recall"), ("lag", "lag, frames (largest size)"),
    ("bones", "bone lengths: largest deviation, mm"), ("penetration", "below its own floor, mm"),
    ("cpu", "seconds of a processor a frame"),
)  # fmt: skip
_LARGEST = ("lag", "lag_image", "bones", "own_drift_most", "drift_most")


def table(report: dict[str, Any]) -> str:
    """Means over takes (the largest where said so) as a table in Markdown, then a line for each take."""
    lines = ["| measure | take | frame by frame | less, % |", "| --- | ---: | ---: | ---: |"]
    for key, label in _ROWS:
        cells = [_over(report, kind, key) for kind in ("take", "single")]
        if all(np.isnan(cells)):
            continue
        less = (
            f"{100 * (1 - cells[0] / cells[1]):.0f}"
            if np.isfinite(cells).all() and cells[1] and not key.startswith("lag")
            else ""
        )
        lines.append(f"| {label} | {_cell(cells[0])} | {_cell(cells[1])} | {less} |")
    heads = "take", "motion", "camera", "PA-MPJPE", "acceleration error", "drift in true contacts", "precision, recall"
    lines += ["", f"| {' | '.join(heads)} |", "| --- | --- | --- | ---: | ---: | ---: | ---: |"]
    for record in report["takes"]:
        a, b, about = record["take"], record["single"], record["about"]
        share = f"{a['precision']:.2f}, {a['recall']:.2f}" if "precision" in a else ""
        lines.append(
            f"| {record['name']} | {about['motion']} | {about['camera']} | {a['pa_mpjpe']:.1f}, {b['pa_mpjpe']:.1f} "
            f"| {a['acceleration']:.0f}, {b['acceleration']:.0f} | {a['drift_median']:.1f} "
            f"| {share} |"
        )
    return "\n".join(lines)


def write(report: dict[str, Any], path: Path) -> None:
    """The report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, default=float))


def _over(report: dict[str, Any], kind: str, key: str) -> float:
    values = []
    for record in report["takes"]:
        answer = record[kind]
        if key == "cpu":
            values.append(sum(answer["seconds"].values()) / max(answer["computed"], 1))
        elif key in answer:
            values.append(abs(answer[key]) if key.startswith("lag") else answer[key])
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return float("nan")
    return float(max(known) if key in _LARGEST else np.mean(known))


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _most(values: Array) -> float:
    return float(values.max()) if len(values) else float("nan")


def soles(body: Body, parameters: Array, identity: Array, translation: Array) -> tuple[Array, Array]:
    """Where feet are, (F, 4, 3) m in camera axes, twice: under the left heel and toes (the middle of the big and the
    small one), then the right ones; and the same with the ball's joint for the toes.

    The points are rigid in their joints, as ``planting.Soles`` has them: keypoints of the skin shift by millimetres
    where ankles bend. The truth's toes stand; engines may take the ball for what carries.

    Args:
        parameters: (F, 204); identity: (n_id,) or (F, n_id); translation: (F, 3) m.
    """
    joints, scales = body.pose(parameters).joints, [name.startswith("scale_") for name in body.parameter_names]
    identity = np.broadcast_to(identity, (len(parameters), body.identity_count))
    out, last, last_key = [], None, b""
    for k, row in enumerate(parameters):
        build = np.where(scales, row, 0.0)
        key = build.tobytes() + np.ascontiguousarray(identity[k]).tobytes()
        if last is None or key != last_key:
            last, last_key = Soles(body, build, identity[k]), key
        out.append(last.places(joints[k : k + 1])[0])
    places = np.array(out)
    balls = joints[:, [body.joint_index(f"{side}_ball") for side in "lr"]][..., :3, 3]
    toes, balls = (
        np.stack([places[:, :, 0], front], axis=2).reshape(-1, 4, 3)
        for front in (places[:, :, 1:3].mean(axis=2), balls)
    )
    return mhr_to_camera(toes, translation), mhr_to_camera(balls, translation)


def _world(points: Array, to_world: Array) -> Array:
    return np.asarray(np.einsum("fij,fkj->fki", to_world[:, :3, :3], points) + to_world[:, None, :3, 3])


def _flat(points: Array, intrinsics: Array) -> Array:
    """(F, N, 2) px relative to the middle of the hips."""
    pixels = project(points, intrinsics)
    return np.asarray(pixels - pixels[:, list(_HIPS)].mean(axis=1, keepdims=True))


def _bones(body: Body) -> NDArray[np.int64]:
    """(n, 2) joints and their parents, whose distance is a bone's length; not those of the root."""
    parents = np.asarray(body.skeleton.parents)
    children = np.flatnonzero(parents > body.joint_index("root"))
    return np.stack([children, parents[children]], axis=1)


def _lowest(answer: Answer, body: Body) -> Array:
    """(n,) m above the answer's own floor of the lowest skin in each frame."""
    out = []
    for k in range(len(answer.frames)):
        vertices = body.vertices(answer.model_parameters[k], answer.identity[k], answer.expression[k])
        points = mhr_to_camera(vertices, answer.translation[k]) @ answer.camera_to_world[k, :3, :3].T
        points = points + answer.camera_to_world[k, :3, 3]
        out.append(float((points @ answer.ground[:3] + answer.ground[3]).min()))
    return np.array(out)
