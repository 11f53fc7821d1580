"""From the camera that the network assumes to the photo's lens.

The network places a body before a camera of its own: the photo's middle as principal point, and a focal length that
need not be the photo's. What it judges is how the person looks in the crop. So under another lens the middle of the
hips stays on its pixel and is as much farther away as the lens is longer, both exactly; the person is turned along with
the line of sight (who looks into the camera still does), and from there such that all keypoints change least in the
photo.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA, mhr_to_camera, project, unproject
from native_runtime.fitting.problem import ROOT_ROTATION, named_rows, projection_jacobian
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_between, rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]

NEAREST = 0.2
"""Metres before the camera: nothing of a person in a photo is nearer."""

_STEPS = 12
_SMALL = 1e-9
_HIPS = ("left_hip", "right_hip")
_FINGER = 0.1
"""Weight of each of the forty keypoints of fingers."""


class Placing:
    """Carries bodies from one camera to another; made once for a body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._points = PointSet.from_rows(body, named_rows(body, body.keypoint_names))
        self._hips = [body.keypoint_names.index(name) for name in _HIPS]
        fingers = np.array([any(part in name for part in ("thumb", "finger")) for name in body.keypoint_names])
        self._weights = np.where(fingers, _FINGER, 1.0)

    def keypoints(self, state: PlacedState) -> Array:
        """(70, 3) m, camera axes."""
        pose = self._body.pose(state.model_parameters)
        return mhr_to_camera(self._points.positions(pose, state.identity), state.camera_translation)

    def is_before_camera(self, state: PlacedState) -> bool:
        """Whether a body is in front of a camera at all."""
        places = self.keypoints(state)
        return bool(np.isfinite(places).all() and places[:, 2].min() >= NEAREST)

    def carried(self, state: PlacedState, assumed: Array, lens: Array) -> PlacedState:
        """The body as another lens sees it at the same place of the photo.

        Args:
            state: a body before the assumed camera.
            assumed, lens: (3, 3) px, of the same photo.
        """
        if np.allclose(assumed, lens, rtol=1e-9, atol=1e-6):
            return state
        places = self.keypoints(state)
        pixels, middle = project(places, assumed), places[self._hips].mean(axis=0)
        around, spot = places - middle, project(middle, assumed)
        here, there = (unproject(spot, 1.0, matrix) for matrix in (assumed, lens))
        depth = float(middle[2]) * np.sqrt(lens[0, 0] * lens[1, 1] / (assumed[0, 0] * assumed[1, 1]))
        turn = self._settled(around, pixels, there * depth, rotation_between(here, there), lens)
        return self._moved(state, turn, there * depth)

    def _settled(self, around: Array, pixels: Array, middle: Array, turn: Array, lens: Array) -> Array:
        """The turn by which keypoints change least in the photo: Gauss-Newton over a rotation vector, damped where a
        step does not help.

        Args:
            around: (70, 3) m, from the middle of the hips.
            pixels: (70, 2) px, where they shall stay.
            middle: (3,) m, of the hips.
            turn: (3, 3) where to start.
            lens: (3, 3) px.
        """
        weights = np.repeat(np.sqrt(self._weights), 2)

        def missed_by(turn: Array) -> tuple[Array, Array]:
            places = middle + around @ turn.T
            places[:, 2] = np.maximum(places[:, 2], NEAREST)
            return places, (project(places, lens) - pixels).ravel() * weights

        (places, missed), damping = missed_by(turn), 1e-6
        for _ in range(_STEPS):
            turned, motion = around @ turn.T, np.zeros((len(places), 3, 3))
            # d (w x r) / d w is minus the cross-product matrix of r
            motion[:, 1, 0], motion[:, 2, 0] = -turned[:, 2], turned[:, 1]
            motion[:, 0, 1], motion[:, 2, 1] = turned[:, 2], -turned[:, 0]
            motion[:, 0, 2], motion[:, 1, 2] = -turned[:, 1], turned[:, 0]
            jacobian = np.matmul(projection_jacobian(places, lens), motion).reshape(-1, 3) * weights[:, None]
            hessian = jacobian.T @ jacobian
            step = -np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), jacobian.T @ missed)
            candidate = rotation_vector_to_matrix(step) @ turn
            new_places, new_missed = missed_by(candidate)
            if new_missed @ new_missed < missed @ missed:
                turn, places, missed, damping = candidate, new_places, new_missed, damping / 10.0
                if np.abs(step).max() < _SMALL:
                    break
            else:
                damping *= 100.0
        return turn

    def _moved(self, state: PlacedState, turn: Array, middle: Array) -> PlacedState:
        """The body turned by a rotation (3, 3) in camera axes, its hips' middle at a place (3,) m."""
        parameters = state.model_parameters.copy()
        in_mhr = MHR_TO_CAMERA @ turn @ MHR_TO_CAMERA
        parameters[ROOT_ROTATION] = matrix_to_euler(in_mhr @ euler_to_matrix(parameters[ROOT_ROTATION]))
        turned = replace(state, model_parameters=parameters)
        away = middle - self.keypoints(turned)[self._hips].mean(axis=0)
        return replace(turned, camera_translation=state.camera_translation + away)
