"""Runs an engine over the set and sums up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.engines import open_engine
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body

from .compare import PARTS, compare, distance_between
from .truth import BODY_FILE, Truth, split_of

_MATCH_LIMIT = 0.25
"""Of the person's diagonal: a found person farther off than this is somebody else, or nobody."""
CAMERAS = ("default", "true")
"""Without any knowledge of the lens, as for a photo without EXIF; and with the true intrinsics."""


def pictures(folder: Path, split: str) -> list[Path]:
    """The truth files of a split: ``tune``, ``held-out`` or ``all``."""
    files = sorted(folder.glob("[0-9]*.npz"))
    return [file for file in files if split == "all" or split_of(int(file.stem)) == split]


def score_set(
    folder: Path, split: str, engine_name: str, cameras: Sequence[str], progress: Callable[[str], None]
) -> dict[str, Any]:
    """Score an engine on a set: a record per true person and camera, and the summary of them."""
    files = pictures(folder, split)
    if not files:
        raise SystemExit(f"There are no rendered pictures of the split {split} in {folder}.")
    engine = open_engine(engine_name, body=folder / BODY_FILE)
    body: Body = engine.body
    head = np.flatnonzero((body.skin_weights * (body.skin_indices == body.joint_index("c_head"))).sum(axis=1) > 0.7)
    records: list[dict[str, Any]] = []
    extra = 0
    for file in files:
        truth = Truth.load(file)
        if truth.about["body_hash"] != body.hash:
            raise SystemExit(f"{file} shows another body than {folder / BODY_FILE}: render the set again.")
        for camera in cameras:
            started = time.perf_counter()
            found, surplus = _score_picture(engine, body, head, truth, file, camera)
            records += found
            extra += surplus if camera == cameras[0] else 0
            progress(f"{file.stem} {camera}: {len(found)} ({time.perf_counter() - started:.1f} s)")
    return {
        "engine": engine_name,
        "split": split,
        "body": body.name,
        "body_hash": body.hash,
        "pictures": len(files),
        "false_people": extra,
        "summary": {camera: _groups([r for r in records if r["camera"] == camera]) for camera in cameras},
        "people": records,
    }


def _score_picture(
    engine: Any, body: Body, head: Any, truth: Truth, file: Path, camera: str
) -> tuple[list[dict[str, Any]], int]:
    from .metrics import match

    photo = read_photo(file.with_suffix(".jpg"))
    try:
        reading = engine.read(photo, truth.intrinsics if camera == "true" else None)
        people = reading.people
    except Sam3dbError:
        people = []
    costs = np.array([[distance_between(p, q.landmarks, body, truth) for q in people] for p in truth.people])
    pairs = dict(match(costs.reshape(len(truth.people), len(people)), _MATCH_LIMIT))
    records = []
    for index, person in enumerate(truth.people):
        columns = slice(0, 33)
        record = {
            "picture": file.stem,
            "camera": camera,
            "person": index,
            "pose": person.about["pose"],
            "tags": person.about["tags"],
            "cut": truth.about["cut"],
            "obstacle": truth.about["obstacle"],
            "pair": len(truth.people) > 1,
            "in_frame": float(np.mean(truth.inside(person.landmarks[columns]))),
            "seen": float(np.mean(person.seen[columns])),
            "found": index in pairs,
        }
        if index in pairs:
            estimate = reading.estimate(pairs[index])
            record |= compare(body, truth, person, estimate, people[pairs[index]].landmarks, head)
            record["seconds"] = {k: float(v) for k, v in estimate.seconds.items()}
        records.append(record)
    return records, len(people) - len(pairs)


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
        entry: dict[str, Any] = {key: mean([row[key] for row in rows]) for key in ("mpjpe", "pa_mpjpe", "pck")}
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
    for key in ("pve", "pa_pve", "mhr70", "iou", "place_mm", "depth_share"):
        result[key] = mean([r[key] for r in found])
    if "networks" in found[0]:
        result["hands_found"] = mean([len(r["hands_found"]) / 2 for r in found])
        result["better_than_networks"] = mean([float(r["fit"]["pa_mpjpe"] < r["networks"]["pa_mpjpe"]) for r in found])
    stages = sorted({stage for r in found for stage in r["seconds"]})
    result["seconds"] = {stage: float(np.median([r["seconds"].get(stage, 0.0) for r in found])) for stage in stages}
    return result


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
    first = next(iter(report["summary"].values()))["all"]
    seconds = ", ".join(f"{stage} {value:.2f}" for stage, value in first.get("seconds", {}).items())
    lines += ["", f"Median seconds: {seconds}. Found where nobody is: {report['false_people']}."]
    return "\n".join(lines)


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write the report as JSON; it appears whole or not at all."""
    temporary = path.with_suffix(path.suffix + ".part")
    temporary.write_text(json.dumps(report, indent=1) + "\n")
    temporary.replace(path)
