"""The engine `sam3d_body`: SAM 3D Body, promptable, through ONNX Runtime.

* ``preprocess``: boxes -> crops, rays and conditions, as the reference makes them
* ``prediction``: a decoder's output for each person or hand
* ``geometry``, ``parameters``: rotations, and the compact form <-> MHR's model parameters
* ``hands``: hand boxes, mirroring, which hand to believe; ``merge``: hands and body become one person
* ``prompting``: the artist's prompts and the model's own, as the decoders take them
* ``networks``: the five graphs; ``memory``: what is kept of each photo, within bounds; ``stored``: on disk
* ``pipeline``, ``solve``: a photo through the networks, and what runs for a request; ``outcome``: what comes out
* ``quality``: what the passes disagree on; ``session``: one photo, as others use it; ``engine``: opening it all
"""

from __future__ import annotations

from collections.abc import Sequence

from native_runtime.engines.base import Capabilities, Engine, EngineDescriptor, FilePath
from native_runtime.engines.status import EngineStatus


def _open(models: FilePath | None, providers: Sequence[str] | None, body: FilePath) -> Engine:
    from .engine import open_engine

    return open_engine(models, providers, body)


def _status(models: FilePath | None, providers: Sequence[str] | None) -> EngineStatus:
    from .status import status

    return status(models, providers)


FAST_SIZE = 384
"""Pixels a side of the crops of the inference "fast"."""

ENGINE = EngineDescriptor(
    name="sam3d_body",
    title="SAM 3D Body",
    description="Meta's model, the most accurate; get it in the panel 'Models'",
    capabilities=Capabilities(
        takes_camera=True,
        boxes=True,
        several=True,
        steps=True,
        remembers=True,
        pa_mpjpe=33.8,  # 3DPW, arXiv 2602.15989, table 2
        inferences=("full", "body", "fast"),
        # Made with the converted model: MHR's finest level of which the checkpoint's keypoints are exact.
        body="mhr-lod1",
        bodies="mhr-*",
        model_folders=("landmarks", "sam3d_body"),  # people are found by the first
        seconds=16.0,
        seconds_per_prompt=0.13,
    ),
    open=_open,
    status=_status,
)
