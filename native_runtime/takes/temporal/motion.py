"""How joints move with model parameters, for many poses at once: ``mhr.points.PointSet.parameter_jacobian`` for points
that are joints, with the frames as one axis of the arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, ColumnSet

Array = NDArray[np.float64]


def joint_jacobians(
    body: Body, joints: NDArray[np.int64], columns: ColumnSet, transforms: Array, scales: Array, parameters: Array
) -> Array:
    """(F, K, 3, C): d place / d model parameter, cm per unit, MHR axes.

    Args:
        body: the body model.
        joints: (K,) which joints.
        columns: the C model parameters.
        transforms: (F, J, 4, 4), scales: (F, J), parameters: (F, J, 7): of the poses (``mhr.Pose``).
    """
    axes = _axes(body, columns, transforms, scales, parameters) * columns.value[:, None]
    moves = body.skeleton.descends_from[columns.joint][:, joints].astype(np.float64)  # (E, K)
    translations = transforms[..., :3, 3]
    places, origins = translations[:, joints], translations[:, columns.joint]
    out = np.zeros((len(transforms), len(columns.joint), len(joints), 3))
    turning, shifting, scaling = columns.turning, columns.shifting, columns.scaling
    arms = places[:, None] - origins[:, turning, None]
    u = axes[:, turning, None]
    turned = np.empty(arms.shape)
    turned[..., 0] = u[..., 1] * arms[..., 2] - u[..., 2] * arms[..., 1]
    turned[..., 1] = u[..., 2] * arms[..., 0] - u[..., 0] * arms[..., 2]
    turned[..., 2] = u[..., 0] * arms[..., 1] - u[..., 1] * arms[..., 0]
    out[:, turning] = turned
    out[:, shifting] = axes[:, shifting, None]
    growth = np.log(2.0) * columns.value[scaling, None, None]
    out[:, scaling] = growth * (places[:, None] - origins[:, scaling, None])
    out *= moves[:, :, None]
    return np.add.reduceat(out, columns.starts, axis=1).transpose(0, 2, 3, 1)


def _axes(body: Body, columns: ColumnSet, transforms: Array, scales: Array, parameters: Array) -> Array:
    """(F, E, 3): ``mhr.points.joint_axes`` of many poses."""
    skeleton, joints, channels = body.skeleton, columns.joint, columns.channel
    parents = skeleton.parents[joints]
    world = transforms[..., :3, :3] / scales[..., None, None]
    frame = np.where((parents >= 0)[:, None, None], world[:, np.maximum(parents, 0)], np.eye(3))
    before = np.matmul(frame, skeleton.prerotation_matrices[joints])
    turn = parameters[:, joints, 5]
    out = np.zeros((len(transforms), len(joints), 3))
    rx, ry, rz = (np.flatnonzero(channels == channel) for channel in (3, 4, 5))
    out[:, rx] = world[..., 0][:, joints[rx]]
    out[:, ry] = before[..., 1][:, ry] * np.cos(turn[:, ry])[..., None]
    out[:, ry] -= before[..., 0][:, ry] * np.sin(turn[:, ry])[..., None]
    out[:, rz] = before[..., 2][:, rz]
    shifting = columns.shifting
    stretch = np.where(parents[shifting] >= 0, scales[:, np.maximum(parents[shifting], 0)], 1.0)
    out[:, shifting] = frame[:, shifting, :, channels[shifting]].transpose(1, 0, 2) * stretch[..., None]
    return out
