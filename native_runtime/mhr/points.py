"""Chosen points of a body, posed without posing the mesh, with analytic Jacobians.

Under linear blend skinning a posed point is linear in the joints' transforms:

    p_i = sum_j ( A_j X_ij + W_ij t_j ),

where joint j maps local to global by (A_j, t_j). X_ij gathers, once for all poses, the weighted local positions of
every vertex that makes up point i; it is affine in the identity coefficients. Keypoints made of joints alone are the
case X = 0. Nothing here touches the mesh again, so evaluating a hundred points and their derivatives costs well under
a millisecond or two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .body import Body
from .skeleton import Pose
from .sparse import SparseRows

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointSet:
    """N points of a body, each with its few joints.

    Attributes:
        body: the body that they belong to.
        count: N.
        points, joints: (n,) which point and which joint an entry couples, sorted by point.
        weights: (n,) W.
        local: (n, 3) X at zero coefficients, cm in the joint's frame.
        local_basis: (n, n_id, 3) change of X per unit of each identity coefficient.
    """

    body: Body
    count: int
    points: NDArray[np.int64]
    joints: NDArray[np.int64]
    weights: Array
    local: Array
    local_basis: Array

    @staticmethod
    def from_rows(body: Body, rows: SparseRows, expression: NDArray | None = None) -> PointSet:
        """Points given as weighted sums over posed vertices, then joint positions (as ``Body.keypoint_rows``).

        Args:
            body: the body.
            rows: R rows over V + J columns.
            expression: (n_ex,) coefficients held fixed, or None for zeros.
        """
        vertex_entry = rows.columns < body.vertex_count
        vertex, vertex_row, value = rows.columns[vertex_entry], rows.rows[vertex_entry], rows.values[vertex_entry]
        influences = body.skin_indices.shape[1]
        point = np.repeat(vertex_row, influences).astype(np.int64)
        joint = body.skin_indices[vertex].ravel().astype(np.int64)
        weight = (body.skin_weights[vertex] * value[:, None]).ravel().astype(np.float64)
        source = np.repeat(vertex, influences)
        keep = weight != 0
        point, joint, weight, source = point[keep], joint[keep], weight[keep], source[keep]

        to_local = body.inverse_bind[joint]
        rest = body.rest_shape(None, expression)[source].astype(np.float64)
        local = (np.einsum("nab,nb->na", to_local[:, :3, :3], rest) + to_local[:, :3, 3]) * weight[:, None]
        directions = body.identity_basis[:, source].astype(np.float64)
        basis = np.einsum("nab,knb->nka", to_local[:, :3, :3], directions) * weight[:, None, None]

        joint_rows = ~vertex_entry
        point = np.concatenate([point, rows.rows[joint_rows]])
        joint = np.concatenate([joint, rows.columns[joint_rows] - body.vertex_count])
        weight = np.concatenate([weight, rows.values[joint_rows]])
        extra = int(joint_rows.sum())
        local = np.concatenate([local, np.zeros((extra, 3))])
        basis = np.concatenate([basis, np.zeros((extra, body.identity_count, 3))])

        # Merge entries that couple the same point and joint.
        key = point * len(body.joint_names) + joint
        unique, inverse = np.unique(key, return_inverse=True)
        merged_weight = np.zeros(len(unique))
        merged_local = np.zeros((len(unique), 3))
        merged_basis = np.zeros((len(unique), body.identity_count, 3))
        np.add.at(merged_weight, inverse, weight)
        np.add.at(merged_local, inverse, local)
        np.add.at(merged_basis, inverse, basis)
        return PointSet(
            body,
            rows.row_count,
            unique // len(body.joint_names),
            unique % len(body.joint_names),
            merged_weight,
            merged_local,
            merged_basis,
        )

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.searchsorted(self.points, np.arange(self.count))

    def take(self, which: NDArray[np.int64]) -> PointSet:
        """Some of the points, (n,) numbers in ascending order, as a set of their own."""
        place = np.full(self.count, -1)
        place[which] = np.arange(len(which))
        points = place[self.points]
        kept = points >= 0
        return PointSet(
            self.body,
            len(which),
            points[kept],
            self.joints[kept],
            self.weights[kept],
            self.local[kept],
            self.local_basis[kept],
        )

    def shaped(self, identity: NDArray | None) -> Array:
        """X (n, 3) for identity coefficients (n_id,)."""
        if identity is None or not self.body.identity_count:
            return self.local
        return self.local + np.einsum("nka,k->na", self.local_basis, np.asarray(identity, np.float64))

    def _contributions(self, pose: Pose, identity: NDArray | None) -> Array:
        """(..., n, 3): each entry's share of its point."""
        linear = pose.linear[..., self.joints, :, :]
        moved = np.einsum("...nab,nb->...na", linear, self.shaped(identity))
        return moved + pose.translations[..., self.joints, :] * self.weights[:, None]

    def positions(self, pose: Pose, identity: NDArray | None = None) -> Array:
        """Posed points (..., N, 3), cm, MHR axes."""
        return np.add.reduceat(self._contributions(pose, identity), self._starts, axis=-2)

    def arms(self, pose: Pose, joint: int, identity: NDArray | None = None) -> Array:
        """(N, 3) cm, single pose: lever arms about a joint. Turning the joint by a small vector w moves the points by
        w x arm.

        Only the share of a point that hangs on the joint or below it moves with it.
        """
        below = self.body.skeleton.descends_from[joint][self.joints]
        arms = self._contributions(pose, identity) - self.weights[:, None] * pose.translations[joint]
        return np.add.reduceat(arms * below[:, None], self._starts, axis=0)

    def identity_jacobian(self, pose: Pose) -> Array:
        """d position / d identity: (N, 3, n_id), cm per unit coefficient, for a single pose."""
        moved = np.matmul(self.local_basis, pose.linear[self.joints].transpose(0, 2, 1))  # (n, n_id, 3)
        return np.add.reduceat(moved, self._starts, axis=0).transpose(0, 2, 1)

    def parameter_jacobian(self, pose: Pose, columns: ColumnSet, identity: NDArray | None = None) -> Array:
        """d position / d model parameter: (N, 3, len(columns)), cm per unit, for a single pose.

        A joint parameter of joint a moves what hangs below a. With M = sum of the contributions and W = sum of the
        weights over the joints below (and including) a, turning about a global axis u through the joint's origin o
        moves the point by u x (M - W o); shifting along a global direction d moves it by W d; log2 scale moves it by
        ln 2 (M - W o).
        """
        # Layout: joints first, points last, so that each joint parameter's work runs over contiguous rows.
        shares = np.zeros((len(self.body.joint_names), 4, self.count))
        shares[self.joints, :3, self.points] = self._contributions(pose, identity)
        shares[self.joints, 3, self.points] = self.weights
        below = self.body.skeleton.descends_from[columns.moving].astype(np.float64)  # (m, J)
        moments = (below @ shares.reshape(len(shares), -1)).reshape(len(below), 4, self.count)
        arms = moments[:, :3] - moments[:, 3:] * pose.translations[columns.moving][:, :, None]

        out = np.empty((len(columns.joint), 3, self.count))
        axes = (joint_axes(self.body, pose, columns) * columns.value[:, None])[:, :, None]
        turning, shifting, scaling = columns.turning, columns.shifting, columns.scaling
        u, arm = axes[turning], arms[columns.slot[turning]]
        out[turning, 0] = u[:, 1] * arm[:, 2] - u[:, 2] * arm[:, 1]
        out[turning, 1] = u[:, 2] * arm[:, 0] - u[:, 0] * arm[:, 2]
        out[turning, 2] = u[:, 0] * arm[:, 1] - u[:, 1] * arm[:, 0]
        out[shifting] = axes[shifting] * moments[columns.slot[shifting], 3:]
        growth = np.log(2.0) * columns.value[scaling, None, None]
        out[scaling] = growth * arms[columns.slot[scaling]]
        return np.add.reduceat(out, columns.starts, axis=0).transpose(2, 1, 0)


@dataclass(frozen=True, eq=False)
class ColumnSet:
    """A choice of model parameters, with the joint parameters behind each, ready for Jacobians.

    Attributes:
        parameters: (C,) indices of the model parameters.
        joint, channel, value: (n,) entries of the parameter transform, sorted by column.
        starts: (C,) first entry of each column.
        moving: (m,) the joints that occur; ``slot`` (n,) points into it.
    """

    parameters: NDArray[np.int64]
    joint: NDArray[np.int64]
    channel: NDArray[np.int64]
    value: Array
    starts: NDArray[np.int64]
    moving: NDArray[np.int64]
    slot: NDArray[np.int64]

    @staticmethod
    def of(body: Body, parameters: NDArray) -> ColumnSet:
        """Gather the transform's entries for the given model parameters; each must drive at least one joint."""
        transform = body.parameterisation
        position = np.full(len(transform.names), -1)
        position[parameters] = np.arange(len(parameters))
        column = position[transform.columns]
        entries = np.flatnonzero(column >= 0)
        entries = entries[np.argsort(column[entries], kind="stable")]
        joint, channel = transform.rows[entries] // 7, transform.rows[entries] % 7
        starts = np.searchsorted(column[entries], np.arange(len(parameters)))
        counts = np.bincount(column[entries], minlength=len(parameters))
        if np.any(counts == 0):
            idle = [transform.names[parameters[i]] for i in np.flatnonzero(counts == 0)]
            raise ValueError(f"these model parameters drive nothing: {', '.join(idle)}")
        moving, slot = np.unique(joint, return_inverse=True)
        return ColumnSet(
            np.asarray(parameters, np.int64), joint, channel, transform.values[entries], starts, moving, slot
        )

    @cached_property
    def turning(self) -> NDArray[np.int64]:
        return np.flatnonzero((self.channel >= 3) & (self.channel < 6))

    @cached_property
    def shifting(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.channel < 3)

    @cached_property
    def scaling(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.channel == 6)


def joint_axes(body: Body, pose: Pose, columns: ColumnSet) -> Array:
    """Global direction (n, 3) along or about which each entry acts: a unit axis for turns, the parent's stretched axis
    for shifts.

    With R = P Rz Ry Rx: the x axis turns with everything, the y axis with P Rz, the z axis with P alone. Scale entries
    get zeros.
    """
    skeleton = body.skeleton
    joints, channels = columns.joint, columns.channel
    parents = skeleton.parents[joints]
    world = pose.rotations
    frame = np.where(parents[:, None, None] >= 0, world[np.maximum(parents, 0)], np.eye(3))
    before = frame @ skeleton.prerotation_matrices[joints]
    rz = pose.joint_parameters[joints, 5]
    axes = np.zeros((len(joints), 3))

    rx, ry, rzs = (np.flatnonzero(channels == c) for c in (3, 4, 5))
    axes[rx] = world[joints[rx], :, 0]
    axes[ry] = -before[ry, :, 0] * np.sin(rz[ry])[:, None] + before[ry, :, 1] * np.cos(rz[ry])[:, None]
    axes[rzs] = before[rzs, :, 2]

    shifting = columns.shifting
    stretch = np.where(parents[shifting] >= 0, pose.scales[np.maximum(parents[shifting], 0)], 1.0)
    axes[shifting] = frame[shifting, :, channels[shifting]] * stretch[:, None]
    return axes


def joint_points(body: Body, joints: NDArray) -> PointSet:
    """Joint positions as a point set."""
    index = np.asarray(joints, np.int64)
    n = len(index)
    return PointSet(body, n, np.arange(n), index, np.ones(n), np.zeros((n, 3)), np.zeros((n, body.identity_count, 3)))
