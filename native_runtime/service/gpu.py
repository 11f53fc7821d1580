"""The worker's requests about graphics cards (see ``docs/worker.md``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.gpu_runtime import forget_attempts
from native_runtime.gpu_support.cards import find_cards
from native_runtime.gpu_support.install import install, remove, state_of
from native_runtime.gpu_support.table import gpu_lines
from native_runtime.gpu_support.timing import time_providers
from native_runtime.pipeline.reporting import Reporter, progress_to
from native_runtime.pipeline.requests import InstallGpuRequest, RemoveGpuRequest, TimeProvidersRequest


def do_gpu(request: InstallGpuRequest | RemoveGpuRequest | TimeProvidersRequest, reporter: Reporter) -> dict[str, Any]:
    """Do what a request about graphics cards asks for; the result of `done`."""
    progress = progress_to(reporter)
    match request:
        case InstallGpuRequest():
            files = [Path(file) for file in request.files]
            folder = Path(request.folder)
            return install(folder, request.name, request.accepted, files, progress, address=request.address).to_json()
        case RemoveGpuRequest():
            return {"bytes": remove(Path(request.folder))}
    return _times(request, progress)


def _times(request: TimeProvidersRequest, progress: Any) -> dict[str, Any]:
    folder = None if request.folder is None else Path(request.folder)
    state = None if folder is None else state_of(folder)
    if folder is not None:
        forget_attempts(folder)
    used = folder if state is not None and state.name else None
    times = time_providers(used, None if request.models is None else Path(request.models), request.providers, progress)
    cards = find_cards()
    lines = gpu_lines(cards, state, times)
    return {"cards": [card.to_json() for card in cards], **times.to_json(), "table": "\n".join(lines)}
