"""How good the pose prior is, on poses of motion capture that it has not learnt from.

    python -m bench.pose_prior likelihood POSES.npz
    python -m bench.pose_prior hidden POSES.npz [--count 40]

POSES.npz is what ``python -m native_runtime.build.pose_prior poses`` makes. ``likelihood`` compares the density of
held-out poses with that of independent angles. ``hidden`` hides the legs, the lower legs or an arm, gives the fit the
points and directions of the rest with noise, and compares what it makes of the hidden part, with and without the
mixtures. Both are from standing, moving people only: motion capture has hardly any other.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.pose_prior.poses import PoseSet
from native_runtime.camera import mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.prior import PosePrior
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store

from .accuracy.metrics import MM, aligned

Array = NDArray[np.float64]

INTRINSICS = np.array([[1400.0, 0, 499.5], [0, 1400.0, 699.5], [0, 0, 1]])
SIZE_M, POINT_SIGMA, DIRECTION_SIGMA = 1.7, 0.008, 0.15
HIDDEN = {
    "nothing": (),
    "legs": ("knee", "ankle", "heel", "foot_index"),
    "lower legs": ("ankle", "heel", "foot_index"),
    "left arm": ("left_elbow", "left_wrist", "left_pinky", "left_index", "left_thumb"),
}
_SEGMENTS = [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("left_ear", "right_ear"),
             ("left_ear", "nose"), ("right_ear", "nose")] + [
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (
        ("shoulder", "hip"), ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
        ("heel", "foot_index"), ("ankle", "foot_index"))
]  # fmt: skip
_MAIN = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_WORLD_UP = np.array([0.0, 1.0, 0.0])


def independent_log_likelihood(prior: PosePrior, columns: NDArray[np.int64], values: Array) -> Array:
    """(n,) log density of angles (n, d) under the Gaussians and couplings of a prior without mixtures."""
    slots = np.searchsorted(prior.parameters, columns)
    precision, pull = np.diag(prior.deviations**-2.0), prior.means / prior.deviations**2
    for (first, second), factor, spread in zip(prior.coupled, prior.factors, prior.coupling_deviations, strict=True):
        row = np.zeros(len(prior.parameters))
        row[first], row[second] = 1.0, -factor
        precision += np.outer(row, row) / spread**2
    covariance = np.linalg.inv(precision)
    mean = (covariance @ pull)[slots]
    factor_ = np.linalg.cholesky(covariance[np.ix_(slots, slots)])
    apart = np.linalg.solve(factor_, (values - mean).T)
    heights = np.log(np.diag(factor_)).sum() + 0.5 * len(slots) * np.log(2 * np.pi)
    return np.asarray(-heights - 0.5 * np.sum(apart**2, axis=0))


def mixture_log_likelihood(body: Body, values: Array, number: int) -> Array:
    """(n,) log density of angles (n, d) under one of the project's mixtures, up left out of it."""
    mixture = PosePrior.load(body).with_mixtures(body).mixtures[number]
    d = len(mixture.parameters)
    covariances = np.linalg.inv(mixture.precisions)
    heights = -mixture.offsets + 0.5 * np.linalg.slogdet(covariances)[1]
    weights = np.exp(heights - heights.max())
    weights /= weights.sum()
    parts = []
    for weight, mean, covariance in zip(weights, mixture.means[:, :d], covariances[:, :d, :d], strict=True):
        factor = np.linalg.cholesky(covariance)
        apart = np.linalg.solve(factor, (values - mean).T)
        height = np.log(weight) - np.log(np.diag(factor)).sum() - 0.5 * d * np.log(2 * np.pi)
        parts.append(height - 0.5 * np.sum(apart**2, axis=0))
    return np.asarray(np.logaddexp.reduce(parts, axis=0))


def likelihood(body: Body, poses: PoseSet) -> str:
    """Mean log density per pose of held-out clips, clips counting alike."""
    held = poses.model_parameters[poses.held_out]
    clips = poses.names[poses.held_out]
    prior = PosePrior.load(body)
    lines = ["| mixture | angles | independent, nats | mixture, nats |", "| --- | --- | --- | --- |"]
    for number, mixture in enumerate(prior.with_mixtures(body).mixtures):
        values = held[:, mixture.parameters]
        scores = (
            independent_log_likelihood(prior, mixture.parameters, values),
            mixture_log_likelihood(body, values, number),
        )
        means = [np.mean([score[clips == clip].mean() for clip in np.unique(clips)]) for score in scores]
        lines.append(f"| {number} | {len(mixture.parameters)} | {means[0]:.1f} | {means[1]:.1f} |")
    return "\n".join(lines)


def evidence_of(
    body: Body, pose: Array, yaw: float, hidden: tuple[str, ...], rng: np.random.Generator
) -> tuple[Evidence, Array, PlacedState]:
    """What is seen of a person (204,) turned by ``yaw``, with noise; true landmarks (33, 3) m, camera axes."""
    turned = pose.copy()
    turned[3:6] = _turned(pose[3:6], yaw)
    state = PlacedState(turned, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0, 0.9, 4.0]))
    posed = body.pose(turned)
    vertices = body.vertices(turned, state.identity)
    rows = [body.landmark_names.index(f"blazepose_{k:02d}") for k in range(33)]
    points = mhr_to_camera(body.landmarks(posed, vertices), state.camera_translation)[rows]
    size = SIZE_M * INTRINSICS[0, 0] / float(points[:, 2].mean())
    seen = [k for k, name in enumerate(BODY_POINTS) if not any(part in name for part in hidden)]
    pixels = project(points[seen], INTRINSICS) + rng.normal(0.0, POINT_SIGMA * size, (len(seen), 2))
    names = tuple(f"blazepose_{k:02d}" for k in seen)
    segments = [(BODY_POINTS.index(a), BODY_POINTS.index(b)) for a, b in _SEGMENTS]
    segments = [(a, b) for a, b in segments if a in seen and b in seen]
    vectors = np.array([points[b] - points[a] for a, b in segments])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors += rng.normal(0.0, DIRECTION_SIGMA, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    evidence = Evidence(
        Points2D(names, pixels, np.full(len(seen), POINT_SIGMA * size), np.ones(len(seen)), np.zeros(len(seen), bool)),
        Directions(
            tuple(f"blazepose_{a:02d}" for a, _ in segments), tuple(f"blazepose_{b:02d}" for _, b in segments),
            vectors, np.full(len(segments), 0.25), np.ones(len(segments)),
        ),
        size,
        rigid=tuple(f"blazepose_{k:02d}" for k in (11, 12, 23, 24)),
        arms={"l": ("blazepose_13", "blazepose_15"), "r": ("blazepose_14", "blazepose_16")},
    )  # fmt: skip
    return evidence, points, state


def hidden_limbs(body: Body, poses: PoseSet, count: int, seed: int = 0) -> str:
    """Errors of hidden and seen joints with and without mixtures, over held-out poses, one from each clip in turn."""
    chosen = _spread(poses, count)
    learnt = poses.model_parameters[poses.learnt_from]
    plain = PosePrior.load(body)
    priors = {"without": plain, "with": plain.with_mixtures(body)}
    rows = [body.landmark_names.index(f"blazepose_{k:02d}") for k in range(33)]
    lines = [
        "| hidden | mixtures | hidden joints, mm: mean, median | seen joints, mm (PA) | angles beyond 1 to 99 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for what, parts in HIDDEN.items():
        for label, prior in priors.items():
            errors, others, odd = [], [], []
            for number, index in enumerate(chosen):
                rng = np.random.default_rng((seed, number))
                yaw = float(rng.uniform(-np.pi, np.pi))
                evidence, truth, _ = evidence_of(body, poses.model_parameters[index], yaw, parts, rng)
                state = fit_body(body, evidence, INTRINSICS, prior=prior).state
                posed = body.pose(state.model_parameters)
                vertices = body.vertices(state.model_parameters, state.identity)
                found = mhr_to_camera(body.landmarks(posed, vertices), state.camera_translation)[rows]
                main = [k for k, name in enumerate(BODY_POINTS) if name.endswith(_MAIN)]
                gone = [k for k in main if any(part in BODY_POINTS[k] for part in parts)]
                kept = [k for k in main if k not in gone]
                hips = [23, 24]
                apart = (found - found[hips].mean(axis=0)) - (truth - truth[hips].mean(axis=0))
                errors += [float(np.linalg.norm(apart[k]) * MM) for k in gone]
                others.append(
                    float(np.linalg.norm(aligned(found[kept], truth[kept]) - truth[kept], axis=1).mean() * MM)
                )
                odd.append(_odd(body, state.model_parameters, learnt, what))
            hidden = f"{np.mean(errors):.0f}, {np.median(errors):.0f}" if errors else "-"
            lines.append(f"| {what} | {label} | {hidden} | {np.mean(others):.1f} | {100 * np.mean(odd):.0f} % |")
    return "\n".join(lines)


def _odd(body: Body, parameters: Array, learnt: Array, what: str) -> float:
    """The share of the angles of the hidden part that 98 % of the learnt poses do not reach."""
    parts = {"left arm": ("l_uparm", "l_elbow"), "lower legs": ("knee", "foot")}.get(what, ("upleg", "knee", "foot"))
    columns = [
        k for k, name in enumerate(body.parameter_names[:136])
        if any(part in name for part in parts) and body.limit_max[k] > body.limit_min[k]
    ]  # fmt: skip
    low, high = np.percentile(learnt[:, columns], [1, 99], axis=0)
    return float(np.mean((parameters[columns] < low - 0.02) | (parameters[columns] > high + 0.02)))


def _spread(poses: PoseSet, count: int) -> list[int]:
    """So many held-out poses: one from each clip in turn."""
    rng = np.random.default_rng(1)
    by_clip = [
        rng.permutation(np.flatnonzero(poses.held_out & (poses.names == clip))) for clip in np.unique(poses.names)
    ]
    by_clip = [indices for indices in by_clip if len(indices)]
    out: list[int] = []
    turn = 0
    while len(out) < min(count, int(poses.held_out.sum())):
        out += [int(indices[turn]) for indices in by_clip if turn < len(indices)]
        turn += 1
    return out[:count]


def _turned(euler: Array, yaw: float) -> Array:
    from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler

    c, s = np.cos(yaw), np.sin(yaw)
    return matrix_to_euler(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ euler_to_matrix(euler))


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("likelihood", "hidden"):
        command = commands.add_parser(name)
        command.add_argument("poses", type=Path)
        command.add_argument("--models", type=Path)
        if name == "hidden":
            command.add_argument("--count", type=int, default=40)
    given = parser.parse_args(arguments)
    body = Body.load(store.body_path("default", given.models))
    poses = PoseSet.load(given.poses)
    print(likelihood(body, poses) if given.command == "likelihood" else hidden_limbs(body, poses, given.count))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
