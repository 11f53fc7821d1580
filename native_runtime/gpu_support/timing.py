"""How long each network takes on each provider, each provider in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest
from native_runtime.models.store import INSTANTHMR_FOLDER, NETWORKS_FOLDER, SAM3D_BODY_FOLDER, models_dir

from .apart import Trial, ask, try_out

_FOLDERS = (NETWORKS_FOLDER, SAM3D_BODY_FOLDER, INSTANTHMR_FOLDER)
_COMPILES_FOR_MINUTES = "tensorrt"
"""Timed only when it is named."""
_RUNS, _ENOUGH_S = 5, 1.0
_LONG_S = 3.0
"""A network that takes longer is run once more, not several times."""


@dataclass(frozen=True)
class NetworkTime:
    """A network on a provider.

    Attributes:
        network: its folder and name, "landmarks/pose_landmark".
        seconds: the shortest of a few runs on zeros, after a first one; None where it does not run. What else the
            machine does makes runs longer, never shorter.
        fault: why it does not, a sentence.
    """

    network: str
    seconds: float | None
    fault: str = ""


@dataclass(frozen=True)
class ProviderTimes:
    """All networks on a provider.

    Attributes:
        provider, title: its short name, and that for people.
        fault: why it does not work at all, or was not timed to the end; "" where it was.
        networks: what was measured.
    """

    provider: str
    title: str
    fault: str = ""
    networks: tuple[NetworkTime, ...] = ()

    @property
    def total(self) -> float | None:
        """Seconds of all networks together; None where one did not run."""
        times = [one.seconds for one in self.networks]
        return None if self.fault or None in times or not times else sum(time for time in times if time is not None)


@dataclass(frozen=True)
class Times:
    """What was measured on this machine.

    Attributes:
        trial: what loading ONNX Runtime gave.
        providers: best first, the processor last.
        fastest: short name of the provider that computes all networks in the least time; "" where none does.
    """

    trial: Trial
    providers: tuple[ProviderTimes, ...]
    fastest: str

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "onnxruntime": self.trial.onnxruntime,
            "gpu_support": self.trial.name,
            "fault": self.trial.fault or self.trial.error,
            "fastest": self.fastest,
            "providers": [asdict(one) | {"total": one.total} for one in self.providers],
        }


def time_providers(
    folder: Path | None,
    models: Path | str | None = None,
    providers: Sequence[str] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Times:
    """Time all networks of the models folder on all providers that work.

    Args:
        folder: that of GPU support; None for none.
        models: the models folder; None for the usual one.
        providers: only these, by their short names; the processor is always timed, for comparison.
        progress: called now and then; may raise to stop.
    """
    tell = progress or (lambda fraction, text: None)
    tell(0.0, "Trying the providers")
    trial = try_out(folder, lambda: tell(0.0, "Trying the providers"))
    chosen = [
        name
        for name in trial.faults
        if name == "cpu" or (name != _COMPILES_FOR_MINUTES if providers is None else name in providers)
    ]
    networks = [f"{path.parent.name}/{path.stem}" for path in network_files(models)]
    made = []
    for number, name in enumerate(chosen):
        made.append(_timed(name, trial.faults[name], folder, models, len(networks), number / len(chosen),
                           1 / len(chosen), tell))  # fmt: skip
    totals = {one.provider: one.total for one in made}
    known = {name: total for name, total in totals.items() if total is not None}
    return Times(trial, tuple(made), min(known, key=lambda name: known[name]) if known else "")


def network_files(models: Path | str | None = None) -> list[Path]:
    """The networks of a models folder that its lists name."""
    found = []
    for name in _FOLDERS:
        folder = models_dir(models) / name
        try:
            files = manifest.read(folder)["files"]
        except Sam3dbError:
            continue
        found += [folder / file for file in sorted(files) if file.endswith(".onnx") and (folder / file).is_file()]
    return found


def timed_here(provider: str, models: str | None) -> Iterator[Mapping[str, Any]]:
    """Time the networks on a provider in this process; first what it is called, then each network."""
    from native_runtime.onnx.providers import candidates
    from native_runtime.onnx.sessions import open_network

    yield {"title": candidates([provider])[0].provider.title}
    for path in network_files(models):
        name = f"{path.parent.name}/{path.stem}"
        try:
            network = open_network(path, [provider])
            seconds = _shortest(network.try_out)
        except Sam3dbError as error:
            yield {"network": name, "seconds": None, "fault": str(error).replace(str(path), path.name)}
            continue
        except Exception as error:  # ONNX Runtime's errors share no public base class
            yield {"network": name, "seconds": None, "fault": f"{type(error).__name__}: {error}".partition("\n")[0]}
            continue
        yield {"network": name, "seconds": seconds, "fault": ""}


def _shortest(compute: Callable[[], None]) -> float:
    compute()
    times: list[float] = []
    while len(times) < _RUNS and sum(times) < _ENOUGH_S:
        started = time.perf_counter()
        compute()
        times.append(time.perf_counter() - started)
        if times[0] > _LONG_S:
            break
    return min(times)


def _timed(
    name: str,
    fault: str,
    folder: Path | None,
    models: Path | str | None,
    count: int,
    before: float,
    share: float,
    tell: Callable[[float, str], None],
) -> ProviderTimes:
    if fault:
        return ProviderTimes(name, name, fault)
    text = f"Timing {count} networks on {name}"
    settings = {"do": "time", "provider": name, "models": None if models is None else str(models)}
    done = 0

    def look() -> None:
        tell(before + share * min(1.0, done / max(count, 1)), text)

    def heard(answer: dict[str, Any]) -> None:
        nonlocal done
        done += "network" in answer

    answers, error = ask(settings, folder, look, heard)
    title = next((str(answer["title"]) for answer in answers if "title" in answer), name)
    found = tuple(NetworkTime(**answer) for answer in answers if "network" in answer)
    return ProviderTimes(name, title, error, found)
