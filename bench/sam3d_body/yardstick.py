"""The stage of the yardstick: the full estimate's passes once more, in eager PyTorch float32."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from native_runtime.export.network import Kind

from .eager import EagerNetworks
from .places import Settings
from .recorder import IMAGE_INPUTS, PROMPT_INPUTS, Array, Record

Result = TypeVar("Result")


def eager(settings: Settings) -> dict[str, Any]:
    """Repeat every encoder and decoder call of the recorded float32 estimate; compare what comes out."""
    torch.set_num_threads(settings.threads)
    torch.set_grad_enabled(False)
    device, record = settings.device, Record.load(settings.record)
    networks, loading = _timed(partial(EagerNetworks, settings.checkpoint, settings.mhr, device))
    crops = [torch.from_numpy(crop)[None].to(device) for crop in record.crops]
    if device != "cpu":
        networks.encode(crops[0])  # a card's libraries load with the first run
    encoding, features = [], []
    for crop in crops:
        found, seconds = _timed(partial(networks.encode, crop))
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
        outputs, seconds = _timed(decode)
        decoding.setdefault(kind, []).append(seconds)
        for name, ours in one.outputs.items():
            worst[name] = max(worst.get(name, 0.0), _relative(ours, outputs[name]))
    return {
        "seconds": sum(encoding) + sum(map(sum, decoding.values())),
        "load": loading,
        "encoder": encoding,
        "decoders": decoding,
        "device_peak_mb": None if device == "cpu" else torch.cuda.max_memory_allocated() / 1e6,
        "difference": max(worst.values()),
        "differences": worst,
    }


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
