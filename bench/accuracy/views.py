"""Random cameras, and people placed before them.

The world is Blender's: metres, z up, the floor at z = 0. A person stands in it as ``mhr_to_blender`` puts them,
shifted; the camera is a rotation and a place. What an engine shall find, the person in camera axes, follows from both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, MHR_TO_CAMERA, mhr_to_blender, mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.synthetic.library import turned
from native_runtime.synthetic.views import View, about_z, look

from .figures import Figure

Array = NDArray[np.float64]

SIZES = ((640, 640), (640, 800), (576, 864), (640, 854), (540, 960), (800, 640), (864, 576), (960, 640), (720, 720))
_NEAREST = 1.6
"""Metres: nobody photographs a whole person from nearer."""
FULL_FRAME_DIAGONAL = math.hypot(36.0, 24.0)
"""mm."""


@dataclass(frozen=True)
class Placed:
    """A figure in the world: turned by ``yaw`` radians about z, its root joint at ``root`` (3,) m."""

    figure: Figure
    yaw: float
    root: Array

    def vertices(self, body: Body) -> Array:
        """(V, 3) m, world."""
        joints, vertices = self.figure.posed(body)
        pivot = joints[body.joint_index("root")]
        return mhr_to_blender(vertices - pivot) @ about_z(self.yaw).T + self.root

    def in_camera(self, body: Body, view: View) -> tuple[Array, Array]:
        """Model parameters (204,) and camera translation (3,) m under which the body lies where the camera sees it."""
        towards = MHR_TO_CAMERA.T @ view.rotation @ about_z(self.yaw) @ MHR_TO_BLENDER
        parameters = turned(body, self.figure.parameters, towards)
        root = body.pose(parameters).translations[body.joint_index("root")] * self.figure.size
        return parameters, view.from_world(self.root) - mhr_to_camera(root)


def placed_on_floor(body: Body, figure: Figure, rng: np.random.Generator, spot: Array) -> Placed:
    """A figure standing, sitting or jumping at ``spot`` (2,) m, facing the viewer at -y more often than not."""
    yaw = float(rng.uniform(-1.1, 1.1) if rng.random() < 0.5 else rng.uniform(-math.pi, math.pi))
    draft = Placed(figure, yaw, np.array([spot[0], spot[1], 0.0]))
    lift = float(rng.uniform(0.05, 0.4)) if "air" in figure.tags else 0.0
    low = float(draft.vertices(body)[:, 2].min())
    return Placed(figure, yaw, np.array([spot[0], spot[1], lift - low]))


@dataclass(frozen=True)
class Habits:
    """How pictures are taken: the lens in mm of a 36 x 24 mm frame (shortest, longest), and the camera's pitch in
    radians (mean, standard deviation, largest)."""

    lens: tuple[float, float] = (24.0, 85.0)
    pitch: tuple[float, float, float] = (-0.06, 0.17, 0.52)


USUAL = Habits()


def random_view(points: Array, rng: np.random.Generator, cut: bool, habits: Habits = USUAL) -> View:
    """A camera that sees the world points (N, 3), looking along +y, a little up or down.

    Args:
        cut: come so near that the frame cuts the people.
    """
    extent = np.ptp(points, axis=0)
    sizes = (
        [s for s in SIZES if (s[0] > s[1]) == (max(extent[0], extent[1]) > extent[2])] if rng.random() < 0.6 else SIZES
    )
    size = tuple(sizes[int(rng.integers(len(sizes)))])
    millimetres = math.exp(rng.uniform(math.log(habits.lens[0]), math.log(habits.lens[1])))
    focal = millimetres / FULL_FRAME_DIAGONAL * math.hypot(*size)
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    mean, spread, most = habits.pitch
    pitch = float(np.clip(rng.normal(mean, spread), -most, most))
    roll = float(rng.normal(0.0, 0.15 if rng.random() < 0.1 else 0.025))
    fill = float(rng.uniform(1.1, 1.7) if cut else rng.uniform(0.5, 0.92))
    # Where the middle of the people lies in the frame, as a share of what is left over.
    aim = rng.uniform(-0.35, 0.35, 2)
    if cut:
        aim = np.array([rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.8)])  # more often the feet are lost than the head
    middle, place = points.mean(axis=0), np.zeros(3)
    for _ in range(4):
        # The camera may not look from below the floor: raise a low pitch once the distance is known.
        rotation = look(pitch, roll)
        distance = float(np.linalg.norm(middle - place)) if place.any() else 4.0
        for _ in range(12):
            place = middle - rotation[2] * distance
            camera = (points - place) @ rotation.T
            pixels = project(camera, intrinsics)
            if np.isnan(pixels).any():
                distance *= 1.3
                continue
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            distance *= float(np.clip(np.max((high - low) / np.array(size)) / fill, 0.6, 1.6))
            distance = max(distance, _NEAREST)
        if place[2] > 0.15:
            break
        pitch -= 0.12
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    spare = np.array(size) * (1.0 if not cut else 0.25) - (high - low) * (1.0 if not cut else 0.0)
    wanted = (np.array(size) - 1) / 2 + aim * np.maximum(spare, 0.0)
    if cut:
        # The lead point of a cut picture is the upper body: the top of the people stays near the upper edge.
        wanted[1] = 0.08 * size[1] + 0.5 * (high - low)[1] * (1.0 + 0.1 * aim[1])
    place = place - rotation.T @ np.append((wanted - (low + high) / 2) / focal * distance, 0.0)
    place[2] = max(place[2], 0.12)
    return View((int(size[0]), int(size[1])), intrinsics, rotation, place)


def portrait_view(points: Array, size: tuple[int, int]) -> View:
    """A level 50 mm view from chest height that shows world points (N, 3) whole, with a little air around them."""
    focal = 50.0 / FULL_FRAME_DIAGONAL * math.hypot(*size)
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    distance = float(np.max((high - low)[[0, 2]] / np.array(size)) * focal / 0.86)
    return View(size, intrinsics, look(-0.02, 0.0), middle + np.array([0.0, -distance, 0.02 * distance]))
