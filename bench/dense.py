"""Teach the dense head, and measure it on people in poses that are held out.

The network is measured on a tenth of the clips that may be learnt from, which it does not learn from: choose on that.

sam3db dataset synthesize DATA --poses POSES.npz --count 6000
python -m bench.compact read --data DATA --out READINGS
python -m bench.dense --data DATA --readings READINGS --out HEAD.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, mhr_to_camera, project
from native_runtime.dataset import shards
from native_runtime.dataset.dense import DensePoints, attach, rest_places
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.training.dense.head import CHANNELS, DenseHead, Examples, figures, learn
from native_runtime.training.dense.refining import Recipe, refine

Array = NDArray[np.float64]

_COLUMNS = ("sam3db_pose", "sam3db_parameters", "sam3db_identity", "sam3db_expression", "sam3db_translation", "cam_int")
_SIZES = 136
"""Model parameters before this one are the pose; the rest sizes the skeleton."""
_SAME = 2e-3
"""Sides of the window that a person's landmarks are off at most from those of a reading, which leaves some out."""


def examples_of(body: Body, data: Path, readings: Path) -> tuple[Examples, NDArray[np.bool_], NDArray[np.str_]]:
    """The people of a data set's readings, which are held out, and the names of their poses."""
    points = attach(body, rest_places())
    landmarks = [body.landmark_names.index(f"blazepose_{k:02d}") for k in range(33)]
    looks, dense, heights, held, poses = [], [], [], [], []
    for path in sorted(readings.glob("[0-9]*.npz")):
        with np.load(path, allow_pickle=False) as archive:
            read = {name: archive[name] for name in ("points", "true_points", "pose", "held_out")}
        rows = iter(shards.columns(data / f"{path.stem}.parquet", _COLUMNS))
        for number, own in enumerate(read["true_points"][:, 0].astype(np.float64)):
            for row in rows:
                if str(row["sam3db_pose"]).startswith(str(read["pose"][number])):
                    found = _placed(body, points, landmarks, row, own)
                    if found is not None:
                        break
            else:
                raise SystemExit(f"{path.name}: reading {number} is of nobody in the data set")
            looks.append(read["points"][number, :, :, :CHANNELS])
            dense.append(found[0])
            heights.append(found[1])
        held.append(read["held_out"])
        poses.append(read["pose"])
    examples = Examples(np.array(looks, np.float64), np.array(dense), np.array(heights))
    return examples, np.concatenate(held), np.concatenate(poses)


def put_aside(poses: NDArray[np.str_], part: float = 0.1, seed: int = 0) -> NDArray[np.bool_]:
    """People (N,) with a pose of a part of all clips; a mixed pose is of each clip that it was mixed from."""
    clips = [set(str(name).split(" + ")) for name in poses]
    names = sorted(set().union(*clips))
    drawn = np.random.default_rng(seed).permutation(len(names))[: max(1, round(part * len(names)))]
    chosen = {names[k] for k in drawn}
    return np.array([bool(own & chosen) for own in clips])


def _placed(
    body: Body, points: DensePoints, landmarks: list[int], row: dict[str, Any], window: Array
) -> tuple[Array, float] | None:
    """A row's dense keypoints (595, 2) from the middle of the window in which its landmarks are at (33, 2), and the
    person's height there; None where they are not.
    """
    parameters, identity, expression, translation, intrinsics = (np.array(row[name]) for name in _COLUMNS[1:])
    pose = body.pose(parameters)
    vertices = np.asarray(body.vertices(parameters, identity, expression), np.float64)
    flat = project(mhr_to_camera(body.landmarks(pose, vertices)[landmarks], translation), intrinsics)
    one, other = (a @ [1, 1j] - (a @ [1, 1j]).mean() for a in (flat, window))
    turn = np.vdot(one, other) / np.vdot(one, one)
    if np.abs(turn * one - other).max() > _SAME:
        return None
    pixels = project(mhr_to_camera(points.of(vertices), translation), intrinsics)
    moved = turn * ((pixels - flat.mean(axis=0)) @ [1, 1j])
    placed = np.stack([moved.real, moved.imag], axis=1) + window.mean(axis=0) - 0.5
    sizes = np.where(np.arange(len(parameters)) < _SIZES, 0.0, parameters)
    tall = float(np.ptp(body.vertices(sizes, identity)[:, 1])) / CM_PER_M
    away = mhr_to_camera(pose.translations[body.joint_index("root")], translation)[2]
    return placed, float(tall * intrinsics[0, 0] / away * abs(turn))


def tell(head: DenseHead, people: Examples, who: str) -> None:
    """Print how far off it is."""
    for given in (4, 10, 20):
        alone, guided = figures(head, people, given)
        print(f"{len(people.height)} {who}: {alone:.2f} % of the height, {guided:.2f} % with {given} points known")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--readings", type=Path, nargs="+", required=True, help="one for each of --data")
    parser.add_argument("--body", default="default-lod1")
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="0: the linear map alone")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if len(arguments.data) != len(arguments.readings):
        parser.error("--data and --readings must name as many folders")
    body = Body.load(store.body_path(arguments.body))
    sets = [examples_of(body, *folders) for folders in zip(arguments.data, arguments.readings)]
    every = Examples.joined([examples for examples, _, _ in sets])
    held = np.concatenate([held for _, held, _ in sets])
    aside = np.zeros_like(held)
    aside[~held] = put_aside(np.concatenate([poses for _, _, poses in sets])[~held])
    head = learn(every.some(~held & ~aside))
    tell(head, every.some(aside), "people put aside, linear map")
    if arguments.steps:
        recipe = Recipe(steps=arguments.steps)
        head = refine(head, every.some(~held & ~aside), every.some(aside), recipe)
        tell(head, every.some(aside), "people put aside, network")
    head.save(arguments.out)
    for (examples, own, _), folder in zip(sets, arguments.readings):
        tell(head, examples.some(own), f"people of {folder.name} held out")


if __name__ == "__main__":
    main()
