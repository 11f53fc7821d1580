"""Forward kinematics of the MHR joint tree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .rotations import euler_to_matrix, quaternion_to_matrix

Array = NDArray[np.float64]

_BATCH = 64
"""Poses worked on together: enough to fill the rows, few enough to stay within the processor's cache."""


@dataclass(frozen=True)
class Pose:
    """Global joint transforms.

    Attributes:
        joints: (..., J, 4, 4) cm, MHR axes; the upper left block is scale times rotation.
        scales: (..., J) global scale of each joint.
        joint_parameters: (..., J, 7) that gave this pose.
    """

    joints: Array
    scales: Array
    joint_parameters: Array

    @property
    def translations(self) -> Array:
        """(..., J, 3) joint positions, cm, MHR axes."""
        return self.joints[..., :3, 3]

    @property
    def linear(self) -> Array:
        """(..., J, 3, 3) scale times rotation."""
        return self.joints[..., :3, :3]

    @cached_property
    def rotations(self) -> Array:
        """(..., J, 3, 3) global rotations, scale removed."""
        return self.linear / self.scales[..., None, None]


@dataclass(frozen=True)
class Skeleton:
    """A tree of joints with rest offsets and prerotations.

    Local transform of a joint (Momentum's convention, checked against the released model): translation = offset + (tx,
    ty, tz) in the parent's frame, rotation = prerotation * Rz(rz) Ry(ry) Rx(rx), scale = 2^sc. Globally, scale and
    rotation multiply down the tree and the parent's scale stretches the child's translation.

    Attributes:
        names: joint names (J,).
        parents: (J,), -1 for the root; a parent stands before its children.
        offsets: (J, 3) cm.
        prerotations: (J, 4) quaternions xyzw.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int32]
    offsets: Array
    prerotations: Array

    @cached_property
    def prerotation_matrices(self) -> Array:
        """(J, 3, 3)"""
        return quaternion_to_matrix(self.prerotations)

    @cached_property
    def depths(self) -> NDArray[np.int64]:
        """(J,) number of ancestors of each joint."""
        depth = np.zeros(len(self.parents), np.int64)
        for joint, parent in enumerate(self.parents):
            depth[joint] = 0 if parent < 0 else depth[parent] + 1
        return depth

    @cached_property
    def descends_from(self) -> NDArray[np.bool_]:
        """(J, J): entry [a, j] is true where joint j is a or lies below a."""
        below = np.eye(len(self.parents), dtype=bool)
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                below[:, joint] |= below[:, parent]
        return below

    @cached_property
    def _plan(self) -> tuple[NDArray, NDArray, list[tuple[slice, NDArray]]]:
        """Joints sorted by depth, so that a whole level is one contiguous block: (order, its inverse, levels)."""
        if np.sum(self.depths == 0) != 1:
            raise ValueError("a skeleton needs exactly one root")
        order = np.argsort(self.depths, kind="stable")
        inverse = np.empty_like(order)
        inverse[order] = np.arange(len(order))
        levels, start = [], 1
        while start < len(order):
            stop = start + int(np.sum(self.depths == self.depths[order[start]]))
            levels.append((slice(start, stop), inverse[self.parents[order[start:stop]]]))
            start = stop
        return order, inverse, levels

    def forward(self, joint_parameters: NDArray) -> Pose:
        """Global transforms for joint parameters (..., J, 7): cm, radians, log2 scale."""
        jp = np.asarray(joint_parameters, dtype=np.float64)
        # Global log-scale is the sum over a joint and its ancestors; few joints ever have one (MHR scales the hands).
        scaled = np.flatnonzero(np.any(jp[..., 6].reshape(-1, jp.shape[-2]), axis=0))
        scales = np.exp2(jp[..., scaled, 6] @ self.descends_from[scaled].astype(np.float64))
        if jp.ndim == 2:
            return Pose(self._forward_one(jp), scales, jp)
        flat = jp.reshape((-1, *jp.shape[-2:]))
        joints = np.empty((len(flat), flat.shape[1], 4, 4))
        for start in range(0, len(flat), _BATCH):
            self._forward_many(flat[start : start + _BATCH], joints[start : start + _BATCH])
        return Pose(joints.reshape((*jp.shape[:-1], 4, 4)), scales, jp)

    def _forward_one(self, jp: Array) -> Array:
        """(J, 4, 4) for (J, 7): one small matrix product a level."""
        order, inverse, levels = self._plan
        local = np.zeros((len(jp), 4, 4))
        local[:, :3, :3] = self.prerotation_matrices @ euler_to_matrix(jp[:, 3:6])
        local[:, :3, :3] *= np.exp2(jp[:, 6])[:, None, None]
        local[:, :3, 3] = self.offsets + jp[:, :3]
        local[:, 3, 3] = 1.0
        world = local[order]
        for block, parents in levels:
            world[block] = world[parents] @ world[block]
        return world[inverse]

    def _forward_many(self, jp: Array, out: Array) -> None:
        """Fill ``out`` (B, J, 4, 4) for (B, J, 7).

        Thousands of tiny matrix products spend their time on being called. Here the batch is the innermost axis, so
        that each of the few products of a level runs over long, contiguous rows.
        """
        order, _, levels = self._plan
        jp = jp.transpose(1, 2, 0)[order]  # joint, channel, pose
        world = self._local(jp, order)
        for block, parents in levels:
            above, own = world[:, :, parents], world[:, :, block]
            np.einsum("ijnb,jknb->iknb", above[:, :3], own.copy(), out=own)
            own[:, 3] += above[:, 3]
        out[:, order, :3] = world.transpose(3, 2, 0, 1)
        out[:, :, 3] = (0.0, 0.0, 0.0, 1.0)

    def _local(self, jp: Array, joints: NDArray[np.int64]) -> Array:
        """Local transforms (3, 4, n, B): row, column, joint, pose, of joint parameters (n, 7, B).

        Half of MHR's joints turn about one axis or none. So the prerotation is turned by Rz, Ry and Rx in place, each
        a rotation of two of its columns, and only for the joints that turn about that axis in any of the poses.
        """
        local = np.empty((3, 4, len(joints), jp.shape[2]))
        local[:, :3] = self.prerotation_matrices[joints].transpose(1, 2, 0)[..., None]
        for channel, first, second in ((5, 0, 1), (4, 2, 0), (3, 1, 2)):
            turning = np.flatnonzero(jp[:, channel].any(axis=1))
            cos, sin = np.cos(jp[turning, channel]), np.sin(jp[turning, channel])
            a, b = local[:, first, turning], local[:, second, turning]
            local[:, first, turning] = a * cos + b * sin
            local[:, second, turning] = b * cos - a * sin
        scaling = np.flatnonzero(jp[:, 6].any(axis=1))
        local[:, :3, scaling] *= np.exp2(jp[scaling, 6])
        np.add(self.offsets[joints].T[:, :, None], jp[:, :3].transpose(1, 0, 2), out=local[:, 3])
        return local

    @cached_property
    def rest(self) -> Pose:
        """The pose at zero parameters."""
        return self.forward(np.zeros((len(self.parents), 7)))

    @cached_property
    def inverse_bind(self) -> Array:
        """(J, 4, 4) inverses of the rest transforms."""
        inverse = np.zeros((len(self.parents), 4, 4))
        rotation = self.rest.linear.transpose(0, 2, 1)
        inverse[:, :3, :3] = rotation
        inverse[:, :3, 3] = -np.einsum("jab,jb->ja", rotation, self.rest.translations)
        inverse[:, 3, 3] = 1.0
        return inverse
