"""Cuts the visible surface out of MakeHuman's base mesh: skin, eyes, teeth and tongue, each a closed shell.

The helper geometry (clothes, hair, joint cubes) is left out. Teeth come as open bands and are closed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from native_runtime.build.default_body import eyes
from native_runtime.build.default_body.geometry import Array, IntArray
from native_runtime.build.default_body.source import RawMesh

MATERIALS = ("skin", "lips", "nails", "mouth", "eyes", "iris", "pupil", "teeth", "tongue")
_PARTS = {
    "body": "skin",
    "helper-upper-teeth": "teeth",
    "helper-lower-teeth": "teeth",
    "helper-tongue": "tongue",
}


@dataclass
class Surface:
    """The visible mesh, all quads.

    Attributes:
        origin: (V,) index of each vertex in the base mesh.
        faces: (F, 4) indices into ``origin``.
        uvs: (F, 4, 2) per corner.
        materials: (F,) index into ``MATERIALS``.
        partner: (V,) mirror vertex.
    """

    origin: IntArray
    faces: IntArray
    uvs: Array
    materials: IntArray
    partner: IntArray


def expand(ranges: Iterable[Iterable[int]]) -> IntArray:
    """Return the indices of ``[[first, last], ...]``."""
    return np.concatenate([np.arange(first, last + 1, dtype=np.int32) for first, last in ranges])


def visible_surface(mesh: RawMesh, partner: IntArray, regions: Mapping) -> Surface:
    """Return the visible mesh.

    Args:
        mesh: the base mesh.
        partner: (N,) mirror vertex of each base vertex.
        regions: the parsed ``default_body/regions.json``.
    """
    material_of_face = np.full(len(mesh.faces), -1, dtype=np.int32)
    for group, material in _PARTS.items():
        material_of_face[mesh.groups == group] = MATERIALS.index(material)
    for name, ranges in regions["materials"].items():
        material_of_face[expand(ranges)] = MATERIALS.index(name)
    for group in eyes.GROUPS:
        material_of_face[mesh.groups == group] = [MATERIALS.index(part) for part in eyes.eyeball_faces()[1]]
    keep = np.flatnonzero(material_of_face >= 0)
    faces = [mesh.faces[keep]]
    uvs = [mesh.uvs[mesh.face_uvs[keep]]]
    materials = [material_of_face[keep]]
    for group in ("helper-upper-teeth", "helper-lower-teeth"):
        own = mesh.groups == group
        cap = band_cap(mesh.vertices, mesh.faces[own])
        uv_of_vertex = dict(zip(mesh.faces[own].ravel().tolist(), mesh.face_uvs[own].ravel().tolist(), strict=True))
        faces.append(cap)
        uvs.append(mesh.uvs[np.vectorize(uv_of_vertex.__getitem__)(cap)])
        materials.append(np.full(len(cap), MATERIALS.index("teeth"), dtype=np.int32))
    all_faces = np.concatenate(faces)
    origin, compact = np.unique(all_faces, return_inverse=True)
    new_index = np.full(len(partner), -1, dtype=np.int32)
    new_index[origin] = np.arange(len(origin))
    return Surface(
        origin=origin.astype(np.int32),
        faces=compact.reshape(all_faces.shape).astype(np.int32),
        uvs=np.concatenate(uvs),
        materials=np.concatenate(materials),
        partner=new_index[partner[origin]],
    )


def band_cap(vertices: Array, faces: IntArray) -> IntArray:
    """Return quads (n, 4) which close the single, even-sized border loop of a band such as a row of teeth.

    The loop is zipped: its two long sides are joined rung by rung. The start is where the rungs are shortest in sum.
    """
    corners = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    directed = {(int(a), int(b)) for a, b in corners}
    # A border edge lacks its opposite; the cap runs through it the other way round, so follow b -> a.
    follow = {b: a for a, b in directed if (b, a) not in directed}
    loop = [min(follow)]
    while follow[loop[-1]] != loop[0]:
        loop.append(follow[loop[-1]])
    ring = np.array(loop, dtype=np.int32)
    count = len(ring)
    if count != len(follow) or count % 2:
        raise ValueError("the band must have exactly one border loop of even length")

    def rungs(start: int) -> tuple[IntArray, IntArray]:
        turned = np.roll(ring, -start)
        return turned[: count // 2], turned[count // 2 :][::-1]

    lengths = [float(np.linalg.norm(vertices[a] - vertices[b], axis=1).sum()) for a, b in map(rungs, range(count))]
    a, b = rungs(int(np.argmin(lengths)))
    return np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1)


def smoothing_patch(mesh: RawMesh, points: Array, faces: IntArray, grow: int) -> tuple[IntArray, Array]:
    """Return a linear map that replaces the inner vertices of a patch of faces by a smooth, featureless surface.

    The inner vertices take the values of a thin plate spline (Duchon 1977) through two rings of vertices around them,
    over the patch's mean plane. As the map is linear it serves positions and displacements alike.

    Args:
        points: (N, 3) cm, the shape whose mean plane is used.
        faces: the patch.
        grow: rings of faces to add to it.

    Returns:
        inner: (n,) base vertex indices; rows: (n, N) so that ``smooth[inner] = rows @ points``.
    """
    body = mesh.faces[mesh.groups == "body"]

    def grown(vertices: IntArray) -> IntArray:
        return np.unique(body[np.isin(body, vertices).any(axis=1)])

    inner = np.unique(mesh.faces[faces])
    for _ in range(grow):
        inner = grown(inner)
    ring = np.setdiff1d(grown(grown(inner)), inner)
    centre = points[ring].mean(axis=0)
    _, _, axes = np.linalg.svd(points[ring] - centre)
    plane = (points - centre) @ axes[:2].T

    def kernel(a: Array, b: Array) -> Array:
        squared = np.sum((a[:, None] - b[None]) ** 2, axis=2)
        return 0.5 * squared * np.log(np.maximum(squared, 1e-12))

    affine = np.concatenate([np.ones((len(ring), 1)), plane[ring]], axis=1)
    system = np.block([[kernel(plane[ring], plane[ring]), affine], [affine.T, np.zeros((3, 3))]])
    asked = np.concatenate([kernel(plane[inner], plane[ring]), np.ones((len(inner), 1)), plane[inner]], axis=1)
    rows = np.zeros((len(inner), len(points)))
    rows[:, ring] = np.linalg.solve(system.T, asked.T).T[:, : len(ring)]
    return inner.astype(np.int32), rows
