"""Whether the kinds of pictures of known kind are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mining.judging import behind_something
from native_runtime.mining.kinds import Kind, Scene, kinds_of
from native_runtime.mining.picture import Sharpness
from native_runtime.mining.posture import posture
from native_runtime.models import store


def told_kinds(folders: Sequence[Path]) -> Iterator[str]:
    """Lines: of each kind how many of its pictures it is told of (of plain ones: that nothing is), and of how many
    others. Pictures whose person was not found count as not told.
    """
    body = store.load_body("default")
    right, all_of, false = Counter[str](), Counter[str](), Counter[str]()
    for folder in folders:
        for line in (folder / "measured.jsonl").read_text().splitlines():
            row = json.loads(line)
            kinds = _kinds(row, folder, body)
            all_of[row["kind"]] += 1
            right[row["kind"]] += kinds is not None and (row["kind"] in kinds if row["kind"] != "plain" else not kinds)
            false.update(kind for kind in kinds or () if kind != row["kind"])
    for kind in all_of:
        yield f"{kind}: {right[kind]} of {all_of[kind]}; of others {false[kind]}"
    yield f"all: {right.total()} of {all_of.total()}"


def _kinds(row: dict[str, Any], folder: Path, body: Body) -> tuple[Kind, ...] | None:
    """By the rules and thresholds of now, on the estimate that was measured; None where there is none."""
    if "scene" not in row:
        return None
    estimate = Estimate.load(folder / "found" / f"{row['name']}.npz")
    sharp = row["scene"]["sharpness"]
    scene = Scene(**(row["scene"] | {"sharpness": None if sharp is None else Sharpness(**sharp)}))
    hidden = row["signs"]["hidden"]
    scene = replace(scene, hidden=1.0 if hidden is None else behind_something(estimate, hidden))
    return kinds_of(posture(estimate, body), scene)
