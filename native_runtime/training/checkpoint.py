"""A training as a file: weights, averages and the optimiser's state, so that it goes on exactly as it would have.

The file is a .safetensors file. Nothing in it is code, and whoever reads it runs none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from native_runtime.errors import FileError
from native_runtime.files.atomic import atomic_file

from .averaging import AveragedWeights, trained
from .formats import CHECKPOINT
from .origin import Origin

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        step: steps done.
        best: the best validation error so far; infinite before the first.
        best_step: when it was.
        settings: as ``TrainingSettings.to_json`` has them.
        origin: the data, and the weights that it began with; empty where nobody named them.
    """

    step: int
    best: float
    best_step: int
    settings: dict[str, Any]
    origin: Origin = field(default_factory=Origin)


def save(
    path: Path, module: nn.Module, averaged: AveragedWeights, optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write a training, completely or not at all."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, weight in trained(module).items():
        tensors[f"weights.{name}"] = weight.detach()
        tensors[f"averaged.{name}"] = averaged.weights[name]
        for moment in _MOMENTS:
            if weight in optimiser.state:
                tensors[f"{moment}.{name}"] = optimiser.state[weight][moment]
    facts = {
        "format": str(CHECKPOINT),
        "step": progress.step,
        "best": progress.best,
        "best_step": progress.best_step,
        "settings": progress.settings,
        "origin": progress.origin.to_json(),
    }
    with atomic_file(path) as part:
        save_file(
            {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, part, {"training": json.dumps(facts)}
        )


def read(path: Path) -> tuple[Progress, dict[str, Tensor]]:
    """How far a training had come, and its tensors: ``weights.NAME``, ``averaged.NAME``, and the optimiser's.

    Raises:
        FileError: the file is damaged, or no checkpoint.
        NewerFormatError: a newer version of the program wrote it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts = CHECKPOINT.parsed((file.metadata() or {}).get("training", "{}"), path.name)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        progress = Progress(
            int(facts["step"]),
            float(facts["best"]),
            int(facts["best_step"]),
            dict(facts["settings"]),
            Origin.read(dict(facts.get("origin", {}))),
        )
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path.name} is no checkpoint of a training: {error}.") from error
    return progress, tensors


def load(path: Path, module: nn.Module, averaged: AveragedWeights, optimiser: torch.optim.Optimizer) -> Progress:
    """Take over a training that ``save`` wrote.

    Raises:
        FileError, NewerFormatError: see ``read``; FileError also where it belongs to another network.
    """
    progress, tensors = read(path)
    own = trained(module)
    wanted = {f"weights.{name}": tuple(weight.shape) for name, weight in own.items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items() if name.startswith("weights.")}
    if wanted != given:
        raise FileError(f"{path.name} belongs to another network, or to other settings of what is trained.")
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(tensors[f"weights.{name}"])
            averaged.weights[name].copy_(tensors[f"averaged.{name}"])
            if f"step.{name}" in tensors:
                optimiser.state[weight] = {
                    moment: tensors[f"{moment}.{name}"].to(weight.device if moment != "step" else "cpu")
                    for moment in _MOMENTS
                }
    return progress
