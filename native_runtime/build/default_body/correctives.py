"""Pose correctives of the default body, in MHR's own form: how flesh gives way where a joint bends.

For each joint of ``rig_templates/default_body/correctives.json`` the flesh around it is bent as an elastic lattice (see
``lattice``) to a few sample poses, and what the skin does there beyond linear blend skinning is shared among a few
activations. An activation is relu of a linear function of the first column of the joint's own rotation, which is where
its limb points: MHR's form (see ``native_runtime.mhr.correctives``) with the fewest features, independent of the twist,
and short enough for a driver in Blender. Without a constant such a function is zero at rest by itself. Two kinds are
useful, with the limb's direction d and a sideways direction u:

* relu(u . d): the limb has turned towards u;
* relu(1 - d_x - tan(a / 2) u . d): it has turned towards u by more than the angle a (or away from u, which the fit
  takes into account).

Only the left side is bent; the right is its mirror image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.default_body.geometry import MIRROR, Array, IntArray, mirror_name, smooth_step, unit
from native_runtime.build.default_body.lattice import Flesh, Lattice, Project, nearest_of
from native_runtime.mhr import Body
from native_runtime.mhr.correctives import FIRST_JOINT, PoseCorrectives

_FEATURES = 6
_STEP = math.radians(25.0)
"""The flesh is bent in steps of about this angle, each from where the last one left it."""
_STEP_ROUNDS = 12
_RIDGE = 3e-3
"""Weight of the offsets' own size in the fit, against their errors at the samples."""
_GRID_CM = 1.0 / 2048.0
"""Offsets are whole multiples of it, so that other processors, which round otherwise on the way, make the same body."""
_LEAST_CM = 0.003
"""Smaller offsets are left out."""
_MIDDLE_CM = 5.0
"""How far from the middle of the body the correctives of one side's hip reach over to the other."""
_SKIN_GAP_CM = 0.03
"""How far skin stays from the plane in which the two sides of a fold meet."""


@dataclass(frozen=True)
class Component:
    """Correctives of one joint of the left side.

    Attributes:
        joint: its name.
        weights: (k, 3) of the activations, for the limb's direction minus that at rest.
        offsets: (k, V, 3) cm per unit of each activation.
    """

    joint: str
    weights: Array
    offsets: Array


def make_correctives(body: Body, partner: IntArray, entries: Sequence[Mapping[str, Any]]) -> list[Component]:
    """The left side's correctives of the finest body, by the parsed ``joints`` of the recipe.

    Args:
        partner: (V,) mirror vertex of each vertex.
    """
    return [Bend(body, partner, entry).component() for entry in entries]


def pose_correctives(
    components: Sequence[Component], partner: IntArray, kept: IntArray, names: Sequence[str]
) -> PoseCorrectives:
    """Both sides' correctives for the vertices ``kept`` of the finest body.

    Args:
        partner: (V,) mirror vertex of each vertex of the finest body.
        names: the joints.
    """
    rows, parts = [], []
    for component in components:
        for joint in (component.joint, mirror_name(component.joint)):
            start = (names.index(joint) - FIRST_JOINT) * _FEATURES
            for weights in component.weights:
                row = np.zeros((len(names) - FIRST_JOINT) * _FEATURES, np.float32)
                row[start : start + 3] = weights
                rows.append(row)
            offsets = component.offsets
            if joint != component.joint:
                offsets = (offsets * MIRROR)[:, partner]
            parts.append(offsets[:, kept].astype(np.float32))
    return PoseCorrectives.from_parts(np.array(rows, np.float32), parts, len(kept))


def activation_weights(entry: Mapping[str, Any]) -> Array:
    """(3,) weights of an activation of the recipe: ``toward`` the (y, z) of u, and ``from`` the angle a in degrees."""
    y, z = unit(np.asarray(entry["toward"], dtype=np.float64))
    if "from" not in entry:
        return np.array([0.0, y, z])
    slope = math.tan(math.radians(float(entry["from"])) / 2.0)
    return np.array([-1.0, -slope * y, -slope * z])


def limb_directions(angles: Array) -> Array:
    """(n, 3) first columns of Rz Ry minus that of the identity, for angles (n, 2) = (ry, rz) in radians."""
    y, z = np.asarray(angles, dtype=np.float64).T
    return np.stack([np.cos(y) * np.cos(z) - 1.0, np.cos(y) * np.sin(z), -np.sin(y)], axis=1)


class Bend:
    """One joint of the left side and the flesh around it."""

    def __init__(self, body: Body, partner: IntArray, entry: Mapping[str, Any]) -> None:
        self._body, self._partner, self._entry = body, partner, entry
        self._half = bool(entry.get("half", False))
        self._joint = body.joint_index(f"l_{entry['joint']}")
        self._parent = int(body.joint_parents[self._joint])
        self._at_rest = body.skeleton.forward(np.zeros((len(body.joint_names), 7)))
        self._centre = self._at_rest.translations[self._joint]
        rest = np.asarray(body.rest_vertices, np.float64)
        normals = _normals(rest, body)
        reach = float(entry["reach"])
        distance = np.linalg.norm(rest - self._centre, axis=1)
        near = (distance < reach) & _shells(body)
        if self._half:
            near &= (rest[:, 0] > 0) | (partner == np.arange(len(rest)))
        self._near = np.flatnonzero(near)
        self._rest = rest[self._near]
        self._fade = float(entry.get("amount", 1.0)) * (1.0 - smooth_step((distance[self._near] / reach - 0.7) / 0.3))
        self._lattice = Lattice.around(self._rest, normals[self._near], float(entry["cell"]), self._half)
        nodes = self._lattice.nodes
        self._guide = self._near[nearest_of(nodes, self._rest)]
        far = np.linalg.norm(nodes - self._centre, axis=1) > reach - 1.2 * float(entry["cell"])
        middle = (nodes[:, 0] <= 0.0) if self._half else np.zeros(len(nodes), dtype=bool)
        self._parent_bone, self._child_bone = (self._within(nodes, kind) for kind in ("parent", "child"))
        self._flesh = Flesh(self._lattice, far | self._parent_bone | self._child_bone, middle)

    def component(self) -> Component:
        """The joint's correctives."""
        angles = self.angles()
        weights = np.array([activation_weights(each) for each in self._entry["activations"]])
        blends, changes = self.samples(angles)
        values = np.maximum(limb_directions(angles) @ weights.T, 0.0)
        offsets = np.zeros((len(weights), self._body.vertex_count, 3))
        shared = _share(values, blends, changes * self._fade[None, :, None])
        if self._half:  # both sides bend together: on the middle each has half of it
            own = smooth_step(0.5 + self._rest[:, 0] / (2.0 * _MIDDLE_CM))[:, None]
            offsets[:, self._partner[self._near]] = shared * MIRROR * (1.0 - own)
            shared = shared * own
        offsets[:, self._near] = shared
        offsets = np.round(offsets / _GRID_CM) * _GRID_CM
        offsets[:, np.abs(offsets).max(axis=(0, 2)) < _LEAST_CM] = 0.0
        return Component(self._body.joint_names[self._joint], weights, offsets)

    def angles(self) -> Array:
        """(s, 2) the sample poses: the joint's ry and rz, radians."""
        if "samples" in self._entry:
            return np.radians(np.array(self._entry["samples"], dtype=np.float64))
        aims = unit(np.array(self._entry["aims"], dtype=np.float64))
        local = aims @ self._at_rest.rotations[self._joint]
        return np.stack([-np.arcsin(local[:, 2]), np.arctan2(local[:, 1], local[:, 0])], axis=1)

    def samples(self, angles: Array) -> tuple[Array, Array]:
        """For angles (s, 2): the skinning's linear part (s, n, 3, 3), and how far the skin goes beyond it (s, n, 3)."""
        solved: list[tuple[Array, Array]] = [(np.zeros(2), self._lattice.nodes)]
        blends, changes = [], []
        for goal in angles:
            start = min(solved, key=lambda known: float(np.abs(known[0] - goal).sum()))
            steps = max(1, math.ceil(float(np.linalg.norm(goal - start[0])) / _STEP - 1e-6))
            angle, nodes = start
            for step in range(1, steps + 1):
                aim = start[0] + (goal - start[0]) * step / steps
                rounds = int(self._entry["rounds"]) if step == steps else _STEP_ROUNDS
                nodes = self._bend(angle, nodes, aim, rounds)
                angle = aim
            solved.append((goal, nodes))
            linear, shift = self._blended(goal, self._near)
            blends.append(linear)
            changes.append(self._lattice.skin(nodes) - np.einsum("nab,nb->na", linear, self._rest) - shift)
        return np.array(blends), np.array(changes)

    def _bend(self, angle: Array, nodes: Array, aim: Array, rounds: int) -> Array:
        before, after = self._transforms(angle), self._transforms(aim)
        joint, parent = self._joint, self._parent
        rest = self._lattice.nodes
        linear, shift = self._blended(aim, self._guide)
        held = np.einsum("nab,nb->na", linear, rest) + shift
        for bone, mine in ((parent, self._parent_bone), (joint, self._child_bone)):
            held[mine] = rest[mine] @ after[bone, :3, :3].T + after[bone, :3, 3]
        # what was bent already goes on with its limb
        share = self._child_share[:, None]
        turn = after[joint] @ np.linalg.inv(before[joint])
        turned = nodes @ turn[:3, :3].T + turn[:3, 3]
        start = nodes + share * (turned - nodes)
        return self._flesh.bend(start, held, self._contact(aim), rounds)

    @property
    def _child_share(self) -> Array:
        """(N,) how far each corner goes with the joint's limb."""
        below = self._body.skeleton.descends_from[self._joint]
        moving = np.where(below[self._body.skin_indices[self._guide]], self._body.skin_weights[self._guide], 0.0)
        return np.asarray(moving.sum(axis=1), np.float64)

    def _within(self, nodes: Array, kind: str) -> NDArray[np.bool_]:
        """(N,) which corners lie in the bones of the ``parent`` or the ``child`` side."""
        entry = self._entry
        found = np.zeros(len(nodes), dtype=bool)
        for bone in entry["bones"][kind]:
            a, b = (self._place(end) for end in bone[:2])
            thickness = float(bone[2]) if len(bone) > 2 else float(entry["thickness"])
            along = np.clip(((nodes - a) @ (b - a)) / ((b - a) @ (b - a)), 0.0, 1.0)
            found |= np.linalg.norm(nodes - a - along[:, None] * (b - a), axis=1) < thickness
        return found & (np.linalg.norm(nodes - self._centre, axis=1) > float(entry["gap"]))

    def _place(self, end: Any) -> Array:
        """A joint's place at rest (without its side, or a middle one), or the place itself, cm from the joint."""
        if not isinstance(end, str):
            return self._centre + np.asarray(end, dtype=np.float64)
        return self._at_rest.translations[self._number(end)]

    def _number(self, name: str) -> int:
        """The joint of a name in the recipe: of the left side, or a middle one."""
        return self._body.joint_index(name if name in self._body.joint_names else f"l_{name}")

    def _pose(self, angle: Array) -> Any:
        joints = np.zeros((len(self._body.joint_names), 7))
        joints[self._joint, 4:6] = angle
        if self._half:
            other = mirror_name(self._body.joint_names[self._joint])
            joints[self._body.joint_index(other), 4:6] = angle
        return self._body.skeleton.forward(joints)

    def _transforms(self, angle: Array) -> Array:
        return np.asarray(self._pose(angle).joints @ self._body.inverse_bind)

    def _blended(self, angle: Array, vertices: NDArray[np.int64]) -> tuple[Array, Array]:
        """Linear part (n, 3, 3) and shift (n, 3) of linear blend skinning at some vertices."""
        body, transforms = self._body, self._transforms(angle)
        weights = body.skin_weights[vertices].astype(np.float64)
        mixed = np.einsum("nk,nkab->nab", weights, transforms[body.skin_indices[vertices]][..., :3, :])
        return mixed[..., :3], mixed[..., 3]

    def _contact(self, angle: Array) -> Project:
        """The two sides of the fold meet in the plane between the limbs, on the inner side of the joint."""
        if "plane" not in self._entry:
            return lambda skin: skin
        places = self._pose(angle).translations
        rest_up, rest_down = self._sides(self._at_rest.translations)
        up, down = self._sides(places)
        upper = (self._rest - self._centre) @ unit(rest_up - rest_down) > 0
        normal, inward, centre = unit(up - down), unit(up + down), places[self._joint]
        open_fold = float(up @ down) < math.cos(math.radians(170.0))

        def project(skin: Array) -> Array:
            if open_fold:
                return skin
            height = (skin - centre) @ normal
            depth = np.where(upper, _SKIN_GAP_CM - height, _SKIN_GAP_CM + height)
            inner = smooth_step(((skin - centre) @ inward) / 1.0)
            push = np.maximum(depth, 0.0) * inner
            return skin + np.where(upper, push, -push)[:, None] * normal

        return project

    def _sides(self, places: Array) -> tuple[Array, Array]:
        """Unit directions from the joint along the two sides that fold onto each other."""
        first, second = self._entry["plane"]
        centre = places[self._joint]
        down = unit(places[self._number(second)] - centre)
        if isinstance(first, str):
            return unit(places[self._number(first)] - centre), down
        return unit(np.asarray(first["base"]) + np.asarray(first["follow"]) * down), down


def _share(values: Array, blends: Array, changes: Array) -> Array:
    """(k, n, 3) rest offsets that, with activations (s, k) and skinning (s, n, 3, 3), best give changes (s, n, 3)."""
    count = values.shape[1]
    points = changes.shape[1]
    gram = np.einsum("sk,sl,snab,snac->nkblc", values, values, blends, blends, optimize=True)
    gram = gram.reshape(points, 3 * count, 3 * count)
    gram += _RIDGE * np.repeat(np.sum(values**2, axis=0) + 0.05, 3)[None, :, None] * np.eye(3 * count)
    right = np.einsum("sk,snab,sna->nkb", values, blends, changes, optimize=True).reshape(points, 3 * count, 1)
    return np.moveaxis(np.linalg.solve(gram, right).reshape(points, count, 3), 1, 0)


def _normals(points: Array, body: Body) -> Array:
    """(V, 3) outward unit normals of the vertices."""
    a, b, c = (points[body.triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for k in range(3):
        np.add.at(total, body.triangles[:, k], across)
    return unit(total)


def _shells(body: Body) -> NDArray[np.bool_]:
    """(V,) which vertices are skin."""
    wanted = [body.material_names.index(name) for name in ("skin", "nails")]
    owner = np.repeat(body.face_materials, body.face_sizes)
    result = np.zeros(body.vertex_count, dtype=bool)
    result[body.face_vertices[np.isin(owner, wanted)]] = True
    return result
