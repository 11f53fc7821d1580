"""From poses to the data file of the pose prior."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.pose_mixture import up_for_pelvis
from native_runtime.fitting.problem import ROOT_ROTATION
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_vector_to_matrix

from .authored import authored_poses
from .limbs import LimbSolver
from .mixture import Components, MixtureRecipe, fit_mixture
from .poses import PoseSet, balanced

Array = NDArray[np.float64]

SHARES: Mapping[str, float] = {
    "mocap": 0.45, "standing": 0.18, "sitting": 0.2, "floor": 0.06, "kneeling": 0.03, "squatting": 0.03,
    "lying": 0.03, "yoga": 0.02,
}  # fmt: skip
"""How often people in photos are in motion (motion capture) and in each kind of authored pose: our own judgement."""


def _sides(*parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts for side in "lr")


RECIPES = (
    MixtureRecipe(
        ("spine_twist0", "spine_twist1", "spine_lean0", "spine_lean1", "spine_bend0", "spine_bend1")
        + _sides("upleg_twist", "upleg_ry", "upleg_rz", "knee_bend", "lowleg_twist", "foot_bend", "foot_lean0"),
        upright=True,
        components=20,
    ),
    MixtureRecipe(
        _sides("clavicle_ry", "clavicle_rz", "uparm_twist", "uparm_ry", "uparm_rz", "elbow_bend"),
        upright=False,
        components=14,
    ),
)
"""Trunk and legs with where up is, and both arms."""

BENDS: Mapping[float, float] = {0.0: 0.6, -0.2: 0.1, 0.3: 0.15, 0.6: 0.15}
"""Radians by which people bend at the hips, forward, and how often: trunk and pelvis turn, the legs stay as they stand.
Motion capture hardly has that, and a mixture that has not seen it lets legs trail behind a trunk that leans."""

_UPRIGHT = 0.5
"""Only pelvises are bent whose own axis points upward by at least this part."""

_MOST_OFF = np.radians(20.0)
"""Poses that MHR takes with a limb off by more are not learnt from."""

_WORLD_UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Lesson:
    """Poses to learn from.

    Attributes:
        model_parameters: (n, 204), the root's rotation in a world whose +Y is up.
        weights: (n,) what each counts.
    """

    model_parameters: Array
    weights: Array

    @staticmethod
    def of(body: Body, solver: LimbSolver, mocap: PoseSet) -> Lesson:
        """Motion capture that may be learnt from, and the authored poses, in the proportion of ``SHARES``."""
        chosen = mocap.learnt_from & (mocap.worst < _MOST_OFF)
        moving, weight = mocap.model_parameters[chosen], balanced(mocap.motions[chosen])
        authored = authored_poses()
        posed = np.array([solver.solve(entry.pose).model_parameters for entry in authored])
        kinds = [entry.kind for entry in authored]
        own = np.array([SHARES[kind] / kinds.count(kind) for kind in kinds])
        return Lesson(
            np.concatenate([moving, posed]), np.concatenate([SHARES["mocap"] * weight / weight.sum(), own])
        ).bent(body)

    def bent(self, body: Body) -> Lesson:
        """The same poses, and those that follow from them by bending at the hips, see ``BENDS``."""
        thighs = [body.parameter_index(f"{side}_upleg_rz") for side in "lr"]
        upright = np.array([up_for_pelvis(pose, _WORLD_UP)[1] for pose in self.model_parameters]) > _UPRIGHT
        parameters, weights = [], []
        for angle, share in BENDS.items():
            poses = self.model_parameters.copy()
            poses[:, thighs] -= angle
            for pose in poses:
                turn = rotation_vector_to_matrix(np.array([angle, 0.0, 0.0]))
                pose[ROOT_ROTATION] = matrix_to_euler(euler_to_matrix(pose[ROOT_ROTATION]) @ turn)
            inside = np.all(
                (poses[:, thighs] >= body.limit_min[thighs]) & (poses[:, thighs] <= body.limit_max[thighs]), 1
            )
            chosen = (upright & inside) if angle else np.ones(len(poses), bool)
            parameters.append(poses[chosen])
            weights.append(self.weights[chosen] * share)
        return Lesson(np.concatenate(parameters), np.concatenate(weights))


def values_of(body: Body, recipe: MixtureRecipe, model_parameters: NDArray) -> Array:
    """(n, d) what a recipe's mixture is about, of poses (n, 204)."""
    columns = [body.parameter_index(name) for name in recipe.parameters]
    angles = np.asarray(model_parameters, np.float64)[:, columns]
    if not recipe.upright:
        return angles
    return np.concatenate([angles, [up_for_pelvis(pose, _WORLD_UP) for pose in model_parameters]], axis=1)


def learn(body: Body, lesson: Lesson, recipes: Sequence[MixtureRecipe] = RECIPES) -> list[Components]:
    """The mixtures of all recipes."""
    return [fit_mixture(recipe, values_of(body, recipe, lesson.model_parameters), lesson.weights) for recipe in recipes]


_ABOUT = (
    "Poses that people take: mixtures of Gaussians over joint angles (radians) and, where upright, the direction of up "
    "in the root joint's axes. covariance: the lower triangle, row by row. Each component stands for its mirror image, "
    "too. Made by python -m native_runtime.build.pose_prior from motion capture (CMU Graphics Lab Motion Capture "
    "Database, mocap.cs.cmu.edu, created with funding from NSF EIA-0196217, free for all uses; MakeHuman's poses, CC0) "
    "and from authored_poses.json."
)


def data_file(recipes: Sequence[MixtureRecipe], mixtures: Sequence[Components]) -> dict[str, Any]:
    """What ``rig_templates/fit/pose_mixtures.json`` holds."""
    return {
        "source": _ABOUT,
        "mixtures": [
            {"parameters": list(recipe.parameters), "upright": recipe.upright, "components": mixture.rows()}
            for recipe, mixture in zip(recipes, mixtures, strict=True)
        ],
    }


def file_text(data: Mapping[str, Any]) -> str:
    """The file's text, one component to a line."""
    blocks = []
    for entry in data["mixtures"]:
        head = f'"parameters": {json.dumps(entry["parameters"])}, "upright": {json.dumps(entry["upright"])}'
        rows = ",\n".join(f"   {json.dumps(component)}" for component in entry["components"])
        blocks.append(f'  {{{head}, "components": [\n{rows}\n  ]}}')
    joined = ",\n".join(blocks)
    return f'{{\n "source": {json.dumps(data["source"])},\n "mixtures": [\n{joined}\n ]\n}}\n'
