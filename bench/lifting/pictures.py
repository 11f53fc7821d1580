"""Cheap pictures of people in known poses: the body dressed in colours, lit and painted before a
made-up background. Good enough for a landmark network's window of 256 px, at a few pictures a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.anatomy import Anatomy
from bench.accuracy.clothes import wrinkles
from bench.accuracy.figures import random_build, turned
from bench.accuracy.views import View, about_z, look
from native_runtime.camera import CM_PER_M, MHR_TO_BLENDER, mhr_to_blender, mhr_to_camera, project
from native_runtime.render.colour import encode_srgb, linear_of
from native_runtime.render.raster import NEAR, Surface
from native_runtime.render.raster import View as Camera

Array = NDArray[np.float64]

_LIGHT_SKIN, _DARK_SKIN = linear_of(np.array([0.95, 0.82, 0.73])), linear_of(np.array([0.29, 0.18, 0.14]))
_INNER = {"eyes": (0.75, 0.72, 0.70), "iris": (0.06, 0.04, 0.03), "pupil": (0.01, 0.01, 0.01), "lashes": (0.01,) * 3,
          "teeth": (0.7, 0.68, 0.6), "mouth": (0.15, 0.03, 0.03), "tongue": (0.35, 0.12, 0.1)}  # fmt: skip
_LENSES = 0.5, 0.9
"""Focal lengths as shares of the picture's diagonal."""
_SMALL, _SMALLEST = 0.35, 2.5
"""The share of people who are small in a larger picture, of which only their surroundings are drawn; how small."""
_PITCH = 0.61
"""Radians that a camera looks up or down at most."""
_HIDDEN = 0.15
"""The share of pictures in which something stands before the person."""
_SIDES = 240, 360
"""About the longer side of pictures, px: the network's own window has 256."""
_FINER, _FRACTION = 2, 4
"""Pixels are painted this many times finer, with so many bits of a fraction."""
_NEAREST = 1.4
"""Metres."""


@dataclass(frozen=True)
class Placed:
    """A naked person before a camera.

    Attributes:
        standing: (V, 3) m, the vertices in the world.
        view: the camera.
        landmarks: (33, 3) m, camera axes: the body's points for BlazePose's.
        box: (4,) x0 y0 x1 y1 px around the body, within the picture.
        parameters, identity, translation: the body before the camera (``PlacedState``'s words).
    """

    standing: Array
    view: View
    landmarks: Array
    box: Array
    parameters: Array
    identity: Array
    translation: Array


@dataclass(frozen=True)
class Shot:
    """A picture, (H, W, 3) sRGB, and whom it shows."""

    pixels: NDArray[np.uint8]
    placed: Placed


def before_camera(anatomy: Anatomy, parameters: Array, rng: np.random.Generator) -> Placed:
    """A person of random build in a pose before a random camera.

    Args:
        anatomy: of the body.
        parameters: (204,) model parameters of the pose.
    """
    body = anatomy.body
    identity, expression, scales = random_build(body, rng)
    own = parameters + scales
    pivot = body.pose(own).translations[body.joint_index("root")]
    vertices = body.vertices(own, identity, expression)
    yaw = float(rng.uniform(-math.pi, math.pi))
    to_world = about_z(yaw) @ MHR_TO_BLENDER
    standing = mhr_to_blender(vertices - pivot) @ about_z(yaw).T
    view = _view(standing, rng, int(rng.integers(*_SIDES)))
    in_camera = turned(body, own, np.diag([1.0, -1.0, -1.0]) @ view.rotation @ to_world)
    pose = body.pose(in_camera)
    translation = view.from_world(np.zeros(3)) - mhr_to_camera(pose.translations[body.joint_index("root")])
    points = [body.landmark_names.index(f"blazepose_{k:02d}") for k in range(33)]
    seen = body.landmarks(pose, body.vertices(in_camera, identity, expression))[points]
    outline = project(view.from_world(standing), view.intrinsics)
    limit = np.array(view.size) - 1.0
    box = np.concatenate([np.clip(outline.min(axis=0), 0, limit), np.clip(outline.max(axis=0), 0, limit)])
    return Placed(standing, view, mhr_to_camera(seen, translation), box, in_camera, identity, translation)


def shoot(anatomy: Anatomy, parameters: Array, rng: np.random.Generator) -> Shot:
    """A picture of such a person, dressed. Arguments as ``before_camera``."""
    placed = before_camera(anatomy, parameters, rng)
    view = placed.view
    surface = dressed(anatomy, placed.standing, rng)
    pixels = _photo(surface, Camera(view.intrinsics, view.rotation.T, view.place, *view.size), rng)
    if rng.random() < _HIDDEN:
        _put_before(pixels, project(view.from_world(placed.standing), view.intrinsics), rng)
    return Shot(pixels, placed)


def _put_before(pixels: NDArray[np.uint8], outline: Array, rng: np.random.Generator) -> None:
    """Draw something of one colour over a part of the person, whose vertices lie at `outline` (V, 2) px."""
    extent = np.ptp(outline, axis=0)
    middle = outline[int(rng.integers(len(outline)))]
    half = extent * rng.uniform(0.08, 0.3, 2)
    low, high = (tuple(int(v) for v in middle + sign * half) for sign in (-1, 1))
    colour = [int(v) for v in rng.integers(0, 255, 3)]
    if rng.random() < 0.5:
        cv2.rectangle(pixels, low, high, colour, -1)
    else:
        cv2.ellipse(pixels, tuple(int(v) for v in middle), tuple(int(v) + 1 for v in half), float(rng.uniform(0, 180)),
                    0, 360, colour, -1)  # fmt: skip


def _view(points: Array, rng: np.random.Generator, side: int) -> View:
    """A camera around world points (N, 3) near the origin: any heading is the person's own yaw; mostly level."""
    shape = float(rng.choice([0.66, 0.8, 1.0]))
    extent = np.ptp(points, axis=0)
    size = (round(side * shape), side) if extent[2] > max(extent[0], extent[1]) or shape == 1 else (
        side, round(side * shape))  # fmt: skip
    focal = math.exp(rng.uniform(*np.log(_LENSES))) * math.hypot(*size)
    if rng.random() < _SMALL:
        focal *= float(rng.uniform(1.0, _SMALLEST))
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    level = rng.random() < 0.6
    pitch = float(np.clip(rng.normal(-0.08, 0.2) if level else rng.uniform(-_PITCH, _PITCH), -_PITCH, _PITCH))
    rotation = look(pitch, float(rng.normal(0.0, 0.06)))
    fill = float(rng.uniform(0.6, 0.92) if rng.random() > 0.12 else rng.uniform(1.05, 1.5))
    distance, middle = 4.0, (points.min(axis=0) + points.max(axis=0)) / 2
    for _ in range(8):
        pixels = project((points - middle) @ rotation.T + [0, 0, distance], intrinsics)
        share = float(np.max(np.ptp(pixels, axis=0) / np.array(size)))
        distance = max(distance * float(np.clip(share / fill, 0.6, 1.6)), _NEAREST)
    aside = rng.uniform(-0.5, 0.5, 2) * np.maximum(np.array(size) - np.ptp(pixels, axis=0), 0.0)
    offset = np.append(((np.array(size) - 1) / 2 - (pixels.min(axis=0) + pixels.max(axis=0)) / 2 + aside) / focal, 0.0)
    return View(size, intrinsics, rotation, middle - rotation[2] * distance - rotation.T @ offset * distance)


def dressed(anatomy: Anatomy, standing: Array, rng: np.random.Generator) -> Surface:
    """A person with skin, hair, clothes and shoes as one coloured surface in the world: clothes and hair are the body's
    own surface, moved outwards. (Shells of their own, as ``bench.accuracy`` makes, cost three times as much, and a
    landmark network's window hardly shows the difference.)

    Args:
        standing: (V, 3) m, the naked body in the world.
    """
    body, rest = anatomy.body, anatomy.rest
    tone = float(rng.random())
    skin = (_LIGHT_SKIN ** (1 - tone) * _DARK_SKIN**tone) * np.exp(rng.normal(0, 0.08, 3))
    hair = linear_of(np.array([0.1, 0.08, 0.06]) + rng.random() ** 3 * np.array([0.6, 0.45, 0.3]))
    colours = _skin_colours(anatomy, skin, hair, rng)
    sleeve = float(rng.choice([-0.02, rng.uniform(0.2, 0.4), rng.uniform(0.85, 0.97)], p=[0.2, 0.4, 0.4]))
    shirt = anatomy.shirt(sleeve, float(rng.uniform(-9, 1)), float(rng.uniform(0, 5)))
    trousers = anatomy.trousers(float(rng.choice([rng.uniform(0.25, 0.5), 0.97])), float(rng.uniform(5, 11)))
    offset = np.zeros(len(rest))
    for inside, loose in ((trousers, rng.uniform(0.05, 1.8)), (shirt, rng.uniform(0.2, 2.5))):
        folds = 0.4 * wrinkles(rest, rng, 14.0) + 0.25 * wrinkles(rest, rng, 5.0)
        cloth = np.minimum(0.25 + float(loose) * np.maximum(1.0 + folds, 0.0), 0.35 + 0.35 * np.maximum(inside, 0.0))
        offset = np.where(inside > 0, np.maximum(offset, 0.0) + cloth, offset)
        colours = np.where((inside > 0)[:, None], _cloth(rest / 100, rng), colours)
    scalp, thickness = anatomy.scalp(), float(rng.choice([0.4, 1.5, 3.5]))
    if rng.random() < 0.93:
        offset = np.where(scalp > 0, thickness * (1 - np.exp(-np.maximum(scalp, 0) / 1.2)), offset)
        colours[scalp > 0] = hair
    if rng.random() < 0.8:
        feet = np.isin(anatomy.group, ("l_foot", "r_foot")) & (rest[:, 1] < rng.uniform(7.0, 12.0))
        offset[feet], colours[feet] = 0.7, rng.random(3) ** 2 * 0.8 + 0.02
    normals = Surface(standing, body.triangles, colours, _NO_EDGES, _NO_EDGES).normals
    corners = body.triangles
    return Surface(
        standing + normals * offset[:, None] / CM_PER_M, corners, colours, np.ones_like(corners, bool),
        np.zeros(len(corners), bool),
    )  # fmt: skip


_NO_EDGES = np.zeros(0, bool)


def _skin_colours(anatomy: Anatomy, skin: Array, hair: NDArray[np.floating], rng: np.random.Generator) -> Array:
    body = anatomy.body
    colours = np.tile(skin, (body.vertex_count, 1))
    material = np.repeat(body.face_materials, body.face_sizes)
    for number, name in enumerate(body.material_names):
        shade = _INNER.get(name, tuple(skin * (0.85, 0.5, 0.5)) if name == "lips" else None)
        if shade is not None:
            colours[body.face_vertices[material == number]] = shade
    colours[anatomy.brows(0.6) > -0.2] = hair
    if rng.random() < 0.25:
        colours[anatomy.beard() > 0] = 0.3 * skin + 0.7 * hair
    return colours


def _cloth(rest: Array, rng: np.random.Generator) -> Array:
    """(V, 3) colours of plain or striped cloth over rest places (V, 3) m."""
    first, second = rng.random((2, 3)) ** 1.8 * 0.8 + 0.02
    if rng.random() < 0.65:
        second = first * 0.8
    width = rng.uniform(0.04, 0.15)
    axis = int(rng.choice([0, 1, 1]))
    share = np.clip(3 * np.sin(rest[:, axis] / width * 2 * np.pi) + 0.5, 0, 1)[:, None]
    return np.asarray(first * share + second * (1 - share))


def _photo(surface: Surface, camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The surface in a random light before a random background, with grain."""

    def towards(low: float, high: float) -> Array:
        turn, height = rng.uniform(-np.pi, np.pi), rng.uniform(low, high)
        return np.array([np.cos(turn) * np.cos(height), np.sin(turn) * np.cos(height), np.sin(height)])

    background = encode_srgb(_background(camera, float(surface.vertices[:, 2].min()), rng))
    normals, light = surface.normals, np.zeros((len(surface.vertices), 3))
    for reach, strength in ((0.2, rng.uniform(0.4, 1.2)), (0.5, rng.uniform(0.1, 0.4))):
        facing = np.clip((normals @ towards(-0.2, 1.3) + reach) / (1 + reach), 0.0, None)
        light += facing[:, None] * strength * np.exp(rng.normal(0, 0.08, 3))
    light += rng.uniform(0.05, 0.2) + (0.5 + 0.5 * normals[:, 2:]) * rng.uniform(0.1, 0.3)
    pixels = _painted(surface, encode_srgb(np.clip(surface.colours * light, 0, 1)), camera, background)
    if rng.random() < 0.4:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 0.9)))
    return np.clip(pixels + rng.normal(0, rng.uniform(0.5, 5), pixels.shape), 0, 255).astype(np.uint8)


def _painted(
    surface: Surface, colours: NDArray[np.uint8], camera: Camera, background: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The surface in colours (V, 3) before a background (H, W, 3): triangles are painted from the farthest to the
    nearest, which is wrong for the few that reach through each other, and takes a fifth of a proper rasteriser's time.
    """
    local = camera.local(surface.vertices)
    fine = camera.supersampled(_FINER)
    screen = fine.screen(np.where(local[:, 2:] > NEAR, local, [0.0, 0.0, NEAR]))
    corners = surface.triangles
    a, b, c = screen[corners].transpose(1, 0, 2)
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    seen = np.flatnonzero((area < 0) & (local[corners, 2].min(axis=1) > NEAR))
    order = seen[np.argsort(-local[corners[seen], 2].mean(axis=1))]
    shades = colours[corners[order]].astype(np.float64).mean(axis=1).tolist()
    # In OpenCV's fixed point, so that neighbours share their edges.
    places = np.round(np.clip(screen[corners[order]], -4000, 4000) * 2**_FRACTION).astype(np.int32)
    canvas = cv2.resize(background, (fine.width, fine.height), interpolation=cv2.INTER_LINEAR)
    for triangle, shade in zip(places, shades):
        cv2.fillConvexPoly(canvas, triangle, shade, shift=_FRACTION)
    return np.asarray(cv2.resize(canvas, (camera.width, camera.height), interpolation=cv2.INTER_AREA), np.uint8)


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
