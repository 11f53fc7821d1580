"""``python -m bench.apart``: do fitted bodies pass through themselves, and what does preventing it cost?

People in poses with hands on the body, arms and legs crossed, from the library of ``bench.accuracy``, each turned to
the camera somehow. What a landmark network would say about them is simulated: its pixels are off by a part of the
person's size, its depth is compressed, tilted and uncertain as BlazePose's was measured to be on rendered pictures.
The fit is compared with the truth (MPJPE, PA-MPJPE), and its mesh with itself: how deep vertices of hands, forearms and
shins lie inside the rest of the body, by the winding number (Jacobson et al., "Robust inside-outside segmentation using
generalized winding numbers", 2013).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS, HAND_POINTS, HandLandmarks, PersonLandmarks
from native_runtime.engines.evidence import gather_evidence
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.physics import Physics
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store
from native_runtime.synthetic.library import turned

from .accuracy.compare import landmark_columns
from .accuracy.figures import random_figure
from .accuracy.metrics import aligned, distances

Array = NDArray[np.float64]

POSES = (
    "arms_crossed", "hands_clasped", "hands_on_hips", "one_hand_on_hip", "thinking", "hands_in_front_prayer",
    "looking_at_phone", "hands_behind_back", "hands_on_head", "phone_to_ear", "sitting_legs_crossed", "sitting",
    "sitting_ankle_on_knee", "deep_squat_elbows_on_knees", "floor_sit_crosslegged", "tying_shoe", "yoga_tree",
    "standing", "walk_contact", "typing",
)  # fmt: skip
SIZE = (900, 1200)
LENS = np.array([[1300.0, 0.0, 449.5], [0.0, 1300.0, 599.5], [0.0, 0.0, 1.0]])

_ALONG = {"elbow": 0.06, "wrist": 0.09, "pinky": 0.02, "index": 0.02, "thumb": 0.02, "knee": 0.06, "ankle": 0.09,
          "heel": 0.03, "foot_index": 0.06, "shoulder": 0.03, "hip": 0.02}  # fmt: skip
"""Metres along the view that each point adds to the error of what it hangs on."""
_HANGS_ON = {"elbow": "shoulder", "wrist": "elbow", "pinky": "wrist", "index": "wrist", "thumb": "wrist",
             "knee": "hip", "ankle": "knee", "heel": "ankle", "foot_index": "ankle"}  # fmt: skip
_COMPRESSED, _PITCH, _PITCH_SPREAD = 0.75, np.radians(-5.0), np.radians(6.0)


@dataclass(frozen=True)
class Case:
    """One simulated person: the truth, and what is seen of it."""

    pose: str
    state: PlacedState
    landmarks: Array
    evidence: Evidence


def cases(body: Body, seed: int, each: int) -> Iterator[Case]:
    """Every pose of ``POSES`` so many times."""
    for number, pose in enumerate(POSES):
        for repeat in range(each):
            rng = np.random.default_rng([seed, number, repeat])
            figure = random_figure(body, rng, pose)
            yaw = float(rng.choice([0.0, 0.5, -0.5, 1.1, -1.1, 1.6, -1.6, 2.6]) + 0.2 * rng.normal())
            parameters = turned(body, figure.parameters, rotation_vector_to_matrix(np.array([0.0, yaw, 0.0])))
            pose_ = body.pose(parameters)
            middle = mhr_to_camera(pose_.translations.mean(axis=0))
            place = np.array([0.1, 0.0, 3.6 + 0.5 * rng.random()]) - middle
            state = PlacedState(parameters, figure.identity, np.zeros(body.expression_count), place)
            yield Case(pose, state, true_landmarks(body, state), seen(body, state, rng))


def true_landmarks(body: Body, state: PlacedState) -> Array:
    """(L, 3) m, camera axes: the body's landmarks."""
    vertices = body.vertices(state.model_parameters, state.identity)
    return mhr_to_camera(body.landmarks(body.pose(state.model_parameters), vertices), state.camera_translation)


def seen(body: Body, state: PlacedState, rng: np.random.Generator) -> Evidence:
    """What the networks would say about a body, with simulated errors."""
    vertices = mhr_to_camera(body.vertices(state.model_parameters, state.identity), state.camera_translation)
    pixels = project(vertices, LENS)
    depth = depth_picture(pixels, vertices[:, 2], body.triangles)
    points, hands = landmark_columns(body)
    places = true_landmarks(body, state)
    own = places[points]
    flat = project(own, LENS)
    size = 1.7 * LENS[0, 0] / own[:, 2].mean()
    at = np.clip(np.round(flat).astype(int), 0, np.array(SIZE) - 1)
    visible = own[:, 2] < depth[at[:, 1], at[:, 0]] + 0.06
    noisy = flat + size * np.where(visible, 0.007, 0.025)[:, None] * rng.normal(size=(33, 2))
    visibility = np.where(visible, rng.uniform(0.7, 1.0, 33), rng.uniform(0.05, 0.6, 33))

    space = own - 0.5 * (own[23] + own[24])
    errors = dict[str, float]()
    for name in sorted(BODY_POINTS, key=lambda n: sum(n.endswith(k) for k in _HANGS_ON)):
        errors[name] = 0.0
    for side in ("left", "right"):
        for kind in _ALONG:
            root = errors.get(f"{side}_{_HANGS_ON[kind]}", 0.0) if kind in _HANGS_ON else 0.0
            errors[f"{side}_{kind}"] = root + _ALONG[kind] * rng.normal()
    space[:, 2] = _COMPRESSED * space[:, 2] + np.array([errors[name] for name in BODY_POINTS])
    space[:, :2] += 0.012 * rng.normal(size=(33, 2))
    space = space @ rotation_vector_to_matrix(np.array([_PITCH + _PITCH_SPREAD * rng.normal(), 0.0, 0.0])).T
    mask = np.isfinite(depth).astype(np.float32)
    found: dict[str, HandLandmarks | None] = {}
    for side in ("left", "right"):
        found[side] = None
        if visible[BODY_POINTS.index(f"{side}_index")] and rng.random() < 0.6:
            hand = places[hands[side]]
            found[side] = HandLandmarks(
                project(hand, LENS) + 0.004 * size * rng.normal(size=(len(HAND_POINTS), 2)),
                hand - hand.mean(axis=0) + 0.007 * rng.normal(size=hand.shape),
                0.95,
                side,
            )
    box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    person = PersonLandmarks(
        box, 0.95, noisy, space, visibility, np.full(33, 0.99), mask, np.eye(3)[:2], found["left"], found["right"]
    )  # fmt: skip
    photo = Photo(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), Path("simulated.png"))
    return gather_evidence(person, photo, body, LENS)


def depth_picture(pixels: Array, depth: Array, triangles: NDArray[np.int32]) -> Array:
    """(H, W) m, infinite where nothing is: triangles drawn from far to near, each at the depth of its middle."""
    picture = np.full(SIZE[::-1], np.inf, np.float32)
    middle = depth[triangles].mean(axis=1)
    corners = np.round(pixels[triangles]).astype(np.int32)
    for number in np.argsort(-middle):
        cv2.fillConvexPoly(picture, corners[number], float(middle[number]))
    return picture.astype(np.float64)


class MeshProbe:
    """Measures how deep parts of a posed mesh lie inside the rest of it."""

    def __init__(self, fine: Body, body: Body, samples: int = 40) -> None:
        """`fine`: the mesh that depth is measured to; `body`: a coarser one of the same shape, for inside and out."""
        names, main = body.joint_names, _holders(body)
        self._fine, self._coarse = fine, body
        self._triangles = body.triangles
        self._parts: dict[str, tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]] = {}
        for side in "lr":
            for label, probed in (
                ("hand", ()),
                ("forearm", tuple(f"{side}_lowarm_twist{k}" for k in (2, 3, 4))),
                ("shin", (*(f"{side}_lowleg_twist{k}" for k in (2, 3, 4)), f"{side}_foot", f"{side}_ball")),
            ):
                below = body.skeleton.descends_from[body.joint_index(f"{side}_wrist")]
                if label == "hand":
                    mine = below[main]
                    without = below | np.array([n.startswith(f"{side}_lowarm") for n in names])
                elif label == "forearm":
                    mine = np.array([n.startswith(probed) for n in names])[main]
                    without = below | np.array([n.startswith((f"{side}_lowarm", f"{side}_uparm")) for n in names])
                else:
                    mine = np.array([n.startswith(probed) for n in names])[main]
                    without = body.skeleton.descends_from[body.joint_index(f"{side}_upleg")]
                chosen = np.flatnonzero(mine)
                chosen = chosen[np.linspace(0, len(chosen) - 1, samples).round().astype(int)]
                rest = self._triangles[~without[main][self._triangles].any(axis=1)]
                self._parts[f"{side}_{label}"] = chosen, rest, ~without[_holders(fine)]

    def depths(self, state: PlacedState) -> dict[str, float]:
        """Part -> m by which its deepest vertex lies inside the rest of a body; 0 where none does."""
        out, vertices, surface = {}, posed(self._coarse, state), posed(self._fine, state)
        for part, (chosen, rest, others) in self._parts.items():
            points = vertices[chosen]
            corners = vertices[rest]
            low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
            inside = np.all((points > low) & (points < high), axis=1)
            deepest = 0.0
            for point in points[inside]:
                if winding_number(point, corners) > 0.5:
                    deepest = max(deepest, float(np.sqrt(np.min(np.sum((surface[others] - point) ** 2, axis=1)))))
            out[part] = deepest
        return out


def _holders(body: Body) -> NDArray[np.int64]:
    """(V,) the joint that holds each vertex most."""
    most = np.argmax(body.skin_weights, axis=1)
    return np.asarray(body.skin_indices[np.arange(body.vertex_count), most], np.int64)


def winding_number(point: Array, corners: Array) -> float:
    """How often triangles (T, 3, 3) wind around a point (van Oosterom and Strackee 1983)."""
    a, b, c = (corners[:, k] - point for k in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
    volume = np.einsum("ta,ta->t", a, np.cross(b, c))
    scale = la * lb * lc + np.einsum("ta,ta->t", a, b) * lc
    scale += np.einsum("ta,ta->t", b, c) * la + np.einsum("ta,ta->t", c, a) * lb
    return float(np.sum(np.arctan2(volume, scale)) / (2.0 * np.pi))


def measured(body: Body, probe: MeshProbe, case: Case, physics: Physics | None) -> dict[str, Any]:
    """One case: its fit against the truth and against itself."""
    started = time.perf_counter()
    result = fit_body(body, case.evidence, LENS, physics=physics)
    seconds = time.perf_counter() - started
    state = result.state
    points, _ = landmark_columns(body)
    found, truth = true_landmarks(body, state)[points], case.landmarks[points]
    hips = [BODY_POINTS.index(f"{side}_hip") for side in ("left", "right")]
    away = distances(found - found[hips].mean(axis=0), truth - truth[hips].mean(axis=0))
    record: dict[str, Any] = {
        "pose": case.pose,
        "mpjpe": float(away.mean()),
        "pa_mpjpe": float(distances(aligned(found, truth), truth).mean()),
        "arms": float(away[13:23].mean()),
        "point_error": result.point_error,
        "seconds": seconds,
        "iterations": result.iterations,
    }
    record["depths"] = probe.depths(state)
    return record


def posed(body: Body, state: PlacedState) -> Array:
    """(V, 3) m, MHR axes."""
    return np.asarray(body.vertices(state.model_parameters, state.identity), np.float64) / 100.0


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.apart", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="0 was used for tuning; others are held out")
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rules", default="collision,contact,floor", help="of fitting.physics; 'none' for none")
    parser.add_argument("--truth", action="store_true", help="measure the poses themselves, too")
    arguments = parser.parse_args()
    body, coarse = store.load_body("default"), store.load_body("default-lod2")
    probe = MeshProbe(body, coarse)
    rules = {name: None for name in ("collision", "contact", "floor") if name not in arguments.rules}
    physics = None if arguments.rules == "none" else Physics(**rules)
    records, true_depths = [], []
    for case in cases(body, arguments.seed, arguments.each):
        if arguments.truth:
            true_depths.append(max(probe.depths(case.state).values()))
        records.append(measured(body, probe, case, physics))
    if arguments.json:
        arguments.json.write_text(json.dumps(records, indent=1) + "\n")
    if true_depths:
        print(f"the poses themselves: over 1 cm {np.mean(np.array(true_depths) > 0.01):.1%}")
    print(table(records))


def table(records: list[dict[str, Any]]) -> str:
    """The means in words."""
    deepest = np.array([max(record["depths"].values()) for record in records])
    lines = [
        f"{len(records)} people; deepest over 1 cm {np.mean(deepest > 0.01):.1%}, "
        f"over 3 cm {np.mean(deepest > 0.03):.1%}"
    ]
    for part in ("hand", "forearm", "shin"):
        depth = np.array([max(record["depths"][f"{side}_{part}"] for side in "lr") for record in records])
        lines.append(f"  {part}: over 1 cm {np.mean(depth > 0.01):.1%}, deepest {100 * depth.max():.1f} cm")
    for key, unit in (("mpjpe", "mm"), ("pa_mpjpe", "mm"), ("arms", "mm"), ("point_error", "px"), ("iterations", "")):
        lines.append(f"  {key}: {np.mean([record[key] for record in records]):.1f} {unit}".rstrip())
    lines.append(f"  seconds, median: {np.median([record['seconds'] for record in records]):.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
