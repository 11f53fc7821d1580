"""The worker's requests that bring SAM 3D Body: a checkpoint from its owner, and a model converted from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from native_runtime.build.sam3d_body_download import download_checkpoint
from native_runtime.errors import UsageError
from native_runtime.models.access_token import find_token
from native_runtime.models.gated_download import SERVICE
from native_runtime.pipeline.inference import Reporter
from native_runtime.service.requests import flag, optional_text, progress_to, required_text


def bring_model(request: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Do a `download_sam3d_body` or a `convert_sam3d_body` (see ``docs/worker.md``); the result of `done`."""
    if request["do"] == "download_sam3d_body":
        return _download(request, reporter)
    return _convert(request, reporter)


def _download(request: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    given = request.get("token")
    if given is not None and not isinstance(given, str):
        raise UsageError("'token' must be a text.")  # and must not show up here
    sources = download_checkpoint(
        required_text(request, "variant"),
        optional_text(request, "models"),
        find_token(given),
        flag(request, "licence_accepted"),
        progress_to(reporter),
        optional_text(request, "service") or SERVICE,
    )
    return {"checkpoint": str(sources.checkpoint), "mhr": str(sources.mhr), "bytes": sources.size}


def _convert(request: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    # The converter needs numpy, which a download can do without.
    from native_runtime.build.sam3d_body.convert import convert_checkpoint

    made = convert_checkpoint(
        required_text(request, "checkpoint"),
        optional_text(request, "mhr"),
        optional_text(request, "models"),
        required_text(request, "precision"),
        progress=progress_to(reporter),
    )
    return {
        "folder": str(made.folder),
        "variant": made.variant,
        "title": f"{made.title}, {made.precision}, {made.size / 1e9:.1f} GB",
        "precision": made.precision,
        "bytes": made.size,
        "body": made.body,
    }
