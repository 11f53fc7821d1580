"""Measures the engine instanthmr without its network, whose weights are not here.

    python -m bench.instanthmr time [--people 8] [--repeats 7]
    python -m bench.instanthmr limits --answer ../shared/real_outputs/runner.json
    python -m bench.instanthmr fit --set SET [--split held-out] [--draws N] [--cache FILE]

* ``time``: with a stand-in that costs what the largest network does (`bench.instanthmr_stand_in`). Its weights are
  random, so that its answers mean nothing, nor would a fit to them: people are where boxes are said to be, and the way
  to the network's own answer (crop, network, placing, mesh) is timed. Medians; the best in brackets, which is the truer
  one on a busy machine;
* ``limits``: how far joints move when a published answer of SAM 3D Body is brought within MHR's limits;
* ``fit``: the fit on rendered people, after a network that is simulated by the truth with errors of the published size;
  arguments and measures as of ``bench.refine``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.instanthmr_stand_in import export
from bench.refine import cases, measures
from bench.simulated_network import PROFILES, simulated
from native_runtime.camera import mhr_to_camera
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.evidence import gather_evidence
from native_runtime.engines.instanthmr.bounds import Bounds
from native_runtime.engines.instanthmr.engine import InstantHmrEngine
from native_runtime.engines.instanthmr.network import HmrNetwork
from native_runtime.engines.instanthmr.parts import Parts
from native_runtime.engines.instanthmr.weighing import trust_in
from native_runtime.fitting.refine import refine
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store
from native_runtime.models.instanthmr import InstalledNetwork
from native_runtime.onnx.sessions import open_network

SIZE = (2250, 1500)
"""Of the photo, px."""


class Boxes(LandmarkNetworks):
    """Sees nobody: people are where boxes are."""

    def people_in(self, rgb: NDArray[np.uint8], boxes: Any, with_hands: bool = True) -> list[None]:  # type: ignore[override]
        return [None] * len(boxes)


def timed(action: Callable[[], Any], repeats: int, people: int) -> dict[str, float]:
    """Median and best of the milliseconds a person, after a warm-up."""
    action()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return {"median": 1000.0 * float(np.median(seconds)) / people, "best": 1000.0 * min(seconds) / people}


def figures(network: Path, people: int, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds a person: of the engine, and of the network alone in other ways to run it."""
    body = store.load_body("default")
    about = InstalledNetwork("medium", network, 40.0, {})
    engine = InstantHmrEngine(Parts(body, HmrNetwork.open(network, ["cpu"]), about, Boxes()))
    width, height = SIZE
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    left = np.linspace(0.05, 0.85, people) * width
    boxes = np.stack([left, np.full(people, 0.15 * height), left + 230, np.full(people, 0.9 * height)], axis=1)

    def read() -> Any:
        return engine.read(pixels, None, boxes)

    def one_by_one() -> None:
        reading = read()
        for person in range(people):
            reading.estimate(person, inference="raw")

    result = {
        "engine, one by one": timed(one_by_one, repeats, people),
        "engine, all at once": timed(lambda: read().estimate_all(inference="raw"), repeats, people),
    }
    pictures = np.random.default_rng(1).normal(size=(people, 3, 224, 224)).astype(np.float32)
    conditions = np.full((people, 3), 0.3, np.float32)
    for threads in (1, None):
        plain = open_network(network, ["cpu"], threads)
        name = "one thread" if threads else "all threads"

        def single(number: int, plain: Any = plain) -> None:
            plain.run(image=pictures[number : number + 1], cliff_cond=conditions[number : number + 1])

        def batch(plain: Any = plain) -> None:
            plain.run(image=pictures, cliff_cond=conditions)

        result[f"network, one by one, {name}"] = timed(lambda: [single(k) for k in range(people)], repeats, people)
        result[f"network, a batch, {name}"] = timed(batch, repeats, people)
    return result


def show_times(arguments: argparse.Namespace) -> None:
    """Print the figures of ``time``."""
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "stand_in.onnx"
        weights = export(network)
        print(f"a stand-in of {weights / 1e6:.1f} million random weights", flush=True)
        found = figures(network, arguments.people, arguments.repeats)
    for name, value in found.items():
        print(f"{name:36} {value['median']:7.1f} ms a person ({value['best']:.1f})")
    once, together = found["engine, one by one"]["median"], found["engine, all at once"]["median"]
    print(f"all at once is {once / together:.2f} times as fast a person")


def show_limits(arguments: argparse.Namespace) -> None:
    """Print how far the joints of a published answer move."""
    body, numbers = store.load_body("default"), json.loads(arguments.answer.read_text())["params"]
    parameters = np.zeros(len(body.parameter_names))
    parameters[3:6], parameters[6:136] = numbers["global_rot"], numbers["body_pose"][:130]
    state = PlacedState(
        parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0, 1.0, 5])
    )
    clamped = replace(state, model_parameters=body.parameterisation.clamp(parameters))
    bounds, seconds = Bounds(body), []
    for _ in range(5):
        started = time.perf_counter()
        bounded = bounds.bounded(state)
        seconds.append(time.perf_counter() - started)

    def joints(one: PlacedState) -> NDArray[np.float64]:
        return mhr_to_camera(body.pose(one.model_parameters).translations, one.camera_translation)

    for name, one in (("each number at its limit", clamped), ("bounded", bounded)):
        moved = 1000.0 * np.linalg.norm(joints(one) - joints(state), axis=1)
        print(f"{name:26} joints move {moved.mean():5.1f} mm on average, {moved.max():5.1f} mm at most")
    print(f"bounding takes {1000.0 * min(seconds):.0f} ms")


def show_fit(arguments: argparse.Namespace) -> None:
    """Print means of measures before and after the fit."""
    profile = next(profile for profile in PROFILES if profile.name == "InstantHMR")
    rows: dict[str, list[dict[str, float]]] = {"network": [], "fit": []}
    for number, case in enumerate(cases(arguments.folder, arguments.split, arguments.cache, arguments.limit)):
        body, lens = case.body, case.scene.intrinsics
        evidence = gather_evidence(case.landmarks, case.photo, body, lens)
        bounds, trust = Bounds(body), trust_in(body, profile.pa_mpjpe)
        for draw in range(arguments.draws):
            rng = np.random.default_rng((arguments.seed + draw, number))
            answer = bounds.bounded(simulated(body, case.scene, case.person, profile, rng))
            fitted = refine(body, answer, evidence, lens, trust).state
            for name, state in (("network", answer), ("fit", fitted)):
                rows[name].append(measures(case, state, evidence))
    print(f"{len(rows['fit'])} answers")
    for measure in rows["fit"][0]:
        before, after = (np.nanmean([row[measure] for row in rows[name]]) for name in rows)
        print(f"{measure:12} {before:7.1f} {after:7.1f}")
    better = np.mean([b["PA-MPJPE"] < a["PA-MPJPE"] for a, b in zip(rows["network"], rows["fit"])])
    print(f"PA-MPJPE is better for {100 * better:.0f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    timing = commands.add_parser("time")
    timing.add_argument("--people", type=int, default=8)
    timing.add_argument("--repeats", type=int, default=7)
    timing.set_defaults(show=show_times)
    limits = commands.add_parser("limits")
    limits.add_argument("--answer", metavar="FILE", type=Path, required=True)
    limits.set_defaults(show=show_limits)
    fit = commands.add_parser("fit")
    fit.add_argument("--set", metavar="SET", type=Path, required=True, dest="folder")
    fit.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    fit.add_argument("--seed", type=int, default=1000)
    fit.add_argument("--draws", type=int, default=2)
    fit.add_argument("--limit", type=int, help="so many people at most")
    fit.add_argument("--cache", type=Path, help="what the networks saw, kept for the next run")
    fit.set_defaults(show=show_fit)
    arguments = parser.parse_args()
    arguments.show(arguments)


if __name__ == "__main__":
    main()
