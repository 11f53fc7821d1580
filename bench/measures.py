"""Are measures what an independent implementation says, are typed values met, and does the picture stay?

    python -m bench.measures [--body NAME|FILE] [--bodies 30] [--seed 0] [--independent PYTHON] [--json]

* against clad-body: PYTHON is the interpreter of an environment (Python 3.12 or newer) that has it:
  ``python3.12 -m venv ENVIRONMENT; ENVIRONMENT/bin/pip install clad-body==0.6.1``. Each measure is compared twice: as
  both define it, and as we define it (its slicer at our level);
* levels of detail: how far the coarser default bodies' measures are from the finest's;
* typed values: every measure set 6 % lower and higher, one at a time;
* height: how far keypoints of somebody posed move in the picture when they become taller or smaller, where joints may
  turn a little (as when a photo is read) and where the pose is kept (as when it is typed).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.characters.measures.definitions import MEASURES
from native_runtime.characters.measures.height import of_height
from native_runtime.characters.measures.measurer import Measurer
from native_runtime.characters.measures.typed import with_measures
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models.store import body_path

Array = NDArray[np.float64]
People = list[tuple[Array, Array]]

_OTHER_SIDE = Path(__file__).with_name("measures_independent.py")
_ARMS = ("uparm", "lowarm", "wrist", "thumb", "index", "middle", "ring", "pinky")
_AMOUNT = 0.5
"""Of the sliders' ranges."""
_LENS = np.array([[2200.0, 0.0, 800.0], [0.0, 2200.0, 800.0], [0.0, 0.0, 1.0]])


def people_of(body: Body, count: int, seed: int) -> People:
    """Model parameters and coefficients of random people: the mean shape, then within the sliders' ranges."""
    rng = np.random.default_rng(seed)
    names = np.array(body.parameter_names)
    free = np.char.startswith(names, "scale_") & (body.limit_max > body.limit_min)
    own = body.ageless
    found = [(np.zeros(len(names)), np.zeros(body.identity_count))]
    for _ in range(count - 1):
        parameters = np.zeros(len(names))
        parameters[free] = _AMOUNT * rng.uniform(body.limit_min[free], body.limit_max[free])
        identity = _AMOUNT * rng.uniform(body.identity_min, body.identity_max) * own
        found.append((parameters, identity))
    return found


def against_independent(body: Body, people: People, python: str) -> dict[str, Any]:
    """Differences (cm) from clad-body, as both define measures ("own") and as we do ("same"): mean and largest."""
    measurer, entries, ours, meshes = Measurer(body), [], [], []
    for parameters, identity in people:
        found = measurer.measured(parameters, identity)
        figure = measurer.standing.figure(parameters, identity)
        joints = dict(zip(body.joint_names, figure.joints.tolist(), strict=True))
        neck, head = np.array(joints["c_neck"]), np.array(joints["c_head"])
        axis = (head - neck) / np.linalg.norm(head - neck)
        along = float((found.lines["neck_girth"][0] - neck) @ axis)
        entries.append(
            {
                "joints": joints,
                "levels": {key: float(line[:, 1].mean()) for key, line in found.lines.items() if len(line)},
                "neck": {"point": (neck + along * axis).tolist(), "axis": axis.tolist()},
            }
        )
        chain = [np.array([joints[f"{side}_{part}"] for part in ("uparm", "lowarm", "wrist")]) for side in "lr"]
        between = {
            "arm_length": float(np.mean([np.linalg.norm(np.diff(arm, axis=0), axis=1).sum() for arm in chain])),
            "shoulder_breadth": float(np.linalg.norm(chain[0][0] - chain[1][0])),
        }
        ours.append({"own": dict(found.values), "same": dict(found.values) | between})
        arms = [name[2:].startswith(_ARMS) for name in body.joint_names]
        held = (body.skin_weights * np.array(arms)[body.skin_indices]).sum(axis=1)
        entries[-1]["torso"] = np.flatnonzero((held[body.triangles] < 0.5).all(axis=1)).tolist()
        meshes.append(body.vertices(measurer.standing.upright(parameters), identity, correctives=False))
    with tempfile.TemporaryDirectory() as folder:
        bodies, result = Path(folder, "bodies.npz"), Path(folder, "result.json")
        np.savez(bodies, entries=np.array(json.dumps(entries)), triangles=body.triangles, meshes=np.array(meshes))
        subprocess.run([python, str(_OTHER_SIDE), str(bodies), str(result)], check=True)
        theirs = json.loads(result.read_text())
    out: dict[str, Any] = {}
    for kind in ("own", "same"):
        for key in theirs[0][kind]:
            off = np.array([mine[kind][key] - other[kind][key] for mine, other in zip(ours, theirs, strict=True)])
            out.setdefault(key, {})[kind] = {"mean": float(off.mean()), "largest": float(np.abs(off).max())}
    return out


def levels_of_detail(people: People) -> dict[str, Any]:
    """Largest differences (cm) of the coarser default bodies from the finest."""
    finest, *coarser = (Measurer(Body.load(body_path(name))) for name in ("default", "default-lod1", "default-lod2"))
    values = [finest.measured(*one).values for one in people]
    out: dict[str, Any] = {}
    for name, measurer in zip(("lod1", "lod2"), coarser, strict=True):
        other = [measurer.measured(*one).values for one in people]
        out[name] = {
            measure.key: max(abs(a[measure.key] - b[measure.key]) for a, b in zip(values, other, strict=True))
            for measure in MEASURES
        }
    return out


def typed(body: Body, people: People) -> dict[str, Any]:
    """Typed values: how many are met within 0.5 cm, the largest miss of those, and seconds of processor time each."""
    measurer, met, named, worst, started = Measurer(body), 0, 0, 0.0, time.process_time()
    for parameters, identity in people:
        values = measurer.measured(parameters, identity).values
        for measure in MEASURES[1:]:
            for factor in (0.94, 1.06):
                wanted = factor * values[measure.key]
                solved = with_measures(measurer, parameters, identity, {measure.key: wanted}, ["stature"])
                if solved.missed:
                    named += 1
                else:
                    met += 1
                    worst = max(worst, abs(solved.values[measure.key] - wanted))
    seconds = (time.process_time() - started) / (met + named)
    return {"met": met, "limit_named": named, "largest_cm": worst, "seconds": seconds}


def heights(body: Body, people: People, seed: int, turning: bool) -> dict[str, Any]:
    """Px by which keypoints move, of somebody 1,000 px tall, by the change of height; and degrees by which joints turn
    for it, the mean of the largest of each person, where they may.
    """
    measurer, rng = Measurer(body), np.random.default_rng(seed)
    posing = ~measurer.standing.skeleton
    out = {}
    for percent in (-20, -10, -5, 5, 10, 20):
        moved, turned = [], []
        for parameters, identity in people:
            posed = parameters + 0.25 * rng.normal(size=len(parameters)) * posing
            posed[:3] = 0.0
            posed = np.where(posing, np.clip(posed, body.limit_min, body.limit_max), posed)
            state = PlacedState(posed, identity, np.zeros(body.expression_count), np.array([0.1, 0.9, 4.0]))
            tall = measurer.stature(posed, identity)
            after, _ = of_height(measurer, state, _LENS, tall * (1 + percent / 100), turning)
            first, second = (_seen(body, one) for one in (state, after))
            turned.append(np.degrees(np.abs(after.model_parameters - posed)[posing].max()))
            moved.append(np.linalg.norm(second - first, axis=1) * 1000.0 / np.ptp(first[:, 1]))
        distances = np.array(moved)
        out[f"{percent:+d} %"] = {
            "mean": float(distances.mean()),
            "of_95_percent": float(np.percentile(distances, 95)),
            "largest": float(distances.max()),
            "turned": float(np.mean(turned)),
        }
    return out


def _seen(body: Body, state: PlacedState) -> Array:
    pose = body.pose(state.model_parameters)
    points = body.keypoints(pose, body.posed_vertices(pose, state.identity, state.expression))
    return project(mhr_to_camera(points, state.camera_translation), _LENS)


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="default", metavar="NAME|FILE")
    parser.add_argument("--bodies", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--independent", metavar="PYTHON", help="interpreter of an environment with clad-body")
    parser.add_argument("--typed", type=int, default=6, help="how many of the bodies get typed values")
    parser.add_argument("--only", choices=("clad_body", "levels_of_detail", "typed", "heights", "heights_pose_kept"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    body = Body.load(body_path(arguments.body))
    people = people_of(body, arguments.bodies, arguments.seed)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "clad_body": lambda: against_independent(body, people, arguments.independent),
        "levels_of_detail": lambda: levels_of_detail(people),
        "typed": lambda: typed(body, people[: arguments.typed]),
        "heights": lambda: heights(body, people, arguments.seed, turning=True),
        "heights_pose_kept": lambda: heights(body, people, arguments.seed, turning=False),
    }
    if not arguments.independent:
        del parts["clad_body"]
    if body.name != "default":
        del parts["levels_of_detail"]
    result: dict[str, Any] = {"body": body.name, "bodies": len(people)}
    result |= {name: part() for name, part in parts.items() if arguments.only in (None, name)}
    if arguments.json:
        json.dump(result, sys.stdout, indent=1)
        print()
        return
    for name, part in result.items():
        print(name, part if not isinstance(part, dict) else "")
        for key, value in part.items() if isinstance(part, dict) else ():
            print(f"  {key:18} {json.dumps(_rounded(value))}")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return round(value, 2) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
