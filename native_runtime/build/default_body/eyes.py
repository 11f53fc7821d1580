"""Finer eyeballs than MakeHuman's helper eyes: round irises and pupils, and a smooth outline between the lids.

A new sphere takes the place of each helper eye. Its vertices move under targets as the helper's do: their displacement
is the affine map that fits the helper's displaced vertices best (exact for shifts, turns and scalings).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from native_runtime.build.default_body.geometry import MIRROR, Array, IntArray, unit
from native_runtime.build.default_body.source import RawMesh

SEGMENTS = 24
# Degrees from the optical axis; faces inside the first border are the pupil, inside the second the iris.
_RINGS = (5.0, 9.5, 12.0, 17.0, 22.5, 25.5, 33.0, 43.0, 55.0, 70.0, 90.0, 112.0, 135.0, 158.0)
PUPIL_RINGS, IRIS_RINGS = 2, 5
GROUPS = {"eyeball-l": "helper-l-eye", "eyeball-r": "helper-r-eye"}
PARTS = ("eyes", "iris", "pupil")


@dataclass
class Extension:
    """How the vertices behind the base mesh's own follow them.

    Attributes:
        count: number of vertices of the base mesh as it was.
        sources: per eyeball the (m,) helper vertices; rows: per eyeball the (n, m) weights over them.
    """

    count: int
    sources: list[IntArray]
    rows: list[Array]

    def extend(self, field: Array) -> Array:
        """Return a (count, ...) field of positions or displacements continued to all vertices."""
        return np.concatenate(
            [field, *(row @ field[source] for source, row in zip(self.sources, self.rows, strict=True))]
        )


def eyeball_faces() -> tuple[IntArray, list[str]]:
    """Return the quads (F, 4) of one eyeball, outward, and the part each belongs to.

    Vertices run ring by ring from the front; the front pole is the last but one, the back pole the last.
    """
    rings, n = len(_RINGS), SEGMENTS
    front, back = rings * n, rings * n + 1
    faces: list[list[int]] = []
    parts: list[str] = []
    for k in range(0, n, 2):
        faces.append([front, k, (k + 1) % n, (k + 2) % n])
        parts.append("pupil")
    for ring in range(rings - 1):
        part = "pupil" if ring + 1 < PUPIL_RINGS else "iris" if ring + 1 < IRIS_RINGS else "eyes"
        for k in range(n):
            a, b = ring * n + k, ring * n + (k + 1) % n
            faces.append([a, a + n, b + n, b])
            parts.append(part)
    last = (rings - 1) * n
    for k in range(0, n, 2):
        faces.append([back, last + (k + 2) % n, last + (k + 1) % n, last + k])
        parts.append("eyes")
    return np.array(faces, dtype=np.int32), parts


def _directions(axis: Array) -> Array:
    """Return unit vectors (n, 3) of one eyeball's vertices around the optical axis."""
    right = unit(np.cross(np.array([0.0, 1.0, 0.0]), axis))
    up = np.cross(axis, right)
    angle = np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS
    around = np.cos(angle)[:, None] * right + np.sin(angle)[:, None] * up
    rings = [np.cos(a) * axis + np.sin(a) * around for a in np.radians(_RINGS)]
    return np.concatenate([*rings, axis[None], -axis[None]])


def with_eyeballs(mesh: RawMesh, partner: IntArray) -> tuple[RawMesh, IntArray, Extension]:
    """Return the base mesh with two eyeballs added as groups ``eyeball-l`` and ``eyeball-r``, its mirror table, and how
    the new vertices follow the old."""
    faces, _ = eyeball_faces()
    count = len(mesh.vertices)
    each = len(_RINGS) * SEGMENTS + 2
    vertices, new_faces, uvs, face_uvs, groups = (
        [mesh.vertices],
        [mesh.faces],
        [mesh.uvs],
        [mesh.face_uvs],
        [mesh.groups],
    )
    sources, rows = [], []
    left = _fitted(mesh, GROUPS["eyeball-l"])
    for number, (group, helper) in enumerate(GROUPS.items()):
        centre, radius, axis = left
        points = centre + radius * _directions(axis)
        if number:
            points = points * MIRROR
        used = mesh.group_vertices(helper)
        known = np.concatenate([mesh.vertices[used], np.ones((len(used), 1))], axis=1)
        asked = np.concatenate([points, np.ones((each, 1))], axis=1)
        sources.append(used)
        rows.append(asked @ np.linalg.pinv(known))
        start = count + number * each
        vertices.append(points)
        # The mirrored copy turns its faces round to stay outward.
        new_faces.append(start + (faces if not number else faces[:, ::-1]))
        box = mesh.uvs[mesh.face_uvs[mesh.groups == helper]].reshape(-1, 2)
        uv_start = len(mesh.uvs) + number * each
        uvs.append(_polar_uvs(box.min(axis=0), box.max(axis=0)))
        face_uvs.append(uv_start + (faces if not number else faces[:, ::-1]))
        groups.append(np.full(len(faces), group))
    first = np.arange(count, count + each, dtype=np.int32)
    extended = RawMesh(
        vertices=np.concatenate(vertices),
        uvs=np.concatenate(uvs),
        faces=np.concatenate(new_faces).astype(np.int32),
        face_uvs=np.concatenate(face_uvs).astype(np.int32),
        groups=np.concatenate(groups),
    )
    return extended, np.concatenate([partner, first + each, first]).astype(np.int32), Extension(count, sources, rows)


def _fitted(mesh: RawMesh, helper: str) -> tuple[Array, float, Array]:
    """Return centre, radius and optical axis of a helper eye (its frontmost face is the middle of the pupil)."""
    points = mesh.vertices[mesh.group_vertices(helper)]
    centre = points.mean(axis=0)
    middles = mesh.vertices[mesh.faces[mesh.groups == helper]].mean(axis=1) - centre
    # The pupil is the frontmost face together with the two beside it.
    front = unit(middles[np.argsort(-unit(middles)[:, 2], kind="stable")[:1]].mean(axis=0))
    return centre, float(np.linalg.norm(points - centre, axis=1).mean()), front


def _polar_uvs(low: Array, high: Array) -> Array:
    """Return (n, 2) texture coordinates: distance from the middle of the box is the angle from the optical axis."""
    angle = np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rings = [circle * (a / 180.0) for a in _RINGS]
    flat = np.concatenate([*rings, np.zeros((1, 2)), [[0.999, 0.0]]])
    return (low + high) / 2 + flat * (high - low) / 2
