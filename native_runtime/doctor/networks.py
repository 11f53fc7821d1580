"""The networks: which provider works here, which engines are ready, and a tiny run of each network.

``python -m native_runtime.doctor.networks SETTINGS`` does the work and writes JSON lines; the check runs it in a
process of its own, since a driver or a damaged network may end it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from native_runtime.errors import Remedy, Sam3dbError
from native_runtime.models import manifest
from native_runtime.models.store import INSTANTHMR_FOLDER, NETWORKS_FOLDER, SAM3D_BODY_FOLDER, models_dir
from native_runtime.process.libraries import find_cpp_runtime

from .child import ChildError, messages_of
from .report import Fault, Section

PATIENCE_S = 180.0
"""How long one network may take to open and to run; the largest ones take some ten seconds on two cores."""
_FOLDERS = (NETWORKS_FOLDER, INSTANTHMR_FOLDER, SAM3D_BODY_FOLDER)


@dataclass
class Found:
    """What the process has told.

    Attributes:
        onnxruntime: its version; empty where it cannot be imported.
        providers: what it was built with, best first.
        provider: the best that works; None: none does.
        networks: ``name``, and ``provider``, ``opening`` and ``run`` (seconds), or ``error``.
        engines: as ``engines.EngineStatus.described``.
        ending: how the process ended before its time, as words that follow a name; empty where it did not.
        begun: the network that was being run then.
    """

    onnxruntime: str = ""
    providers: tuple[str, ...] = ()
    provider: str | None = None
    networks: list[dict[str, Any]] = field(default_factory=list)
    engines: list[dict[str, Any]] = field(default_factory=list)
    ending: str = ""
    begun: str = ""


def run_networks(
    models: str | os.PathLike[str] | None,
    providers: Sequence[str] | None,
    engines: Sequence[str],
    tell: Callable[[str], None] = lambda text: None,
    patience_s: float = PATIENCE_S,
) -> Found:
    """Run every network that is installed, in another process.

    Args:
        models: the models folder.
        providers: those to try; None: all.
        engines: whose status is asked for.
        tell: is given the name of each network.
    """
    settings = {
        "models": os.fspath(models_dir(models)),
        "providers": None if providers is None else list(providers),
        "engines": list(engines),
    }
    found = Found()
    try:
        for message in messages_of(__name__, [json.dumps(settings)], patience_s):
            match message:
                case {"begun": name}:
                    found.begun = str(name)
                    tell(f"Running the network {name}")
                case {"network": network}:
                    found.networks.append(network)
                case {"engine": engine}:
                    found.engines.append(engine)
                case {"onnxruntime": version}:
                    found.onnxruntime = version
                    found.providers, found.provider = tuple(message["providers"]), message["provider"]
    except ChildError as error:
        found.ending = str(error)
    return found


def section_of(found: Found) -> Section:
    """What a run comes to."""
    lines, faults = [], []
    if found.networks:
        lines += ["| network | on | opening, s | a run, s |", "| --- | --- | ---: | ---: |"]
    for network in found.networks:
        if "error" in network:
            lines.append(f"| {network['name']} | failed | | |")
            faults.append(Fault(f"The network {network['name']} does not run: {network['error']}"))
        else:
            times = f"{network['opening']:.2f} | {network['run']:.3f}"
            lines.append(f"| {network['name']} | {network['provider']} | {times} |")
    if found.engines:
        lines += ["", "| engine | |", "| --- | --- |"]
    for engine in found.engines:
        lines.append(f"| {engine['engine']} | {'ready' if engine['ready'] else 'not ready'}: {engine['text']} |")
    if found.onnxruntime and found.provider is None:
        faults.append(Fault("None of the providers of ONNX Runtime works.", Remedy.INSTALL_LIBRARIES))
    if found.ending and found.begun:
        text = f"The process that runs the network {found.begun} {found.ending}."
        faults.append(Fault(f"{text} If a graphics card is the cause, choose the processor (cpu) to compute on."))
    elif found.ending and found.onnxruntime:
        faults.append(Fault(f"The process that tries ONNX Runtime {found.ending}.", Remedy.INSTALL_LIBRARIES))
    if not lines:
        lines = ["- none could be run"]
    facts = {
        "onnxruntime": found.onnxruntime or None,
        "providers": list(found.providers),
        "provider": found.provider,
        "networks": found.networks,
        "engines": found.engines,
    }
    return Section("networks", "Networks and engines", tuple(lines), facts, tuple(faults))


def _networks_in(models: Path) -> Iterator[tuple[str, Path]]:
    """The networks of a models folder whose files can be read, with their names; the others are another check's."""
    for folder in _FOLDERS:
        try:
            files = manifest.read(models / folder)["files"]
        except Sam3dbError:
            continue
        for name in sorted(files):
            path = models / folder / name
            if path.suffix == ".onnx" and path.is_file() and os.access(path, os.R_OK):
                yield f"{folder}/{path.stem}", path


def main(settings: dict[str, Any]) -> None:
    """Try the providers, ask the engines, run the networks; JSON lines on standard output."""
    from native_runtime.files.streams import take_stdout

    answer = take_stdout(sys.stderr)

    def tell(**message: Any) -> None:
        answer.write(json.dumps(message) + "\n")
        answer.flush()

    find_cpp_runtime()
    import onnxruntime

    from native_runtime.engines import engine_status
    from native_runtime.onnx.probe import probe
    from native_runtime.onnx.providers import available, short_name
    from native_runtime.onnx.sessions import open_network

    models, providers = settings["models"], settings["providers"]
    best = probe(providers).provider
    tell(
        onnxruntime=onnxruntime.__version__,
        providers=[provider.short for provider in available()],
        provider=None if best is None else best.short,
    )
    for name in settings["engines"]:
        tell(engine=engine_status(name, models, providers).described(name))
    for name, path in _networks_in(Path(models)):
        tell(begun=name)
        try:
            started = time.perf_counter()
            network = open_network(path, providers)
            opening = time.perf_counter() - started
            network.try_out()
            run = time.perf_counter() - started - opening
        except Exception as error:  # ONNX Runtime's errors share no public base class
            text = str(error).strip().partition("\n")[0] or type(error).__name__
            tell(network={"name": name, "error": text})
            continue
        here = short_name(network.provider)
        tell(network={"name": name, "provider": here, "opening": round(opening, 3), "run": round(run, 4)})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
