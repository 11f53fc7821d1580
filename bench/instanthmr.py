"""Times the engine instanthmr with a network that costs what the largest released one does.

    python -m bench.instanthmr [--people 8] [--repeats 7] [--json FILE]

The network is a stand-in with random weights (`bench.instanthmr_stand_in`), so its answers mean nothing, and so does
whatever would be fitted to them: people are where boxes are said to be, and only the way to the network's own answer
(crop, network, placing, mesh) is timed. Medians; the best in brackets, which is the truer one on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.instanthmr_stand_in import export
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.instanthmr.engine import InstantHmrEngine
from native_runtime.engines.instanthmr.network import HmrNetwork
from native_runtime.engines.instanthmr.parts import Parts
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "stand_in.onnx"
        weights = export(network)
        print(
            f"a stand-in of {weights / 1e6:.1f} million random weights, {network.stat().st_size / 1e6:.0f} MB",
            flush=True,
        )
        found = figures(network, arguments.people, arguments.repeats)
    for name, value in found.items():
        print(f"{name:36} {value['median']:7.1f} ms a person ({value['best']:.1f})")
    once, together = found["engine, one by one"]["median"], found["engine, all at once"]["median"]
    print(f"all at once is {once / together:.2f} times as fast a person", file=sys.stderr)
    if arguments.json:
        arguments.json.write_text(json.dumps({"weights": weights, "ms_a_person": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
