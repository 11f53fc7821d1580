"""Runs an engine over the set and sums up."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.engines import open_engine
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .answers import answer_set
from .compare import PARTS, compare, figure_in, places_in_photo
from .finding import Finding, sorted_out
from .judge import Judge
from .likeness import separability
from .overlap import NOTICED, OverlapMeter
from .readings import unpacked, with_readings
from .truth import BODY_FILE, Truth, about_of

CAMERAS = ("default", "true")
"""Without any knowledge of the lens, as for a photo without EXIF; and with the true intrinsics."""


def pictures(folder: Path, split: str) -> list[Path]:
    """The truth files of a split: ``tune``, ``held-out`` or ``all``."""
    files = [file for file in sorted(folder.glob("[0-9]*.npz")) if file.with_suffix(".jpg").is_file()]
    return [file for file in files if split == "all" or about_of(file)["split"] == split]


@dataclass(frozen=True)
class Found:
    """Somebody whom an engine found: what its networks saw (None for engines without), and its estimate (None where it
    could not make one)."""

    landmarks: PersonLandmarks | None
    estimate: Estimate | None
    seconds: dict[str, float]


def load_answers(path: Path, body: Body) -> list[Found]:
    """Read what ``answers.answer_set`` wrote of a picture."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    people = []
    for index, entry in enumerate(json.loads(str(arrays["found"]))):
        own = {key.partition(".")[2]: value for key, value in arrays.items() if key.startswith(f"{index}.")}
        landmarks = None
        if "landmarks.points_2d" in own:
            landmarks = unpacked(PersonLandmarks, own | {"landmarks.mask": np.zeros((0, 0), np.float32)}, "landmarks")
        estimate = None
        if entry["estimated"]:
            estimate = Estimate.from_state(
                body,
                PlacedState(*(own[k] for k in ("model_parameters", "identity", "expression", "camera_translation"))),
                own["intrinsics"],
                image_size=own["image_size"],
                bbox=own["bbox"],
                engine="",
                photo="",
                person=index,
                warnings=entry["warnings"],
                details=entry["details"],
            )
        people.append(Found(landmarks, estimate, entry.get("seconds", {})))
    return people


def score_set(
    folder: Path,
    split: str,
    engine_name: str,
    cameras: Sequence[str],
    progress: Callable[[str], None],
    readings: Path | None = None,
    answers: Path | None = None,
) -> dict[str, Any]:
    """Score an engine on a set: a record per true person and camera, and the summary of them.

    Args:
        readings: a cache of what the landmark networks saw (``readings.py``), completed where it lacks pictures.
        answers: where the engine's answers are kept; those that are there are not asked for again.
    """
    files = pictures(folder, split)
    if not files:
        raise SystemExit(f"There are no rendered pictures of the split {split} in {folder}.")
    engine = open_engine(engine_name, body=folder / BODY_FILE)
    networks = with_readings(engine, readings) if readings is not None else None

    def show(number: str) -> None:
        if networks is not None:
            networks.picture = number

    with tempfile.TemporaryDirectory() as temporary:
        out = answers or Path(temporary)
        for camera in cameras:
            numbers = [file.stem for file in files]
            answer_set(engine, folder, numbers, out / camera, camera, False, progress, show)
        return judged(folder, files, out, cameras, engine.body) | {"engine": engine_name, "split": split}


def judged(folder: Path, files: Sequence[Path], answers: Path, cameras: Sequence[str], body: Body) -> dict[str, Any]:
    """The report about answers ``answers/CAMERA/NNNN.npz`` to some pictures of a set."""
    judge = Judge.of_set(folder, body)
    records: list[dict[str, Any]] = []
    counts = dict.fromkeys(("duplicates", "merged", "false"), 0)
    for file in files:
        truth = Truth.load(file)
        if truth.about["body_hash"] != body.hash:
            raise SystemExit(f"{file} shows another body than {folder / BODY_FILE}: render the set again.")
        for camera in cameras:
            people = load_answers(answers / camera / f"{file.stem}.npz", body)
            found, finding = judge_picture(judge, truth, file.stem, camera, people)
            records += found
            if camera == cameras[0]:
                for name in counts:
                    counts[name] += len(getattr(finding, name))
    return {
        "body": body.name,
        "body_hash": body.hash,
        "pictures": len(files),
        "duplicates": counts["duplicates"],
        "merged_people": counts["merged"],
        "false_people": counts["false"],
        "summary": {camera: _groups([r for r in records if r["camera"] == camera]) for camera in cameras},
        "people": records,
    }


def judge_picture(
    judge: Judge, truth: Truth, number: str, camera: str, people: Sequence[Found]
) -> tuple[list[dict[str, Any]], Finding]:
    """A record of each true person, and who was found."""
    body = judge.body
    places = [places_in_photo(body, found.landmarks, found.estimate) for found in people]
    finding = sorted_out([figure_in(truth, person, body) for person in truth.people], places)
    records = []
    for index, person in enumerate(truth.people):
        columns = slice(0, 33)
        record = {
            "picture": number,
            "camera": camera,
            "person": index,
            "pose": person.about["pose"],
            "tags": person.about["tags"],
            "scene": truth.about.get("scene", ""),
            "sex": person.about.get("sex"),
            "age": person.about.get("age"),
            "cut": truth.about["cut"],
            "obstacle": truth.about["obstacle"],
            "pair": len(truth.people) > 1,
            "in_frame": float(np.mean(truth.inside(person.landmarks[columns]))),
            "seen": float(np.mean(person.seen[columns])),
            "found": index in finding.pairs,
        }
        if index in finding.pairs:
            found = people[finding.pairs[index]]
            record["merged"] = finding.pairs[index] in finding.merged
            if found.estimate is not None:
                record |= compare(judge, truth, person, found.estimate, found.landmarks)
                record["seconds"] = found.seconds
        record["found"] = record["found"] and "fit" in record
        records.append(record)
    if judge.coarse is not None and len(truth.people) > 1:
        _add_overlaps(judge.coarse, truth, records, {k: people[f].estimate for k, f in finding.pairs.items()})
    return records, finding


def _add_overlaps(
    meter: OverlapMeter, truth: Truth, records: list[dict[str, Any]], estimates: dict[int, Estimate | None]
) -> None:
    """``between``, ``between_truth``: mm that each person lies within any other, in the estimates and in truth."""
    true = [person.surface_of(meter.body) for person in truth.people]
    told = {k: _surface(meter.body, estimate) for k, estimate in estimates.items() if estimate is not None}
    for name, bodies in (("between", told), ("between_truth", dict(enumerate(true)))):
        depths = dict.fromkeys(bodies, 0.0)
        for a, b in combinations(bodies, 2):
            depth = meter.between(bodies[a], bodies[b])
            depths[a], depths[b] = max(depths[a], depth), max(depths[b], depth)
        for index, depth in depths.items():
            records[index][name] = 1000 * depth


def _surface(body: Body, estimate: Estimate) -> NDArray[np.float64]:
    """(V, 3) m, camera axes, of an estimate on another level of detail."""
    vertices = body.vertices(estimate.model_parameters, estimate.identity, estimate.expression)
    return mhr_to_camera(vertices, estimate.camera_translation)


def _groups(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The summary of everybody, of those wholly in the frame with nothing before them, and of the others."""
    whole = [r for r in records if r["in_frame"] == 1.0 and not r["obstacle"] and not r["pair"]]
    rest = [r for r in records if r not in whole]
    return {"all": _summary(records), "whole": _summary(whole), "cut or hidden": _summary(rest)}


def _summary(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = [r for r in records if r["found"]]
    result: dict[str, Any] = {"people": len(records), "found": len(found)}
    if not found:
        return result

    def mean(values: Sequence[float]) -> float | None:
        numbers = np.asarray(values, np.float64)
        numbers = numbers[np.isfinite(numbers)]
        return float(numbers.mean()) if len(numbers) else None

    for source in ("fit", "networks"):
        rows = [r[source] for r in found if source in r]
        if not rows:
            continue
        entry: dict[str, Any] = {
            key: mean([row.get(key, np.nan) for row in rows]) for key in ("mpjpe", "pa_mpjpe", "pck", "pck_box")
        }
        entry["median_pa_mpjpe"] = float(np.median([row["pa_mpjpe"] for row in rows]))
        for key in ("parts", "pa_parts"):
            entry[key] = {part: mean([row[key][part] for row in rows]) for part in PARTS}
        for key in ("hands", "pa_hands"):
            # Both are compared on hands that the networks found; the fit gives every hand.
            entry[key] = {
                side: mean([r[source][key][side] for r in found if side in r.get("hands_found", ())])
                for side in ("left", "right")
            }
            if source == "fit":
                entry[f"{key}_unseen"] = mean(
                    [
                        r["fit"][key][side]
                        for r in found
                        for side in ("left", "right")
                        if side not in r.get("hands_found", ())
                    ]
                )
        result[source] = entry
    for key in ("pve", "pa_pve", "mhr70", "iou", "place_mm", "depth_share", "fov_error", "up_degrees"):
        result[key] = mean([r[key] for r in found])
    result["depth_median"] = float(np.median([r["depth_share"] for r in found]))
    for hinge in ("elbow", "knee"):
        every = [value for r in found for value in r["hinges"][hinge].values()]
        result[f"{hinge}_bias"], result[f"{hinge}_error"] = mean(every), mean(np.abs(every))
    result |= _limbs(found) | _overlaps(found) | _sexes(found) | _lens(found)
    sizes = {"adult": [], "child": []}
    for r in found:
        sizes["child" if r["scene"] == "child" or (r["age"] or 99) < 14 else "adult"].append(r["size_ratio"])
    result |= {f"{name}_size": mean(values) for name, values in sizes.items()}
    if "networks" in found[0]:
        result["hands_found"] = mean([len(r["hands_found"]) / 2 for r in found])
        result["better_than_networks"] = mean([float(r["fit"]["pa_mpjpe"] < r["networks"]["pa_mpjpe"]) for r in found])
    stages = sorted({stage for r in found for stage in r["seconds"]})
    result["seconds"] = {stage: float(np.median([r["seconds"].get(stage, 0.0) for r in found])) for stage in stages}
    return result


def _limbs(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of limbs that are not seen at all: how many there are, the share bent as people hardly do, theirs in truth, and
    how far off they point, degrees.
    """
    rows = [limb for r in found for limb in r["unseen_limbs"]]
    if not rows:
        return {"unseen": 0}
    return {
        "unseen": len(rows),
        "unseen_odd": float(np.mean([bool(row["odd"]) for row in rows])),
        "unseen_odd_truth": float(np.mean([bool(row["odd_truth"]) for row in rows])),
        "unseen_degrees": float(np.mean([row["degrees"] for row in rows])),
    }


def _overlaps(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The share of people whose parts, or who and another, lie deeper within each other than ``NOTICED``."""
    result: dict[str, Any] = {}
    for name in ("overlap", "overlap_truth", "between", "between_truth"):
        values = [r[name] for r in found if r.get(name) is not None]
        result[name] = float(np.mean(np.array(values) > 1000 * NOTICED)) if values else None
        result[f"{name}_mm"] = float(np.mean(values)) if values else None
    return result


def _sexes(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of adults of known sex: the share of whom an estimate says it, the share said rightly, and the slider's AUC."""
    rows = [r for r in found if r["sex"] and (r["age"] or 0) >= 18 and np.isfinite(r["gender"])]
    said = [r for r in rows if r["sex_said"]]
    if not rows:
        return {"sexes": 0}
    return {
        "sexes": len(rows),
        "sex_said": len(said) / len(rows),
        "sex_right": float(np.mean([r["sex_said"] == r["sex"] for r in said])) if said else None,
        "sex_auc": separability(np.array([r["gender"] for r in rows]), np.array([r["sex"] == "male" for r in rows])),
    }


def _lens(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often the true focal length lies within one and within two of the told standard deviations."""
    rows = [abs(np.log(r["focal_ratio"])) / r["focal_sigma"] for r in found if r.get("focal_sigma")]
    if not rows:
        return {"lens_told": 0.0}
    return {
        "lens_told": len(rows) / len(found),
        "lens_within_1": float(np.mean(np.array(rows) <= 1)),
        "lens_within_2": float(np.mean(np.array(rows) <= 2)),
    }


def table(report: dict[str, Any]) -> str:
    """The report as a table in Markdown: one column per camera, group and source."""
    columns, heads = [], []
    for camera in report["summary"]:
        for group in ("all", "whole"):
            summary = report["summary"][camera][group]
            for source in ("fit", "networks"):
                if source in summary:
                    columns.append((summary, summary[source], source))
                    heads.append(f"{source}, {group}, {camera} lens")
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]

    def row(name: str, values: list[float | None], form: str) -> None:
        shown = ["" if value is None else format(value, form) for value in values]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")

    def fit_only(key: str) -> list[float | None]:
        return [summary.get(key) if source == "fit" else None for summary, _, source in columns]

    row("people found, %", [100 * s["found"] / s["people"] for s, _, _ in columns], ".1f")
    for key, name in (("mpjpe", "MPJPE, mm"), ("pa_mpjpe", "PA-MPJPE, mm"), ("median_pa_mpjpe", "median PA-MPJPE, mm")):
        row(name, [entry[key] for _, entry, _ in columns], ".1f")
    row("PVE, mm", fit_only("pve"), ".1f")
    row("PA-PVE, mm", fit_only("pa_pve"), ".1f")
    row("PCKh@0.5, %", [100 * entry["pck"] for _, entry, _ in columns], ".1f")
    boxes = [entry.get("pck_box") for _, entry, _ in columns]
    row("PCK@0.05 of the box, %", [None if value is None else 100 * value for value in boxes], ".1f")
    for part in PARTS:
        row(f"{part}: MPJPE, mm", [entry["parts"][part] for _, entry, _ in columns], ".1f")
        row(f"{part}: PA, mm", [entry["pa_parts"][part] for _, entry, _ in columns], ".1f")
    for side in ("left", "right"):
        row(f"{side} hand where seen: from the wrist, mm", [e["hands"][side] for _, e, _ in columns], ".1f")
        row(f"{side} hand where seen: PA, mm", [e["pa_hands"][side] for _, e, _ in columns], ".1f")
    row("hands not found by the networks: from the wrist, mm", [e.get("hands_unseen") for _, e, _ in columns], ".1f")
    row(
        "hands found, %",
        [100 * s["hands_found"] if s.get("hands_found") is not None else None for s, _, _ in columns],
        ".0f",
    )
    row("silhouette IoU, %", [None if v is None else 100 * v for v in fit_only("iou")], ".1f")
    row("pelvis in camera axes, mm", fit_only("place_mm"), ".0f")
    row("depth, %", [None if v is None else 100 * v for v in fit_only("depth_share")], ".1f")
    row(
        "better than the networks' PA, %",
        [None if v is None else 100 * v for v in fit_only("better_than_networks")],
        ".0f",
    )
    share = ("unseen_odd", "unseen_odd_truth", "overlap", "overlap_truth", "between", "between_truth", "sex_said",
             "sex_right", "lens_told", "lens_within_1", "lens_within_2")  # fmt: skip
    for key, name, form in _ROWS:
        values = fit_only(key)
        if any(value is not None for value in values):
            row(name, [v if v is None or key not in share else 100 * v for v in values], form)
    first = next(iter(report["summary"].values()))["all"]
    seconds = ", ".join(f"{stage} {value:.2f}" for stage, value in first.get("seconds", {}).items())
    lines += ["", f"Median seconds: {seconds}."]
    lines += [
        f"Found where nobody is: {report['false_people']}; twice: {report.get('duplicates', 0)}; "
        f"two as one: {report.get('merged_people', 0)}."
    ]
    return "\n".join([*lines, "", *_scenes(report)]) if len(_scenes(report)) > 3 else "\n".join(lines)


def _scenes(report: dict[str, Any]) -> list[str]:
    """Lines of a table with the main figures of each kind of scene, for the first camera."""
    camera = next(iter(report["summary"]))
    lines = ["| scene | people | found | PA-MPJPE, mm | MPJPE, mm | PVE, mm |", "| --- |" + " ---: |" * 5]
    people = [r for r in report.get("people", ()) if r["camera"] == camera]
    for scene in sorted({r["scene"] for r in people}):
        rows = [r for r in people if r["scene"] == scene]
        found = [r for r in rows if r["found"]]
        numbers = [np.mean([r["fit"][k] for r in found]) if found else np.nan for k in ("pa_mpjpe", "mpjpe")]
        numbers.append(np.mean([r["pve"] for r in found]) if found else np.nan)
        lines.append(f"| {scene} | {len(rows)} | {len(found)} | " + " | ".join(f"{n:.1f}" for n in numbers) + " |")
    return lines


_ROWS = (
    ("elbow_bias", "elbows bent too far (negative: too straight), degrees", "+.1f"),
    ("elbow_error", "elbows, degrees off", ".1f"),
    ("knee_bias", "knees bent too far (negative: too straight), degrees", "+.1f"),
    ("knee_error", "knees, degrees off", ".1f"),
    ("unseen", "limbs that are not seen at all", ".0f"),
    ("unseen_odd", "of these bent as people hardly do, %", ".1f"),
    ("unseen_odd_truth", "the same of the truth, %", ".1f"),
    ("unseen_degrees", "unseen limbs, degrees off", ".1f"),
    ("overlap", "people with a part over 1 cm within another, %", ".1f"),
    ("overlap_truth", "the same of the truth, %", ".1f"),
    ("between", "of two, over 1 cm within the other, %", ".1f"),
    ("between_truth", "the same of the truth, %", ".1f"),
    ("sex_said", "adults whose sex is said, %", ".0f"),
    ("sex_right", "of these rightly, %", ".0f"),
    ("sex_auc", "AUC of the slider gender", ".2f"),
    ("adult_size", "adults' size, estimate over truth", ".3f"),
    ("child_size", "children's size, estimate over truth", ".3f"),
    ("depth_median", "depth, median share off", ".3f"),
    ("fov_error", "field of view, degrees off", ".1f"),
    ("lens_told", "estimates that tell how sure they are of the lens, %", ".0f"),
    ("lens_within_1", "true lens within one told standard deviation, %", ".0f"),
    ("lens_within_2", "within two, %", ".0f"),
    ("up_degrees", "told up against the true one, degrees", ".1f"),
)
"""What is summed up of the fit alone: key, words, format."""


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write the report as JSON; it appears whole or not at all."""
    temporary = path.with_suffix(path.suffix + ".part")
    temporary.write_text(json.dumps(report, indent=1) + "\n")
    temporary.replace(path)
