"""Stages of the converted model: the encoder alone, a photo through the engine, the decoders alone."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.convert import GRAPHS
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.sam3d_body import ENGINE
from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.sam3d_body.networks import OnnxNetworks
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network

from .measure import repeated
from .places import Settings
from .recorder import IMAGE_INPUTS, PROMPT_INPUTS, Record, Recorder
from .rounding import differences

# What an artist may drag: an elbow goes to the body decoder alone, a wrist to the body's and its hand's, a finger to
# its hand's, after which the body decoder hears of the hand.
_PROMPTS = {"elbow": 8, "wrist": 41, "finger": 25}
_DRAG = 12.0
"""Pixels by which a keypoint is dragged."""
_ENCODER_RUNS = 2
"""On a CPU, where one takes seconds."""


def _network(settings: Settings, graph: str) -> Network:
    path = store.sam3d_body_dir(settings.models) / f"{graph}.onnx"
    return open_network(path, [settings.provider], settings.threads)


def encoder(settings: Settings) -> dict[str, Any]:
    """The encoder alone: one crop, and two at once."""
    network = _network(settings, "encoder")
    size = network.input_shapes["crops"][1]
    assert size is not None
    crops = np.random.default_rng(settings.seed).integers(0, 256, (2, size, size, 3), np.uint8)
    count = settings.repeats if settings.provider != "cpu" else _ENCODER_RUNS
    one = repeated(lambda: network.run_on_device(crops=crops[:1]), count)
    two = repeated(lambda: network.run_on_device(crops=crops), max(1, count // 2), warm_up=0)
    return {**one.facts(), "two_crops": two.facts()}


def full(settings: Settings) -> dict[str, Any]:
    """A photo through the engine: detection, the full estimate in its two steps, prompts, the mesh."""
    networks = OnnxNetworks(store.sam3d_body_dir(settings.models), [settings.provider], settings.threads)
    for graph in GRAPHS:
        networks.open(graph)
    recorder = Recorder(networks)
    body = Body.load(store.body_path(ENGINE.capabilities.body, settings.models))
    engine = Sam3dBodyEngine(recorder, body, LandmarkNetworks(None, [settings.provider]))
    reading = engine.read(read_photo(Path(settings.photo)))
    start, worked = time.perf_counter(), time.process_time()
    steps = reading.estimate_steps(0)
    next(steps)
    first = {"seconds": time.perf_counter() - start, "processor": time.process_time() - worked}
    (estimate,) = steps
    seconds, processor = time.perf_counter() - start, time.process_time() - worked
    record = recorder.record
    record.save(settings.record)
    np.savez(settings.estimate, **_keypoints(estimate))
    graphs = {graph: list(times) for graph, times in record.seconds.items()}
    passes = [f"{one.kind} x {len(one.crops)} ({one.inputs['keypoints'].shape[1]} prompts)" for one in record.passes]
    prompted = {}
    for name, keypoint in _PROMPTS.items():
        x, y = (float(value) for value in estimate.keypoints_2d[keypoint])
        again = partial(reading.estimate, 0, [(keypoint, x + _DRAG, y)])
        prompted[name] = repeated(again, settings.repeats).facts()
    start, worked = time.perf_counter(), time.process_time()
    smaller = reading.estimate(0, inference="fast")
    fast = {"seconds": time.perf_counter() - start, "processor": time.process_time() - worked}
    fast |= differences(_keypoints(smaller), _keypoints(estimate))
    mesh = repeated(partial(body.vertices, estimate.model_parameters, estimate.identity), settings.repeats)
    return {
        "seconds": seconds,
        "processor": processor,
        "first": first,
        "fast": fast,
        "stages": estimate.seconds,
        "graphs": graphs,
        "passes": passes,
        "hands": {side: hand["used"] for side, hand in estimate.details["hands"].items()},
        "prompted": prompted,
        "mesh": mesh.facts(),
        "encoded": reading.encoded,
    }


def _keypoints(estimate: Estimate) -> dict[str, NDArray[Any]]:
    return {"keypoints_2d": estimate.keypoints_2d, "keypoints_3d": estimate.keypoints_3d}


def decoders(settings: Settings) -> dict[str, Any]:
    """Contexts and decoders alone, on what the full pass fed them; MHR's share of the body decoder.

    `other_picture`: how far the body's keypoints move when the decoder is shown the features of a hand's crop instead:
    what a picture means to the random weights, to be held against what rounding does.
    """
    record = Record.load(settings.record)
    facts: dict[str, Any] = {}
    for kind in ("body", "hand"):
        of_kind = [one for one in record.passes if one.kind == kind]
        if not of_kind:
            continue
        context, decoder = _network(settings, f"{kind}_context"), _network(settings, f"{kind}_decoder")
        # One person, one hand.
        first, last = ({name: array[:1] for name, array in one.inputs.items()} for one in (of_kind[0], of_kind[-1]))
        half = settings.precision == "fp16"
        features = record.features[of_kind[0].crops[0]][None].astype(np.float16 if half else np.float32)
        image = {"features": features, **{name: first[name] for name in IMAGE_INPUTS}}
        facts[f"{kind}_context"] = repeated(partial(context.run_on_device, **image), settings.repeats).facts()
        prepared = context.run_on_device(**image)
        for name, inputs in (("decoder", first), ("decoder_prompted", last)):
            prompts = {name: inputs[name] for name in PROMPT_INPUTS}
            timed = repeated(partial(decoder.run, **prepared, **prompts), settings.repeats)
            facts[f"{kind}_{name}"] = timed.facts() | {"prompts": prompts["keypoints"].shape[1]}
        if kind == "body" and len(record.features) > 1:
            other = context.run_on_device(**(image | {"features": record.features[-1][None].astype(features.dtype)}))
            changed = decoder.run(**other, **{name: first[name] for name in PROMPT_INPUTS})
            facts["other_picture"] = differences(changed, of_kind[0].outputs)
        if kind == "body" and settings.provider == "cpu":
            from .profile import mhr_share  # needs onnx

            inputs = {name: value.numpy() for name, value in prepared.items()}
            inputs |= {name: first[name] for name in PROMPT_INPUTS}
            facts["mhr"] = mhr_share(decoder.path, inputs, settings.threads)
    return facts
