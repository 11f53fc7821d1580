"""Forward kinematics of the MHR joint tree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .rotations import euler_to_matrix, quaternion_to_matrix

Array = NDArray[np.float64]


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
        scale = np.exp2(jp[..., 6])
        order, inverse, levels = self._plan
        local = np.zeros(jp.shape[:-1] + (4, 4))
        np.matmul(self.prerotation_matrices, euler_to_matrix(jp[..., 3:6]), out=local[..., :3, :3])
        local[..., :3, :3] *= scale[..., None, None]
        local[..., :3, 3] = self.offsets + jp[..., :3]
        local[..., 3, 3] = 1.0
        world = local[..., order, :, :]
        if self.parents[order[0]] >= 0 or np.sum(self.depths == 0) != 1:
            raise ValueError("a skeleton needs exactly one root")
        for block, parents in levels:
            world[..., block, :, :] = world[..., parents, :, :] @ world[..., block, :, :]
        # Global log-scale is the sum over a joint and its ancestors.
        scales = np.exp2(jp[..., 6] @ self.descends_from) if np.any(jp[..., 6]) else np.ones(jp.shape[:-1])
        return Pose(world[..., inverse, :, :], scales, jp)

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
