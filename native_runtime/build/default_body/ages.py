"""How the default body follows age: MakeHuman's children and old people as MHR's parameters and sliders of the shape.

A person of an age and a sex is mixed of MakeHuman's macro targets, as tall as growth charts say, and brought into MHR's
rest pose. MHR's parameters of the skeleton are fitted to the joints; what the skin then still differs by is flesh, and
becomes sliders: two of their own for children (the whole head, the narrow trunk), and for everybody those of sex and
old age that there are already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from native_runtime.build.default_body.geometry import Array, IntArray, symmetrised
from native_runtime.build.default_body.shapes import Reposer, TargetMixer
from native_runtime.build.default_body.skeleton import (
    FINGERS,
    JointPlacer,
    ReferenceSkeleton,
    repose_maps,
    rest_positions,
)
from native_runtime.build.default_body.source import RawMesh
from native_runtime.mhr import Parameterisation, Skeleton
from native_runtime.mhr.ages import SEXES, AgeTable, hermite, monotone_slopes

LENGTHS = (
    "scale_spine_length", "scale_neck_length", "scale_shoulder_width", "scale_uparms", "scale_lowarms",
    "scale_hip_width", "scale_uplegs", "scale_lowlegs", "scale_ankle_height", "scale_foot_length",
)  # fmt: skip
"""The parameters that are fitted; the hands' sizes come on top."""

_FITTED = {
    # Shoulders and head show most; the spine's length moves both by one number.
    "c_spine1": 0.1, "c_spine2": 0.1, "c_spine3": 0.1, "c_neck": 0.1, "c_head": 3.0, "l_uparm": 3.0, "l_lowarm": 1.0,
    "l_wrist": 1.0, "l_upleg": 1.0, "l_lowleg": 1.0, "l_foot": 0.1, "l_ball": 1.0,
    # MHR shortens the foot by lowering the ankle's hinge, which is to stay in the ankle.
    "l_talocrural": 2.0,
}  # fmt: skip
"""The joints that the parameters are fitted to, and their weights."""
_AXES = (1.0, 1.0, 0.3)
"""Across, up, forward: MHR's neck stands as far forward in children as in adults, which no length mends; shortened for
it, it would draw the head down between the shoulders.
"""

_HEAD = ("c_head", "c_jaw", "c_teeth", "c_tongue", "l_eye", "r_eye")
"""Joints that nothing brings closer to each other: MHR has no parameter for the size of a head."""

_TORSO = ("root", "c_spine", "c_neck")
_EYES = 0.6
"""How far children's eyes come together, of what MakeHuman's do. They turn about joints that stay where those of adults
are, and would leave their lids when they look aside.
"""
_ANKLE, _FEET = "talocrural", ("foot", "subtalar", "transversetarsal", "ball")

_MAKEHUMAN = {"baby": 1.0, "child": 10.0, "young": 25.0, "old": 90.0}
"""The years of MakeHuman's ages; between them it mixes linearly."""
_YOUNG = 25.0
_GROWN_FROM, _GROWN = 18.0, 20.0
"""Up to the first the sliders of childhood are used, from the second on that of old age."""


@dataclass(frozen=True)
class Maker:
    """What people of an age are made with: the default body while it is made.

    Attributes:
        settings: the parsed ``default_body/ages.json``.
        skin: vertices of the skin, for the stature.
        source: joints of the default shape in MakeHuman's pose; cm.
        repose: how meshes are brought into the rest pose, with the joints of the default skeleton.
        rest_vertices: (N, 3) cm, all base vertices in the rest pose.
        skeleton, parameterisation: MHR's mathematics of the default body.
        stature: cm, of the default body; ratio: over MHR's.
        thumb_shift: see ``rest_positions``.
    """

    settings: Mapping[str, Any]
    reference: ReferenceSkeleton
    mesh: RawMesh
    mixer: TargetMixer
    partner: IntArray
    skin: IntArray
    placer: JointPlacer
    source: Mapping[str, Array]
    repose: Reposer
    rest_vertices: Array
    skeleton: Skeleton
    parameterisation: Parameterisation
    stature: float
    ratio: float
    thumb_shift: Sequence[float]


@dataclass(frozen=True)
class Aged:
    """A person of an age and a sex.

    Attributes:
        parameters: (204,) of the skeleton.
        flesh: (N, 3) cm, what is to be added to the default rest shape.
        eyes: cm, by how much each eyeball is farther out.
    """

    parameters: Array
    flesh: Array
    eyes: float


def people_by_age(maker: Maker) -> dict[tuple[str, float], Aged]:
    """The median people of the recipe's ages, by sex and years."""
    fixed = cache(lambda sex, age: maker.mixer.macro({"gender": sex, "age": age}))
    return {
        (sex, float(years)): _aged(maker, fixed, sex, float(years))
        for sex in SEXES
        for years in maker.settings["years"]
    }


def age_components(maker: Maker, people: Mapping[tuple[str, float], Aged]) -> Array:
    """The displacements (n, N, 3) cm of the sliders that belong to ages alone."""
    return np.array(
        [
            np.mean([people[sex, float(entry["years"])].flesh for sex in SEXES], axis=0)
            for entry in maker.settings["components"]
        ]
    )


def eye_shifts(maker: Maker, people: Mapping[tuple[str, float], Aged]) -> Array:
    """What of ``age_components`` moves the eyeballs, and the skin around them with them: (n, N, 3) cm."""
    outward = np.zeros_like(maker.rest_vertices)
    for sign, near in zip((1.0, -1.0), maker.repose.eye_influence, strict=True):
        outward[:, 0] += sign * near
    return np.array(
        [
            np.mean([people[sex, float(entry["years"])].eyes for sex in SEXES]) * outward
            for entry in maker.settings["components"]
        ]
    )


def age_table(
    maker: Maker, people: Mapping[tuple[str, float], Aged], names: Sequence[str], basis: Array, kept: IntArray
) -> AgeTable:
    """The table of the body file.

    Args:
        names: of the body's sliders of the shape; those of ages come last.
        basis: (n, V, 3) cm, their displacements.
        kept: (V,) the base vertices that these are of; none of eyeballs and the inside of the mouth counts.
    """
    settings, years = maker.settings, np.array(maker.settings["years"], np.float64)
    own = [len(names) - len(settings["components"]) + k for k in range(len(settings["components"]))]
    gender, old = names.index("gender"), names.index("age")
    counted = np.all(np.linalg.norm(basis[[own[0], gender]], axis=2) > 0, axis=0)
    identity = np.zeros((len(SEXES), len(years), len(names)))
    for row, sex in zip(identity, SEXES, strict=True):
        for numbers, age in zip(row, years, strict=True):
            free = [gender, *own] if age <= _GROWN_FROM else [gender, *((old,) if age > _YOUNG else ())]
            flesh = people[sex, float(age)].flesh[kept][counted].ravel()
            numbers[free] = np.linalg.lstsq(basis[free][:, counted].reshape(len(free), -1).T, flesh, rcond=None)[0]
    ranges = np.array([(entry["min"], entry["max"]) for entry in settings["components"]])
    identity[..., own] = np.clip(identity[..., own], *ranges.T)
    return AgeTable(
        years=years,
        statures=np.array([[_curve(settings["statures"][sex], age) for age in years] for sex in SEXES]),
        spreads=np.array([[_curve(settings["deviations"][sex], age) for age in years] for sex in SEXES]),
        parameters=np.array([[people[sex, float(age)].parameters for age in years] for sex in SEXES]),
        identity=identity,
    )


def _curve(points: Sequence[Sequence[float]], at: float) -> float:
    x, y = np.array(points, np.float64).T
    return float(hermite(x, y, monotone_slopes(x, y), at))


def _mixed(maker: Maker, fixed: Any, sex: str, years: float) -> Array:
    """(N, 3) cm, the base mesh of a person in MakeHuman's pose, as tall as people are, with the soles at height 0."""
    settings = maker.settings
    age = _curve(settings["makehuman"][sex], years)
    own = 0.5 + 0.5 * _curve(settings["sexual"], years)
    ages, at = list(_MAKEHUMAN), np.array(list(_MAKEHUMAN.values()))
    shape = np.zeros_like(maker.mesh.vertices)
    for k, name in enumerate(ages):
        share = float(np.interp(age, at, np.eye(len(ages))[k]))
        for other in SEXES:
            weight = share * (own if other == sex else 1.0 - own)
            if weight > 0:
                shape += weight * fixed(other, name)
    points = symmetrised(maker.mesh.vertices + shape, maker.partner)
    points *= _curve(settings["statures"][sex], years) / float(np.ptp(points[maker.skin, 1]))
    points[:, 1] -= points[maker.skin, 1].min()
    return points


def _aged(maker: Maker, fixed: Any, sex: str, years: float) -> Aged:
    points = _mixed(maker, fixed, sex, years)
    size = float(np.ptp(points[maker.skin, 1])) / maker.stature
    # Distances from the cubes are those of a grown-up: they shrink along, but for the head's, see _HEAD.
    source = {name: p * size for name, p in _joints(maker, points / size).items()}
    source |= {name: p for name, p in _joints(maker, points).items() if name.startswith(_HEAD)}
    source["c_neck_twist1_proc"] = 0.5 * (source["c_neck"] + source["c_head"])
    clavicle = _length(source, "l_clavicle", "l_uparm") / _length(maker.source, "l_clavicle", "l_uparm")
    wanted = rest_positions(maker.reference, source, maker.ratio * clavicle, [size * s for s in maker.thumb_shift])
    root = maker.repose.rest["root"] - wanted["root"]
    wanted = {name: point + root for name, point in wanted.items()}

    parameters = _fitted(maker, wanted)
    joint_parameters = maker.parameterisation.joint_parameters(parameters)
    pose = maker.skeleton.forward(joint_parameters)
    joints = pose.translations
    rest = dict(zip(maker.reference.names, joints, strict=True))
    # What no parameter expresses stays the person's own: the flesh of trunk and feet keeps its shape.
    # It stands as far forward as the skeleton does, or the neck would lean.
    rest |= {name: np.append(wanted[name][:2], rest[name][2]) for name in rest if name.startswith(_TORSO)}
    for side in "lr":
        collar_bone, shoulder = f"{side}_clavicle", f"{side}_uparm"
        rest[collar_bone] = wanted[collar_bone] + [0.0, 0.0, rest[shoulder][2] - wanted[shoulder][2]]
        ankle = rest[f"{side}_{_ANKLE}"] - wanted[f"{side}_{_ANKLE}"]
        rest |= {f"{side}_{part}": wanted[f"{side}_{part}"] + ankle for part in _FEET}
    eyes = _EYES * float(wanted["l_eye"][0] - rest["l_eye"][0])
    rest |= {f"{side}_eye": rest[f"{side}_eye"] + [sign * eyes, 0.0, 0.0] for side, sign in (("l", 1.0), ("r", -1.0))}
    moved = _reposed(maker, points, source, rest)
    # Back through the skin weights, which carry the default shape along with the joints.
    weights, home = maker.repose.weights, maker.skeleton.rest.translations
    scales = pose.scales
    back = (moved - weights @ (joints - scales[:, None] * home)) / (weights @ scales)[:, None]
    return Aged(parameters, symmetrised(back - maker.rest_vertices, maker.partner), eyes)


def _joints(maker: Maker, points: Array) -> dict[str, Array]:
    return maker.placer.source_joints(maker.mesh.joint_cubes(points))


def _length(joints: Mapping[str, Array], a: str, b: str) -> float:
    return float(np.linalg.norm(joints[b] - joints[a]))


def _fitted(maker: Maker, wanted: Mapping[str, Array]) -> Array:
    """The skeleton's parameters (204,) whose rest pose has its joints where they are wanted, by least squares.

    Lengths move joints linearly; the hands' size is that of the palm.
    """
    names = maker.parameterisation.names
    index = [names.index(name) for name in LENGTHS]
    joints = [maker.reference.index(name) for name in _FITTED]
    weights = np.array(list(_FITTED.values()))[:, None] * _AXES
    home = maker.skeleton.rest.translations

    def moved(parameters: Array) -> Array:
        shift = maker.skeleton.forward(maker.parameterisation.joint_parameters(parameters)).translations - home
        return np.asarray((weights * shift[joints]).ravel(), np.float64)

    columns = np.stack([moved(np.eye(len(names))[k]) for k in index], axis=1)
    target = weights * (np.array([wanted[name] for name in _FITTED]) - home[joints])
    parameters = np.zeros(len(names))
    parameters[index] = np.linalg.lstsq(columns, target.ravel(), rcond=None)[0]
    rest = maker.repose.rest
    palm = np.mean([_length(wanted, "l_wrist", f"l_{f}1") / _length(rest, "l_wrist", f"l_{f}1") for f in FINGERS])
    for side in "lr":
        parameters[names.index(f"scale_{side}_hands")] = np.log2(palm)
    return parameters


def _reposed(maker: Maker, points: Array, source: Mapping[str, Array], rest: Mapping[str, Array]) -> Array:
    """The base mesh (N, 3) brought from its own joints to others; as ``Reposer``, which finds the joints itself."""
    repose = maker.repose
    linear, translation = repose_maps(maker.reference, source, rest)
    moved = repose.blend(linear, points) + repose.weights @ translation
    head = maker.reference.index("c_head")
    for side, near in zip("lr", repose.eye_influence, strict=True):
        slip = rest[f"{side}_eye"] - (linear[head] @ source[f"{side}_eye"] + translation[head])
        moved += near[:, None] * slip
    return moved
