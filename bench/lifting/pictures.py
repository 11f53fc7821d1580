"""Cheap pictures of people in known poses: the body dressed in colours, lit by the project's own rasteriser, before a
made-up background. Good enough for a landmark network's window of 256 px, at a few pictures a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.anatomy import Anatomy
from bench.accuracy.clothes import Shell, cap, garment, shoe
from bench.accuracy.figures import Figure, random_build, turned
from bench.accuracy.views import View, about_z, look
from native_runtime.camera import CM_PER_M, MHR_TO_BLENDER, mhr_to_blender, mhr_to_camera, project
from native_runtime.render.colour import encode_srgb, linear_of, over
from native_runtime.render.raster import Surface
from native_runtime.render.raster import View as Camera
from native_runtime.render.shading import Light, render

Array = NDArray[np.float64]

_LIGHT_SKIN, _DARK_SKIN = linear_of(np.array([0.95, 0.82, 0.73])), linear_of(np.array([0.29, 0.18, 0.14]))
_INNER = {"eyes": (0.75, 0.72, 0.70), "iris": (0.06, 0.04, 0.03), "pupil": (0.01, 0.01, 0.01), "lashes": (0.01,) * 3,
          "teeth": (0.7, 0.68, 0.6), "mouth": (0.15, 0.03, 0.03), "tongue": (0.35, 0.12, 0.1)}  # fmt: skip
_LENSES = 0.5, 1.2
"""Focal lengths as shares of the picture's diagonal."""
_NEAREST = 1.4
"""Metres."""


@dataclass(frozen=True)
class Shot:
    """A picture and what it shows.

    Attributes:
        pixels: (H, W, 3) sRGB.
        intrinsics: (3, 3) px.
        landmarks: (33, 3) m, camera axes: the body's points for BlazePose's.
        box: (4,) x0 y0 x1 y1 px around the body, within the picture.
        parameters, identity, translation: the body before the camera (``PlacedState``'s words).
    """

    pixels: NDArray[np.uint8]
    intrinsics: Array
    landmarks: Array
    box: Array
    parameters: Array
    identity: Array
    translation: Array


def shoot(anatomy: Anatomy, parameters: Array, rng: np.random.Generator, side: int = 320) -> Shot:
    """A picture of a person in a pose.

    Args:
        anatomy: of the body.
        parameters: (204,) model parameters of the pose; the build is chosen at random.
        side: about the longer side of the picture, px.
    """
    body = anatomy.body
    identity, expression, scales = random_build(body, rng)
    figure = Figure(parameters + scales, identity, expression, "", ("",))
    pivot = body.pose(figure.parameters).translations[body.joint_index("root")]
    vertices = body.vertices(figure.parameters, identity, expression)
    yaw = float(rng.uniform(-math.pi, math.pi))
    to_world = about_z(yaw) @ MHR_TO_BLENDER
    standing = mhr_to_blender(vertices - pivot) @ about_z(yaw).T
    view = _view(standing, rng, side)
    in_camera = turned(body, figure.parameters, np.diag([1.0, -1.0, -1.0]) @ view.rotation @ to_world)
    root = body.pose(in_camera).translations[body.joint_index("root")]
    translation = view.from_world(np.zeros(3)) - mhr_to_camera(root)
    points = [body.landmark_names.index(f"blazepose_{k:02d}") for k in range(33)]
    seen = body.landmarks(body.pose(in_camera), body.vertices(in_camera, identity, expression))[points]

    surface = dressed(anatomy, figure, standing, to_world, pivot, rng)
    camera = Camera(view.intrinsics, view.rotation.T, view.place, *view.size)
    pixels = _photo(surface, camera, rng)
    outline = project(view.from_world(standing), view.intrinsics)
    limit = np.array(view.size) - 1.0
    box = np.concatenate([np.clip(outline.min(axis=0), 0, limit), np.clip(outline.max(axis=0), 0, limit)])
    return Shot(pixels, view.intrinsics, mhr_to_camera(seen, translation), box, in_camera, identity, translation)


def _view(points: Array, rng: np.random.Generator, side: int) -> View:
    """A camera around world points (N, 3) near the origin: any heading is the person's own yaw; mostly level."""
    shape = float(rng.choice([0.66, 0.8, 1.0]))
    extent = np.ptp(points, axis=0)
    size = (round(side * shape), side) if extent[2] > max(extent[0], extent[1]) or shape == 1 else (
        side, round(side * shape))  # fmt: skip
    focal = math.exp(rng.uniform(*np.log(_LENSES))) * math.hypot(*size)
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    rotation = look(float(np.clip(rng.normal(-0.08, 0.22), -0.7, 0.5)), float(rng.normal(0.0, 0.06)))
    fill = float(rng.uniform(0.6, 0.92) if rng.random() > 0.12 else rng.uniform(1.05, 1.5))
    distance, middle = 4.0, (points.min(axis=0) + points.max(axis=0)) / 2
    for _ in range(8):
        pixels = project((points - middle) @ rotation.T + [0, 0, distance], intrinsics)
        share = float(np.max(np.ptp(pixels, axis=0) / np.array(size)))
        distance = max(distance * float(np.clip(share / fill, 0.6, 1.6)), _NEAREST)
    aside = rng.uniform(-0.5, 0.5, 2) * np.maximum(np.array(size) - np.ptp(pixels, axis=0), 0.0)
    offset = np.append(((np.array(size) - 1) / 2 - (pixels.min(axis=0) + pixels.max(axis=0)) / 2 + aside) / focal, 0.0)
    return View(size, intrinsics, rotation, middle - rotation[2] * distance - rotation.T @ offset * distance)


def dressed(
    anatomy: Anatomy, figure: Figure, standing: Array, to_world: Array, pivot: Array, rng: np.random.Generator
) -> Surface:
    """A person with skin, hair, clothes and shoes as one coloured surface in the world.

    Args:
        standing: (V, 3) m, the naked body in the world.
        to_world: (3, 3) MHR axes to the world; pivot: (3,) cm, the place of the root joint.
    """
    tone = float(rng.random())
    skin = (_LIGHT_SKIN ** (1 - tone) * _DARK_SKIN**tone) * np.exp(rng.normal(0, 0.08, 3))
    hair = linear_of(np.array([0.1, 0.08, 0.06]) + rng.random() ** 3 * np.array([0.6, 0.45, 0.3]))
    parts = [(Shell(standing, anatomy.faces), _skin_colours(anatomy, skin, hair, rng))]
    sleeve = float(rng.choice([-0.02, rng.uniform(0.2, 0.4), rng.uniform(0.85, 0.97)], p=[0.2, 0.4, 0.4]))
    shirt = anatomy.shirt(sleeve, float(rng.uniform(-9, 1)), float(rng.uniform(0, 5)))
    trousers = anatomy.trousers(float(rng.choice([rng.uniform(0.25, 0.5), 0.97])), float(rng.uniform(5, 11)))
    under = standing
    for field, loose, smooth in ((trousers, rng.uniform(0.05, 1.4), 4), (shirt, rng.uniform(0.2, 1.8), 12)):
        shell, under = garment(anatomy, under, field, rng, float(loose), smooth)
        inside = shell.attributes["inside"]
        shell = replace(shell, faces=[face for face in shell.faces if inside[face].mean() > 0])
        parts.append((shell, _cloth(shell, rng)))
    scalp = cap(anatomy, standing, anatomy.scalp(), float(rng.choice([0.4, 1.5, 3.5])), rng)
    parts.append((scalp, np.tile(hair, (len(scalp.vertices), 1))))
    if rng.random() < 0.8:
        parts += _shoes(anatomy, figure, standing, to_world, pivot, rng)
    return _surface(parts)


def _skin_colours(anatomy: Anatomy, skin: Array, hair: Array, rng: np.random.Generator) -> Array:
    body = anatomy.body
    colours = np.tile(skin, (body.vertex_count, 1))
    starts = np.concatenate([[0], np.cumsum(body.face_sizes)[:-1]])
    for number, name in enumerate(body.material_names):
        shade = _INNER.get(name, tuple(skin * (0.85, 0.5, 0.5)) if name == "lips" else None)
        if shade is not None:
            for face in np.flatnonzero(body.face_materials == number):
                colours[body.face_vertices[starts[face] : starts[face] + body.face_sizes[face]]] = shade
    colours[anatomy.brows(0.6) > -0.2] = hair
    if rng.random() < 0.25:
        colours[anatomy.beard() > 0] = 0.3 * skin + 0.7 * hair
    return colours


def _cloth(shell: Shell, rng: np.random.Generator) -> Array:
    first, second = rng.random((2, 3)) ** 1.8 * 0.8 + 0.02
    if rng.random() < 0.65:
        second = first * 0.8
    rest, width = shell.attributes["rest"], rng.uniform(0.04, 0.15)
    axis = int(rng.choice([0, 1, 1]))
    share = np.clip(3 * np.sin(rest[:, axis] / width * 2 * np.pi) + 0.5, 0, 1)[:, None]
    return first * share + second * (1 - share)


def _shoes(
    anatomy: Anatomy, figure: Figure, standing: Array, to_world: Array, pivot: Array, rng: np.random.Generator
) -> list[tuple[Shell, Array]]:
    body, colour = anatomy.body, rng.random(3) ** 2 * 0.8 + 0.02
    pose, parts = body.pose(figure.parameters), []
    for side in "lr":
        index = body.joint_index(f"{side}_foot")
        world = np.eye(4)
        world[:3, :3] = to_world / CM_PER_M
        world[:3, 3] = -world[:3, :3] @ pivot
        matrix = world @ pose.joints[index] @ np.linalg.inv(anatomy.pose.joints[index])
        shell = shoe(anatomy, standing, matrix, side, float(rng.uniform(1.0, 2.5)))
        placed = shell.vertices @ matrix[:3, :3].T + matrix[:3, 3]
        parts.append((replace(shell, vertices=placed), np.tile(colour, (len(placed), 1))))
    return parts


def _surface(parts: list[tuple[Shell, Array]]) -> Surface:
    triangles, count = [], 0
    for shell, _ in parts:
        sizes = np.array([len(face) for face in shell.faces])
        for size in np.unique(sizes):
            faces = np.stack([shell.faces[index] for index in np.flatnonzero(sizes == size)]) + count
            triangles += [faces[:, [0, k, k + 1]] for k in range(1, size - 1)]
        count += len(shell.vertices)
    corners = np.concatenate(triangles).astype(np.int32)
    return Surface(
        np.concatenate([shell.vertices for shell, _ in parts]), corners, np.concatenate([c for _, c in parts]),
        np.ones_like(corners, bool), np.ones(len(corners), bool),
    )  # fmt: skip


def _photo(surface: Surface, camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The surface in a random light before a random background, with grain."""

    def towards(low: float, high: float) -> Array:
        turn, height = rng.uniform(-np.pi, np.pi), rng.uniform(low, high)
        return np.array([np.cos(turn) * np.cos(height), np.sin(turn) * np.cos(height), np.sin(height)])

    key = Light(towards(0.3, 1.3), rng.uniform(0.4, 1.2) * np.exp(rng.normal(0, 0.08, 3)), 0.2)
    fill = Light(towards(-0.2, 0.6), rng.uniform(0.1, 0.4) * np.ones(3), 0.5)
    lit = render(surface, camera, key, [fill], np.full(3, rng.uniform(0.15, 0.45)), np.full(3, rng.uniform(0.05, 0.2)))
    pixels = encode_srgb(over(lit, _background(camera, float(surface.vertices[:, 2].min()), rng))).astype(np.float64)
    if rng.random() < 0.4:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 0.9)))
    return np.clip(pixels + rng.normal(0, rng.uniform(0.5, 5), pixels.shape), 0, 255).astype(np.uint8)


def _background(camera: Camera, floor: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W, 3) linear: a wall with things on it, and a floor below where it meets the wall."""
    height, width = camera.height, camera.width
    wall, ground = rng.random((2, 3)) ** 1.5 * 0.7 + 0.02
    picture = np.tile(wall, (height, width, 1)) * (0.8 + 0.4 * np.linspace(rng.random(), rng.random(), width))[:, None]
    for _ in range(int(rng.integers(0, 14))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(0.03, 0.4, 2) * (width, height)
        cv2.rectangle(picture, (int(x - w), int(y - h)), (int(x + w), int(y + h)), (rng.random(3) ** 1.5).tolist(), -1)
    behind = camera.position + 0.0
    behind[1] = rng.uniform(0.6, 4.0)
    behind[2] = floor
    horizon = camera.screen(camera.local(behind[None]))[0, 1]
    line = int(np.clip(horizon, 0, height))
    picture[line:] = ground * np.linspace(0.8, 1.1, height)[line:, None, None]
    soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 4)))
    noise = cv2.resize(rng.normal(1, 0.12, (max(height // 6, 2), max(width // 6, 2))), (width, height))
    return np.clip(soft * noise[..., None], 0.0, 1.0).astype(np.float32)
