"""The worker's requests that install SAM 3D Body: a checkpoint from its owner, and a model converted from it."""

from __future__ import annotations

from typing import Any

from native_runtime.build.sam3d_body_download import download_checkpoint
from native_runtime.models.access_token import find_token
from native_runtime.models.hub import SERVICE
from native_runtime.pipeline.reporting import Reporter, progress_to
from native_runtime.pipeline.requests import ConvertSam3dBodyRequest, DownloadSam3dBodyRequest


def download_model(request: DownloadSam3dBodyRequest, reporter: Reporter) -> dict[str, Any]:
    """Do a `download_sam3d_body` (see ``docs/worker.md``); the result of `done`."""
    sources = download_checkpoint(
        request.variant,
        request.models,
        find_token(request.token),
        request.licence_accepted,
        progress_to(reporter),
        request.service or SERVICE,
    )
    return {"checkpoint": str(sources.checkpoint), "mhr": str(sources.mhr), "bytes": sources.size}


def convert_model(request: ConvertSam3dBodyRequest, reporter: Reporter) -> dict[str, Any]:
    """Do a `convert_sam3d_body`; the result of `done`."""
    # The converter needs numpy, which a download can do without.
    from native_runtime.build.sam3d_body.convert import convert_checkpoint

    made = convert_checkpoint(
        request.checkpoint, request.mhr, request.models, request.precision, progress=progress_to(reporter)
    )
    return {
        "folder": str(made.folder),
        "variant": made.variant,
        "title": f"{made.title}, {made.precision}, {made.size / 1e9:.1f} GB",
        "precision": made.precision,
        "bytes": made.size,
        "body": made.body,
        "notes": list(made.notes),
    }
