"""`sam3db train`: what it does, once PyTorch is there."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from native_runtime.build.sam3d_body.convert import LICENCE
from native_runtime.cli.console import Console
from native_runtime.cli.people import make_folder
from native_runtime.dataset.annotations import OFFICIAL, Annotations, open_data_set
from native_runtime.dataset.pictures import Pictures
from native_runtime.errors import FileError, UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.models.store import models_dir

from .card import CARD, Sources, model_card
from .data import CropSettings, PeopleInPictures
from .losses.total import TrainingLoss
from .origin import Origin
from .processes import Processes, processes
from .sam3d_body import MODEL, Loaded, load_checkpoint, save_model
from .settings import TrainingSettings
from .trainer import CHECKPOINT, Outcome, train, wear_best
from .validation import mean_joint_error

_DATA_CARD = "data_card.md"
_SHARDS = (".parquet", ".tar")

People = tuple[Annotations, Pictures]


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command."""
    settings = TrainingSettings.load(Path(arguments.settings))
    data, out = Path(arguments.data), make_folder(arguments.out)
    if not data.exists():
        raise UsageError(f"There is no data set '{data}'.")
    if (out / CHECKPOINT).is_file() and not arguments.resume:
        raise UsageError(f"'{out}' holds a training already. Go on with it by --resume, or choose another folder.")
    with processes() as own:
        console.status("Reading the data set")
        pictures = None if arguments.pictures is None else Path(arguments.pictures)
        learnt, held_out = open_data_set(data, pictures), _held_out(data, pictures)
        console.status(f"Reading the checkpoint {Path(arguments.checkpoint[0]).name}")
        mhr = None if arguments.mhr is None else Path(arguments.mhr)
        files = [Path(file) for file in arguments.checkpoint]
        loaded = load_checkpoint(files, mhr, models_dir(arguments.models), settings.train_encoder)
        origin = Origin(_hashes([data] if data.is_file() else _shards(data)), _hashes(loaded.files))
        outcome = _train(loaded, learnt, held_out, settings, out, own, arguments.stop_after, origin)
        if own.is_first:
            _write(loaded, learnt, held_out, settings, outcome, origin, data, out)
    if own.is_first:
        _tell(console, arguments.command, outcome, learnt, held_out, out, settings)
    return True


def _train(
    loaded: Loaded,
    learnt: People,
    held_out: People | None,
    settings: TrainingSettings,
    out: Path,
    own: Processes,
    stop_after: int | None,
    origin: Origin,
) -> Outcome:
    branch = loaded.branch
    constants = {name: buffer.numpy() for name, buffer in branch.network.part("head_pose", "body").named_buffers()}
    crops = CropSettings(branch.network.configuration.image_size[0], body=OFFICIAL)
    people, others = (
        None if given is None else PeopleInPictures(*given, constants, crops, loaded.surface)
        for given in (learnt, held_out)
    )
    assert people is not None

    def validate(model: nn.Module) -> float:
        assert others is not None
        return mean_joint_error(model, others, settings.batch, own.device)  # type: ignore[arg-type]

    outcome = train(
        branch,
        TrainingLoss.of_mhr(settings.weights),
        people,
        settings,
        out,
        own,
        None if others is None else validate,
        stop_after,
        origin,
    )
    if others is not None:
        wear_best(branch, out)
    return outcome


def _held_out(data: Path, pictures: Path | None) -> People | None:
    """The people of a data set who are kept for measuring; None where there are none."""
    try:
        return open_data_set(data, pictures, held_out=True)
    except FileError:
        return None


def _write(
    loaded: Loaded,
    learnt: People,
    held_out: People | None,
    settings: TrainingSettings,
    outcome: Outcome,
    origin: Origin,
    data: Path,
    out: Path,
) -> None:
    save_model(loaded.branch, out / MODEL)
    card = data / _DATA_CARD
    sources = Sources(
        network=f"SAM 3D Body {loaded.title}, trained further",
        weights=origin.weights,
        data=origin.data,
        people=_count(learnt),
        held_out=_count(held_out),
        command=("sam3db", *_without_folders(sys.argv[1:])),
        licence=f"{LICENCE}; that of the data set holds beside it.",
        data_card=card.read_text(encoding="utf-8") if card.is_file() else "",
    )
    versions = f"PyTorch {torch.__version__}, Python {platform.python_version()}"
    write_atomically(out / CARD, model_card(sources, settings, outcome, out, versions).encode())


def _count(people: People | None) -> int:
    return 0 if people is None else len(people[0])


def _shards(data: Path) -> list[Path]:
    return sorted(path for path in data.iterdir() if path.suffix in _SHARDS)


def _hashes(files: Sequence[Path]) -> dict[str, str]:
    return {file.name: sha256_of(file) for file in files}


def _without_folders(words: Sequence[str]) -> list[str]:
    """The command without the folders of the machine on which it ran."""
    return [word if word.startswith("-") else Path(word).name for word in words]


def _tell(
    console: Console,
    command: str,
    outcome: Outcome,
    learnt: People,
    held_out: People | None,
    out: Path,
    settings: TrainingSettings,
) -> None:
    best = outcome.best if held_out is not None and outcome.best_step else None
    done = outcome.steps >= settings.steps or outcome.stopped_early
    console.line(
        f"{outcome.steps} of {settings.steps} steps"
        + ("" if best is None else f"; {best:.1f} mm at best, after step {outcome.best_step}")
        + f". The model is {out / MODEL}: convert it with convert-checkpoint --own-weights."
        + ("" if done else " Go on with --resume.")
    )
    console.result(
        {
            "command": command,
            "ok": True,
            "steps": outcome.steps,
            "finished": done,
            "stopped_early": outcome.stopped_early,
            "best_mm": best,
            "best_step": outcome.best_step,
            "people": _count(learnt),
            "held_out": _count(held_out),
            "model": str(out / MODEL),
            "card": str(out / CARD),
        }
    )
