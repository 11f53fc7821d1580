"""What a person wears, as far as colours tell: the colours seen that belong together, and which part of the surface
has which.

Garments end sharply, and along a limb rather than around it. So what is not seen of a limb or the trunk wears what is
seen at the same height: each vertex is given to the garment that a random walk from it reaches first most often
(Grady, "Random Walks for Image Segmentation", PAMI 2006), where steps around the limb are far likelier than steps along
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb

from .spreading import directed, spread

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

#: Clusters to begin with, and the distance in CIELAB (8 bit) below which two are one garment, or may be; lightness
#: counts for less, since folds change it.
_CLUSTERS, _LIGHTNESS, _ONE_GARMENT, _KIN = 9, 0.45, 15.0, 18.5
#: Two are one garment, in light and in shadow, where one is the other times a factor: up to the first for greys, up to
#: both for colours of a chroma (8 bit) from the third on. So far off that may be.
_GREYS, _COLOURS, _CHROMA, _SHADED = 1.15, 0.55, 16.0, 9.0
_MOST_SAMPLES, _FEWEST_SAMPLES = 20_000, 60
#: The least part of what is seen that is a garment, and not a print on one.
_LEAST_SHARE = 0.012
#: A garment of the skin's colours has its tone, to this distance.
_SKIN = 12.0
#: How strongly the surface holds together around a limb against one vertex that is seen well; along it, by this part.
_AROUND, _ALONG = 30.0, 0.002
#: How far hands, and feet, are bare where nothing is seen of them.
_BARE_HANDS, _BARE_FEET = 0.02, 2e-3
_TOLERANCE = 5e-3


@dataclass(frozen=True, eq=False)
class Garments:
    """Colours that belong together; bare skin is one of these garments.

    Attributes:
        centres: (K, 3) CIELAB as ``_lab`` scales it.
        tones: (K, 3) linear, the median of each.
        skin: which of them is bare skin.
        kin: (K, K) which may be one garment in light and in shadow, and are not told apart sharply.
    """

    centres: Floats
    tones: Array
    skin: int
    kin: NDArray[np.bool_]

    def of(self, linear: NDArray) -> Ints:
        """(N,) the garment whose colour is nearest to each of ``linear`` (N, 3)."""
        lab = _lab(linear)
        distances = np.stack([np.square(lab - centre).sum(axis=1) for centre in self.centres], axis=1)
        return np.asarray(distances.argmin(axis=1), np.int64)


def garments_of(linear: NDArray, tone: Array) -> Garments:
    """The garments in colours (N, 3) that are seen below the head, linear.

    Args:
        tone: (3,) linear, of the skin.
    """
    skin = _lab(np.asarray(tone, np.float32)[None])
    if len(linear) < _FEWEST_SAMPLES:
        return Garments(skin, np.asarray(tone, np.float64)[None], 0, np.ones((1, 1), bool))
    chosen = np.linspace(0, len(linear) - 1, min(len(linear), _MOST_SAMPLES)).astype(np.int64)
    lab = _lab(linear[chosen])
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    start: NDArray[np.int32] = np.zeros((0,), np.int32)
    _, labels, found = cv2.kmeans(lab, min(_CLUSTERS, len(lab)), start, stop, 1, cv2.KMEANS_PP_CENTERS)
    centres = _merged(found, np.bincount(labels.ravel(), minlength=len(found)))
    nearest = np.linalg.norm(centres - skin, axis=1)
    bare = int(nearest.argmin())
    if nearest[bare] > _SKIN:
        centres, bare = np.concatenate([centres, skin]), len(centres)
    wears = np.square(lab[:, None] - centres[None]).sum(axis=2).argmin(axis=1)
    tones = np.tile(np.asarray(tone, np.float64), (len(centres), 1))
    for number in range(len(centres)):
        mine = linear[chosen[wears == number]]
        if len(mine) and number != bare:
            tones[number] = np.median(mine, axis=0)
    return Garments(centres, tones, bare, _apart(centres.astype(np.float64)) < _KIN)


def _lab(linear: NDArray) -> Floats:
    if not len(linear):
        return np.zeros((0, 3), np.float32)
    lab = cv2.cvtColor(encode_srgb(linear)[None], cv2.COLOR_RGB2LAB)[0].astype(np.float32)
    lab[:, 0] *= _LIGHTNESS
    return lab


def _merged(centres: Floats, counts: Ints) -> Floats:
    """Centres of which those that are close are one; few colours are none."""
    kept, sizes = centres.astype(np.float64), counts.astype(np.float64)
    while len(kept) > 1:
        apart = _apart(kept) + 1e9 * np.eye(len(kept))
        one, other = sorted(np.unravel_index(int(apart.argmin()), apart.shape))
        if apart[one, other] >= _ONE_GARMENT:
            break
        share = sizes[one] + sizes[other]
        kept[one] = (sizes[one] * kept[one] + sizes[other] * kept[other]) / max(share, 1e-9)
        sizes[one] = share
        kept, sizes = np.delete(kept, other, axis=0), np.delete(sizes, other)
    many = sizes >= _LEAST_SHARE * sizes.sum()
    return np.asarray(kept[many], np.float32)


def _apart(centres: Array) -> Array:
    """(K, K) how far garments differ: their distance, or how far off one is the other in shadow if that is less."""
    plain = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    whole = centres / (_LIGHTNESS, 1, 1) - (0, 128, 128)
    squares = np.maximum(np.einsum("kc,kc->k", whole, whole), 1e-9)
    chroma = np.linalg.norm(whole[:, 1:], axis=1)
    most = _GREYS + _COLOURS * np.minimum(np.minimum(chroma[:, None], chroma[None]) / _CHROMA, 1)
    factor = np.clip(whole @ whole.T / squares[None], 1 / most, most)
    shaded = np.linalg.norm(whole[:, None] - factor[:, :, None] * whole[None], axis=2)
    return np.minimum(plain, np.maximum(shaded, shaded.T) * _ONE_GARMENT / _SHADED)


def worn(garments: Garments, votes: Array, body: Body, anatomy: Anatomy) -> Array:
    """(V, K) 0..1, how surely each vertex wears each garment.

    Args:
        votes: (V, K) how much of each garment is seen at a vertex; 1 in all where it is seen well.
    """
    total = votes.sum(axis=1)
    pull = np.full(len(votes), 1e-6)
    for region, strength in ((anatomy.hands, _BARE_HANDS), (anatomy.feet, _BARE_FEET)):
        pull[region] = np.maximum(pull[region], strength * np.clip(1 - 4 * total[region], 0, 1))
    wanted = votes.copy()
    wanted[:, garments.skin] += pull
    trust = total + pull
    edges, stiffness = directed(body.rest_vertices.astype(np.float64), body.triangles, anatomy.axis, _ALONG)
    return spread(wanted / trust[:, None], trust, edges, _AROUND * stiffness, _TOLERANCE)
