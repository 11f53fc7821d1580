"""How people look: skin, hair, clothes and shoes.

Clothes are the body's own surface moved outwards, and their hems are where a smooth field over the body is zero at a
pixel. Shells of their own, as ``bench.accuracy`` makes them, cost three times as much, and a network's window of 256 px
hardly shows the difference. Hair is of ``native_runtime.wearables``, or painted on the scalp.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M
from native_runtime.mhr import Body
from native_runtime.wearables.hair import hair_styles, make_hair

from . import palette
from .anatomy import Anatomy
from .builds import Build
from .noise import sampled
from .things import Thing, mesh, turned_profile
from .wrinkles import wrinkles

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_INNER = {"eyes": (0.75, 0.72, 0.70), "iris": (0.06, 0.04, 0.03), "pupil": (0.01, 0.01, 0.01), "lashes": (0.01,) * 3,
          "teeth": (0.7, 0.68, 0.6), "mouth": (0.15, 0.03, 0.03), "tongue": (0.35, 0.12, 0.1)}  # fmt: skip
_NEAR_HEM = 3.0
"""Fields end so many cm from a hem, so that they are smooth where one part of the body meets another."""
_HEADS = {"bald": 0.07, "painted": 0.33, "hat": 0.1, "worn": 0.5}
_OLD_HEADS = {"bald": 0.2, "painted": 0.4, "hat": 0.1, "worn": 0.3}


class Looks:
    """Dresses people of one body."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self._head = anatomy.group == "head"
        self._head_rest = np.c_[anatomy.rest[self._head], np.ones(int(self._head.sum()))]

    def dressed(self, standing: Array, build: Build, rng: np.random.Generator) -> list[Thing]:
        """Somebody with skin, hair, clothes and shoes: the body first, then what is on it.

        Args:
            standing: (V, 3) m, the naked body in the world.
            build: whose it is.
        """
        skin = palette.skin(rng)
        hair = palette.hair(rng, skin, build.years)
        heads = _OLD_HEADS if build.years > 60 else _HEADS
        head = str(rng.choice(list(heads), p=list(heads.values())))
        made = [self._body(standing, skin, hair, head == "painted", build, rng)]
        if head == "worn":
            made.append(self._worn(standing, hair, rng))
        elif head == "hat":
            made.append(self._hat(standing, rng))
        return made

    def _body(
        self, standing: Array, skin: Array, hair: Array, painted: bool, build: Build, rng: np.random.Generator
    ) -> Thing:
        anatomy = self.anatomy
        body, rest = anatomy.body, anatomy.rest
        sleeve = float(rng.choice([-0.02, rng.uniform(0.2, 0.4), rng.uniform(0.85, 0.97)], p=[0.15, 0.4, 0.45]))
        shirt = anatomy.shirt(sleeve, float(rng.uniform(-14, 1)), float(rng.uniform(0, 5)))
        trousers = anatomy.trousers(float(rng.choice([rng.uniform(0.2, 0.5), 0.97])), float(rng.uniform(5, 11)))
        scalp, beard = anatomy.scalp(), np.full(len(rest), -_NEAR_HEM)
        if rng.random() < 0.25 and build.years > 18 and build.masculine > -0.2:
            beard = anatomy.beard()
        if not painted:
            scalp = np.full(len(rest), -_NEAR_HEM)
        shod = rng.random() < 0.85
        feet = np.isin(anatomy.group, ("l_foot", "r_foot"))
        shoes = np.where(feet & shod, rng.uniform(7.0, 12.0) - rest[:, 1], -_NEAR_HEM)
        offset = np.zeros(len(rest))
        for inside, loose in ((trousers, rng.uniform(0.05, 2.2)), (shirt, rng.uniform(0.2, 2.8))):
            folds = 0.4 * wrinkles(rest, rng, 14.0) + 0.25 * wrinkles(rest, rng, 5.0)
            limit = 0.35 + 0.35 * np.maximum(inside, 0.0)
            cloth = np.minimum(0.25 + float(loose) * np.maximum(1.0 + folds, 0.0), limit)
            offset = np.where(inside > 0, np.maximum(offset, 0.0) + cloth, offset)
        thickness = float(rng.choice([0.4, 1.5, 3.5]))
        offset = np.where(scalp > 0, thickness * (1 - np.exp(-np.maximum(scalp, 0) / 1.2)), offset)
        offset = np.where(shoes > 0, 0.7, offset)
        fields = (trousers, shirt, scalp, beard, anatomy.brows(0.5), shoes)
        values = np.column_stack([
            rest / CM_PER_M, self._naked(skin), *(np.clip(f, -_NEAR_HEM, _NEAR_HEM) for f in fields),
        ])  # fmt: skip
        normals = mesh(standing, body.triangles).normals
        return Thing(
            mesh(standing + normals * offset[:, None] / CM_PER_M, body.triangles), values, _albedo(hair, skin, rng)
        )

    def _naked(self, skin: Array) -> Array:
        body = self.anatomy.body
        colours = np.tile(skin, (body.vertex_count, 1))
        material = np.repeat(body.face_materials, body.face_sizes)
        for number, name in enumerate(body.material_names):
            shade = _INNER.get(name, tuple(skin * (0.85, 0.5, 0.5)) if name == "lips" else None)
            if shade is not None:
                colours[body.face_vertices[material == number]] = shade
        return colours

    def _worn(self, standing: Array, colour: Array, rng: np.random.Generator) -> Thing:
        name = str(rng.choice([style.name for style in hair_styles()]))
        vertices, triangles = _hair(self.anatomy.body, name)
        kind, strength = int(rng.integers(8)), float(rng.uniform(0.15, 0.5))

        def albedo(values: Floats) -> Floats:
            strand = sampled(kind, values[:, 0] / 0.06, values[:, 1] / 0.4 + values[:, 2] / 0.3)
            return np.asarray(colour * np.exp(strength * strand)[:, None], np.float32)

        return Thing(mesh(self._on_head(standing, vertices), triangles), vertices / CM_PER_M, albedo)

    def _hat(self, standing: Array, rng: np.random.Generator) -> Thing:
        rest = self.anatomy.rest[self._head]
        top, middle = rest.max(axis=0), (rest.max(axis=0) + rest.min(axis=0)) / 2
        crown = rest[rest[:, 1] > top[1] - 12.0]
        radius = 0.5 * float(np.ptp(crown[:, [0, 2]], axis=0).max()) + 0.8
        angle = np.linspace(0, np.pi / 2, 8)
        brim = float(rng.choice([0.0, 3.0, 7.0]))
        radii = np.concatenate([[radius + brim], radius * np.cos(angle[:-1]), [0.0]])
        heights = np.concatenate([[0.0], 11.5 * np.sin(angle)])
        places, triangles = turned_profile(radii, heights, 24)
        upright = places[:, [1, 2, 0]] + [middle[0], top[1] - 11.0, (crown[:, 2].max() + crown[:, 2].min()) / 2]
        first = palette.colour(rng, 0.3)
        return Thing(
            mesh(self._on_head(standing, upright), triangles, two_sided=True), upright / CM_PER_M,
            lambda values: np.tile(first.astype(np.float32), (len(values), 1)),
        )  # fmt: skip

    def _on_head(self, standing: Array, places: Array) -> Array:
        """Places (N, 3) cm about the head at rest, in the world: they move as the head does as a whole."""
        moves = np.linalg.lstsq(self._head_rest, standing[self._head], rcond=None)[0]
        return np.asarray(np.c_[places, np.ones(len(places))] @ moves)


@cache
def _hair(body: Body, name: str) -> tuple[Array, NDArray[np.int32]]:
    """Vertices (N, 3) cm on the body at rest, and triangles, of a hair style."""
    made = make_hair(body, name)
    corners, triangles, first = made.face_vertices, [], 0
    for size in made.face_sizes:
        triangles += [(corners[first], corners[first + k], corners[first + k + 1]) for k in range(1, size - 1)]
        first += size
    return np.asarray(made.vertices, np.float64), np.array(triangles, np.int32)


def _albedo(hair: Array, skin: Array, rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """Colours of the body by the values of ``Looks._body``."""
    layers = [_cloth(rng), _cloth(rng)]
    leather, mottle = palette.colour(rng, 0.2), int(rng.integers(8))
    beard = 0.3 * skin + 0.7 * hair

    def albedo(values: Floats) -> Floats:
        rest, fields = values[:, :3], values[:, 6:]
        blotch = sampled(mottle, rest[:, 0] / 0.5 + rest[:, 2], rest[:, 1] / 0.5)
        colours = values[:, 3:6] * np.exp(0.05 * blotch)[:, None]
        for field, tone in ((4, hair), (3, beard), (2, hair)):
            colours = np.where(fields[:, field, None] > 0, tone.astype(np.float32), colours)
        for field, cloth in enumerate(layers):
            inside = fields[:, field] > 0
            colours[inside] = cloth(rest[inside])
        return np.where(fields[:, 5, None] > 0, leather.astype(np.float32), colours)

    return albedo


def _cloth(rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """Plain, striped, checked, mottled or printed cloth: from places at rest (N, 3) m to colours (N, 3)."""
    first, second = palette.colour(rng, 0.3), palette.colour(rng, 0.3)
    style = str(rng.choice(["plain", "stripes", "checks", "mottled", "print"], p=[0.55, 0.17, 0.08, 0.1, 0.1]))
    width, axis = float(rng.uniform(0.015, 0.1)), int(rng.choice([0, 1, 1]))
    kind, size, weave = int(rng.integers(8)), float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.02, 0.12))
    at, half = np.array([rng.uniform(-0.05, 0.05), rng.uniform(1.05, 1.3)]), rng.uniform(0.04, 0.14, 2)

    def cloth(rest: Floats) -> Floats:
        x, y, z = rest.T
        if style == "stripes":
            share = np.clip(4 * np.sin(rest[:, axis] / width * np.pi) + 0.5, 0, 1)
        elif style == "checks":
            share = 0.5 * (np.sin(x / width * np.pi) > 0) + 0.5 * (np.sin(y / width * np.pi) > 0)
        elif style == "mottled":
            share = np.clip(3 * sampled(kind, x / size + z, y / size) + 0.5, 0, 1)
        elif style == "print":
            share = 1.0 - ((np.abs(x - at[0]) < half[0]) & (np.abs(y - at[1]) < half[1]) & (z > 0))
        else:
            share = np.ones(len(rest))
        tone = np.exp(weave * sampled(kind, x / 0.4, y / 0.4 + z))[:, None]
        return np.asarray((first * share[:, None] + second * (1 - share[:, None])) * tone, np.float32)

    return cloth
