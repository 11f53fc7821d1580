"""Turns the MakeHuman data and the recipe in ``rig_templates/default_body`` into the finest default body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from native_runtime.build.default_body import points as point_rules
from native_runtime.build.default_body.ages import Maker, age_components, age_table, eye_shifts, people_by_age
from native_runtime.build.default_body.eyes import with_eyeballs
from native_runtime.build.default_body.geometry import Array, IntArray, edges_of, smooth_step, symmetrised
from native_runtime.build.default_body.shapes import (
    Reposer,
    TargetMixer,
    centre_rings,
    expression_components,
    identity_components,
    slide_lids,
)
from native_runtime.build.default_body.skeleton import (
    JointPlacer,
    ReferenceSkeleton,
    RestSkeleton,
    rest_positions,
    rest_skeleton,
)
from native_runtime.build.default_body.source import MakeHumanData, RawMesh
from native_runtime.build.default_body.surface import Surface, expand, smoothing_patch, visible_surface
from native_runtime.build.default_body.weights import Retargeter, regions_of, soften, symmetric
from native_runtime.files.templates import load_json
from native_runtime.mhr import RigFacts, Skeleton, load_rig_facts
from native_runtime.mhr.ages import AGE_GROUP, AgeTable
from native_runtime.mhr.rotations import matrix_to_quaternion

Progress = Callable[[float, str], None]

DETAIL_RINGS = 2
"""Rings of faces around a patch of flattened detail that are smoothed with it."""

_FILES = ("body", "skeleton", "regions", "identity", "expressions", "points", "ages", "correctives")


@dataclass(frozen=True)
class Recipe:
    """The parsed data files that define the default body."""

    body: Mapping[str, Any]
    skeleton: Mapping[str, Any]
    regions: Mapping[str, Any]
    identity: Mapping[str, Any]
    expressions: Mapping[str, Any]
    points: Mapping[str, Any]
    ages: Mapping[str, Any]
    correctives: Mapping[str, Any]
    keypoints: Mapping[str, Any]

    @classmethod
    def load(cls) -> Recipe:
        """Read the recipe from ``rig_templates``."""
        parts = {name: load_json("default_body", f"{name}.json") for name in _FILES}
        return cls(**parts, keypoints=load_json("mhr", "keypoints.json"))


def recipe_hash() -> str:
    """Return a hash of all that shapes the body besides the downloaded data: the recipe and this package's code."""
    digest = hashlib.sha256()
    templates = resources.files("rig_templates")
    for folder, names in (("default_body", _FILES), ("mhr", ("parameterisation", "keypoints"))):
        for name in names:
            digest.update(templates.joinpath(folder, f"{name}.json").read_bytes())
    code = resources.files(__package__)
    for entry in sorted(code.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".py"):
            digest.update(entry.read_bytes())
    return digest.hexdigest()


@dataclass
class FinestBody:
    """Everything the body files are cut from. Arrays run over the vertices of ``surface``; cm, MHR axes.

    Attributes:
        surface: the visible mesh.
        skeleton: the joints in MHR's zero pose.
        vertices: (V, 3) rest vertices.
        weights: (V, 127) skin weights.
        identity: (n_id, V, 3); expressions: (n_ex, V, 3).
        keypoints, landmarks: points by name, over base vertices and joints.
        ages: how skeleton and shape follow age.
    """

    facts: RigFacts
    reference: ReferenceSkeleton
    recipe: Recipe
    surface: Surface
    skeleton: RestSkeleton
    vertices: Array
    weights: Array
    identity: Array
    expressions: Array
    keypoints: dict[str, point_rules.Point]
    landmarks: dict[str, point_rules.Point]
    ages: AgeTable

    @property
    def components(self) -> list[Mapping[str, Any]]:
        """The sliders of the shape in the order of ``identity``: ``name``, ``group``, ``min``, ``max``."""
        return sliders_of_shape(self.recipe)


def sliders_of_shape(recipe: Recipe) -> list[Mapping[str, Any]]:
    """The sliders of the shape; those of ages come last, so that numbers of older bodies keep their places."""
    return [*recipe.identity["components"], *({**entry, "group": AGE_GROUP} for entry in recipe.ages["components"])]


def make_finest(data: MakeHumanData, recipe: Recipe, progress: Progress) -> FinestBody:
    """Return the finest body made of the data by the recipe."""
    progress(0.05, "Reading the base mesh")
    facts = load_rig_facts()
    reference = ReferenceSkeleton.from_facts(facts, recipe.skeleton)
    plain = data.base_mesh()
    mesh, partner, extension = with_eyeballs(plain, data.mirror(len(plain.vertices)))
    mixer = TargetMixer(data, partner, extension)
    surface = visible_surface(mesh, partner, recipe.regions)

    base = symmetrised(mesh.vertices + mixer.macro({}), partner)
    skin = mesh.group_vertices("body")
    scale = float(recipe.body["stature"]) / float(np.ptp(base[skin, 1]))
    base *= scale
    base[:, 1] -= base[skin, 1].min()

    progress(0.15, "Placing joints and weights")
    stature_ratio = float(recipe.body["stature"]) / float(recipe.body["reference_stature"])
    cubes = mesh.joint_cubes(base)
    placer = JointPlacer(reference, cubes, {**recipe.body["joints"], "scale": stature_ratio})
    source = placer.source_joints(cubes)
    rest = rest_positions(reference, source, stature_ratio, recipe.body["joints"]["thumb_shift"])
    regions = {name: extension.extend(w) for name, w in regions_of(data.bone_weights(extension.count)).items()}
    for side in "lr":
        ball = mesh.group_vertices(f"eyeball-{side}")
        for name, region in regions.items():
            region[ball] = name == f"{side}_eye"
    weights = symmetric(Retargeter(reference, base, source).run(regions), partner, reference.names)
    weights = soften(weights, edges_of(mesh.faces[mesh.groups == "body"]), base, source, recipe.body["soften"])
    repose = Reposer(reference, mesh, placer, rest, weights, _eye_influence(base, source), scale)
    vertices = symmetrised(repose(base), partner)

    progress(0.3, "Making identity and expression shapes")
    identity = identity_components(recipe.identity["components"], mixer, base, repose, _masks(reference, weights))
    skeleton = rest_skeleton(reference, rest)
    maker = Maker(
        settings=recipe.ages,
        reference=reference,
        mesh=mesh,
        mixer=mixer,
        partner=partner,
        skin=skin,
        placer=placer,
        source=source,
        repose=repose,
        rest_vertices=vertices,
        skeleton=skeleton_of(facts, skeleton),
        parameterisation=facts.parameterisation,
        stature=float(recipe.body["stature"]),
        ratio=stature_ratio,
        thumb_shift=recipe.body["joints"]["thumb_shift"],
    )
    people = people_by_age(maker)
    identity = np.concatenate([identity, age_components(maker, people)])
    # Eyeballs stay as they are but for children's: lids and sockets follow them, see Reposer.
    gaze = np.zeros_like(identity)
    gaze[-len(recipe.ages["components"]) :] = eye_shifts(maker, people)
    identity -= gaze
    eyeballs = weights[:, [reference.index(f"{side}_eye") for side in "lr"]].sum(axis=1)
    identity *= (1.0 - eyeballs)[:, None]
    centres = [rest[f"{side}_eye"] for side in "lr"]
    surface_of_eye = vertices[mesh.group_vertices("eyeball-l")] - rest["l_eye"]
    slide_lids(identity, vertices, centres, float(np.linalg.norm(surface_of_eye, axis=1).mean()))
    identity += gaze
    centre_rings(identity, vertices, weights, reference, np.array([rest[name] for name in reference.names]))
    units = recipe.expressions
    expressions = expression_components(units["names"], units["one_sided"], mixer, repose, base)
    for ranges in recipe.regions["smoothed"].values():
        for side in ranges:
            flatten_detail(mesh, expand([side]), vertices, [identity, expressions])
    vertices = symmetrised(vertices, partner)
    identity = np.array([symmetrised(delta, partner) for delta in identity])
    kept = surface.origin
    names = [entry["name"] for entry in sliders_of_shape(recipe)]
    return FinestBody(
        facts=facts,
        reference=reference,
        recipe=recipe,
        surface=surface,
        skeleton=skeleton,
        vertices=vertices[kept],
        weights=weights[kept],
        identity=identity[:, kept],
        expressions=expressions[:, kept],
        keypoints=point_rules.keypoints(recipe.points, recipe.keypoints, partner),
        landmarks=point_rules.landmarks(recipe.points, partner),
        ages=age_table(maker, people, names, identity[:, kept], kept),
    )


def skeleton_of(facts: RigFacts, rest: RestSkeleton) -> Skeleton:
    """The body's joints, ready for poses."""
    return Skeleton(facts.joint_names, facts.joint_parents, rest.offsets, matrix_to_quaternion(rest.prerotations))


def flatten_detail(mesh: RawMesh, faces: IntArray, vertices: Array, fields: Sequence[Array]) -> None:
    """Flatten anatomical detail inside a patch of faces, on the shape and on displacements, in place."""
    inner, rows = smoothing_patch(mesh, vertices, faces, DETAIL_RINGS)
    vertices[inner] = rows @ vertices
    for field in fields:
        field[:, inner] = np.einsum("in,knc->kic", rows, field, optimize=True)


def _eye_influence(points: Array, source: Mapping[str, Array]) -> Array:
    """Return (2, N) how far skin follows the left and the right eye: fully at the lids, not at all 5 cm away."""
    near = np.array(
        [1.0 - smooth_step((np.linalg.norm(points - source[f"{side}_eye"], axis=1) - 2.2) / 3.0) for side in ("l", "r")]
    )
    return near / np.maximum(near.sum(axis=0), 1.0)


def _masks(reference: ReferenceSkeleton, weights: Array) -> dict[str, Array]:
    """Return smooth (N,) masks of head and hands, taken from the skin weights."""

    def share(*prefixes: str) -> Array:
        return weights[:, [name.startswith(prefixes) for name in reference.names]].sum(axis=1)

    hands = share(
        *(f"{side}_{part}" for side in "lr" for part in ("wrist", "thumb", "index", "middle", "ring", "pinky"))
    )
    twist = weights[:, [name.endswith("wrist_twist") for name in reference.names]].sum(axis=1)
    return {"head": share("c_head", "c_jaw", "c_tongue", "l_eye", "r_eye"), "hands": hands - twist}


def provenance(data: MakeHumanData, recipe: Recipe) -> str:
    """Return the provenance of the body as JSON text: source, licences and the files that were read."""
    content = {
        "made_from": recipe.body["source"],
        "licences": recipe.body["licences"],
        "skeleton": "joint names, tree, axes, parameters and limits restated from facebookresearch/MHR (Apache-2.0)",
        "recipe": recipe_hash(),
        "files": len(data.read_members),
        "files_sha256": hashlib.sha256(json.dumps(data.read_members, sort_keys=True).encode()).hexdigest(),
    }
    return json.dumps(content, sort_keys=True)
