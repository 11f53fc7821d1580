"""A mesh that a body wears, and the body's own motion carried over to it.

Each vertex is bound to a place on the body's surface, as MakeHuman's clothes are. Weights, shapes and correctives of
that place become the vertex's own, so that whatever moves the skin moves what lies on it by the same amount.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.mhr.correctives import GROUP, PoseCorrectives
from native_runtime.mhr.sparse import SparseRows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: As many joints may move a vertex as MHR and game engines allow.
MOST_JOINTS = 8
_NO_ROWS = SparseRows(0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))


@dataclass(frozen=True, eq=False)
class Wearable:
    """A mesh over a body of V vertices, at that body's rest shape. N vertices, F polygons with L corners.

    Attributes:
        name: what artists call it, e.g. ``Briefs``.
        kind: what it is: ``hair``, ``brows``, ``lashes``, ``underwear``, ``top``, ``shoes``.
        vertices: (N, 3) cm, MHR's axes.
        anchors: (N, A) the body's vertices that each vertex is bound to: the three corners of a triangle, one vertex
            three times, or more where cloth spans what lies between them.
        shares: (N, A) the weights of its anchors; they sum to 1.
        face_sizes, face_vertices: (F,), (L,) polygons, counter-clockwise from outside.
        face_materials, material_names: (F,), (M,).
        uvs: (L, 2) per face corner.
        colours: linear Rec.709 of each of ``material_names``; a material without one has the colour of its kind.
    """

    name: str
    kind: str
    vertices: Floats
    anchors: Ints
    shares: Floats
    face_sizes: NDArray[np.int32]
    face_vertices: NDArray[np.int32]
    face_materials: NDArray[np.int32]
    material_names: tuple[str, ...]
    uvs: NDArray[np.float32]
    colours: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count, corners = len(self.vertices), len(self.face_vertices)
        sound = (
            self.anchors.shape == self.shares.shape
            and self.anchors.ndim == 2
            and len(self.anchors) == count
            and self.uvs.shape == (corners, 2)
            and int(self.face_sizes.sum()) == corners
            and len(self.face_materials) == len(self.face_sizes)
            and (not corners or 0 <= self.face_vertices.min() <= self.face_vertices.max() < count)
            and np.allclose(self.shares.sum(axis=1), 1.0, atol=1e-6)
        )
        if not sound:
            raise ValueError(f"'{self.name}': its arrays do not belong together")

    def carried(self, values: NDArray) -> NDArray:
        """Values (..., V, k) of the body's vertices at the vertices (..., N, k) of what is worn."""
        given = np.asarray(values)
        kind = np.result_type(given.dtype, np.float32)
        total = np.zeros((*given.shape[:-2], len(self.anchors), given.shape[-1]), kind)
        for anchors, shares in zip(self.anchors.T, self.shares.T.astype(kind)):
            if shares.any():
                total += given[..., anchors, :] * shares[:, None]
        return total

    def _shapes(self, basis: NDArray) -> NDArray:
        """Shapes (k, V, 3) of the body as those of what is worn; most of the body's move nothing of it."""
        shapes = np.zeros((len(basis), len(self.anchors), 3), np.float32)
        moving = np.flatnonzero((basis[:, np.unique(self.anchors)] != 0).any(axis=(1, 2)))
        shapes[moving] = self.carried(basis[moving])
        return shapes

    def on(self, body: Body) -> Body:
        """What is worn as a body of its own: the same skeleton, parameters, sliders and correctives, but this mesh. It
        has no keypoints.

        Raises:
            Sam3dbError: it was made for another body.
        """
        if len(self.anchors) and self.anchors.max() >= body.vertex_count:
            raise Sam3dbError(f"'{self.name}' was made for another body than '{body.name}'.")
        indices, weights = self._skin(body)
        return replace(
            body,
            name=f"{body.name} {self.name}",
            rest_vertices=self.vertices.astype(np.float32),
            face_sizes=self.face_sizes,
            face_vertices=self.face_vertices,
            face_materials=self.face_materials,
            material_names=self.material_names,
            uvs=self.uvs,
            identity_basis=self._shapes(body.identity_basis),
            expression_basis=self._shapes(body.expression_basis),
            skin_indices=indices,
            skin_weights=weights,
            keypoint_names=(),
            keypoint_rows=_NO_ROWS,
            landmark_names=(),
            landmark_rows=_NO_ROWS,
            correctives=self._correctives(body),
        )

    def _skin(self, body: Body) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(N, K) the joints that move each vertex, and by how much."""
        dense = np.zeros((len(self.vertices), len(body.joint_names)))
        rows = np.arange(len(self.vertices))[:, None]
        for corner in range(self.anchors.shape[1]):
            anchor = self.anchors[:, corner]
            share = self.shares[:, corner, None] * body.skin_weights[anchor]
            np.add.at(dense, (rows, body.skin_indices[anchor]), share)
        indices = np.argsort(-dense, axis=1, kind="stable")[:, :MOST_JOINTS]
        weights = np.take_along_axis(dense, indices, axis=1)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
        return np.where(weights > 0, indices, 0).astype(np.int32), weights.astype(np.float32)

    def _correctives(self, body: Body) -> PoseCorrectives | None:
        if body.correctives is None:
            return None
        shapes = self._shapes(body.correctives.basis.dense())
        parts = (shapes[start : start + GROUP] for start in range(0, len(shapes), GROUP))
        return PoseCorrectives.from_parts(body.correctives.activation, parts, len(self.vertices))


def from_faces(body: Body, name: str, kind: str, faces: NDArray[np.bool_], offsets: NDArray) -> Wearable:
    """A copy of some of a body's polygons, moved away from it: each vertex is bound to the one that it was copied
    from, and texture coordinates stay what they are, so that a texture of the body fits.

    Args:
        faces: (F,) which polygons.
        offsets: (V, 3) cm, from the body's vertices to those of what is worn.
    """
    corners = np.repeat(faces, body.face_sizes)
    used, index = np.unique(body.face_vertices[corners], return_inverse=True)
    shares = np.zeros((len(used), 3))
    shares[:, 0] = 1.0
    return Wearable(
        name=name,
        kind=kind,
        vertices=body.rest_vertices[used].astype(np.float64) + np.asarray(offsets)[used],
        anchors=np.repeat(used[:, None], 3, axis=1).astype(np.int64),
        shares=shares,
        face_sizes=body.face_sizes[faces],
        face_vertices=index.ravel().astype(np.int32),
        face_materials=np.zeros(int(faces.sum()), np.int32),
        material_names=(kind,),
        uvs=body.uvs[corners],
    )
