"""How well the fit tells a dressed body from a fat one.

    python -m bench.dressed [--split tune|held-out] [--people 8] [--json FILE]

Bodies of known shape in tight and in loose clothes are drawn as masks; the fit gets these and noisy points, no
networks. The body in the masks is the body that is fitted: this measures the fit's reasoning about clothes, and nothing
about how real clothes fall. Reported are, by case, the mean distance of the undressed vertices of torso and limbs at
rest (mm, without the neck, head, hands and feet) and how much more the fitted body weighs than the true one (BMI).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.clothes import garment
from bench.accuracy.figures import random_figure
from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Silhouette
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.problem import project
from native_runtime.fitting.shape_prior import Sex, ShapePrior
from native_runtime.fitting.silhouette import comparable_vertices
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.synthetic.anatomy import Anatomy

Array = NDArray[np.float64]

SIZE = (480, 640)
INTRINSICS = np.array([[520.0, 0, 239.5], [0, 520.0, 319.5], [0, 0, 1]])
STATURE = 1.7
WATER = 985.0
"""kg/m3 of a body."""
SEGMENTS = [
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("left_ear", "right_ear"), ("left_ear", "nose"),
    *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (
        ("shoulder", "hip"), ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
        ("ankle", "big_toe"), ("heel", "big_toe"))),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A kind of person: ranges of the slider of weight, and of how far clothes stand off (cm)."""

    weight: tuple[float, float]
    shirt: tuple[float, float]
    trousers: tuple[float, float]
    hem: float = 0.0
    sleeve: float = 0.3


CASES = {
    "slim, tight": Case((-0.6, 0.4), (0.1, 0.4), (0.0, 0.2)),
    "slim, coat": Case((-0.6, 0.4), (3.0, 6.0), (0.2, 0.6), -38.0, 0.95),
    "slim, wide trousers": Case((-0.6, 0.4), (0.3, 0.8), (2.5, 5.0)),
    "slim, all wide": Case((-0.6, 0.4), (3.0, 5.0), (2.5, 4.0), -15.0, 0.95),
    "fat, tight": Case((1.6, 2.5), (0.1, 0.4), (0.0, 0.2)),
    "fat, coat": Case((1.6, 2.5), (3.0, 6.0), (0.2, 0.6), -38.0, 0.95),
}


def person(body: Body, anatomy: Anatomy, case: Case, sex: Sex, rng: np.random.Generator) -> tuple[Evidence, Array]:
    """What is seen of a dressed person, and their identity coefficients."""
    names = list(body.identity_names)
    figure = random_figure(body, rng, str(rng.choice(["standing", "contrapposto", "walk_passing", "one_hand_on_hip"])))
    identity = np.zeros(body.identity_count)
    identity[body.ageless] = np.clip(rng.normal(0.0, 0.25, int(body.ageless.sum())), -0.6, 0.6)
    for name, mean in zip(names, ShapePrior.of(body, sex).means):
        if "gender" in name or name == "breasts":
            identity[names.index(name)] = mean
    weight = rng.uniform(*case.weight)
    identity[names.index("weight")] = weight
    identity[names.index("belly")] = max(0.0, weight - 1.0)
    parameters = figure.parameters.copy()
    parameters[3:6] = 0.0, rng.uniform(-1.2, 1.2), 0.0
    translation = np.array([0.0, 0.95, 3.0])
    vertices = mhr_to_camera(body.vertices(parameters, identity), translation)
    pose = body.pose(parameters)
    points = mhr_to_camera(body.keypoints(pose, body.vertices(parameters, identity)), translation)
    trousers, under = garment(
        anatomy,
        vertices,
        anatomy.trousers(0.97, 8.0),
        rng,
        rng.uniform(*case.trousers),
        2 if case.trousers[1] < 1 else 15,
    )
    shirt, _ = garment(anatomy, under, anatomy.shirt(case.sleeve, case.hem, 2.0), rng, rng.uniform(*case.shirt), 14)
    drawn = np.zeros(SIZE[::-1], np.uint8)
    for surface, faces in (
        (vertices, body.triangles),
        (trousers.vertices, trousers.faces),
        (shirt.vertices, shirt.faces),
    ):
        places = np.round(project(surface, INTRINSICS)).astype(np.int32)
        for face in faces:
            cv2.fillPoly(drawn, [places[face]], 255)
    mask = cv2.resize(cv2.GaussianBlur(drawn, (0, 0), 2.0), (256, 341)).astype(np.float32) / 255
    from_photo = np.array([[256 / SIZE[0], 0, -0.5 + 128 / SIZE[0]], [0, 341 / SIZE[1], -0.5 + 170.5 / SIZE[1]]])
    size = STATURE * INTRINSICS[0, 0] / translation[2]
    index = dict(zip(body.keypoint_names, range(70)))
    shown = [n for n in body.keypoint_names if not any(part in n for part in ("thumb", "finger", "ring", "middle"))]
    shown = [n for n in shown if not n.startswith(("left_fore", "right_fore", "left_pinky", "right_pinky"))]
    rows = [index[n] for n in shown]
    noisy = project(points, INTRINSICS)[rows] + rng.normal(0, 0.006 * size, (len(rows), 2))
    vectors = np.array([points[index[b]] - points[index[a]] for a, b in SEGMENTS])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors += rng.normal(0, 0.15, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    evidence = Evidence(
        Points2D(tuple(shown), noisy, np.full(len(rows), 0.008 * size), np.ones(len(rows)), np.zeros(len(rows), bool)),
        Directions(
            tuple(a for a, _ in SEGMENTS),
            tuple(b for _, b in SEGMENTS),
            vectors,
            np.full(len(SEGMENTS), 0.25),
            np.ones(len(SEGMENTS)),
        ),
        size,
        Silhouette(mask, from_photo),
        shape=ShapePrior.of(body, sex),
    )
    return evidence, identity


def bmi(body: Body, identity: Array) -> float:
    """kg/m2 of a body at rest."""
    corners = body.rest_shape(identity, np.zeros(body.expression_count))[body.triangles] / 100
    volume = float(np.einsum("ta,ta->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)
    height = float(np.ptp(corners[..., 1]))
    return volume * WATER / height**2


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.dressed", description=__doc__)
    parser.add_argument("--split", choices=("tune", "held-out"), default="tune")
    parser.add_argument("--people", type=int, default=8, help="of each case")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    body = store.load_body("default-lod1", None)
    anatomy, compared = Anatomy(body), comparable_vertices(body)
    nothing = np.zeros(body.expression_count)
    rows = {}
    print("| case | error, mm | BMI too high by | spread of it |\n| --- | ---: | ---: | ---: |")
    for number, (name, case) in enumerate(CASES.items()):
        errors, excess = [], []
        for k in range(arguments.people):
            seed = 2 * (100 * number + k) + (arguments.split == "held-out")
            rng = np.random.default_rng(seed)
            sex: Sex = "female" if k % 2 else "male"
            evidence, truth = person(body, anatomy, case, sex, rng)
            found = fit_body(body, evidence, INTRINSICS).state.identity
            apart = body.rest_shape(found, nothing) - body.rest_shape(truth, nothing)
            errors.append(10 * float(np.linalg.norm(apart[compared], axis=1).mean()))
            excess.append(bmi(body, found) - bmi(body, truth))
        rows[name] = {"error_mm": errors, "bmi": excess}
        print(f"| {name} | {np.mean(errors):.1f} | {np.mean(excess):+.2f} | {np.std(excess):.2f} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
