"""The worker's request that makes an item of the shelf ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.build.install import Installed, OwnFiles, install
from native_runtime.errors import UsageError
from native_runtime.models.access_token import find_token
from native_runtime.models.shelf.fetch import Services
from native_runtime.pipeline.reporting import Reporter, progress_to
from native_runtime.pipeline.requests import InstallModelRequest


def install_model(request: InstallModelRequest, reporter: Reporter) -> dict[str, Any]:
    """Do an `install_model` (see ``docs/worker.md``); the result of `done`."""
    return installed_as_json(install_requested(request, progress_to(reporter)))


def install_requested(request: InstallModelRequest, progress: Any) -> Installed:
    """Do what a request asks for.

    Raises:
        UsageError: it names an MHR model, but no file to go with it.
        Further errors: as ``install``.
    """
    if request.mhr is not None and request.file is None:
        raise UsageError("The MHR model belongs to a file that you have: name that file, too.")
    own = None
    if request.file is not None:
        own = OwnFiles(Path(request.file).expanduser(), Path(request.mhr).expanduser() if request.mhr else None)
    return install(
        request.item,
        request.source,
        request.models,
        request.accepted,
        find_token(request.token),
        request.precision,
        progress,
        own=own,
        commercial=request.commercial,
        services=Services.at(request.service),
    )


def installed_as_json(made: Installed) -> dict[str, Any]:
    """What became of an installation, for programs."""
    return {
        "item": made.item,
        "source": made.source,
        "folder": str(made.folder),
        "bytes": made.size,
        "detail": made.detail,
        "bodies": list(made.bodies),
        "notes": list(made.notes),
        "proof": made.proof.to_json() if made.proof else None,
    }
