"""Some points of a body's surface, spread evenly, by which a network in training is held to the whole shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from native_runtime.build.sam3d_body.keypoint_support import point_support
from native_runtime.mhr import Body, sorted_rows
from native_runtime.models.sam3d_body_layout import HIPS
from native_runtime.network.mhr import KeypointSupport, keypoints, pose_joints

COUNT = 512
"""Points of a surface."""


@dataclass(frozen=True)
class Surface:
    """A body, reduced to its keypoints and to points of its surface.

    Attributes:
        keypoints, points: MHR, reduced to the 70 keypoints, and to V points.
    """

    keypoints: KeypointSupport
    points: KeypointSupport

    def true(self, model_parameters: Tensor, shape: Tensor) -> Tensor:
        """(B, V, 3) m, camera axes, from the middle of the hips: what ``People.vertices`` holds.

        Args:
            model_parameters: (B, 204)
            shape: (B, n_id)
        """
        joints = pose_joints(self.points, model_parameters)
        hips = keypoints(self.keypoints, joints, shape)[:, HIPS].mean(1, keepdim=True)
        return keypoints(self.points, joints, shape) - hips


def surface_vertices(body: Body, count: int = COUNT) -> NDArray[np.int64]:
    """(n,) indices of ``count`` vertices of the body (or all), rising, that lie far from each other at rest.

    Each is the vertex farthest from those before it (Gonzalez, 1985), from vertex 0 on; the same for the same mesh.
    """
    places = np.asarray(body.rest_vertices, np.float64)
    chosen = [0]
    distance = np.full(len(places), np.inf)
    for _ in range(min(count, len(places)) - 1):
        distance = np.minimum(distance, np.square(places - places[chosen[-1]]).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return np.unique(chosen)


def surface_support(body: Body, vertices: NDArray[np.int64]) -> KeypointSupport:
    """MHR, reduced to these vertices (n,), as ``network.mhr.keypoints`` takes it: for ``BodyBranch`` and ``Surface``.

    Args:
        body: with as many coefficients of identity as the network predicts.
    """
    count = len(vertices)
    rows = sorted_rows(count, np.arange(count), vertices, np.ones(count))
    return KeypointSupport.of(point_support(body, rows))
