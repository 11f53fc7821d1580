"""What a person wears, as far as colours tell: the colours seen that belong together, and which part of the surface
has which.

Garments end sharply, and along a limb rather than around it. So what is not seen of a limb or the trunk wears what is
seen at the same height: each vertex is given to the garment that a random walk from it reaches first most often
(Grady, "Random Walks for Image Segmentation", PAMI 2006), where steps around the limb are far likelier than steps along
it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .anatomy import PARTS
from .lab import lab8
from .spreading import directed, spread

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy
    from .atlas import Atlas

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

#: Clusters to begin with, and the distance in CIELAB (8 bit) below which two are one garment, or may be; lightness
#: counts for less, since folds change it.
_CLUSTERS, _LIGHTNESS, _ONE_GARMENT, _PERHAPS_ONE = 9, 0.45, 15.0, 18.0
#: Two are one garment, in light and in shadow, where one is the other times a factor: up to the first for greys, up to
#: both for colours of a chroma (8 bit) from the third on; they may be up to the fourth. So far off that is at most, and
#: may be.
_GREYS, _COLOURS, _CHROMA, _SHADOWED = 1.1, 0.6, 16.0, 1.4
_SHADED, _PERHAPS_SHADED = 9.0, 11.0
#: Light bleaches: on one limb, what is brighter by up to the first factor, or by no more than the second (8 bit), may
#: have this least part of the chroma of what lies in shadow, of the same hue to this distance (8 bit). They are worn
#: side by side where at least this part of the rarer one is at heights at which the other one is as well; a part of the
#: body has so many heights.
_BLEACHED, _BRIGHTER, _LEAST_CHROMA, _HUE = 2.2, 50.0, 0.35, 7.0
_SIDE_BY_SIDE, _HEIGHTS = 0.35, 10
_MOST_SAMPLES, _FEWEST_SAMPLES = 20_000, 60
#: The least part of what is seen that is a garment, and not a print on one.
_LEAST_SHARE = 0.012
#: The least part of what lower arms show that they wear.
_ON_ARMS = 0.3
#: A centre from which every colour is far.
_NOWHERE = 1e6
#: A garment of the skin's colours has its tone, to this distance.
_SKIN = 12.0
#: How strongly the surface holds together around a limb against one vertex that is seen well; along it, by this part.
_AROUND, _ALONG = 30.0, 0.002
#: How far hands are bare where nothing is seen of them; how little of feet has to be seen for these to be bare; and how
#: high above the sole trousers end then, cm, in low shoes.
_BARE_HANDS, _UNSEEN_FEET, _HEM = 0.02, 0.01, 8.0
_TOLERANCE, _ROUNDS = 5e-3, 400
#: Every so many texels are looked at, for the vertices.
_SAMPLE = 4


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

    def nearest(self, linear: NDArray) -> tuple[Ints, Floats]:
        """(N,) the garment whose colour is nearest to each of ``linear`` (N, 3), and how far off it is (N,)."""
        lab = _lab(linear)
        squares = np.stack([np.square(lab - centre).sum(axis=1) for centre in self.centres], axis=1)
        return np.asarray(squares.argmin(axis=1), np.int64), np.sqrt(squares.min(axis=1, initial=np.inf))

    def of(self, linear: NDArray, bare: NDArray[np.bool_] | None = None) -> Ints:
        """(N,) the garment whose colour is nearest to each of ``linear`` (N, 3).

        Args:
            bare: (N,) which are known to be of bare skin, whatever their colour; None: none is.
        """
        nearest = self.nearest(linear)[0]
        return nearest if bare is None else np.where(bare, self.skin, nearest)

    def with_bare_arms(self, votes: Array, anatomy: Anatomy) -> Garments:
        """These, of which what lower arms wear in the skin's tone is not told apart sharply from skin: in a
        black-and-white photo bare arms are a garment, and bare hands skin.

        Args:
            votes: (V, K) see ``Samples``.
        """
        arms = np.isin(anatomy.part, [PARTS.index("l_lowarm"), PARTS.index("r_lowarm")])
        seen = votes[arms].sum(axis=0)
        away = np.linalg.norm(_lab(self.tones) - _lab(self.tones[self.skin][None]), axis=1)
        alike = (away < _ONE_GARMENT) & (seen > _ON_ARMS * max(seen.sum(), 1e-9))
        kin = self.kin.copy()
        kin[self.skin] |= alike
        kin[:, self.skin] |= alike
        return replace(self, kin=kin)

    def in_one_light(self, votes: Array, body: Body, anatomy: Anatomy) -> Garments:
        """These, of which more may be one garment: garments end along a limb and not around it, so what is of one hue
        and lies side by side on a limb is one in light and in shadow, however far light has bleached it.

        Args:
            votes: (V, K) see ``Samples``.
        """
        return replace(
            self, kin=self.kin | (_bleached(self.centres.astype(np.float64)) & _beside(votes, body, anatomy))
        )

    def with_one_more(self, tone: Array) -> Garments:
        """These, and after them one of a tone (3,) linear, to which no colour that is seen belongs."""
        kinds = len(self.tones)
        kin = np.zeros((kinds + 1, kinds + 1), bool)
        kin[:kinds, :kinds], kin[kinds, kinds] = self.kin, True
        nowhere = np.full((1, 3), _NOWHERE, np.float32)
        return Garments(np.concatenate([self.centres, nowhere]), np.vstack([self.tones, tone]), self.skin, kin)


def garments_of(linear: NDArray, tone: Array, grey: bool = False) -> Garments:
    """The garments in colours (N, 3) that are seen below the head, linear.

    Args:
        tone: (3,) linear, of the skin.
        grey: the photo is black and white, in which cloth and skin look alike: none of the colours is bare skin's.
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
    if grey or nearest[bare] > _SKIN:
        centres, bare = np.concatenate([centres, np.full_like(skin, _NOWHERE) if grey else skin]), len(centres)
    wears = np.square(lab[:, None] - centres[None]).sum(axis=2).argmin(axis=1)
    tones = np.tile(np.asarray(tone, np.float64), (len(centres), 1))
    for number in range(len(centres)):
        mine = linear[chosen[wears == number]]
        if len(mine) and number != bare:
            tones[number] = np.median(mine, axis=0)
    whole = centres.astype(np.float64)
    kin = (_distances(whole) < _PERHAPS_ONE) | (_shaded(whole, _SHADOWED) < _PERHAPS_SHADED)
    return Garments(centres, tones, bare, kin)


def _lab(linear: NDArray) -> Floats:
    if not len(linear):
        return np.zeros((0, 3), np.float32)
    lab = lab8(linear)
    lab[:, 0] *= _LIGHTNESS
    return lab


def _merged(centres: Floats, counts: Ints) -> Floats:
    """Centres of which those that are close are one; few colours are none."""
    kept, sizes = centres.astype(np.float64), counts.astype(np.float64)
    while len(kept) > 1:
        apart = np.minimum(_distances(kept), _shaded(kept, _COLOURS) * _ONE_GARMENT / _SHADED)
        apart += 1e9 * np.eye(len(kept))
        one, other = sorted(np.unravel_index(int(apart.argmin()), apart.shape))
        if apart[one, other] >= _ONE_GARMENT:
            break
        share = sizes[one] + sizes[other]
        kept[one] = (sizes[one] * kept[one] + sizes[other] * kept[other]) / max(share, 1e-9)
        sizes[one] = share
        kept, sizes = np.delete(kept, other, axis=0), np.delete(sizes, other)
    many = sizes >= _LEAST_SHARE * sizes.sum()
    return np.asarray(kept[many], np.float32)


def _distances(centres: Array) -> Array:
    """(K, K) how far garments differ."""
    return np.asarray(np.linalg.norm(centres[:, None] - centres[None], axis=2))


def _shaded(centres: Array, more: float) -> Array:
    """(K, K) how far garments are from being one in light and in shadow.

    Args:
        more: by how much light may be brighter than shadow on colours, beyond what it may on greys.
    """
    whole = centres / (_LIGHTNESS, 1, 1) - (0, 128, 128)
    squares = np.maximum(np.einsum("kc,kc->k", whole, whole), 1e-9)
    chroma = np.linalg.norm(whole[:, 1:], axis=1)
    most = _GREYS + more * np.minimum(np.minimum(chroma[:, None], chroma[None]) / _CHROMA, 1)
    factor = np.clip(whole @ whole.T / squares[None], 1 / most, most)
    off = np.linalg.norm(whole[:, None] - factor[:, :, None] * whole[None], axis=2)
    return np.asarray(np.maximum(off, off.T))


def _bleached(centres: Array) -> NDArray[np.bool_]:
    """(K, K) which may be one colour in light and in shadow, if light bleaches: of one hue, the brighter one paler."""
    lightness = centres[:, 0] / _LIGHTNESS
    hues = centres[:, 1:] - 128
    chroma = np.linalg.norm(hues, axis=1)
    off = np.abs(hues[:, None, 0] * hues[None, :, 1] - hues[:, None, 1] * hues[None, :, 0])
    off /= np.maximum(np.maximum(chroma[:, None], chroma[None]), 1e-9)
    one_hue = (off < _HUE) & (hues @ hues.T >= 0)
    factor = lightness[:, None] / np.maximum(lightness[None], 1e-9)  # of the first as the brighter one
    pale = chroma[:, None] >= _LEAST_CHROMA * chroma[None]
    near = (factor <= _BLEACHED) | (lightness[:, None] - lightness[None] <= _BRIGHTER)
    found = one_hue & pale & (factor >= 1) & near
    return np.asarray(found | found.T)


def _beside(votes: Array, body: Body, anatomy: Anatomy) -> NDArray[np.bool_]:
    """(K, K) which are seen at the same heights of arms and legs."""
    rest, kinds = body.rest_vertices.astype(np.float64), votes.shape[1]
    shared, total = np.zeros((kinds, kinds)), np.zeros(kinds)
    for number, name in enumerate(PARTS):
        mine = np.flatnonzero((anatomy.part == number) & (votes.sum(axis=1) > 0))
        if not name.startswith(("l_", "r_")) or not len(mine):
            continue
        along = np.einsum("vc,vc->v", rest[mine], anatomy.axis[mine])
        span = np.ptp(along)
        level = np.minimum(((along - along.min()) / max(span, 1e-9) * _HEIGHTS).astype(np.int64), _HEIGHTS - 1)
        sums = np.stack([np.bincount(level, votes[mine, kind], _HEIGHTS) for kind in range(kinds)], axis=1)
        shared += np.minimum(sums[:, :, None], sums[:, None]).sum(axis=0)
        total += sums.sum(axis=0)
    rarer = np.minimum(total[:, None], total[None])
    return np.asarray(shared >= _SIDE_BY_SIDE * np.maximum(rarer, 1e-9))


def worn(garments: Garments, votes: Array, body: Body, anatomy: Anatomy, rounds: int = _ROUNDS) -> Array:
    """(V, K) 0..1, how surely each vertex wears each garment.

    Sleeves of which no end is seen end half-way to the hand; legs wear down to the ankles what is seen last above them,
    as trousers are mostly long.

    Args:
        votes: (V, K) how much of each garment is seen at a vertex; 1 in all where it is seen well.
        rounds: fewer are enough where only what is seen matters.
    """
    total = votes.sum(axis=1)
    pull = np.full(len(votes), 1e-6)
    pull[anatomy.hands] += _BARE_HANDS * np.clip(1 - 4 * total[anatomy.hands], 0, 1)
    wanted = votes.copy()
    wanted[:, garments.skin] += pull
    trust = total + pull
    edges, stiffness = directed(body.rest_vertices.astype(np.float64), body.triangles, anatomy.axis, _ALONG)
    shares = spread(wanted / trust[:, None], trust, edges, _AROUND * stiffness, _TOLERANCE, rounds)
    for side in "lr":
        foot = anatomy.feet & (anatomy.part == PARTS.index(f"{side}_foot"))
        if foot.any() and total[foot].mean() < _UNSEEN_FEET:
            height = body.rest_vertices[:, 1]
            shares[foot & (height < height[foot].min() + _HEM)] = np.eye(votes.shape[1])[garments.skin]
    return shares


@dataclass(frozen=True, eq=False)
class Samples:
    """What the texels around each vertex show: sums over them.

    Attributes:
        votes: (V, K) 0..1 of each garment, 1 in all where everything around a vertex is trusted.
        colours: (V, K, 3) linear, times ``votes``.
    """

    votes: Array
    colours: Array

    @staticmethod
    def of(
        body: Body,
        atlas: Atlas,
        colour: Floats,
        trust: Floats,
        garments: Garments,
        bare: NDArray[np.bool_] | None = None,
    ) -> Samples:
        """Sums of colours (N, 3) that are trusted so far (N,); ``bare`` (N,) as of ``Garments.of``."""
        count, kinds = body.vertex_count, len(garments.tones)
        corners, pulls = body.triangles[atlas.triangle[::_SAMPLE]], atlas.weights[::_SAMPLE]
        total = np.bincount(corners.ravel(), np.ones(corners.size), count)
        known = np.flatnonzero(trust[::_SAMPLE] > 0)
        corners, pulls = corners[known], pulls[known] * trust[::_SAMPLE][known, None]
        colour = colour[::_SAMPLE][known]
        kind = garments.of(colour, None if bare is None else bare[::_SAMPLE][known])
        places = (corners * kinds + kind[:, None]).ravel()
        sums = [np.bincount(places, pulls.ravel(), count * kinds)]
        sums += [np.bincount(places, (pulls * colour[:, c, None]).ravel(), count * kinds) for c in range(3)]
        # a vertex that is seen on one of its sides alone is half as sure
        votes, *colours = (s.reshape(count, kinds) / np.maximum(total / 3, 1e-9)[:, None] for s in sums)
        return Samples(votes, np.stack(colours, axis=2))

    @staticmethod
    def plain(where: NDArray[np.bool_], garment: int, tone: Array, kinds: int) -> Samples:
        """As if one of so many garments were seen at vertices (V,), in a colour (3,) linear."""
        votes = np.zeros((len(where), kinds))
        votes[where, garment] = 1.0
        return Samples(votes, votes[..., None] * tone)
