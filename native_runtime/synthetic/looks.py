"""How people look: skin, hair, clothes and shoes, as colours of the body's own surface moved outwards.

Shells of their own, as ``bench.accuracy`` makes them, cost three times as much, and a network's window of 256 px
hardly shows the difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M
from native_runtime.render.colour import linear_of
from native_runtime.render.raster import Surface

from .anatomy import Anatomy
from .wrinkles import wrinkles

Array = NDArray[np.float64]

_LIGHT_SKIN, _DARK_SKIN = linear_of(np.array([0.95, 0.82, 0.73])), linear_of(np.array([0.29, 0.18, 0.14]))
_INNER = {"eyes": (0.75, 0.72, 0.70), "iris": (0.06, 0.04, 0.03), "pupil": (0.01, 0.01, 0.01), "lashes": (0.01,) * 3,
          "teeth": (0.7, 0.68, 0.6), "mouth": (0.15, 0.03, 0.03), "tongue": (0.35, 0.12, 0.1)}  # fmt: skip


def dressed(anatomy: Anatomy, standing: Array, rng: np.random.Generator) -> Surface:
    """A person with skin, hair, clothes and shoes as one coloured surface in the world.

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
