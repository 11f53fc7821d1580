"""Forward kinematics of the MHR joint tree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .rotations import quaternion_to_matrix

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
    def _plan(self) -> tuple[NDArray, list[tuple[slice, NDArray]]]:
        """Joints sorted by depth, so that a whole level is one contiguous block: (order, levels)."""
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
        return order, levels

    def forward(self, joint_parameters: NDArray) -> Pose:
        """Global transforms for joint parameters (..., J, 7): cm, radians, log2 scale."""
        jp = np.asarray(joint_parameters, dtype=np.float64)
        # Global log-scale is the sum over a joint and its ancestors; few joints ever have one (MHR scales the hands).
        scaled = np.flatnonzero(np.any(jp[..., 6].reshape(-1, jp.shape[-2]), axis=0))
        if len(scaled):
            scales = np.exp2(jp[..., scaled, 6] @ self.descends_from[scaled].astype(np.float64))
        else:
            scales = np.ones(jp.shape[:-1])
        if jp.ndim == 2:
            return Pose(self._forward_one(jp), scales, jp)
        flat = jp.reshape((-1, *jp.shape[-2:]))
        joints = np.empty((len(flat), flat.shape[1], 4, 4))
        for start in range(0, len(flat), _BATCH):
            self._forward_many(flat[start : start + _BATCH], joints[start : start + _BATCH])
        return Pose(joints.reshape((*jp.shape[:-1], 4, 4)), scales, jp)

    @cached_property
    def _jumps(self) -> list[NDArray]:
        """(J + 1,) each: of every joint its parent, then its 2nd, 4th, 8th ... ancestor, until none has one; J stands
        for "above the root", where nothing moves.
        """
        none = len(self.parents)
        above = np.append(np.where(self.parents < 0, none, self.parents), none).astype(np.intp)
        jumps = []
        while np.any(above < none):
            jumps.append(above)
            above = above[above]
        return jumps

    @cached_property
    def _columns(self) -> tuple[Array, Array]:
        """Prerotations (3, 3, J), column, row, joint, and offsets (3, J)."""
        prerotations = self.prerotation_matrices.transpose(2, 1, 0)
        return np.ascontiguousarray(prerotations), np.ascontiguousarray(self.offsets.T)

    def _forward_one(self, jp: Array) -> Array:
        """(J, 4, 4) for (J, 7).

        A tree of 15 levels would take 15 small products after each other. Instead each joint's transform is multiplied
        by its parent's, then all by what has gathered at their 2nd ancestor, then at the 4th: after a few products of
        all joints at once each has gathered its whole path (pointer jumping; Hillis and Steele, "Data parallel
        algorithms", Communications of the ACM 29, 1986). Joints stand innermost, in long rows.
        """
        count = len(jp)
        channels = np.ascontiguousarray(jp.T)
        turns = np.empty((4, 3, count))  # cos, sin, -sin, cos
        np.cos(channels[3:6], out=turns[0])
        np.sin(channels[3:6], out=turns[1])
        np.negative(turns[1], out=turns[2])
        turns[3] = turns[0]

        def turned(first: Array, second: Array, axis: int) -> Array:
            """Two columns (3, J) of a rotation turned about the third's axis: first cos + second sin and second cos -
            first sin.
            """
            pair = first * turns[::2, axis, None]
            pair += second * turns[1::2, axis, None]
            return pair

        (x, y, z), offsets = self._columns
        world = np.empty((4, 3, count + 1))  # column, row, joint
        x, y = turned(x, y, 2)
        z, world[0, :, :count] = turned(z, x, 1)
        world[1:3, :, :count] = turned(y, z, 0)
        if channels[6].any():
            world[:3, :, :count] *= np.exp2(channels[6])
        np.add(offsets, channels[:3], out=world[3, :, :count])
        world[:, :, count] = np.eye(4, 3)

        for jump in self._jumps:
            above = world.take(jump, axis=2, mode="clip")
            world = np.einsum("jin,kjn->kin", above[:3], world)
            world[3] += above[3]
        joints = np.empty((count, 4, 4))
        joints[:, :3] = world[:, :, :count].transpose(2, 1, 0)
        joints[:, 3] = (0.0, 0.0, 0.0, 1.0)
        return joints

    def _forward_many(self, jp: Array, out: Array) -> None:
        """Fill ``out`` (B, J, 4, 4) for (B, J, 7).

        Thousands of tiny matrix products spend their time on being called. Here the batch is the innermost axis, so
        that each of the few products of a level runs over long, contiguous rows.
        """
        order, levels = self._plan
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
