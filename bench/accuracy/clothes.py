"""Clothes, shoes and hair made from the posed body: plain arrays, no bpy.

Clothes are shells over the body: pushed out along its normals, smoothed as cloth is stretched between high points, and
pushed out again where that went through the skin. The truth stays the naked body.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.wrinkles import wrinkles

from .neighbours import averaging

Array = NDArray[np.float64]


@dataclass
class Shell:
    """A mesh in the world, metres.

    Attributes:
        vertices: (N, 3).
        faces: polygons.
        attributes: per vertex numbers (N,) or vectors (N, 3) that shaders read.
        matrix: (4, 4) of the object; ``vertices`` are in its own axes.
    """

    vertices: Array
    faces: list[NDArray[np.int32]]
    attributes: dict[str, Array] = field(default_factory=dict)
    matrix: Array = field(default_factory=lambda: np.eye(4))


@dataclass
class Strands:
    """Hair: (S, P, 3) points in the world, m, and the radius in m at each of the P points."""

    points: Array
    radius: Array


def garment(
    anatomy: Anatomy, under: Array, inside: Array, rng: np.random.Generator, loose: float, smooth: int
) -> tuple[Shell, Array]:
    """A garment over the posed body, or over another garment.

    Args:
        under: (V, 3) m, world: the surface that it lies on.
        inside: (V,) field of the garment.
        loose: mean distance from that surface, cm.
        smooth: how many times its places are averaged with their neighbours': 0 for leggings, 20 for a wide shirt.

    Returns:
        The garment, and (V, 3) the surface that the next garment lies on.
    """
    normals = anatomy.normals(under)
    faces = [face for face in anatomy.faces if (inside[face] > 0).any()]  # the shader ends them at the field's zero
    covered = np.zeros(len(under), bool)
    covered[np.concatenate(faces)] = True
    folds = 0.4 * wrinkles(anatomy.rest, rng, 14.0) + 0.25 * wrinkles(anatomy.rest, rng, 5.0)
    offset = np.maximum(0.25 + loose * (1.0 + folds), 0.25)
    # A hem lies closer than the middle of the cloth.
    offset = np.minimum(offset, 0.35 + 0.35 * np.maximum(inside, 0.0)) / 100
    out = under + normals * offset[:, None]
    weight = np.where(covered, 1.0, 0.0)
    near = np.maximum(averaging(anatomy) @ weight, 1e-9)
    for _ in range(smooth):
        mean = (averaging(anatomy) @ (out * weight[:, None])) / near[:, None]
        out = np.where(covered[:, None] & (near > 1e-6)[:, None], 0.5 * (out + mean), out)
        height = np.einsum("ij,ij->i", out - under, normals)
        out += normals * np.maximum(0.003 - height, 0.0)[:, None]
    shades = 0.5 + 0.2 * wrinkles(anatomy.rest, rng, 6.0)
    shell = _compact(out, faces, {"inside": inside, "rest": anatomy.rest / 100, "blotch": shades})
    return shell, np.where((inside > 0)[:, None], out, under)


def cap(anatomy: Anatomy, vertices: Array, inside: Array, thickness: float, rng: np.random.Generator) -> Shell:
    """A layer over the scalp, ``thickness`` cm thick at its middle and flat at the hair line."""
    normals = anatomy.normals(vertices)
    height = thickness * (1 - np.exp(-np.maximum(inside, 0) / 1.2)) * (1 + 0.25 * wrinkles(anatomy.rest, rng, 3.0))
    out = vertices + normals * (0.08 + np.maximum(height, 0.0))[:, None] / 100
    faces = [face for face in anatomy.faces if (inside[face] > 0).any()]
    ragged = inside + 0.4 * wrinkles(anatomy.rest, rng, 1.5)
    shades = 0.5 + 0.3 * wrinkles(anatomy.rest, rng, 1.2)
    return _compact(out, faces, {"inside": ragged, "blotch": shades})


def shoe(anatomy: Anatomy, vertices: Array, transform: Array, side: str, sole: float) -> Shell:
    """A shoe: the hulls of the front and the rear of the foot, with a sole ``sole`` cm thick.

    Args:
        transform: (4, 4) from the foot's rest place (cm, MHR axes) to the world (m).
    """
    body = anatomy.body
    local = (np.c_[vertices, np.ones(len(vertices))] @ np.linalg.inv(transform).T)[:, :3]
    mine = (anatomy.group == f"{side}_foot") & (anatomy.rest[:, 1] < 9.5)
    ball = body.joint_index(f"{side}_ball")
    front = mine & ((body.skin_weights * (body.skin_indices == ball)).sum(axis=1) > 0.45)
    reach = anatomy.joint(f"{side}_ball")[2]
    back = mine & (anatomy.rest[:, 2] < reach + 1.5)
    places, faces, count = [], [], 0
    for part in (front, back):
        points = local[part]
        middle = points.mean(axis=0)
        points = middle + (points - middle) * (1 + 0.7 / np.maximum(np.ptp(points, axis=0) / 2, 2.0))
        under = points[points[:, 1] < points[:, 1].min() + 2.5] - [0, sole, 0]
        hull_points = np.concatenate([points, under])
        hull = ConvexHull(hull_points)
        triangles = hull.simplices.copy()
        a, b, c = (hull_points[triangles[:, k]] for k in range(3))
        inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
        triangles[inward] = triangles[inward][:, ::-1]
        used, index = np.unique(triangles, return_inverse=True)
        places.append(hull_points[used])
        faces += list(index.reshape(-1, 3).astype(np.int32) + count)
        count += len(used)
    return Shell(np.concatenate(places), faces, {}, transform)


def hair(
    anatomy: Anatomy,
    vertices: Array,
    inside: Array,
    rng: np.random.Generator,
    length: float,
    curl: float,
    lift: float,
    count: int = 5000,
    steps: int = 9,
) -> Strands:
    """Strands over the scalp.

    Args:
        length: cm.
        curl: 0 for straight hair to 1 for curls.
        lift: 0 for hair that lies on the head to 1 for hair that stands up.
    """
    triangles = anatomy.body.triangles
    triangles = triangles[(inside[triangles] > 0.15).all(axis=1)]
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(triangles), count, p=area / area.sum())
    u, v = rng.random(count), rng.random(count)
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    root = a[chosen] + u[:, None] * (b - a)[chosen] + v[:, None] * (c - a)[chosen]
    normals = anatomy.normals(vertices)[triangles[chosen]].mean(axis=1)

    head = vertices[anatomy.group == "head"]
    up = _head_up(anatomy, vertices)
    centre = head.mean(axis=0) + 0.01 * up
    radius = np.linalg.norm(root - centre, axis=1)
    parting = float(rng.uniform(-0.04, 0.04))
    # Hair grows away from the crown, then falls.
    away = root - (centre + 0.09 * up)
    away -= normals * np.einsum("ij,ij->i", away, normals)[:, None]
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    own = rng.normal(size=(count, 3)) * (0.12 + 0.5 * curl)
    # What grows at the forehead is combed to the nearer side and back, so that it frames the face.
    forward, left = _head_front(anatomy, vertices, up)
    ahead = np.clip((root - centre) @ forward / 0.08, 0.0, 1.0)[:, None]
    sideways = np.sign((root - centre) @ left - parting)[:, None] * left
    combed = 0.8 * sideways - 0.7 * forward + 0.15 * up
    away = (1 - ahead) * away + ahead * combed
    direction = lift * normals + (1 - lift) * away + 0.25 * normals + own
    step = length / 100 * rng.uniform(0.75, 1.1, count) / (steps - 1)
    points = [root]
    fall = np.array([0, 0, -1.0]) * (1 - lift) * 0.35
    phase, place = rng.uniform(0, 2 * np.pi, count), root.copy()
    for number in range(1, steps):
        wave = np.stack(
            [np.sin(phase + number * 1.9), np.cos(phase + number * 2.3), np.sin(2 * phase + number)], axis=1
        )
        direction = direction + fall + curl * 0.9 * wave
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        place = place + direction * step[:, None]
        out = place - centre
        distance = np.linalg.norm(out, axis=1)
        # Stay outside the head: no nearer to its middle than the root, while beside the skull.
        below = np.einsum("ij,j->i", out, up) < -0.10
        floor = np.where(below, 0.075, radius + 0.003)
        flat = out - np.where(below[:, None], np.einsum("ij,j->i", out, up)[:, None] * up, 0.0)
        span = np.where(below, np.linalg.norm(flat, axis=1), distance)
        push = np.maximum(floor - span, 0.0)
        place = place + flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6) * push[:, None]
        points.append(place)
    return Strands(np.stack(points, axis=1), np.linspace(0.00075, 0.0002, steps))


def _head_up(anatomy: Anatomy, vertices: Array) -> Array:
    """(3,) unit vector from the lower to the upper half of the posed head."""
    head = anatomy.group == "head"
    height = anatomy.rest[:, 1]
    middle = np.median(height[head])
    up = vertices[head & (height > middle)].mean(axis=0) - vertices[head & (height <= middle)].mean(axis=0)
    result: Array = up / np.linalg.norm(up)
    return result


def _head_front(anatomy: Anatomy, vertices: Array, up: Array) -> tuple[Array, Array]:
    """Unit vectors (3,) to the front and to the left of the posed head."""
    head = anatomy.group == "head"
    x = anatomy.rest[:, 0]
    left = vertices[head & (x > 4)].mean(axis=0) - vertices[head & (x < -4)].mean(axis=0)
    left -= up * (left @ up)
    left /= np.linalg.norm(left)
    return np.cross(left, up), left


def _compact(vertices: Array, faces: list[NDArray[np.int32]], attributes: dict[str, Array]) -> Shell:
    """Only the vertices that faces use."""
    used, index = np.unique(np.concatenate(faces), return_inverse=True)
    sizes = np.cumsum([len(face) for face in faces])[:-1]
    return Shell(vertices[used], np.split(index.astype(np.int32), sizes), {k: v[used] for k, v in attributes.items()})
