"""Stages of the yardstick: the full estimate's passes once more in eager PyTorch float32, and encoders in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from native_runtime.build.sam3d_body.variants import Variant
from native_runtime.models.store import SAM3D_BODY_FOLDER
from native_runtime.network.network import Kind
from native_runtime.onnx.sessions import open_network

from .eager import EagerNetworks, eager_encoder
from .measure import in_turns
from .places import PRECISIONS, Settings
from .recorder import IMAGE_INPUTS, PROMPT_INPUTS, Array, Record

Result = TypeVar("Result")

_ROUNDS = 2
"""On a CPU, where one crop takes seconds."""


def eager(settings: Settings) -> dict[str, Any]:
    """Repeat every encoder and decoder call of a recorded estimate, float32's if there is one; compare the outputs."""
    torch.set_num_threads(settings.threads)
    torch.set_grad_enabled(False)
    recorded = settings.recorded()
    device, record = settings.device, Record.load(recorded.record)
    networks, loading = _timed(partial(EagerNetworks, settings.checkpoint, settings.mhr, device))
    crops = [torch.from_numpy(crop)[None].to(device) for crop in record.crops]
    if device != "cpu":
        networks.encode(crops[0])  # a card's libraries load with the first run
    encoding, features = [], []
    processor = 0.0
    for crop in crops:
        worked = time.process_time()
        found, seconds = _timed(partial(networks.encode, crop))
        processor += time.process_time() - worked
        encoding.append(seconds)
        features.append(found)
    worst = {"features": max(_relative(ours, found[0]) for ours, found in zip(record.features, features))}
    decoding: dict[str, list[float]] = {}
    for one in record.passes:
        kind: Kind = "hand" if one.kind == "hand" else "body"
        image = torch.cat([features[crop] for crop in one.crops]), *_tensors(one.inputs, IMAGE_INPUTS, device)
        decode = partial(networks.decode, kind, image, _tensors(one.inputs, PROMPT_INPUTS, device))
        if kind not in decoding:
            decode()  # warms up
        worked = time.process_time()
        outputs, seconds = _timed(decode)
        processor += time.process_time() - worked
        decoding.setdefault(kind, []).append(seconds)
        for name, ours in one.outputs.items():
            worst[name] = max(worst.get(name, 0.0), _relative(ours, outputs[name]))
    return {
        "seconds": sum(encoding) + sum(map(sum, decoding.values())),
        "processor": processor,
        "load": loading,
        "encoder": encoding,
        "decoders": decoding,
        "device_peak_mb": None if device == "cpu" else torch.cuda.max_memory_allocated() / 1e6,
        "record": recorded.precision,
        "difference": max(worst.values()),
        "differences": worst,
    }


def encoders(settings: Settings) -> dict[str, Any]:
    """One crop through the encoder in eager PyTorch and in every precision that was converted, in turns."""
    torch.set_num_threads(settings.threads)
    torch.set_grad_enabled(False)
    networks = {}
    for precision in PRECISIONS:
        # A CPU computes half precision as float32, slowly.
        path = replace(settings, precision=precision).models / SAM3D_BODY_FOLDER / "encoder.onnx"
        if path.is_file() and (precision, settings.provider) != ("fp16", "cpu"):
            networks[precision] = open_network(path, [settings.provider], settings.threads)
    size = Variant.load(Path(settings.templates) / settings.variant).image_size[0]
    crop = np.random.default_rng(settings.seed).integers(0, 256, (1, size, size, 3), np.uint8)
    module, image = eager_encoder(settings.checkpoint, settings.device), torch.from_numpy(crop).to(settings.device)
    calls: dict[str, Callable[[], object]] = {"eager": lambda: module(image).cpu()}
    calls |= {precision: partial(network.run, crops=crop) for precision, network in networks.items()}
    found = in_turns(calls, _ROUNDS if settings.provider == "cpu" else settings.repeats)
    return {name: times.facts() for name, times in found.items()}


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    """What a call gives, and the seconds until it is really there."""
    start = time.perf_counter()
    found = call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return found, time.perf_counter() - start


def _tensors(arrays: Mapping[str, Array], names: tuple[str, ...], device: str) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(arrays[name]).to(device) for name in names)


def _relative(ours: Array, theirs: torch.Tensor) -> float:
    """The largest difference, relative to the largest value."""
    reference = theirs.cpu().numpy()
    scale = float(np.abs(reference).max()) or 1.0
    return float(np.abs(ours - reference).max()) / scale
