"""What people in takes wear: one surface over the posed body, coloured in each pixel by fields over the body at rest.

Clothes are not shells of their own here, as in ``bench.accuracy``: the body's own surface is pushed outwards and
smoothed where it is covered, which is quick, and hems, brows and stripes are drawn by the fields alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from bench.accuracy.neighbours import averaging
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.wrinkles import wrinkles

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Colour = tuple[float, float, float]

_SKINS = ((0.62, 0.40, 0.29), (0.50, 0.30, 0.20), (0.34, 0.19, 0.12), (0.17, 0.09, 0.055), (0.70, 0.48, 0.37))
_HAIRS = ((0.02, 0.014, 0.01), (0.06, 0.035, 0.02), (0.16, 0.09, 0.04), (0.33, 0.24, 0.13), (0.28, 0.27, 0.26))
_CLOTHS = ((0.02, 0.022, 0.03), (0.55, 0.55, 0.53), (0.30, 0.035, 0.03), (0.03, 0.07, 0.2), (0.05, 0.14, 0.07),
           (0.35, 0.28, 0.18), (0.5, 0.3, 0.04), (0.12, 0.12, 0.13), (0.28, 0.12, 0.2))  # fmt: skip
_DENIMS = ((0.035, 0.06, 0.12), (0.09, 0.13, 0.2), (0.02, 0.022, 0.028), (0.16, 0.13, 0.09))
_MATERIALS = {"eyes": (0.75, 0.72, 0.68), "iris": (0.06, 0.04, 0.025), "pupil": (0.004, 0.004, 0.004),
              "mouth": (0.09, 0.02, 0.02), "teeth": (0.75, 0.7, 0.62), "tongue": (0.35, 0.1, 0.09)}  # fmt: skip
_FIELDS = ("shirt", "trousers", "shoe", "hair", "brow", "x", "y", "z", "fold", "lips")


@dataclass(frozen=True)
class _Cloth:
    colour: Array
    second: Array
    pattern: str
    width: float


class _Layer:
    """A layer over the posed body, as ``bench.accuracy.clothes.garment`` makes it, without a mesh of its own.

    Args:
        inside: (V,) field of what it covers.
        loose: mean distance from what lies under it, cm; smooth: how often places are averaged.
        folds: (V,) of about unit strength.
    """

    def __init__(self, anatomy: Anatomy, inside: Array, loose: float, smooth: int, folds: Array) -> None:
        self._anatomy, self._smooth = anatomy, smooth
        self._rows = np.flatnonzero(inside > 0)
        offset = np.maximum(0.25 + loose * (1.0 + 0.45 * folds), 0.25)
        self._offset = np.minimum(offset, 0.35 + 0.35 * np.maximum(inside, 0.0))[self._rows, None] / 100
        own = averaging(anatomy)[self._rows][:, self._rows]
        totals = np.maximum(np.asarray(own.sum(axis=1)).ravel(), 1e-9)
        self._averaging = csr_matrix(diags(1 / totals) @ own)

    def over(self, under: Array) -> Array:
        """(V, 3) m the layer's surface over (V, 3) m, which is kept where it covers nothing."""
        normals = self._anatomy.normals(under)[self._rows]
        below = under[self._rows]
        mine = below + normals * self._offset
        for _ in range(self._smooth):
            mine = 0.5 * (mine + self._averaging @ mine)
            height = np.einsum("ij,ij->i", mine - below, normals)
            mine += normals * np.maximum(0.003 - height, 0.0)[:, None]
        out = under.copy()
        out[self._rows] = mine
        return out


class Look:
    """Someone's clothes, hair and colours.

    ``outside`` gives the surface over posed vertices; ``colours`` the colour of pixels from interpolated ``fields``.
    """

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator, female: bool) -> None:
        self.anatomy = anatomy
        rest = anatomy.rest
        sleeve = float(rng.choice([rng.uniform(0.22, 0.4), rng.uniform(0.88, 0.97)]))
        self._shirt = anatomy.shirt(sleeve, float(rng.uniform(-9.0, 0.0)), float(rng.uniform(0.5, 4.0)))
        leg = float(rng.choice([0.97, rng.uniform(0.35, 0.5)], p=[0.75, 0.25]))
        self._trousers = anatomy.trousers(leg, float(rng.uniform(6.0, 11.0)))
        feet = np.isin(anatomy.group, ("l_foot", "r_foot"))
        self._shoe = np.where(feet, 8.5 - rest[:, 1] - 0.5 * np.maximum(rest[:, 2], -6.0) / 10, -9.0)
        self._hair = np.asarray(anatomy.scalp(float(rng.uniform(4.6, 5.6)), float(rng.uniform(-6.5, -4.5))))
        self._hair_height = float(rng.uniform(0.4, 1.6) + (0.8 if female else 0.0))
        folds = wrinkles(rest, rng, 14.0)
        self._layers = (
            _Layer(anatomy, self._trousers, float(rng.uniform(0.3, 1.1)), int(rng.integers(3, 8)), folds),
            _Layer(anatomy, self._shirt, float(rng.uniform(0.4, 1.4)), int(rng.integers(8, 16)), folds),
            _Layer(anatomy, self._shoe, 0.35, 14, folds),
        )
        self.skin = np.array(_SKINS[int(rng.integers(len(_SKINS)))]) * rng.uniform(0.9, 1.1)
        self.hair = np.array(_HAIRS[int(rng.integers(len(_HAIRS)))])
        self._cloths = self._cloth(rng, _CLOTHS, True), self._cloth(rng, _DENIMS if rng.random() < 0.6 else _CLOTHS)
        self.leather = np.array(_CLOTHS[int(rng.integers(len(_CLOTHS)))])
        triangle_material = np.repeat(anatomy.body.face_materials, anatomy.body.face_sizes - 2)
        names = anatomy.body.material_names
        self.material = np.array([list(_MATERIALS).index(n) if n in _MATERIALS else -1 for n in names])[
            triangle_material
        ]
        lips = np.zeros(anatomy.body.vertex_count)
        if "lips" in names:
            mine = triangle_material == names.index("lips")
            lips[np.unique(anatomy.body.triangles[mine])] = 1.0
        fold = wrinkles(rest, rng, 6.0)
        ragged = self._hair + 0.35 * wrinkles(rest, rng, 1.6)
        columns = (self._shirt, self._trousers, self._shoe, ragged, anatomy.brows(), *rest.T, fold, lips)
        self.fields: Floats = np.clip(np.stack(columns, axis=1), -200.0, 200.0).astype(np.float32)
        self.worn = {"sleeve": round(sleeve, 2), "leg": round(leg, 2), "top": self._cloths[0].pattern}

    @staticmethod
    def _cloth(rng: np.random.Generator, pool: tuple[Colour, ...], patterned: bool = False) -> _Cloth:
        first, second = (np.array(pool[int(k)]) * rng.uniform(0.8, 1.2) for k in rng.choice(len(pool), 2, False))
        kinds = ["plain", "stripes", "checks", "print"]
        pattern = str(rng.choice(kinds, p=[0.5, 0.2, 0.15, 0.15])) if patterned else "plain"
        return _Cloth(first, second, pattern, float(rng.uniform(2.5, 6.0)))

    def outside(self, vertices: Array) -> Array:
        """(V, 3) m the dressed surface over posed vertices (V, 3) m; the same folds in each frame."""
        out = np.asarray(vertices, np.float64)
        for layer in self._layers:
            out = layer.over(out)
        soft = (1 - np.exp(-np.maximum(self._hair, 0) / 1.2)) * self._hair_height / 100
        return np.asarray(out + self.anatomy.normals(out) * soft[:, None])

    def colours(self, fields: Floats, material: NDArray[np.int64]) -> Floats:
        """(N, 3) linear colours of pixels with interpolated fields (N, 10) and materials of their triangles (N,)."""
        of = {name: fields[:, k] for k, name in enumerate(_FIELDS)}
        out = np.broadcast_to(self.skin.astype(np.float32), (len(fields), 3)).copy()
        out *= (1 + 0.06 * of["fold"])[:, None]
        out = _mixed(out, self.skin * (0.85, 0.5, 0.5), of["lips"])
        out = _mixed(out, self.hair, 0.85 * np.clip(of["brow"] / 0.15, 0, 1))
        strand = 1 + 0.35 * np.sin(9 * of["x"] + 2.0 * of["fold"])
        out = np.where((of["hair"] > 0)[:, None], self.hair.astype(np.float32) * strand[:, None], out)
        for name, cloth in zip(("trousers", "shirt"), reversed(self._cloths)):
            out = np.where((of[name] > 0)[:, None], self._woven(cloth, of), out)
        shoe = np.where((of["y"] < 1.4)[:, None], np.float32(0.5), self.leather.astype(np.float32))
        out = np.where((of["shoe"] > 0)[:, None], shoe, out)
        table = np.array([*_MATERIALS.values()], np.float32)
        return np.where((material >= 0)[:, None], table[material], out).astype(np.float32)

    @staticmethod
    def _woven(cloth: _Cloth, of: dict[str, Floats]) -> Floats:
        share = np.zeros(len(of["x"]), np.float32)
        if cloth.pattern in ("stripes", "checks"):
            share = (np.sin(2 * np.pi * of["y"] / cloth.width) > 0.2).astype(np.float32)
            if cloth.pattern == "checks":
                share = 0.5 * (share + (np.sin(2 * np.pi * of["x"] / cloth.width) > 0.2))
        elif cloth.pattern == "print":
            waves = [np.sin(of[a] * k + of[b] * m) for a, b, k, m in (("x", "y", 1.3, 0.4), ("y", "z", 1.1, 0.9),
                                                                      ("x", "z", 0.7, 1.6))]  # fmt: skip
            share = (sum(waves) > 0.7).astype(np.float32)
        share = share[:, None]
        first, second = cloth.colour.astype(np.float32), cloth.second.astype(np.float32)
        return np.asarray((first + share * (second - first)) * (1 + 0.12 * of["fold"])[:, None], np.float32)


def _mixed(colours: Floats, other: Array, share: Floats) -> Floats:
    return np.asarray(colours + share[:, None] * (np.asarray(other, np.float32) - colours), np.float32)
