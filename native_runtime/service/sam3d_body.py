"""The worker's request that converts a checkpoint of SAM 3D Body."""

from __future__ import annotations

from typing import Any

from native_runtime.pipeline.reporting import Reporter, progress_to
from native_runtime.pipeline.requests import ConvertSam3dBodyRequest


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
