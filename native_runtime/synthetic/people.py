"""People as they stand in a world of metres, and as a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, MHR_TO_CAMERA, mhr_to_blender, mhr_to_camera, project
from native_runtime.mhr import Body

from .builds import Build, random_person
from .library import turned
from .views import View, about_z

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """Somebody in the world, whose floor is at z = 0.

    Attributes:
        parameters: (204,) model parameters, the root's rotation as in the pose, bone lengths included.
        build: identity, face and age.
        yaw: radians about the world's z.
        root: (3,) m, where the root joint is.
        vertices: (V, 3) m, the naked body.
    """

    parameters: Array
    build: Build
    yaw: float
    root: Array
    vertices: Array


@dataclass(frozen=True)
class Person:
    """Somebody before a camera.

    Attributes:
        standing: the same in the world.
        parameters: (204,) model parameters, the root turned towards the camera.
        translation: (3,) m, where MHR's origin lies in camera axes.
        keypoints, landmarks: (70, 3), (L, 3) m, camera axes.
        box: (4,) x0 y0 x1 y1 px around the naked body, within the picture.
    """

    standing: Standing
    parameters: Array
    translation: Array
    keypoints: Array
    landmarks: Array
    box: Array


def stand(body: Body, parameters: Array, rng: np.random.Generator, spot: tuple[float, float] = (0.0, 0.0)) -> Standing:
    """A person of random build and heading in a pose, whose lowest point touches the floor.

    Args:
        parameters: (204,) model parameters of the pose.
        spot: x, y m of the root joint.
    """
    build = random_person(body, rng)
    own = parameters + build.scales
    yaw = float(rng.uniform(-np.pi, np.pi))
    pivot = body.pose(own).translations[body.joint_index("root")]
    naked = np.asarray(body.vertices(own, build.identity, build.expression), np.float64)
    vertices = mhr_to_blender(naked - pivot) @ about_z(yaw).T
    root = np.array([*spot, -float(vertices[:, 2].min())])
    return Standing(own, build, yaw, root, vertices + root)


def before(body: Body, standing: Standing, view: View) -> Person:
    """Somebody as a camera sees them."""
    towards = MHR_TO_CAMERA @ view.rotation @ about_z(standing.yaw) @ MHR_TO_BLENDER
    parameters = turned(body, standing.parameters, towards)
    pose = body.pose(parameters)
    translation = view.from_world(standing.root) - mhr_to_camera(pose.translations[body.joint_index("root")])
    vertices = body.vertices(parameters, standing.build.identity, standing.build.expression)
    seen = view.from_world(standing.vertices)
    outline = project(seen[seen[:, 2] > _NEAR], view.intrinsics)
    limit = np.array(view.size) - 1.0
    box = np.concatenate([np.clip(outline.min(axis=0), 0, limit), np.clip(outline.max(axis=0), 0, limit)])
    return Person(
        standing, parameters, translation, mhr_to_camera(body.keypoints(pose, vertices), translation),
        mhr_to_camera(body.landmarks(pose, vertices), translation), box,
    )  # fmt: skip


_NEAR = 0.05
"""Metres: what is nearer to the camera has no place in a picture."""
