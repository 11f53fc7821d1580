"""A loaded body: a mesh on the MHR skeleton, with identity and expression shapes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .ages import AGE_GROUP
from .bodydata import BodyData
from .bodyfile import content_hash, read_fields, save_body
from .local_basis import LocalBasis
from .skeleton import Pose
from .skinning import Skinning
from .sparse import SparseRows


@dataclass(frozen=True, eq=False)
class Body(BodyData):
    """MHR's mathematics over one mesh. All numbers are in MHR's units and axes: cm, y up, the character faces +z.

    The attributes are those of ``BodyData``.
    """

    @staticmethod
    def load(path: str | Path) -> Body:
        """Read a body file.

        Raises:
            ModelError: the file is missing, damaged, or not a body.
        """
        return Body(**read_fields(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write the body file; the same body always gives the same bytes."""
        save_body(self, Path(path))

    @cached_property
    def hash(self) -> str:
        """``sha256:...`` over the content (not over the file, whose packing may differ)."""
        return content_hash(self)

    # names and counts

    @property
    def joint_names(self) -> tuple[str, ...]:
        return self.skeleton.names

    @property
    def joint_parents(self) -> NDArray[np.int32]:
        return self.skeleton.parents

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return self.parameterisation.names

    @property
    def limit_min(self) -> NDArray[np.float64]:
        return self.parameterisation.limit_min

    @property
    def limit_max(self) -> NDArray[np.float64]:
        return self.parameterisation.limit_max

    @property
    def inverse_bind(self) -> NDArray[np.float64]:
        """(J, 4, 4)"""
        return self.skeleton.inverse_bind

    @property
    def vertex_count(self) -> int:
        return len(self.rest_vertices)

    @property
    def identity_count(self) -> int:
        return len(self.identity_basis)

    @cached_property
    def ageless(self) -> NDArray[np.bool_]:
        """(n_id,) which identity coefficients fit every skeleton: all but those that belong to ages."""
        return np.array([group != AGE_GROUP for group in self.identity_groups], dtype=bool)

    @cached_property
    def corrective_sizes(self) -> NDArray[np.float64]:
        """(n_id,) by how much one unit of each coefficient makes the pose correctives larger: children's are smaller,
        as children are. All 0 for bodies that know no ages, MHR's own among them.
        """
        if self.ages is None or self.ageless.all():
            return np.zeros(self.identity_count)
        return self.ages.sizes(~self.ageless)

    def without_ages(self) -> Body:
        """The same body as it was before it knew ages: without the identity coefficients that belong to them."""
        kept = np.flatnonzero(self.ageless)
        return replace(
            self,
            identity_basis=self.identity_basis[kept],
            identity_names=tuple(self.identity_names[k] for k in kept),
            identity_groups=tuple(self.identity_groups[k] for k in kept),
            identity_min=self.identity_min[kept],
            identity_max=self.identity_max[kept],
            ages=None,
        )

    @property
    def expression_count(self) -> int:
        return len(self.expression_basis)

    @cached_property
    def _joint_lookup(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.joint_names)}

    @cached_property
    def _parameter_lookup(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.parameter_names)}

    def joint_index(self, name: str) -> int:
        """Index of a joint; KeyError when there is none of that name."""
        return self._joint_lookup[name]

    def parameter_index(self, name: str) -> int:
        """Index of a model parameter; KeyError when there is none of that name."""
        return self._parameter_lookup[name]

    @cached_property
    def triangles(self) -> NDArray[np.int32]:
        """(T, 3) each polygon cut into a fan from its first corner."""
        return self.face_vertices[self.triangle_loops].astype(np.int32)

    @cached_property
    def triangle_loops(self) -> NDArray[np.int64]:
        """(T, 3) which face corners (of ``face_vertices`` and ``uvs``) the corners of ``triangles`` are."""
        starts = np.concatenate([[0], np.cumsum(self.face_sizes)[:-1]])
        parts = []
        for size in np.unique(self.face_sizes):
            first = starts[self.face_sizes == size]
            for corner in range(1, size - 1):
                fan = np.stack([first, first + corner, first + corner + 1], axis=1)
                parts.append((np.flatnonzero(self.face_sizes == size), corner, fan))
        faces = np.concatenate([p[0] for p in parts])
        corners = np.concatenate([np.full(len(p[0]), p[1]) for p in parts])
        fans = np.concatenate([p[2] for p in parts])
        return fans[np.lexsort((corners, faces))]

    @cached_property
    def triangle_faces(self) -> NDArray[np.int64]:
        """(T,) which face each of ``triangles`` is a part of."""
        return np.repeat(np.arange(len(self.face_sizes)), self.face_sizes - 2)

    # the model

    def joint_parameters(self, model_parameters: NDArray) -> NDArray[np.float64]:
        """Joint parameters (..., J, 7) of model parameters (..., P)."""
        return self.parameterisation.joint_parameters(model_parameters)

    def pose(self, model_parameters: NDArray) -> Pose:
        """Global joint transforms for model parameters (..., P)."""
        return self.skeleton.forward(self.joint_parameters(model_parameters))

    @cached_property
    def _identity_shapes(self) -> LocalBasis:
        groups = np.array(self.identity_groups)
        changes = np.flatnonzero(groups[1:] != groups[:-1]) + 1
        return LocalBasis.from_parts(np.split(self.identity_basis, changes), self.vertex_count)

    @cached_property
    def _expression_shapes(self) -> LocalBasis:
        return LocalBasis.from_parts([self.expression_basis], self.vertex_count)

    def rest_shape(self, identity: NDArray | None = None, expression: NDArray | None = None) -> NDArray[np.float32]:
        """Vertices (..., V, 3) in cm before posing, for coefficients (..., n_id) and (..., n_ex); None means zeros."""
        given = [
            (np.asarray(coefficients, np.float32), basis)
            for coefficients, basis in ((identity, self._identity_shapes), (expression, self._expression_shapes))
            if coefficients is not None
        ]
        lead = np.broadcast_shapes(*(coefficients.shape[:-1] for coefficients, _ in given))
        if not any(coefficients.any() for coefficients, _ in given):
            return np.broadcast_to(self.rest_vertices, (*lead, *self.rest_vertices.shape))
        shape = np.array(np.broadcast_to(self.rest_vertices, (*lead, *self.rest_vertices.shape)))
        for coefficients, basis in given:
            basis.add_to(shape, np.broadcast_to(coefficients, (*lead, coefficients.shape[-1])))
        return shape

    @cached_property
    def _skinning(self) -> Skinning:
        return Skinning.of(self.skin_indices, self.skin_weights, len(self.joint_names))

    def skin(self, pose: Pose, shape: NDArray) -> NDArray[np.float32]:
        """Linear blend skinning: posed vertices (..., V, 3) of unposed ones (..., V, 3) or (V, 3), cm."""
        return self._skinning.skin((pose.joints @ self.inverse_bind)[..., :3, :], shape)

    def vertices(
        self,
        model_parameters: NDArray,
        identity: NDArray | None = None,
        expression: NDArray | None = None,
        correctives: bool = True,
    ) -> NDArray[np.float32]:
        """Posed vertices (..., V, 3) in cm.

        Args:
            model_parameters: (..., P)
            identity: (..., n_id) or None for zeros.
            expression: (..., n_ex) or None for zeros.
            correctives: apply pose correctives where the body has them.
        """
        return self.posed_vertices(self.pose(model_parameters), identity, expression, correctives)

    def posed_vertices(
        self,
        pose: Pose,
        identity: NDArray | None = None,
        expression: NDArray | None = None,
        correctives: bool = True,
    ) -> NDArray[np.float32]:
        """``vertices`` for a pose that is known already."""
        shape = self.rest_shape(identity, expression)
        if correctives and self.correctives is not None:
            lead = np.broadcast_shapes(shape.shape[:-2], pose.joint_parameters.shape[:-2])
            shape = np.array(np.broadcast_to(shape, (*lead, *shape.shape[-2:])))
            size = 1.0 if identity is None else 1.0 + np.asarray(identity) @ self.corrective_sizes
            self.correctives.add_to(shape, pose.joint_parameters, size)
        return self.skin(pose, shape)

    def keypoints(self, pose: Pose, vertices: NDArray) -> NDArray[np.float64]:
        """The MHR-70 keypoints (..., 70, 3) in cm, from a pose and the vertices (..., V, 3) posed with it."""
        return self._points(self.keypoint_rows, pose, vertices)

    def landmarks(self, pose: Pose, vertices: NDArray) -> NDArray[np.float64]:
        """The body's further named points (..., len(landmark_names), 3) in cm."""
        return self._points(self.landmark_rows, pose, vertices)

    @staticmethod
    def _points(rows: SparseRows, pose: Pose, vertices: NDArray) -> NDArray[np.float64]:
        return rows.combine(np.concatenate([np.asarray(vertices, np.float64), pose.translations], axis=-2))
