"""``python -m bench.overfit``: a small network learns rendered people by heart, with rounds of prompts and all terms.

The bar: the mean joint error of the first answer, which nobody helped, under 8 mm, and every term below what it was.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from native_runtime.models.store import load_body
from native_runtime.training.losses.total import TrainingLoss, Weights
from native_runtime.training.processes import processes
from native_runtime.training.prompting.keypoints import PromptSettings
from native_runtime.training.reports import FILE
from native_runtime.training.settings import TrainingSettings
from native_runtime.training.trainer import train
from native_runtime.training.validation import mean_joint_error

from .network import Size, new_branch, with_few_shapes
from .people import learnt

BAR = 8.0
"""Millimetres."""


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.overfit", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=16)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2, help="answers of a step, all but the first with prompts")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()

    torch.set_num_threads(1)
    body = with_few_shapes(load_body("default-lod2"))
    branch = new_branch(body, Size())
    people = learnt(branch, body, given.people)
    settings = TrainingSettings(
        steps=given.steps,
        batch=given.people,
        learning_rate=given.learning_rate,
        warm_up=20,
        average=0.9,
        validate_every=max(1, given.steps // 10),
        save_every=given.steps,
        prompts=PromptSettings(rounds=given.rounds),
        train_encoder=True,
    )
    loss, started = TrainingLoss.of_mhr(settings.weights), time.monotonic()
    with processes() as own, tempfile.TemporaryDirectory() as folder:

        def error(model: torch.nn.Module) -> float:
            return mean_joint_error(model, people, given.people, own.device)  # type: ignore[arg-type]

        def validate(model: torch.nn.Module) -> float:
            now = error(model)
            print(f"{time.monotonic() - started:5.0f} s  {now:6.1f} mm", flush=True)
            return now

        before = error(branch)
        train(branch, loss, people, settings, Path(folder), own, validate)
        after = error(branch)
        lines = [json.loads(line) for line in (Path(folder) / FILE).read_text().splitlines()]
    told = [line for line in lines if "loss" in line]
    terms = {name: (told[0][name], told[-1][name]) for name in Weights.terms()}
    print(f"\n| {given.people} people, {given.steps} steps | step {told[0]['step']} | step {told[-1]['step']} |")
    print("| --- | ---: | ---: |")
    print(f"| mean joint error of the first answer, mm (before the first step) | {before:.1f} | {after:.1f} |")
    for name, (first, last) in terms.items():
        print(f"| {name} | {first:.4f} | {last:.4f} |")
    passed = after < BAR and all(last < first for first, last in terms.values())
    print(f"\n{'Passed' if passed else 'FAILED'}: under {BAR:.0f} mm, and every term below what it was.")
    if given.json:
        report = {"before": before, "after": after, "terms": terms, "passed": passed}
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
