"""Two checkouts' answers to the same pictures, judged by this one and set side by side.

Each checkout answers with the Python of its own .venv and its own code; only ``answers.py`` is run there. A checkout
may thus be far older than this bench. Both use the usual models folder unless they are given one.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.mhr import Body

from . import answers
from .score import judged, pictures
from .search import table as search_table
from .search import tallies
from .truth import BODY_FILE

_ROWS: tuple[tuple[str, tuple[str, ...], str, bool], ...] = (
    ("people found, %", ("found_share",), ".1f", True),
    ("PA-MPJPE, mm", ("fit", "pa_mpjpe"), ".1f", False),
    ("median PA-MPJPE, mm", ("fit", "median_pa_mpjpe"), ".1f", False),
    ("MPJPE, mm", ("fit", "mpjpe"), ".1f", False),
    ("PVE, mm", ("pve",), ".1f", False),
    ("PA-PVE, mm", ("pa_pve",), ".1f", False),
    ("PCKh@0.5, %", ("fit", "pck"), ".3f", True),
    ("PCK@0.05 of the box", ("fit", "pck_box"), ".3f", True),
    ("outline, IoU", ("iou",), ".3f", True),
    ("elbows, degrees off", ("elbow_error",), ".1f", False),
    ("knees, degrees off", ("knee_error",), ".1f", False),
    ("unseen limbs bent as people hardly do", ("unseen_odd",), ".3f", False),
    ("unseen limbs, degrees off", ("unseen_degrees",), ".1f", False),
    ("people with a part over 1 cm within another", ("overlap",), ".3f", False),
    ("of two, over 1 cm within the other", ("between",), ".3f", False),
    ("AUC of the slider gender", ("sex_auc",), ".2f", True),
    ("depth, share off", ("depth_share",), ".3f", False),
    ("depth, median share off", ("depth_median",), ".3f", False),
    ("field of view, degrees off", ("fov_error",), ".1f", False),
)
"""Words, where the number stands in a summary, its form, and whether more is better."""
_SIGNED = (("elbows bent too far, degrees", "elbow_bias"), ("knees bent too far, degrees", "knee_bias"))


def ask_checkout(
    checkout: Path, folder: Path, numbers: Sequence[str], out: Path, camera: str, find_only: bool = False
) -> None:
    """Let a checkout write its answers to pictures of a set, those that are not there yet.

    Raises:
        SystemExit: it has no .venv, or its run fails.
    """
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{checkout} has no .venv/bin/python: make one and install the project there.")
    missing = [number for number in numbers if not (out / f"{number}.npz").exists()]
    if not missing:
        return
    script = Path(answers.__file__).resolve()
    command: list[str | Path] = [python, "-P", script, "--set", folder.resolve(), "--out", out.resolve()]
    command += ["--camera", camera, *(["--find-only"] if find_only else []), *missing]
    if subprocess.run(command, cwd=checkout).returncode:
        raise SystemExit(f"{checkout} could not answer; see above.")


def compare_checkouts(
    old: Path, new: Path, folder: Path, split: str, cameras: Sequence[str], out: Path, limit: int | None = None
) -> dict[str, Any]:
    """The reports about both checkouts' answers, and about people whom both found alone.

    Args:
        out: where answers are kept, ``out/old`` and ``out/new``.
        limit: only so many pictures.
    """
    files = pictures(folder, split)[:limit]
    if not files:
        raise SystemExit(f"There are no rendered pictures of the split {split} in {folder}.")
    body = Body.load(folder / BODY_FILE)
    numbers = [file.stem for file in files]
    reports = {}
    for name, checkout in (("old", old), ("new", new)):
        for camera in cameras:
            ask_checkout(checkout, folder, numbers, out / name / camera, camera)
        reports[name] = judged(folder, files, out / name, cameras, body)
    return {"set": str(folder), "split": split, **reports, "both": _of_both(reports["old"], reports["new"])}


def search_checkouts(old: Path, new: Path, folder: Path, split: str, out: Path, limit: int | None = None) -> str:
    """Whom both checkouts find, as tables."""
    files = pictures(folder, split)[:limit]
    body = Body.load(folder / BODY_FILE)
    parts = []
    for name, checkout in (("old", old), ("new", new)):
        ask_checkout(checkout, folder, [file.stem for file in files], out / name / "found", "default", True)
        parts.append(f"{name}\n\n{search_table(tallies(folder, files, out / name / 'found', body))}")
    return "\n\n".join(parts)


def _of_both(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Of people whom both found: how many got a smaller PA-MPJPE, and the mean change in mm with its standard error."""
    result: dict[str, Any] = {}
    for camera in old["summary"]:
        pairs = []
        for a, b in zip(old["people"], new["people"]):
            if a["camera"] == camera and a["found"] and b["found"]:
                pairs.append((a["fit"]["pa_mpjpe"], b["fit"]["pa_mpjpe"], a["fit"]["mpjpe"], b["fit"]["mpjpe"]))
        table = np.array(pairs).reshape(-1, 4)
        change = table[:, 1] - table[:, 0]
        result[camera] = {
            "people": len(table),
            "pa_better": float((change < 0).mean()) if len(table) else math.nan,
            "pa_change": float(change.mean()) if len(table) else math.nan,
            "pa_change_error": float(change.std(ddof=1) / math.sqrt(len(table))) if len(table) > 1 else math.nan,
            "mpjpe_change": float((table[:, 3] - table[:, 2]).mean()) if len(table) else math.nan,
        }
    return result


def side_by_side(report: dict[str, Any], say: Callable[[str], None] = print) -> None:
    """Print both checkouts' figures and their ratios, new over old."""
    for camera in report["old"]["summary"]:
        old, new = (report[name]["summary"][camera]["all"] for name in ("old", "new"))
        say(f"\n{camera} lens, {old['people']} people, split {report['split']}\n")
        say("| | old | new | new over old |\n| --- | ---: | ---: | ---: |")
        for summary in (old, new):
            summary["found_share"] = 100 * summary["found"] / summary["people"]
        for words, path, form, more in _ROWS:
            a, b = _at(old, path), _at(new, path)
            ratio = "" if a is None or b is None or not a else f"{b / a:.3f}{' (more is better)' if more else ''}"
            say(f"| {words} | {_shown(a, form)} | {_shown(b, form)} | {ratio} |")
        for words, key in _SIGNED:
            say(f"| {words} | {_shown(old.get(key), '+.1f')} | {_shown(new.get(key), '+.1f')} | |")
        both = report["both"][camera]
        say(
            f"\nOf {both['people']} people whom both found: PA-MPJPE smaller for {100 * both['pa_better']:.0f} %, by "
            f"{both['pa_change']:+.1f} mm on average (standard error {both['pa_change_error']:.1f}); MPJPE by "
            f"{both['mpjpe_change']:+.1f} mm."
        )
    for name in ("old", "new"):
        one = report[name]
        say(f"{name}: false {one['false_people']}, twice {one['duplicates']}, two as one {one['merged_people']}.")


def _at(summary: dict[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = summary
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None or not math.isfinite(value) else float(value)


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def run(arguments: Any) -> None:
    """The command ``compare``."""
    import json
    import tempfile

    cameras = ("default", "true") if arguments.camera == "both" else (arguments.camera,)
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.answers or Path(temporary)
        if arguments.find_only:
            paths = arguments.old, arguments.new, arguments.folder
            print(search_checkouts(*paths, arguments.split, out, arguments.limit))
            return
        report = compare_checkouts(
            arguments.old, arguments.new, arguments.folder, arguments.split, cameras, out, arguments.limit
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    side_by_side(report, lambda line: print(line, file=sys.stdout))
