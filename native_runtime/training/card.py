"""The card of a trained model: what it was made of, how, and how good it came out, for whoever gets it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .reports import FILE
from .settings import TrainingSettings
from .trainer import Outcome

CARD = "model_card.md"


@dataclass(frozen=True)
class Sources:
    """What a model was made of.

    Attributes:
        network: what it is, in words.
        weights: by name of a file, the hash of what it began with.
        data: by name of a shard, its hash.
        people, held_out: how many were learnt from, and looked at for validation.
        command: that was run.
        licence: of the weights.
        data_card: what the data set says of itself, or "".
    """

    network: str
    weights: Mapping[str, str]
    data: Mapping[str, str]
    people: int
    held_out: int
    command: Sequence[str]
    licence: str
    data_card: str = ""


def model_card(sources: Sources, settings: TrainingSettings, outcome: Outcome, folder: Path, versions: str) -> str:
    """The card as Markdown.

    Args:
        folder: of the training, with its reports.
        versions: of the programs that computed it.
    """
    lines = [
        f"# {sources.network}",
        "",
        f"Trained for {outcome.steps} steps with seed {settings.seed}, {versions}"
        + ("; ended early, since it got no better." if outcome.stopped_early else "."),
        "",
        f"Licence of the weights: {sources.licence}",
        "",
        "## Command",
        "",
        f"    {' '.join(sources.command)}",
        "",
        "## Figures",
        "",
        *_figures(sources.held_out, settings, outcome, _last_report(folder)),
    ]
    lines += ["", "## Data", "", f"{sources.people} people to learn from, {sources.held_out} held out.", ""]
    lines += _table("file", sources.data)
    if sources.weights:
        lines += ["", "## Weights to begin with", "", *_table("file", sources.weights)]
    lines += ["", "## Settings", "", "```json", json.dumps(settings.to_json(), indent=2), "```", ""]
    if sources.data_card:
        lines += ["## What the data set says of itself", "", sources.data_card.strip(), ""]
    return "\n".join(lines)


def _figures(held_out: int, settings: TrainingSettings, outcome: Outcome, losses: Mapping[str, float]) -> list[str]:
    """What was measured on people held out, or why nothing was, and the losses of the last report."""
    rows = [f"| {name}, last report | {value:.4f} |" for name, value in losses.items()]
    told: list[str] = []
    if math.isfinite(outcome.best):
        rows.insert(
            0,
            f"| mean joint error of the first answer, {held_out} people held out, mm | {outcome.best:.1f} "
            f"(after step {outcome.best_step}) |",
        )
    elif not held_out:
        told = ["How good the model is was not measured: the data set holds nobody out."]
    elif outcome.steps < min(settings.validate_every, settings.steps):
        told = [
            f"How good the model is was not measured: the training stands at step {outcome.steps}, and the people "
            f"held out are looked at every {settings.validate_every} steps."
        ]
    else:
        told = ["How good the model is could not be measured: of nobody held out the joints are known in space."]
    if not rows:
        return told
    return [*told, *([""] if told else []), "| what | value |", "| --- | ---: |", *rows]


def _table(what: str, hashes: Mapping[str, str]) -> list[str]:
    return [f"| {what} | SHA-256 |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in hashes.items())]


def _last_report(folder: Path) -> dict[str, float]:
    """The losses of the last report; empty where there was none."""
    path = folder / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    reports = [json.loads(line) for line in lines]
    told = [report for report in reports if "loss" in report]
    left_out = ("step", "seconds", "gradient")
    return (
        {name: value for name, value in told[-1].items() if name not in left_out and value is not None} if told else {}
    )
