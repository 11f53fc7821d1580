"""``python -m bench.prompt_curves --data FOLDER``: error after 0, 1, 2, 3 and 5 prompts, and of prompts that are wrong.

FOLDER is what ``sam3db dataset synthesize`` made; only people held out are asked about. Errors are MPJPE in mm from the
middle of the hips, of the 28 keypoints that are no fingers. Prompts are on shoulders, elbows, wrists, hips, knees and
ankles in plain sight: at the one that is farthest off in the last answer (in the photo), or at any of them. A prompt
with noise lies off by up to so much of the longer side of the box, in x and in y (as in SAM 3D Body's table 7, arXiv
2602.15989); one on the wrong side has the place of the other side's joint, which has to be 5 % of the box away or
more.

Prompts are put in one or several ways (``--modes``), to the same people and at the same places but for those that
depend on the last answer: ``exact``, met by their limbs alone as when an artist drags; ``whole-body``, met after the
whole body has moved; ``may-be-off``, observations beside the networks'.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.bounds import PROMPT_ERROR
from native_runtime.prompts.prompt import Prompt
from native_runtime.prompts.quality.anatomy import mirrors

from .models import MODES, Answer, Case, engine_cases, in_modes

Array = NDArray[Any]

COUNTS = (1, 2, 3, 5)
NOISES = (0.05, 0.1)
APART = 0.05
BODY = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 41, 62)
SCORED = (*range(21), 41, 62, *range(63, 70))
BARS = {
    "one true prompt at the worst joint helps, %": (80.0, 1),
    "noise of 10 %: mean loss, mm": (1.0, -1),
    "wrong side: flagged, %": (85.0, 1),
}
"""What is aimed at, and whether more (1) or less (-1) is better."""


def error(answer: Answer, case: Case) -> float:
    """MPJPE in mm."""
    said, true = (
        points - points[[9, 10]].mean(axis=0) for points in (answer.keypoints_3d, case.row.keypoints_3d[:, :3])
    )
    return float(1000 * np.linalg.norm(said - true, axis=1)[list(SCORED)].mean())


class Curves:
    """What has been measured: by label, a row of numbers for each person."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, float]]] = defaultdict(list)

    def measure(self, case: Case, rng: np.random.Generator) -> None:
        """Ask about one person."""
        true, side = case.row.keypoints_2d[:, :2], float((case.row.box[2:] - case.row.box[:2]).max())
        candidates = [keypoint for keypoint in BODY if case.seen[keypoint]]
        if not candidates:
            return
        before = error(case.first, case)
        prompts: list[Prompt] = []
        answer, first = case.first, -1
        for count in range(1, min(max(COUNTS), len(candidates)) + 1):
            left = [k for k in candidates if k not in {prompt[0] for prompt in prompts}]
            chosen = left[int(np.linalg.norm(answer.keypoints_2d[left] - true[left], axis=1).argmax())]
            first = chosen if count == 1 else first
            prompts.append((chosen, *map(float, true[chosen])))
            answer = case.model.answer(prompts)
            if count in COUNTS:
                self._add(f"{count} at the worst joints", before, answer, case, chosen)
        for noise in NOISES:
            place = true[first] + noise * side * rng.uniform(-1, 1, 2)
            answer = case.model.answer([(first, *map(float, place))])
            self._add(f"1 at the worst joint, noise {noise:.0%}", before, answer, case, first)
        chosen = int(rng.choice(candidates))
        for noise in (0.0, *NOISES):
            place = true[chosen] + noise * side * rng.uniform(-1, 1, 2)
            answer = case.model.answer([(chosen, *map(float, place))])
            self._add(f"1 at any joint{f', noise {noise:.0%}' if noise else ''}", before, answer, case, chosen)
        mirror = mirrors()
        swapped = [k for k in candidates if np.linalg.norm(true[k] - true[mirror[k]]) > APART * side]
        if swapped:
            chosen = int(rng.choice(swapped))
            answer = case.model.answer([(chosen, *map(float, true[mirror[chosen]]))])
            self._add("1 on the wrong side", before, answer, case, chosen)

    def _add(self, label: str, before: float, answer: Answer, case: Case, keypoint: int) -> None:
        after = error(answer, case)
        row = {"before": before, "after": after, "gain": before - after, "flagged": float(keypoint in answer.flagged)}
        self.rows[label].append({**row, "keypoint": keypoint})

    def table(self) -> dict[str, dict[str, float]]:
        """Sums by label."""
        out = {}
        for label, rows in self.rows.items():
            gain = np.array([row["gain"] for row in rows])
            out[label] = {
                "people": len(rows),
                "before": float(np.mean([row["before"] for row in rows])),
                "after": float(np.mean([row["after"] for row in rows])),
                "helps": 100 * float(np.mean(gain > 0)),
                "mean gain": float(np.mean(gain)),
                "median gain": float(np.median(gain)),
                "flagged": 100 * float(np.mean([row["flagged"] for row in rows])),
            }
        return out


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.prompt_curves", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engine", default="landmarks")
    parser.add_argument("--body", default="default", help="the engine's: a name or a file")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--lens", choices=("default", "true"), default="default")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=["exact"], help="how prompts are put")
    parser.add_argument(
        "--prompt-error", type=float, default=PROMPT_ERROR, help="of whole-body and may-be-off, of the person's height"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    curves = {mode: Curves() for mode in given.modes}
    for case in engine_cases(given.data, given.engine, given.body, given.people, given.lens):
        for mode, asked in in_modes(case, given.modes, given.prompt_error).items():
            # by the picture, so that it does not matter who else is found
            curves[mode].measure(asked, np.random.default_rng([3, zlib.crc32(case.name.encode())]))
        print(".", end="", file=sys.stderr, flush=True)
        if given.json:
            found = {mode: {"table": curve.table(), "rows": curve.rows} for mode, curve in curves.items()}
            given.json.write_text(json.dumps(found, indent=1) + "\n")
    for mode, curve in curves.items():
        print(f"\n## {mode}\n\n{report(curve.table())}")


def report(table: dict[str, dict[str, float]]) -> str:
    """The table, and what is aimed at."""
    lines = [
        "| prompts | people | before, mm | after, mm | gain, mm: mean | median | helps, % | flagged, % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for label, row in table.items():
        lines.append(
            f"| {label} | {row['people']} | {row['before']:.1f} | {row['after']:.1f} | {row['mean gain']:.1f} | "
            f"{row['median gain']:.1f} | {row['helps']:.0f} | {row['flagged']:.0f} |"
        )
    noisy = table[f"1 at the worst joint, noise {NOISES[-1]:.0%}"]
    found = {
        "one true prompt at the worst joint helps, %": table["1 at the worst joints"]["helps"],
        "noise of 10 %: mean loss, mm": noisy["after"] - noisy["before"],
        "wrong side: flagged, %": table["1 on the wrong side"]["flagged"],
    }
    lines.append("")
    for name, value in found.items():
        bar, way = BARS[name]
        reached = way * value >= way * bar
        lines.append(f"{name}: {value:.1f} (bar {bar:.0f}): {'reached' if reached else 'NOT reached'}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
