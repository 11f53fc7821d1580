"""People whose colours are known, photographed by our own rasteriser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.mhr import Body
from native_runtime.render.colour import encode_srgb
from native_runtime.render.raster import Surface, View, seen_by
from native_runtime.texture.atlas import atlas_of, interpolated

Array = NDArray[np.float64]

SIZE = (360, 480)
INTRINSICS = np.array([[900.0, 0, 179.5], [0, 900, 239.5], [0, 0, 1]])
BACKDROP = (255, 0, 255)
_FINER = 3


@dataclass(frozen=True)
class Model:
    """Somebody before the camera: vertices (V, 3) m in camera axes, and linear colours (V, 3) of these."""

    body: Body
    vertices: Array
    colours: Array


def standing(
    body: Body, turn: float = 0.0, distance: float = 3.6, aside: float = 0.0, pose: Array | None = None
) -> Array:
    """(V, 3) m, camera axes, of somebody who stands before the camera.

    Args:
        turn: about the vertical, degrees; at 0 they face the camera.
        pose: (204,) model parameters; None: at rest.
    """
    points = body.vertices(np.zeros(len(body.parameter_names)) if pose is None else pose).astype(np.float64)
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    angle = np.radians(turn)
    about = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return mhr_to_camera(points @ about.T, np.array([aside, 0.0, distance]))


def symmetric(rest: NDArray) -> Array:
    """Linear colours (V, 3) that are the same on both sides: bands that differ with the height."""
    x, y, z = (np.asarray(rest, np.float64) / 25).T
    return np.stack([0.3 + 0.15 * np.sin(y), 0.35 + 0.1 * np.cos(1.3 * y + np.abs(x)), 0.2 + 0.1 * np.sin(z)], axis=1)


def photograph(
    people: Sequence[Model],
    light: Callable[[NDArray], NDArray] | None = None,
    backdrop: tuple[int, int, int] = BACKDROP,
) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB, what the camera sees.

    Args:
        light: brightness (N,) by normals (N, 3) in camera axes; None: even.
    """
    counts = np.cumsum([0, *(len(p.vertices) for p in people)])
    triangles = np.concatenate([p.body.triangles + start for p, start in zip(people, counts)])
    vertices = np.concatenate([p.vertices for p in people])
    surface = Surface(
        vertices, triangles, vertices, np.zeros((len(triangles), 3), bool), np.zeros(len(triangles), bool)
    )
    view = View(INTRINSICS, np.eye(3), np.zeros(3), *SIZE).supersampled(_FINER)
    hits, local = seen_by(view, surface)
    corners = triangles[hits.triangle]
    weights = hits.weights / local[:, 2][corners].astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    linear = interpolated(corners, weights, np.concatenate([p.colours for p in people]))
    if light is not None:
        normals = interpolated(corners, weights, surface.normals)
        linear = linear * light(normals / np.linalg.norm(normals, axis=1, keepdims=True))[:, None]
    picture = np.empty((view.height * view.width, 3), np.uint8)
    picture[:] = backdrop
    picture[hits.pixel] = encode_srgb(linear)
    fine = picture.reshape(view.height, view.width, 3)
    return np.asarray(cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def truth(body: Body, colours: Array, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The texture (size, size, 3) that somebody has, and which of its texels are skin (size, size)."""
    atlas = atlas_of(body, size)
    skin = np.array([name in ("skin", "lips", "nails") for name in body.material_names])
    of_triangle = skin[body.face_materials[body.triangle_faces]]
    inside = atlas.picture(of_triangle[atlas.triangle][:, None].astype(np.float32))[..., 0] > 0
    return encode_srgb(atlas.picture(atlas.across(body.triangles, colours))), inside
