"""The engine `instanthmr`: a small network that predicts MHR itself, then our fit (`docs/instanthmr.md`).

* ``crop``: a person's box -> the picture and the three numbers that the network wants
* ``network``: the ONNX file as released; what it answers
* ``bounds``: its numbers within what MHR allows, the joints where they were
* ``placing``: from the camera that the network assumes to the photo's lens
* ``weighing``: how far the network is believed, and what it says besides its body
* ``parts``: what an open engine consists of; ``reading``: one photo, as others use it; ``engine``: opening it all
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


FIT, RAW = "fit", "raw"
"""The kinds of inference: the network's body brought onto the photo, and as the network has it."""

ENGINE = EngineDescriptor(
    name="instanthmr",
    title="InstantHMR",
    description="A small network that estimates the body, and a fit of it; needs a download",
    capabilities=Capabilities(
        takes_camera=True,
        boxes=True,
        searches=True,
        edits=True,
        fits=True,
        several=True,
        inferences=(FIT, RAW),
        live_prompts=True,
        prefers="mhr-lod1",
        model_folders=("landmarks", "instanthmr"),  # people and hands are found by the first
        seconds=1.5,
        seconds_per_prompt=0.07,
    ),
    open=_open,
    status=_status,
)
