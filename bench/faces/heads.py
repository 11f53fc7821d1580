"""Renders the head of a body with known numbers, by the project's own rasteriser.

The heads are bare but for painted brows, lashes and lips; skin, light, lens and backdrop are random. They are easier
than photos in some ways (no hair, no beards, no glasses) and harder in others (no fine texture at all).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.render.colour import encode_srgb
from native_runtime.render.raster import Surface, View
from native_runtime.render.shading import Light, render

Array = NDArray[np.float64]

_MATERIALS = {
    "skin": None, "lips": None, "nails": None,
    "mouth": (0.10, 0.02, 0.02), "eyes": (0.75, 0.73, 0.70), "iris": None, "pupil": (0.005, 0.005, 0.005),
    "teeth": (0.75, 0.72, 0.62), "tongue": (0.35, 0.10, 0.09),
}  # fmt: skip
_SKINS = np.array([[0.62, 0.36, 0.25], [0.50, 0.28, 0.18], [0.30, 0.15, 0.09], [0.12, 0.055, 0.032]])
_IRISES = np.array([[0.07, 0.03, 0.015], [0.15, 0.10, 0.03], [0.08, 0.16, 0.22], [0.02, 0.01, 0.008]])


@dataclass(frozen=True)
class Head:
    """A rendered head and its truth.

    Attributes:
        picture: (H, W, 3) uint8.
        state: the body's numbers.
        intrinsics: (3, 3) px.
        size: px, about the side of the face.
    """

    picture: NDArray[np.uint8]
    state: PlacedState
    intrinsics: Array
    size: float


class Painter:
    """The parts of a body that are painted, found once."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.triangles = body.triangles
        materials = np.repeat(body.face_materials, body.face_sizes - 2)
        self.material_of = np.array([body.material_names[k] for k in materials])
        head = body.skin_weights * (body.skin_indices == body.joint_index("c_head"))
        near = body.rest_vertices[:, 1] > body.rest_vertices[head.sum(axis=1) > 0.9, 1].min() - 25
        kept = near[self.triangles].all(axis=1) & (np.abs(body.rest_vertices[self.triangles, 0]).max(axis=1) < 22)
        self.triangles, self.material_of = self.triangles[kept], self.material_of[kept]
        self._of = {name: np.unique(self.triangles[self.material_of == name]) for name in _MATERIALS}
        self.brows, self.lashes = self._brows(), self._lashes()

    def _eye(self, side: int) -> Array:
        pupil = self.body.rest_vertices[self._of["pupil"]]
        return np.asarray(pupil[pupil[:, 0] * side > 0].mean(axis=0), np.float64)

    def _brows(self) -> Array:
        """(V,) 0..1: how much of a brow a vertex is."""
        points = self.body.rest_vertices.astype(np.float64)
        result = np.zeros(len(points))
        for side in (-1, 1):
            eye = self._eye(side)
            across = (points[:, 0] - eye[0]) * side
            arch = eye[1] + 2.05 + 0.25 * np.cos((across - 0.6) / 1.9) - 0.12 * np.maximum(across - 0.6, 0) ** 2
            off = np.abs(points[:, 1] - arch) / (0.42 - 0.07 * np.clip(across, -2, 3))
            along = np.clip((2.6 - np.abs(across - 0.25)) / 0.4, 0, 1)
            result = np.maximum(result, along * np.clip(1.6 - off, 0, 1) * (points[:, 2] > eye[2] - 2.5))
        skin = np.zeros(len(points), bool)
        skin[self._of["skin"]] = True
        return result * skin

    def _lashes(self) -> Array:
        """(V,) 0..1: how near a vertex of the skin is to an eyeball, at the upper lid."""
        points = self.body.rest_vertices.astype(np.float64)
        result = np.zeros(len(points))
        for side in (-1, 1):
            ball = points[self._of["eyes"]]
            ball = ball[ball[:, 0] * side > 0]
            centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
            radius = np.ptp(ball[:, 0]) / 2
            gap = np.linalg.norm(points - centre, axis=1) - radius
            upper = np.clip((points[:, 1] - centre[1]) / 0.2, 0, 1) * (points[:, 2] > centre[2])
            result = np.maximum(result, np.clip((0.12 - gap) / 0.06, 0, 1) * upper)
        skin = np.zeros(len(points), bool)
        skin[self._of["skin"]] = True
        return result * skin

    def colours(self, rng: np.random.Generator) -> Array:
        """(V, 3) linear: a random complexion."""
        a, b = _SKINS[rng.integers(len(_SKINS), size=2)]
        share = rng.uniform()
        skin = (share * a + (1 - share) * b) * rng.uniform(0.85, 1.15)
        colours = np.tile(skin, (self.body.vertex_count, 1))
        for name, colour in _MATERIALS.items():
            if colour is not None:
                colours[self._of[name]] = colour
        colours[self._of["iris"]] = _IRISES[rng.integers(len(_IRISES))]
        redder = skin * (1.05, 0.62, 0.66)
        colours[self._of["lips"]] = skin + rng.uniform(0.4, 1.3) * (redder - skin)
        dark = np.array([0.035, 0.022, 0.015]) * rng.uniform(0.3, 2.0)
        for share_of, most in ((self.brows, rng.uniform(0.5, 0.95)), (self.lashes, rng.uniform(0.3, 0.9))):
            weight = (most * share_of)[:, None]
            colours = (1 - weight) * colours + weight * dark
        return colours


FACE_HEIGHT = 0.15
"""m: about the side of the square that a face detector draws around brows, chin and cheeks."""


def before_camera(
    body: Body, identity: Array, expression: Array, turn: tuple[float, float, float], size: float, distance: float
) -> tuple[PlacedState, Array, tuple[int, int]]:
    """The numbers and the camera of a head whose face is about `size` px large.

    Args:
        turn: pitch, yaw and roll of the whole body against the camera, radians (MHR's Euler angles).
        distance: m.

    Returns:
        The state, the intrinsics (3, 3), the picture's width and height.
    """
    parameters = np.zeros(len(body.parameter_names))
    for name, angle in zip(("root_rx", "root_ry", "root_rz"), turn):
        parameters[body.parameter_index(name)] = angle
    pose = body.pose(parameters)
    eyes = pose.translations[[body.joint_index("l_eye"), body.joint_index("r_eye")]].mean(axis=0)
    head = mhr_to_camera(0.7 * eyes + 0.3 * pose.translations[body.joint_index("c_jaw")])
    focal, side = size * distance / FACE_HEIGHT, round(1.8 * size)
    intrinsics = np.array([[focal, 0.0, (side - 1) / 2], [0.0, focal, (side - 1) / 2], [0.0, 0.0, 1.0]])
    return PlacedState(parameters, identity, expression, (0.0, 0.0, distance) - head), intrinsics, (side, side)


def surface_of(painter: Painter, state: PlacedState, colours: Array | None = None) -> Surface:
    """The head in the camera's axes, m."""
    points = mhr_to_camera(
        painter.body.vertices(state.model_parameters, state.identity, state.expression), state.camera_translation
    )
    count = len(painter.triangles)
    plain = np.zeros((len(points), 3)) if colours is None else colours
    return Surface(
        points.astype(np.float64), painter.triangles, plain, np.zeros((count, 3), bool), np.zeros(count, bool)
    )


def view_of(intrinsics: Array, size: tuple[int, int]) -> View:
    """The camera at the origin."""
    return View(intrinsics, np.eye(3), np.zeros(3), *size)


def paint(
    painter: Painter, state: PlacedState, intrinsics: Array, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of a body in a camera at the origin; complexion, light and backdrop are random."""
    side = rng.uniform(-1, 1)
    key = Light(_unit([side, rng.uniform(-1.0, 0.1), -1.0]), rng.uniform(0.6, 1.1) * np.ones(3), 0.15)
    fill = Light(_unit([-side, -0.1, -0.8]), rng.uniform(0.15, 0.5) * np.ones(3), 0.5)
    surface = surface_of(painter, state, painter.colours(rng))
    picture = render(surface, view_of(intrinsics, size), key, [fill], sky=np.full(3, 0.3), ground=np.full(3, 0.12))
    behind = cv2.resize(rng.uniform(0.05, 0.6, (3, 3, 3)), size, interpolation=cv2.INTER_CUBIC)
    linear = picture[..., :3] + (1 - picture[..., 3:]) * np.clip(behind, 0, 1)
    return np.asarray(encode_srgb(linear), np.uint8)


def _unit(vector: list[float]) -> Array:
    return np.asarray(vector) / np.linalg.norm(vector)
