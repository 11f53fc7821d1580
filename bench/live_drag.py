"""Times the live preview of a drag, and says how far the final answer lies from it.

    python -m bench.live_drag [--body NAME] [--events N] [--drags N]

Synthetic: a standing person with bent limbs fills a photo of 960 x 1280. Each drag goes in a straight line from where
the keypoint is to up to 0.06 of the height away, in so many events. Milliseconds are those of the wall; run it on a
quiet machine. "Apart" is how far any joint of the final answer (``fitting.refit``) lies from the last preview at most.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.live import LiveDrag
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import named_rows, project
from native_runtime.fitting.refit import refit
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store

INTRINSICS = np.array([[1000.0, 0.0, 479.5], [0.0, 1000.0, 639.5], [0.0, 0.0, 1.0]])
KEYPOINTS = ("left_wrist", "right_elbow", "left_ankle", "right_knee", "nose", "left_shoulder", "left_forefinger4",
             "left_hip")  # fmt: skip
FARTHEST = 0.06
"""Of an adult's height."""


def standing(body: Body) -> PlacedState:
    """A person at ease with bent elbows and knees, a little turned."""
    parameters = PosePrior.load(body).natural_parameters(body)
    parameters[4] = 0.4
    for name, angle in {"elbow_bend": 0.8, "knee_bend": 0.5, "upleg_rz": -0.4}.items():
        for side in "lr":
            parameters[body.parameter_index(f"{side}_{name}")] = angle
    clamped = body.parameterisation.clamp(parameters)
    return PlacedState(
        clamped, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0.1, 1.0, 3.5])
    )


def joints(body: Body, parameters: NDArray, translation: NDArray) -> NDArray[np.float64]:
    """(J, 3) m, camera axes."""
    return mhr_to_camera(body.pose(parameters).translations, translation)


def measure(body: Body, state: PlacedState, keypoint: str, events: int, drags: int) -> list[tuple[float, ...]]:
    """Per drag: ms to begin it, median and worst ms of an event, whether it was reached, cm to the final answer."""
    points = PointSet.from_rows(body, named_rows(body, [keypoint]))
    pose = body.pose(state.model_parameters)
    start = project(mhr_to_camera(points.positions(pose, state.identity), state.camera_translation), INTRINSICS)[0]
    rng = np.random.default_rng(0)
    rows: list[tuple[float, ...]] = []
    for _ in range(drags):
        angle, length = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.1, 1.0) * FARTHEST * 1.7 / 3.5 * INTRINSICS[0, 0]
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        begun = time.perf_counter()
        drag = LiveDrag(body, INTRINSICS, state, keypoint)
        spent = [time.perf_counter() - begun]
        for step in range(1, events + 1):
            asked = time.perf_counter()
            preview = drag.to(start + (end - start) * step / events)
            spent.append(time.perf_counter() - asked)
        final = refit(body, INTRINSICS, state, [Pin(keypoint, end)]).state
        apart = joints(body, final.model_parameters, final.camera_translation)
        apart = np.linalg.norm(
            apart - joints(body, preview.state.model_parameters, preview.state.camera_translation), axis=1
        )
        ms = 1000 * np.array(spent)
        rows.append((ms[0], float(np.median(ms[1:])), ms[1:].max(), float(preview.reached), 100 * apart.max()))
    return rows


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.live_drag", description=__doc__.splitlines()[0])
    parser.add_argument("--body", default="default")
    parser.add_argument("--events", type=int, default=20, help="a drag")
    parser.add_argument("--drags", type=int, default=12, help="a keypoint")
    arguments = parser.parse_args()
    body = Body.load(store.body_path(arguments.body))
    state = standing(body)
    print(f"{'':18s} begin   event: median   worst   reached   apart where reached, cm: median   worst")
    for keypoint in KEYPOINTS:
        rows = np.array(measure(body, state, keypoint, arguments.events, arguments.drags))
        reached = rows[rows[:, 3] > 0, 4]
        apart = f"{np.median(reached):24.2f} {reached.max():7.2f}" if len(reached) else ""
        begin, median, worst = np.median(rows[:, 0]), np.median(rows[:, 1]), rows[:, 2].max()
        share = f"{len(reached)}/{len(rows)}"
        print(f"{keypoint:18s} {begin:5.1f} {median:15.1f} {worst:7.1f} {share:>9s} {apart}")


if __name__ == "__main__":
    main()
