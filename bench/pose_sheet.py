"""Draws poses from the front and from the side, with their names, on sheets to look at.

python -m bench.pose_sheet OUT_FOLDER                         the project's authored poses
python -m bench.pose_sheet OUT_FOLDER --poses POSES.npz       every n-th pose of a file of the pose prior's tool
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.build.pose_prior.authored import authored_poses
from native_runtime.build.pose_prior.limbs import LimbSolver
from native_runtime.build.pose_prior.poses import PoseSet
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.render.colour import encode_srgb, over
from native_runtime.render.framing import studio_view
from native_runtime.render.raster import Surface
from native_runtime.render.studio import TINTS, backdrop, lit

Pixels = NDArray[np.uint8]

_HEIGHT, _RISE = 230, 0.12
_VIEWS = (0.35, 1.75)
_ACROSS, _DOWN = 4, 4


def draw(body: Body, model_parameters: NDArray, turn: float, height: int = _HEIGHT) -> Pixels:
    """A pose (204,) as it stands in the world, seen from a side (radians), on the floor."""
    vertices = body.vertices(model_parameters, np.zeros(body.identity_count))
    points = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1) / 100
    points[:, 2] -= points[:, 2].min()
    points[:, :2] -= points[:, :2].mean(axis=0)
    triangles = np.asarray(body.triangles, np.int32)
    edges, wires = np.ones((len(triangles), 3), np.bool_), np.zeros(len(triangles), np.bool_)
    surface = Surface(points, triangles, np.tile(TINTS[1], (len(points), 1)), edges, wires)
    view = studio_view(points, turn, _RISE, height)
    picture = encode_srgb(over(lit(surface, view), backdrop(surface, view)))[..., :3]
    side = max(picture.shape[:2])
    below, right = side - picture.shape[0], side - picture.shape[1]
    borders = (below // 2, below - below // 2, right // 2, right - right // 2)
    square = cv2.copyMakeBorder(picture, *borders, cv2.BORDER_REPLICATE)
    return cv2.resize(square, (height, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def cell(body: Body, name: str, model_parameters: NDArray) -> Pixels:
    """Both views of a pose and its name."""
    picture = np.hstack([draw(body, model_parameters, turn) for turn in _VIEWS])
    cv2.putText(picture, name[:48], (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (10, 10, 10), 1, cv2.LINE_AA)
    return picture


def sheets(cells: list[Pixels]) -> Iterator[Pixels]:
    """Cells in rows, so many to a sheet."""
    for first in range(0, len(cells), _ACROSS * _DOWN):
        page = cells[first : first + _ACROSS * _DOWN]
        page += [np.full_like(page[0], 255)] * (-len(page) % _ACROSS)
        yield np.vstack([np.hstack(page[row : row + _ACROSS]) for row in range(0, len(page), _ACROSS)])


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--poses", type=Path, help="a file that the pose prior's tool wrote")
    parser.add_argument("--count", type=int, default=48, help="so many of its poses")
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--models", type=Path, help="the models folder")
    given = parser.parse_args(arguments)
    body = Body.load(store.body_path("default", given.models))
    named: list[tuple[str, NDArray]]
    if given.poses:
        poses = PoseSet.load(given.poses)
        shown = np.linspace(0, len(poses.names) - 1, given.count).astype(int)
        named = [(f"{poses.names[k]} {poses.frames[k]}", poses.model_parameters[k]) for k in shown]
    else:
        solver = LimbSolver(body)
        named = [(entry.name, solver.solve(entry.pose).model_parameters) for entry in authored_poses()]
    parts = [part for part in given.only.split(",") if part]
    cells = [cell(body, name, pose) for name, pose in named if not parts or any(part in name for part in parts)]
    given.out.mkdir(parents=True, exist_ok=True)
    for number, sheet in enumerate(sheets(cells)):
        cv2.imwrite(str(given.out / f"poses_{number}.png"), sheet[..., ::-1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
