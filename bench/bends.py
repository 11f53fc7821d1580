"""How well a body's joints bend: pictures of hard poses with and without its pose correctives, and what they measure.

    python -m bench.bends BODY.npz OUT_DIR [--only elbow,hips,...] [--size 420] [--no-pictures]

Each pose is shown close up without (left) and with the correctives. Two volumes are counted on a grid of columns around
the joint: what lies within the skin once or more (its change against the straight limb is printed as a share of the
volume in reach), and what lies within it twice, which is skin that has gone through skin.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.body_gallery import FIST, Shot, Studio, parameters, sheet
from native_runtime.mhr import Body

_STEP_CM = 0.25
"""Distance of the columns in which volumes are counted."""


@dataclass(frozen=True)
class Bend:
    """One pose and its close-ups.

    Attributes:
        pose: parameters by name, see ``body_gallery.Shot``.
        directions: where limbs point, by their joint: (3,) in MHR's axes.
        reach: cm around ``joint`` in which volumes are counted.
        views: (turn, tilt) degrees of each picture, and its width in cm.
    """

    joint: str
    pose: Mapping[str, float]
    views: tuple[tuple[float, float], ...]
    width: float
    reach: float
    directions: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    alone: bool = False


_SIT = {"*upleg_rz": -1.48, "*knee_bend": 1.55}
_CROUCH = {"*upleg_rz": -2.2, "*knee_bend": 2.45, "*foot_bend": -0.5, "*upleg_ry": -0.25, "spine_bend0": 0.5}
BENDS: dict[str, Bend] = {
    "elbow 140": Bend(
        "l_lowarm", {"l_elbow_bend": 1.95}, ((20, 0), (20, 60), (160, 0)), 42, 13, {"l_uparm": (1.0, -0.2, 0.2)}
    ),
    "knee 120": Bend("l_lowleg", {"l_upleg_rz": -1.3, "l_knee_bend": 2.0}, ((80, 0), (200, -10)), 56, 19),
    "knee 150": Bend("l_lowleg", {"l_upleg_rz": -1.3, "l_knee_bend": 2.55}, ((80, 0), (200, -10)), 56, 19),
    "sitting 90": Bend("l_upleg", _SIT, ((90, 0), (50, 10), (30, -50)), 80, 26),
    "sitting 120": Bend(
        "l_upleg", {**_SIT, "*upleg_rz": -2.05, "spine_bend0": 0.3}, ((90, 0), (50, 10), (200, 0)), 80, 26
    ),
    "arms overhead": Bend(
        "l_uparm",
        {"*clavicle_ry": 0.45},
        ((0, 0), (180, 0), (60, 10)),
        64,
        18,
        {"l_uparm": (0.25, 1.0, 0.0), "r_uparm": (-0.25, 1.0, 0.0)},
    ),
    "arm across chest": Bend(
        "l_uparm", {"l_elbow_bend": 1.2}, ((10, 0), (150, 0), (70, 20)), 64, 18, {"l_uparm": (-0.5, -0.15, 1.0)}
    ),
    "arm at the side": Bend("l_uparm", {}, ((10, 0), (160, 0)), 64, 18, {"l_uparm": (0.12, -1.0, 0.0)}),
    "crouch": Bend("l_upleg", _CROUCH, ((90, 0), (40, 0), (200, 0)), 110, 26),
    "kneel": Bend("l_lowleg", {"*upleg_rz": -0.1, "*knee_bend": 2.3, "*foot_bend": 0.9}, ((90, 0), (210, 0)), 70, 19),
    "wrist 80": Bend("l_wrist", {"l_wrist_rz": 1.4}, ((-40, 0), (40, 50)), 26, 7, alone=True),
    "wrist back 80": Bend("l_wrist", {"l_wrist_rz": -1.4}, ((-40, 0), (40, 50)), 26, 7, alone=True),
    "forearm twist 150": Bend("l_lowarm_twist3_proc", {"l_lowarm_twist": -2.6}, ((40, 0), (130, 0)), 36, 12),
    "neck turn 70": Bend(
        "c_neck", {"neck_twist": 0.7, "head_twist": 0.52}, ((0, 0), (120, 0)), 50, 9, offset=(0, 4, 0)
    ),
    "fist": Bend("l_middle1", FIST, ((-40, 0), (-120, -35), (40, 50)), 22, 7, alone=True),
    "toe stand": Bend(
        "l_talocrural", {"*foot_bend": 0.75, "*ball_bend": -0.75}, ((80, 0), (200, 10)), 42, 12, offset=(0, 0, 3)
    ),
}


def model_parameters(body: Body, bend: Bend, share: float = 1.0) -> np.ndarray:
    """The (204,) parameters of a pose, or of the way to it."""
    values = parameters(body, {name: value * share for name, value in bend.pose.items()})
    for joint, direction in bend.directions.items():
        number = body.joint_index(joint)
        parent = body.pose(values).rotations[body.joint_parents[number]]
        x, y, z = (parent @ body.skeleton.prerotation_matrices[number]).T @ np.asarray(direction, dtype=float)
        if joint.startswith("r_"):  # right limbs lie along -x
            x, y, z = -x, -y, -z
        length = np.sqrt(x * x + y * y + z * z)
        values[body.parameter_index(f"{joint}_ry")] = -np.arcsin(z / length) * share
        values[body.parameter_index(f"{joint}_rz")] = np.arctan2(y, x) * share
    return values


def volumes(body: Body, vertices: np.ndarray, centre: np.ndarray, reach: float) -> tuple[float, float]:
    """(visible, doubled) cm3 within ``reach`` of a point: enclosed by the skin at least once, and more than once."""
    steps = np.arange(-reach, reach, _STEP_CM) + 0.37 * _STEP_CM
    crossings: dict[tuple[int, int], list[tuple[float, int]]] = {}
    skin = np.isin(body.face_materials, [body.material_names.index(n) for n in ("skin", "lips", "nails", "mouth")])
    corners = vertices[skin_triangles(body, skin)] - centre
    near = np.any(np.all(np.abs(corners[..., :2]) < reach, axis=2), axis=1)
    for a, b, c in corners[near]:
        low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        columns = [np.flatnonzero((steps >= low[k]) & (steps <= high[k])) for k in (0, 1)]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-12:
            continue
        for i in columns[0]:
            for j in columns[1]:
                x, y = steps[i], steps[j]
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                if u >= 0 and v >= 0 and u + v <= 1:
                    z = u * a[2] + v * b[2] + (1 - u - v) * c[2]
                    crossings.setdefault((int(i), int(j)), []).append((float(z), 1 if area > 0 else -1))
    visible = doubled = 0.0
    for (i, j), hits in crossings.items():
        half = np.sqrt(max(reach**2 - steps[i] ** 2 - steps[j] ** 2, 0.0))
        inside, last = 0, 0.0
        for z, sign in sorted(hits, reverse=True):  # from the front: a face that looks up enters
            length = max(0.0, min(last, half) - max(z, -half))
            visible += length * (inside >= 1)
            doubled += length * (inside >= 2)
            inside, last = inside + sign, z
    return visible * _STEP_CM**2, doubled * _STEP_CM**2


def skin_triangles(body: Body, faces: np.ndarray) -> np.ndarray:
    """(T, 3) the triangles of chosen polygons."""
    starts = np.concatenate([[0], np.cumsum(body.face_sizes)[:-1]])[faces]
    sizes = body.face_sizes[faces]
    fans = [
        np.stack([starts[sizes > k + 1], starts[sizes > k + 1] + k, starts[sizes > k + 1] + k + 1], axis=1)
        for k in range(1, int(sizes.max()) - 1)
    ]
    return np.asarray(body.face_vertices[np.concatenate(fans)])


def _measure(body: Body, bend: Bend) -> list[tuple[float, float]]:
    """Visible and doubled volume straight, bent without and bent with correctives."""
    result = []
    for share, correctives in ((0.0, False), (1.0, False), (1.0, True)):
        values = model_parameters(body, bend, share)
        centre = body.pose(values).translations[body.joint_index(bend.joint)]
        result.append(volumes(body, body.vertices(values, correctives=correctives), centre, bend.reach))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("body", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="comma separated beginnings of poses' names")
    parser.add_argument("--size", type=int, default=420)
    parser.add_argument("--no-pictures", action="store_true")
    arguments = parser.parse_args()
    body = Body.load(arguments.body)
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = tuple(name for name in arguments.only.split(",") if name)
    studio = None if arguments.no_pictures else Studio(arguments.size)
    for name, bend in BENDS.items():
        if chosen and not name.startswith(chosen):
            continue
        (straight, _), *bent = _measure(body, bend)
        text = [f"volume {100 * (seen - straight) / straight:+.1f} %, doubled {twice:.1f} cm3" for seen, twice in bent]
        print(f"{name}: without {text[0]}; with {text[1]}", flush=True)
        if studio is None:
            continue
        values, pictures = model_parameters(body, bend), []
        centre = body.pose(values).translations[body.joint_index(bend.joint)] + np.asarray(bend.offset)
        for correctives in (False, True):
            studio.show(body, body.vertices(values, correctives=correctives))
            for number, (turn, tilt) in enumerate(bend.views):
                path = arguments.out / f".{name}_{correctives}_{number}.png"
                studio.take(path, centre, Shot(name, width=bend.width, turn=turn, tilt=tilt, alone=bend.alone))
                pictures.append((f"{name}, {'with' if correctives else 'without'}", path))
        sheet(pictures, arguments.out / f"{name.replace(' ', '_')}.jpg", len(bend.views))
        for _, path in pictures:
            path.unlink()
    sys.stdout.flush()
    os._exit(0)  # the bpy module may crash on a normal exit


if __name__ == "__main__":
    main()
