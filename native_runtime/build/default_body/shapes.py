"""Shapes of the default body: the neutral adult, identity sliders which leave the skeleton alone, and expressions.

A MakeHuman target moves skin and joints at once. Here only the soft tissue is wanted, because MHR controls the skeleton
by its own parameters: the shaped mesh is brought back, segment by segment, onto the default skeleton in the rest pose
with the same blend of affine maps that reposes the default mesh, and what still differs is the slider's displacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from native_runtime.build.default_body.eyes import Extension
from native_runtime.build.default_body.geometry import MIRROR, Array, IntArray, smooth_step, symmetrised, unit
from native_runtime.build.default_body.skeleton import JointPlacer, ReferenceSkeleton, repose_maps
from native_runtime.build.default_body.source import MakeHumanData, RawMesh
from native_runtime.build.default_body.weights import along

_MACRO_DIMENSIONS = {"gender": ("female", "male"), "race": ("african", "asian", "caucasian")}
_NEUTRAL = {"age": "young", "muscle": "average", "weight": "average"}


class TargetMixer:
    """Adds up MakeHuman targets, always symmetrically."""

    def __init__(self, data: MakeHumanData, partner: IntArray, extension: Extension) -> None:
        self._data = data
        self._partner = partner
        self._extension = extension

    def one_sided(self, path: str) -> Array:
        """Return the displacement (N, 3) cm of a target as stored."""
        return self._extension.extend(self._data.target(path, self._extension.count))

    def target(self, path: str) -> Array:
        """Return the displacement (N, 3) cm of a target; ``l-`` in its name stands for both sides."""
        delta = self.one_sided(path)
        if "/l-" in path:
            delta = delta + (delta * MIRROR)[self._partner]
        return delta

    def macro(self, state: Mapping[str, str]) -> Array:
        """Return the displacement (N, 3) cm from the base mesh to an average person.

        Args:
            state: any of gender, race, age, muscle, weight; an unnamed gender or race is the average of all, other
                unnamed ones are the neutral adult's.
        """
        full = {**_NEUTRAL, **state}
        genders = (state["gender"],) if "gender" in state else _MACRO_DIMENSIONS["gender"]
        races = (state["race"],) if "race" in state else _MACRO_DIMENSIONS["race"]
        build = f"{full['muscle']}muscle-{full['weight']}weight"
        result = np.zeros((len(self._partner), 3))
        for gender in genders:
            universal = f"macrodetails/universal-{gender}-{full['age']}-{build}"
            result += self.target(universal) / len(genders)
            for race in races:
                result += self.target(f"macrodetails/{race}-{gender}-{full['age']}") / (len(genders) * len(races))
        return symmetrised(result, self._partner)

    def sum(self, paths: Sequence[str]) -> Array:
        """Return the summed displacement (N, 3) cm of targets; ``cup:max`` and ``proportions:ideal`` are shorthands."""
        total = np.zeros((len(self._partner), 3))
        for path in paths:
            if path.startswith("cup:"):
                cup = path.removeprefix("cup:")
                total += self.target(f"breast/female-young-averagemuscle-averageweight-{cup}cup-averagefirmness")
            elif path.startswith("proportions:"):
                kind = path.removeprefix("proportions:")
                for gender in _MACRO_DIMENSIONS["gender"]:
                    name = f"{gender}-young-averagemuscle-averageweight-{kind}proportions"
                    total += 0.5 * self.target(f"macrodetails/proportions/{name}")
            else:
                total += self.target(path)
        return symmetrised(total, self._partner)


@dataclass
class Reposer:
    """Brings meshes from MakeHuman's pose and any skeleton to the rest pose and the default skeleton.

    Attributes:
        reference: MHR's skeleton.
        mesh: the base mesh (for its joint cubes).
        placer: joint placement, made on the default shape.
        rest: joints of the default skeleton in the rest pose.
        weights: (N, 127) skin weights of all base vertices.
        eye_influence: (2, N) how far the skin follows the left and the right eyeball, 0..1.
        scale: factor from MakeHuman's size to the body's.
    """

    reference: ReferenceSkeleton
    mesh: RawMesh
    placer: JointPlacer
    rest: Mapping[str, Array]
    weights: Array
    eye_influence: Array
    scale: float

    def __call__(self, points: Array) -> Array:
        """Return the reposed (N, 3) cm of a whole base mesh with helpers."""
        source = self.placer.source_joints(self.mesh.joint_cubes(points))
        linear, translation = repose_maps(self.reference, source, self.rest)
        moved = self.blend(linear, points) + self.weights @ translation
        # The eyes stay in their joints; the skin around them must come along or the lids would part from the eyeballs.
        head = self.reference.index("c_head")
        for side, near in zip(("l", "r"), self.eye_influence, strict=True):
            slip = self.rest[f"{side}_eye"] - (linear[head] @ source[f"{side}_eye"] + translation[head])
            moved += near[:, None] * slip
        return moved

    def blend(self, linear: Array, vectors: Array) -> Array:
        """Return per vertex the weighted sum of the joints' linear maps applied to ``vectors`` (N, 3)."""
        mixed = (self.weights @ linear.reshape(len(linear), 9)).reshape(-1, 3, 3)
        return np.einsum("nab,nb->na", mixed, vectors)


def identity_components(
    components: Sequence[Mapping], mixer: TargetMixer, base: Array, repose: Reposer, masks: Mapping[str, Array]
) -> Array:
    """Return the displacement (n, N, 3) cm in the rest pose of each slider at one.

    Args:
        components: the parsed list of ``default_body/identity.json``.
        base: (N, 3) cm, the default shape in MakeHuman's pose.
        masks: (N,) 0..1 by region name.
    """
    neutral, rest = mixer.macro({}), repose(base)
    known: dict[str, Array] = {}

    def displacement(term: object) -> Array:
        key = repr(term)
        if key not in known:
            if isinstance(term, Mapping):
                shape = mixer.macro(term) - neutral
            else:
                shape = mixer.sum([term] if isinstance(term, str) else list(term))  # type: ignore[call-overload]
            known[key] = repose(base + shape * repose.scale) - rest
        return known[key]

    result = np.zeros((len(components), *base.shape))
    for row, component in zip(result, components, strict=True):
        for coefficient, term in component["terms"]:
            row += coefficient * displacement(term)
        if "mask" in component:
            row *= masks[component["mask"]][:, None]
    return result


def slide_lids(fields: Array, points: Array, eyes: Sequence[Array], radius: float) -> None:
    """Let skin that hugs an eyeball only slide over it, in place: the part of a displacement along the radius is cut.

    Args:
        fields: (n, N, 3) displacements in the rest pose.
        points: (N, 3) cm rest vertices.
        eyes: centres (3,) of the eyeballs; radius: theirs, cm.
    """
    for centre in eyes:
        outward = points - centre
        distance = np.linalg.norm(outward, axis=1)
        touching = 1.0 - smooth_step((distance - radius - 0.2) / 1.8)
        normal = unit(outward)
        along_radius = np.einsum("knc,nc->kn", fields, normal)
        fields -= (touching * along_radius)[..., None] * normal


def centre_rings(fields: Array, points: Array, weights: Array, reference: ReferenceSkeleton, rest: Array) -> None:
    """Keep the skin centred on elbows, wrists, knees and ankles, in place: cut the mean shift of the ring around.

    Targets often bend a limb a little between the joints MakeHuman measures; what is left of that after the skeleton is
    brought back would move the skin off the joint. The correction fades out halfway to the neighbouring joints.

    Args:
        fields: (n, N, 3) displacements in the rest pose.
        points: (N, 3) cm rest vertices; weights: (N, 127) skin weights.
        rest: (127, 3) cm rest joints.
    """
    limbs = (("uparm", "lowarm", "wrist"), ("upleg", "lowleg", "foot"))
    for side in "lr":
        for top, middle, end in limbs:
            upper, lower = (
                weights[:, [n.startswith((f"{side}_{part}", f"{side}_{extra}")) for n in reference.names]].sum(axis=1)
                for part, extra in ((top, f"{top}_"), (middle, f"{end}_twist" if end == "wrist" else end))
            )
            a, b, c = (rest[reference.index(f"{side}_{part}")] for part in (top, middle, end))
            first, second = along(points, a, b), along(points, b, c)
            rings = (
                upper * smooth_step(2 * first - 1) + lower * (1 - smooth_step(2 * second)),
                lower * smooth_step(2 * second - 1),
            )
            for ring in rings:
                mean = np.einsum("n,knc->kc", ring, fields, optimize=True) / ring.sum()
                fields -= ring[:, None] * mean[:, None]


def expression_components(
    names: Sequence[str], one_sided: Sequence[str], mixer: TargetMixer, repose: Reposer, base: Array
) -> Array:
    """Return the displacement (n, N, 3) cm in the rest pose of each face unit at one.

    Args:
        one_sided: beginnings of the names of units that must not reach over to the other half of the face.
        base: (N, 3) cm, the default shape in MakeHuman's pose.
    """
    half = smooth_step((base[:, 0] + 0.3) / 0.6)[:, None]
    source = repose.placer.source_joints(repose.mesh.joint_cubes(base))
    linear, _ = repose_maps(repose.reference, source, repose.rest)
    result = np.zeros((len(names), *base.shape))
    for row, name in zip(result, names, strict=True):
        delta = mixer.one_sided(f"faceunits/{name}") * repose.scale
        if name.startswith(tuple(one_sided)):
            delta = delta * (half if name.endswith("Left") else 1.0 - half)
        row[:] = repose.blend(linear, delta)
    return result
