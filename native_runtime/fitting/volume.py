"""A body's volume, coarsely: spheres on its mesh, joined to tapered capsules.

A set of spheres and the convex hulls of pairs of them is a sphere-mesh of edges (Thiery, Guy and Boubekeur,
"Sphere-Meshes", 2013); capsules for a body that must not pass through itself are due to Bogo et al., "Keep it SMPL",
2016, section 3.2. Here every sphere's centre is a weighted sum of mesh vertices, so that it is posed and shaped as the
mesh is, and its radius is affine in the identity coefficients. Both are measured once on a body's mesh at rest, by the
skeleton's joints, so that any MHR mesh of any level of detail will do.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.sparse import SparseRows, sorted_rows

Array = NDArray[np.float64]

FINGERS = ("index", "middle", "ring", "pinky")

_INSIDE = ("mouth", "eyes", "iris", "pupil", "teeth", "tongue", "lashes", "eye", "gums")
"""Materials of what lies within the head."""

_MEMBERS = {
    "trunk": ("root", "body_world", "c_spine", "l_clavicle", "r_clavicle", "l_upleg", "r_upleg"),
    "head": ("c_head", "c_jaw", "c_neck"),
    **{f"{s}_arm": (f"{s}_uparm", f"{s}_lowarm", f"{s}_wrist_twist") for s in "lr"},
    **{f"{s}_hand": (f"{s}_wrist", f"{s}_lowarm", *(f"{s}_{f}" for f in FINGERS)) for s in "lr"},
    **{f"{s}_{f}": (f"{s}_{f}", f"{s}_wrist") for s in "lr" for f in FINGERS},
    **{f"{s}_thumb": (f"{s}_thumb",) for s in "lr"},
    **{f"{s}_leg": (f"{s}_upleg", f"{s}_lowleg", f"{s}_foot") for s in "lr"},
    **{f"{s}_foot": tuple(f"{s}_{p}" for p in ("foot", "talo", "subtalar", "transverse", "ball")) for s in "lr"},
}  # fmt: skip
"""Whose surface spheres are fitted to: beginnings of the names of the joints that hold a vertex most."""

_SECTORS = 8


@dataclass(frozen=True)
class Sphere:
    """One sphere on the mesh at rest.

    Attributes:
        part: the part of the body that it belongs to.
        columns, weights: (n,) vertices, and their share in the centre (sum 1).
        measures: (n, 3) what each vertex adds to the radius: radius = sum of measures . vertices at rest.
    """

    part: str
    columns: NDArray[np.int64]
    weights: Array
    measures: Array


@dataclass(frozen=True, eq=False)
class BodyVolume:
    """The spheres and capsules of a body.

    Attributes:
        points: the N centres.
        names: of the spheres, such as "l_hand_palm0".
        parts: (N,) the part of each.
        radii: (N,) cm, at zero coefficients.
        radius_basis: (N, n_id) cm per unit of each identity coefficient.
        capsules: (C, 2) the spheres at the ends of each.
        capsule_parts: (C,) the part of each.
    """

    points: PointSet
    names: tuple[str, ...]
    parts: tuple[str, ...]
    radii: Array
    radius_basis: Array
    capsules: NDArray[np.int64]
    capsule_parts: tuple[str, ...]

    def radii_of(self, identity: NDArray) -> Array:
        """(N,) m, for identity coefficients (n_id,); never negative."""
        return np.maximum(self.radii + self.radius_basis @ identity, 0.0) / CM_PER_M

    def spheres_of(self, parts: Sequence[str]) -> NDArray[np.int64]:
        """Numbers of the spheres of some parts."""
        return np.flatnonzero(np.isin(self.parts, list(parts)))

    def capsules_of(self, parts: Sequence[str]) -> NDArray[np.int64]:
        """Numbers of the capsules of some parts."""
        return np.flatnonzero(np.isin(self.capsule_parts, list(parts)))

    @staticmethod
    def of(body: Body) -> BodyVolume:
        """The volume of a body; measured when it is first asked for."""
        volume = _measured.get(body)
        if volume is None:
            volume = _measured[body] = _Measuring(body).volume()
        return volume


_measured: WeakKeyDictionary[Body, BodyVolume] = WeakKeyDictionary()


class _Measuring:
    """Fits spheres to the mesh at rest."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._joints = body.skeleton.rest.translations
        self._rest = np.asarray(body.rest_vertices, np.float64)
        main = body.skin_indices[np.arange(body.vertex_count), np.argmax(body.skin_weights, axis=1)]
        inner = np.isin(body.material_names, _INSIDE)[body.face_materials]
        outside = np.zeros(body.vertex_count, bool)
        outside[body.face_vertices[np.repeat(~inner, body.face_sizes)]] = True
        self._members = {}
        for part, starts in _MEMBERS.items():
            mine = np.flatnonzero(outside & np.array([name.startswith(starts) for name in body.joint_names])[main])
            self._members[part] = mine if len(mine) >= _SECTORS else np.arange(body.vertex_count)
        self._spheres: dict[str, Sphere] = {}
        self._edges: list[tuple[str, str, str]] = []

    def joint(self, name: str) -> Array:
        """(3,) cm at rest."""
        return np.asarray(self._joints[self.body.joint_index(name)])

    def between(self, first: str, second: str, share: float) -> Array:
        """(3,) cm: a place on the way from one joint to another."""
        return (1.0 - share) * self.joint(first) + share * self.joint(second)

    def ring(self, name: str, part: str, members: str, centre: Array, axis: Array, window: float = 1.0) -> None:
        """A sphere that a limb's cross-section fits: the mean of its rim, and the mean distance from there.

        Args:
            name, part: of the sphere.
            members: whose surface it is.
            centre: (3,) cm, a place within the limb.
            axis: (3,) its direction.
            window: cm along the axis to either side.
        """
        axis = axis / np.linalg.norm(axis)
        candidates = self._members[members]
        away = self._rest[candidates] - centre
        along = np.abs(away @ axis)
        reach = max(window, float(np.sort(along)[min(2 * _SECTORS, len(along)) - 1]))
        chosen = along <= reach
        vertices, across = candidates[chosen], away[chosen] - np.outer(away[chosen] @ axis, axis)
        side = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        angle = np.arctan2(across @ np.cross(axis, side), across @ side)
        sector = np.floor((angle + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS
        counts = np.bincount(sector, minlength=_SECTORS)
        weights = 1.0 / (counts[sector] * np.count_nonzero(counts))
        middle = weights @ across
        outward = across - middle
        outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9
        measures = weights[:, None] * (outward - weights @ outward)
        self._spheres[name] = Sphere(part, vertices, weights, measures)

    def slab(self, name: str, part: str, members: str, place: Array, normal: Array, window: float) -> None:
        """A sphere between two opposite sides of the surface.

        Args:
            name, part, members: as for `ring`.
            place: (3,) cm, a place within.
            normal: (3,) the direction of both sides.
            window: cm around the line through ``place`` that is looked at.
        """
        normal = normal / np.linalg.norm(normal)
        candidates = self._members[members]
        away = self._rest[candidates] - place
        height = away @ normal
        aside = np.linalg.norm(away - np.outer(height, normal), axis=1)
        ends = []
        for sign in (1.0, -1.0):
            here = np.where(sign * height > 0, aside, np.inf)
            window_here = max(window, float(np.sort(here)[min(2, len(here) - 1)]))
            near = np.flatnonzero(here <= window_here) if np.isfinite(window_here) else np.array([int(aside.argmin())])
            # the outer surface, where there is more than one
            outer = near[sign * height[near] >= np.max(sign * height[near]) - window]
            ends.append(outer)
        front, back = ends
        columns = np.concatenate([candidates[front], candidates[back]])
        weights = np.concatenate([np.full(len(front), 0.5 / len(front)), np.full(len(back), 0.5 / len(back))])
        signs = np.concatenate([np.ones(len(front)), -np.ones(len(back))])
        self._spheres[name] = Sphere(part, columns, weights, (weights * signs)[:, None] * normal)

    def stadium(self, name: str, part: str, members: str, centre: Array, long: Array, across: Array) -> None:
        """Two spheres side by side whose capsule is a cross-section that is wider than deep.

        Args:
            name: of the spheres, with "+" and "-" added.
            part, members: as for `ring`.
            centre: (3,) cm, about the middle.
            long, across: (3,) directions of its width and depth.
        """
        candidates = self._members[members]
        away = self._rest[candidates] - centre
        up = np.cross(long, across)
        level = away[np.abs(away @ up) < max(2.0, float(np.sort(np.abs(away @ up))[_SECTORS - 1]))]
        half = 0.5 * float(np.ptp(level @ long))
        middle = centre + long * 0.5 * float((level @ long).max() + (level @ long).min())
        offset = 0.5 * half
        for _ in range(3):
            for sign, mark in ((1.0, "+"), (-1.0, "-")):
                self.slab(name + mark, part, members, middle + sign * offset * long, across, 2.0)
            offset = max(half - 0.5 * (self._radius(name + "+") + self._radius(name + "-")), 0.0)
        for sign, mark in ((1.0, "+"), (-1.0, "-")):
            self.slab(name + mark, part, members, middle + sign * offset * long, across, 2.0)
        self.edge(part, name + "+", name + "-")

    def edge(self, part: str, first: str, second: str) -> None:
        """A capsule between two spheres."""
        self._edges.append((part, first, second))

    def chain(self, part: str, names: Sequence[str]) -> None:
        """Capsules from each sphere to the next."""
        for first, second in itertools.pairwise(names):
            self.edge(part, first, second)

    def _radius(self, name: str) -> float:
        sphere = self._spheres[name]
        return float(np.sum(sphere.measures * self._rest[sphere.columns]))

    def volume(self) -> BodyVolume:
        """Everything together."""
        self._trunk()
        self._head()
        for side in "lr":
            self._arm(side)
            self._leg(side)
        names = tuple(self._spheres)
        number = {name: index for index, name in enumerate(names)}
        spheres = list(self._spheres.values())
        rows = np.repeat(np.arange(len(spheres)), [len(sphere.columns) for sphere in spheres])
        columns = np.concatenate([sphere.columns for sphere in spheres])
        weights = np.concatenate([sphere.weights for sphere in spheres])
        points = PointSet.from_rows(self.body, _merged(len(spheres), rows, columns, weights))
        basis = np.array(
            [
                np.einsum("kna,na->k", self.body.identity_basis[:, sphere.columns].astype(np.float64), sphere.measures)
                for sphere in spheres
            ]
        )
        return BodyVolume(
            points,
            names,
            tuple(sphere.part for sphere in spheres),
            np.array([self._radius(name) for name in names]),
            basis.reshape(len(spheres), self.body.identity_count),
            np.array([(number[a], number[b]) for _, a, b in self._edges], np.int64),
            tuple(part for part, _, _ in self._edges),
        )

    def _trunk(self) -> None:
        width, depth = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
        hip = 0.5 * (self.joint("l_upleg") + self.joint("r_upleg"))
        shoulder = 0.5 * (self.joint("l_uparm") + self.joint("r_uparm"))
        levels = [hip + (shoulder - hip) * share for share in (-0.02, 0.16, 0.34, 0.5, 0.66, 0.82, 0.97)]
        for number, level in enumerate(levels):
            self.stadium(f"trunk{number}", "trunk" if number else "pelvis", "trunk", level, width, depth)
        for mark in "+-":
            self.edge("pelvis", f"trunk0{mark}", f"trunk1{mark}")
            self.chain("trunk", [f"trunk{number}{mark}" for number in range(1, len(levels))])

    def _head(self) -> None:
        width, depth = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
        self.ring("neck", "neck", "head", self.between("c_neck", "c_head", 0.5), self._way("c_neck", "c_head"))
        for number, share in enumerate((0.1, 0.6)):
            self.stadium(f"head{number}", "head", "head", self.between("c_head", "c_head_null", share), depth, width)
        self.chain("head", ("head0+", "head1+"))
        self.chain("head", ("head0-", "head1-"))
        self.edge("neck", "neck", "head0-")

    def _way(self, first: str, second: str) -> Array:
        return self.joint(second) - self.joint(first)

    def _arm(self, s: str) -> None:
        shoulder, elbow, wrist = f"{s}_uparm", f"{s}_lowarm", f"{s}_wrist"
        upper, lower = self._way(shoulder, elbow), self._way(elbow, wrist)
        for number, share in enumerate((0.25, 0.6)):
            self.ring(f"{s}_upper{number}", f"{s}_upper", f"{s}_arm", self.between(shoulder, elbow, share), upper)
        bend = np.sum([upper / np.linalg.norm(upper), lower / np.linalg.norm(lower)], axis=0)
        self.ring(f"{s}_elbow", f"{s}_elbow", f"{s}_arm", self.joint(elbow), bend)
        for number, share in enumerate((0.33, 0.66)):
            self.ring(f"{s}_fore{number}", f"{s}_fore", f"{s}_arm", self.between(elbow, wrist, share), lower)
        self.ring(f"{s}_wrist", f"{s}_hand", f"{s}_hand", self.joint(wrist), lower)
        self.chain(f"{s}_upper", [f"{s}_upper0", f"{s}_upper1", f"{s}_elbow"])
        self.chain(f"{s}_fore", [f"{s}_elbow", f"{s}_fore0", f"{s}_fore1", f"{s}_wrist"])
        self._hand(s)

    def _hand(self, s: str) -> None:
        wrist, part = self.joint(f"{s}_wrist"), f"{s}_hand"
        knuckles = {finger: self.joint(f"{s}_{finger}1") for finger in FINGERS}
        normal = np.cross(knuckles["index"] - wrist, knuckles["pinky"] - wrist)
        normal /= np.linalg.norm(normal)
        for finger in ("index", "pinky"):
            place = wrist + 0.5 * (knuckles[finger] - wrist)
            self.slab(f"{s}_palm_{finger}", part, part, place, normal, 0.7)
            self.edge(part, f"{s}_wrist", f"{s}_palm_{finger}")
        for finger in FINGERS:
            way = self._way(f"{s}_{finger}1", f"{s}_{finger}2")
            self.slab(f"{s}_{finger}_knuckle", part, part, knuckles[finger], normal, 0.6)
            joint, tip = f"{s}_{finger}2", f"{s}_{finger}_null"
            self.ring(f"{s}_{finger}_middle", part, f"{s}_{finger}", self.joint(joint), way, 0.5)
            end = self.between(f"{s}_{finger}3", tip, 0.72)
            self.ring(f"{s}_{finger}_tip", part, f"{s}_{finger}", end, self._way(f"{s}_{finger}3", tip), 0.4)
            self.chain(part, [f"{s}_{finger}_{k}" for k in ("knuckle", "middle", "tip")])
            self.edge(
                part, f"{s}_palm_{'index' if finger in ('index', 'middle') else 'pinky'}", f"{s}_{finger}_knuckle"
            )
        self.edge(part, f"{s}_index_knuckle", f"{s}_pinky_knuckle")
        way = self._way(f"{s}_thumb2", f"{s}_thumb3")
        self.ring(f"{s}_thumb_knuckle", part, f"{s}_thumb", self.joint(f"{s}_thumb2"), way, 0.6)
        end = self.between(f"{s}_thumb3", f"{s}_thumb_null", 0.72)
        self.ring(f"{s}_thumb_tip", part, f"{s}_thumb", end, self._way(f"{s}_thumb3", f"{s}_thumb_null"), 0.4)
        self.chain(part, [f"{s}_palm_index", f"{s}_thumb_knuckle", f"{s}_thumb_tip"])

    def _leg(self, s: str) -> None:
        hip, knee, ankle = f"{s}_upleg", f"{s}_lowleg", f"{s}_foot"
        thigh, shank = self._way(hip, knee), self._way(knee, ankle)
        for number, share in enumerate((0.3, 0.62)):
            self.ring(f"{s}_thigh{number}", f"{s}_thigh", f"{s}_leg", self.between(hip, knee, share), thigh)
        self.ring(f"{s}_knee", f"{s}_knee", f"{s}_leg", self.joint(knee), thigh)
        for number, share in enumerate((0.28, 0.62, 0.95)):
            self.ring(f"{s}_shank{number}", f"{s}_shank", f"{s}_leg", self.between(knee, ankle, share), shank)
        # seats are deeper than legs are wide
        self.slab(f"{s}_hip", "pelvis", "trunk", self.between(hip, knee, 0.15), np.array([0.0, 0.0, 1.0]), 2.0)
        self.chain("pelvis", (f"trunk0{'+' if s == 'l' else '-'}", f"{s}_hip", f"{s}_thigh0"))
        self.chain(f"{s}_thigh", [f"{s}_thigh0", f"{s}_thigh1", f"{s}_knee"])
        self.chain(f"{s}_shank", [f"{s}_knee", *(f"{s}_shank{k}" for k in range(3))])
        foot, down = f"{s}_foot", np.array([0.0, 1.0, 0.0])
        heel, ball = self.joint(f"{s}_subtalar"), self.joint(f"{s}_ball")
        for name, place in (
            ("heel", heel + 0.1 * (heel - ball)), ("ball", ball), ("toe", ball + 0.35 * (ball - heel)),
        ):  # fmt: skip
            self.slab(f"{s}_{name}", foot, foot, place, down, 1.2)
        self.chain(foot, [f"{s}_{name}" for name in ("heel", "ball", "toe")])


def _merged(count: int, rows: NDArray, columns: NDArray, values: NDArray) -> SparseRows:
    """Rows from entries of which some may name the same place."""
    width = int(columns.max()) + 1
    key, inverse = np.unique(rows * width + columns, return_inverse=True)
    return sorted_rows(count, key // width, key % width, np.bincount(inverse, weights=values))
