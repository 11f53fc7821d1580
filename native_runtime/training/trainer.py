"""The trainer: from data and settings to averaged weights, in steps that can be taken up again at any point."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from native_runtime.errors import FileError, UsageError

from . import checkpoint
from .averaging import AveragedWeights, first_not_finite, trained
from .checkpoint import Progress
from .losses.total import TrainingLoss
from .origin import Origin
from .processes import Processes
from .randomness import shuffled
from .reports import Reports
from .rounds import Batch, Rounds
from .settings import TrainingSettings

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
_REPORT_EVERY = 10
_LAST_RATE = 0.01
_NOT_NAMED = Origin()


class Data(Protocol):
    """People to learn from, by number."""

    def __len__(self) -> int: ...

    def batch(self, numbers: Sequence[int]) -> Batch:
        """These people, on the CPU."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        steps: done in all.
        best: the best validation error; infinite where there was no validation.
        best_step: when it was.
        stopped_early: whether it ended since it got no better.
    """

    steps: int
    best: float
    best_step: int
    stopped_early: bool


def train(
    model: nn.Module,
    loss: TrainingLoss,
    data: Data,
    settings: TrainingSettings,
    folder: Path,
    processes: Processes,
    validate: Callable[[nn.Module], float] | None = None,
    stop_after: int | None = None,
    origin: Origin = _NOT_NAMED,
) -> Outcome:
    """Train a model, or go on training it where ``folder`` holds a checkpoint.

    Args:
        model: a ``PromptableModel``; in the end it wears the averaged weights.
        folder: gets the checkpoint, the best weights and the reports.
        validate: an error to be as small as possible, of the model with the averaged weights.
        stop_after: pause after so many steps, with a checkpoint.
        origin: the files of the data and of the model's first weights; a checkpoint goes on with the same only.

    Raises:
        UsageError: the checkpoint in ``folder`` has another origin or other settings; the batch cannot be
            shared evenly, or is larger than the data; a gradient or a weight is not finite.
        FileError: the checkpoint in ``folder`` belongs to another training.
    """
    if settings.batch % processes.count or settings.batch > len(data):
        raise UsageError(
            f"A batch of {settings.batch} has to be shared evenly by {processes.count} processes, and there are "
            f"{len(data)} people. Choose another batch."
        )
    rounds = Rounds(model, loss, settings.prompts, settings.masks, settings.seed).to(processes.device)
    run = _Run(rounds, data, settings, folder, processes, validate, origin)
    with _reproducible(settings.deterministic):
        return run.go(settings.steps if stop_after is None else min(settings.steps, stop_after))


class _Run:
    def __init__(
        self,
        rounds: Rounds,
        data: Data,
        settings: TrainingSettings,
        folder: Path,
        processes: Processes,
        validate: Callable[[nn.Module], float] | None,
        origin: Origin,
    ) -> None:
        self.rounds, self.data, self.settings = rounds, data, settings
        self.folder, self.processes, self.validate = folder, processes, validate
        self.averaged = AveragedWeights(rounds, settings.average)
        self.optimiser = torch.optim.AdamW(_groups(rounds, settings.weight_decay), lr=0.0)
        self.progress = Progress(0, math.inf, 0, settings.to_json(), origin)
        saved = folder / CHECKPOINT
        if saved.is_file():
            self.progress = self._resumed(saved)
        self.distributed = processes.distributed(rounds)
        self.reports = Reports(folder, self.progress.step) if processes.is_first else None

    def go(self, until: int) -> Outcome:
        settings, stopped, saved = self.settings, False, self.progress.step
        try:
            while self.progress.step < until and not stopped:
                self._step(self.progress.step)
                self.progress = replace(self.progress, step=self.progress.step + 1)
                step = self.progress.step
                if self.validate is not None and (step % settings.validate_every == 0 or step == settings.steps):
                    stopped = self._look()
                if step % settings.save_every == 0 or step == until or stopped:
                    self._save(CHECKPOINT)
                    saved = step
        finally:
            if self.reports is not None:
                self.reports.close()
        if saved == settings.steps or stopped:
            with torch.no_grad():
                for name, weight in trained(self.rounds).items():
                    weight.copy_(self.averaged.weights[name])
        return Outcome(self.progress.step, self.progress.best, self.progress.best_step, stopped)

    def _step(self, step: int) -> None:
        settings, started = self.settings, time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(settings, step)
        self.rounds.train()
        batch = self.data.batch(self.processes.share(self._numbers(step))).to(self.processes.device)
        with torch.autocast(self.processes.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            total, terms = self.distributed(batch, step)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(list(trained(self.rounds).values()), settings.clip)
        if not torch.isfinite(norm):
            raise UsageError(
                f"The loss of step {step} has no finite gradient. Train with a lower learning rate, or in float32."
            )
        self.optimiser.step()
        self.averaged.update(self.rounds, step + 1)
        if self.reports is not None and (step + 1) % _REPORT_EVERY == 0:
            numbers = {name: float(value) for name, value in terms.items()}
            seconds = time.monotonic() - started
            self.reports.add(
                step + 1, {"loss": float(total.detach()), "gradient": float(norm), "seconds": seconds, **numbers}
            )

    def _numbers(self, step: int) -> list[int]:
        """The people of a step's batch: each of them once before any of them again, what is left over left out."""
        settings = self.settings
        batches = len(self.data) // settings.batch
        order = shuffled(len(self.data), settings.seed, "epoch", step // batches)
        start = (step % batches) * settings.batch
        return order[start : start + settings.batch]

    def _look(self) -> bool:
        """Validate; whether the training should end."""
        assert self.validate is not None
        with self.averaged.worn_by(self.rounds), torch.no_grad():
            self.rounds.eval()
            error = self.validate(self.rounds.model)
        step, better = self.progress.step, error < self.progress.best
        if better:
            self.progress = replace(self.progress, best=error, best_step=step)
            self._save(BEST)
        if self.reports is not None:
            self.reports.add(step, {"validation": error})
        looks = (step - self.progress.best_step) // self.settings.validate_every
        return bool(self.settings.patience) and looks >= self.settings.patience

    def _save(self, name: str) -> None:
        bad = first_not_finite(trained(self.rounds)) or first_not_finite(self.averaged.weights)
        if bad is not None:
            raise UsageError(
                f"After step {self.progress.step} the weights '{bad}' are not finite. Train with a lower learning rate."
            )
        if self.processes.is_first:
            checkpoint.save(self.folder / name, self.rounds, self.averaged, self.optimiser, self.progress)

    def _resumed(self, path: Path) -> Progress:
        progress = checkpoint.load(path, self.rounds, self.averaged, self.optimiser)
        other = progress.origin.differences(self.progress.origin)
        if other:
            raise UsageError(
                f"{path.name} was made of {' and '.join(other)}. Go on with the same, or choose another folder."
            )
        own = self.settings.to_json()
        different = [name for name in own if own[name] != progress.settings.get(name) and name not in _MAY_CHANGE]
        if different:
            raise UsageError(
                f"{path.name} was trained with another {', '.join(different)}. Use the same, or another folder."
            )
        return replace(progress, settings=own)


def wear_best(model: nn.Module, folder: Path) -> bool:
    """Give a model the averaged weights of the best validation in a training's folder; whether there was one.

    Raises:
        FileError: the file is damaged, or belongs to another network.
    """
    path = folder / BEST
    if not path.is_file():
        return False
    _, tensors = checkpoint.read(path)
    own = trained(model)
    try:
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(tensors[f"averaged.model.{name}"])
    except (KeyError, RuntimeError) as error:
        raise FileError(f"{path.name} belongs to another network.") from error
    return True


_MAY_CHANGE = ("steps", "patience", "save_every")


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Of a step from 0: an even rise, then half a cosine (Loshchilov and Hutter, ICLR 2017, without restarts)."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    share = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    return settings.learning_rate * (_LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def _groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """The optimiser's groups: matrices of layers are kept small, nothing else is."""
    own = trained(module)
    matrices = [weight for name, weight in own.items() if weight.ndim > 1 and "embed" not in name]
    known = {id(weight) for weight in matrices}
    others = [weight for weight in own.values() if id(weight) not in known]
    groups = [(matrices, weight_decay), (others, 0.0)]
    return [{"params": weights, "weight_decay": decay} for weights, decay in groups if weights]


@contextmanager
def _reproducible(wanted: bool) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
