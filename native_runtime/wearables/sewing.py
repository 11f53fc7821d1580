"""Garments made from a body's own surface: cut along lines, spanned over hollows, with a hem of some thickness.

Cloth lies clear of the skin in the rest shape, and is pushed out where the skin would come through it in some other
shape or pose; what it is bound to is chosen so that it seldom has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PAINTED, PARTS, parts_of

from .patch import ANCHORS, Bools, Floats, Ints, Patch, patch_of
from .wearable import Wearable

#: cm, how far cloth lies above the skin, and how much further a band of elastic does.
_THICKNESS, _BAND = 0.28, 0.07
#: The hem, from the cloth's outer edge to below the skin: cm beyond the edge, cm above the skin.
_HEM = ((0.10, 0.20), (0.12, 0.05), (0.04, -0.25))
#: cm, how far around a place cloth is bound to what lies beyond.
_BRIDGED = 2.2
#: Polygons of the body that a garment lies on, at least.
_FEWEST = 24
#: The name of the material along the edges.
BAND = "band"
#: Rounds of smoothing that leave no relief of the skin.
_ROUNDS = 8
#: cm, how far cloth lies above the skin in other shapes and poses than the rest shape, and by how much it is pushed out
#: for it at most.
_CLEAR, _MOST_PUSHED = 0.2, 0.4
#: cm: the thickness of the slices that hollows are looked for in, and how deep one is at least.
_SLICE, _FLAT = 1.0, 0.1
#: cm, by how much a hollow may be filled beyond the cloth that spans it; the rest is pushed out.
_FILLED = 0.12
#: The least and most of a shape's coefficient that counts.
_MOST = 2.5
#: Both legs raised to sit, one raised and the other back, and both apart.
_POSES: tuple[dict[str, float], ...] = (
    {"l_upleg_rz": -1.5, "r_upleg_rz": -1.5},
    {"l_upleg_rz": -1.3, "r_upleg_rz": 0.3},
    {"l_upleg_rz": 0.3, "r_upleg_rz": -1.3},
    {"l_upleg_ry": 0.5, "r_upleg_ry": 0.5},
)

Line = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Cut:
    """A line at which a garment ends, and the width of the band along it, cm."""

    line: Line
    band: float = 0.0


@dataclass(frozen=True)
class Pattern:
    """How a garment is cut.

    Attributes:
        parts: of the body (``anatomy.PARTS``) that it may lie on.
        cuts: where it ends.
        seed: (3,) cm; what does not hang together with the nearest vertex is left out.
        spanned: from rest positions (N, 3) how far (N,), 0..1, the cloth spans hollows of the body there.
        evened: in the same way how far it is without the skin's relief.
        bridged: (3,) cm, places whose relief within ``_BRIDGED`` cm the cloth follows in no shape of the body.
        padding: cm, how much thicker it is (N,).
    """

    parts: tuple[str, ...]
    cuts: tuple[Cut, ...]
    seed: Floats
    spanned: Line
    evened: Line = lambda points: np.full(len(points), 0.4)
    bridged: tuple[Floats, ...] = ()
    padding: Line = lambda points: np.zeros(len(points))


def sew(body: Body, name: str, kind: str, pattern: Pattern) -> Wearable:
    """A garment for a body, of the materials ``kind`` and, along its edges, ``BAND``; without colours.

    Args:
        name, kind: see ``Wearable``.

    Raises:
        Sam3dbError: the body has nothing where the pattern lies.
    """
    rest = body.rest_vertices.astype(np.float64)
    patch = _cut_out(body, rest, pattern)
    band = _bands(patch, rest, pattern.cuts)
    skin = patch.points(rest)
    normals = patch.normals(skin)
    spanned = pattern.spanned(skin)
    samples = _samples(body, np.unique(patch.anchors))
    cloth = _spanned(patch, skin, spanned, samples)
    points = cloth.points(rest)
    points[:, 1] = skin[:, 1]  # spanned level
    border = np.zeros(len(skin), bool)
    loops = patch.border()
    border[[vertex for loop in loops for vertex in loop]] = True
    evened = pattern.evened(skin)
    cloth = cloth.blurred((evened > 0.5) & ~border).blurred((evened > 0.5) & ~border)
    for place in pattern.bridged:
        cloth = _bridged(cloth, skin, place)
    even = points + evened[:, None] * (patch.smoothed(points, _ROUNDS, border) - points)
    lift = _THICKNESS + _BAND * patch.smoothed(_vertices_of(patch, band), 1)[:, 0] + pattern.padding(skin)
    cloth_normals = patch.normals(even)
    lifted = even + cloth_normals * lift[:, None]
    offsets = _cleared(patch, cloth, lifted - points, normals, lift, [rest, *samples])
    lifted = points + offsets
    return _hemmed(cloth, name, kind, lifted, patch.normals(lifted), lift, band, loops)


def _bridged(patch: Patch, points: Floats, place: Floats) -> Patch:
    """The patch with its vertices near a place bound to a ring of others around it."""
    away = np.linalg.norm(points - place, axis=1)
    inside = np.flatnonzero(away < _BRIDGED)
    outside = np.flatnonzero((away >= _BRIDGED) & (away < _BRIDGED + 2.5))
    if len(outside) < ANCHORS:
        return patch
    turns = np.arctan2(*(points[outside] - place)[:, [1, 0]].T)
    ring = []
    for turn in np.linspace(-np.pi, np.pi, ANCHORS, endpoint=False):
        off = np.abs(np.angle(np.exp(1j * (turns - turn))))
        ring.append(int(outside[np.argmin(off + 0.2 * away[outside])]))
    ring = list(dict.fromkeys(ring))
    sums = {}
    for vertex in inside.tolist():
        weights = 1 / (((points[ring] - points[vertex]) ** 2).sum(axis=1) + 0.5)
        sums[vertex] = (ring, (weights / weights.sum()).tolist())
    return patch.mixed(sums)


def _cleared(
    patch: Patch, cloth: Patch, offsets: Floats, normals: Floats, lift: Floats, samples: Sequence[Floats]
) -> Floats:
    """Offsets (N, 3) from where cloth is bound, longer where the skin would come out of it in one of some shapes.

    Args:
        normals: (N, 3) of the skin at rest.
        lift: (N,) cm, how far the cloth is to lie above the skin at rest.
    """
    for number, sample in enumerate(samples):
        skin, bound = patch.points(sample), cloth.points(sample)
        turned = patch.normals(skin)
        least = lift if not number else np.full(len(lift), _CLEAR)
        # the offset turns with the skin, about as much as the normal does
        above = ((bound - skin) * turned).sum(axis=1) + (offsets * normals).sum(axis=1)
        short = np.clip(least - above, 0, None if not number else _MOST_PUSHED)
        offsets = offsets + normals * np.maximum(short, patch.smoothed(short[:, None], 1)[:, 0])[:, None]
    return offsets


def _cut_out(body: Body, rest: Floats, pattern: Pattern) -> Patch:
    allowed = np.isin(parts_of(body), [PARTS.index(part) for part in pattern.parts])
    skin = np.array([material in PAINTED for material in body.material_names])
    near = np.stack([cut.line(rest) for cut in pattern.cuts]).min(axis=0) > -8.0
    starts = np.cumsum(body.face_sizes) - body.face_sizes
    faces = np.logical_and.reduceat((allowed & near)[body.face_vertices], starts)
    if skin.any():
        faces &= skin[body.face_materials]
    if not faces.any():
        raise Sam3dbError(f"'{body.name}' has no {' and '.join(pattern.parts)} to make a garment for.")
    patch = patch_of(body, faces)
    for cut in pattern.cuts:
        patch = patch.cut(cut.line(patch.points(rest)))
        inside = patch.face_means(cut.line(patch.points(rest))) > 0
        if not inside.any():
            raise Sam3dbError(f"'{body.name}' has nothing where the garment would lie.")
        patch = patch.only(inside)
        if cut.band:
            patch = patch.cut(cut.line(patch.points(rest)) - cut.band)
    nearest = int(np.argmin(((patch.points(rest) - pattern.seed) ** 2).sum(axis=1)))
    patch = patch.only(patch.connected(nearest))
    if len(patch.faces) < _FEWEST:
        raise Sam3dbError(f"'{body.name}' has too few polygons where the garment would lie.")
    return patch


def _bands(patch: Patch, rest: Floats, cuts: Sequence[Cut]) -> Bools:
    """(F,) the polygons that lie on a band."""
    points = patch.points(rest)
    band = np.zeros(len(patch.faces), bool)
    for cut in cuts:
        if cut.band:
            band |= patch.face_means(cut.line(points)) < cut.band
    return band


def _vertices_of(patch: Patch, faces: Bools) -> Floats:
    """(N, 1) 1 for the vertices of some polygons (F,)."""
    found = np.zeros((len(patch.anchors), 1))
    found[patch.corners[np.repeat(faces, patch.sizes)]] = 1.0
    return found


@dataclass(frozen=True)
class _Span:
    """Where cloth lies over a hollow: a vertex, the two that hold it, and where between them, 0..1."""

    vertex: int
    ends: tuple[int, int]
    share: float


def _spanned(patch: Patch, points: Floats, amount: Floats, samples: Sequence[Floats]) -> Patch:
    """The patch with its vertices on the convex hulls of horizontal slices, as far as ``amount`` (N,) says.

    A vertex within a hollow comes to lie between the two places where the hull touches the body, and moves with them;
    less so where some shape or pose of the body fills the hollow.

    Args:
        samples: the body's vertices (V, 3) in such shapes and poses.
    """
    spans = _spans(points, amount)
    if not spans:
        return patch
    vertices = np.array([span.vertex for span in spans])
    ends, shares = np.array([span.ends for span in spans]), np.array([span.share for span in spans])
    kept = np.zeros(len(points))
    kept[vertices] = amount[vertices]
    for sample in samples:
        skin = patch.points(sample)
        normals = patch.normals(skin)
        between = (1 - shares)[:, None] * skin[ends[:, 0]] + shares[:, None] * skin[ends[:, 1]]
        out = normals[ends].sum(axis=1)
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
        filled = ((skin[vertices] - between) * out).sum(axis=1)
        kept[vertices] = np.minimum(kept[vertices], np.clip(_FILLED / np.maximum(filled, 1e-9), 0, 1))
    kept = np.minimum(kept, patch.smoothed(kept[:, None], 2)[:, 0])
    sums = {}
    for span in spans:
        share = float(kept[span.vertex])
        weights = (1 - share, share * (1 - span.share), share * span.share)
        sums[span.vertex] = ((span.vertex, *span.ends), weights)
    return patch.mixed(sums)


def _spans(points: Floats, amount: Floats) -> list[_Span]:
    found = []
    wanted = np.flatnonzero(amount > 0)
    level = np.floor(points[:, 1] / _SLICE)
    for number in np.unique(level[wanted]):
        mine = wanted[level[wanted] == number]
        near = wanted[np.abs(points[wanted, 1] - (number + 0.5) * _SLICE) < _SLICE]
        hull = near[cv2.convexHull(points[near][:, [0, 2]].astype(np.float32), returnPoints=False).ravel()]
        if len(hull) < 3:
            continue
        following = np.roll(hull, -1)
        a, along = points[hull][:, [0, 2]], (points[following] - points[hull])[:, [0, 2]]
        away = points[mine][:, None, [0, 2]] - a
        t = np.clip((away * along).sum(axis=2) / np.maximum((along**2).sum(axis=1), 1e-9), 0, 1)
        gaps = np.linalg.norm(away - t[..., None] * along, axis=2)
        for row, best in enumerate(gaps.argmin(axis=1)):
            if gaps[row, best] > _FLAT:
                ends = int(hull[best]), int(following[best])
                found.append(_Span(int(mine[row]), ends, float(t[row, best])))
    return found


def _samples(body: Body, used: Ints) -> list[Floats]:
    """Vertices (V, 3) of a body in shapes and poses that fill or deepen its hollows; only those ``used`` are right."""
    soft = np.flatnonzero(np.array(body.identity_groups) == body.identity_groups[0])
    low, high = (np.clip(limits, -_MOST, _MOST) for limits in (body.identity_min, body.identity_max))
    coefficients = [{k: value[k]} for k in soft[3:] for value in (low, high)]
    # the first ones change a body most, and together
    for signs in product((low, high), repeat=len(soft[:3])):
        coefficients.append({k: value[k] for k, value in zip(soft[:3], signs)})
    shapes = []
    for chosen in coefficients:
        shape = body.rest_vertices.astype(np.float64)
        for k, value in chosen.items():
            shape[used] += value * body.identity_basis[k, used]
        shapes.append(shape)
    posed = []
    for values in _POSES:
        parameters = np.zeros(len(body.parameter_names))
        for name, value in values.items():
            parameters[body.parameter_index(name)] = value
        posed.append(body.skin(body.pose(parameters), body.rest_vertices).astype(np.float64))
    return shapes + posed


def _hemmed(
    patch: Patch,
    name: str,
    kind: str,
    points: Floats,
    normals: Floats,
    lift: Floats,
    band: Bools,
    loops: list[list[int]],
) -> Wearable:
    """The cloth with its edges turned in."""
    anchors, shares, all_points = [patch.anchors], [patch.shares], [points]
    faces, uvs = [list(face) for face in patch.faces], [patch.uvs]
    materials = band.astype(np.int32).tolist()
    count = len(points)
    face_of, uv_of = _at_border(patch)
    for loop in loops:
        ring = np.array(loop)
        outward = np.cross(np.roll(points[ring], -1, axis=0) - np.roll(points[ring], 1, axis=0), normals[ring])
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
        before = ring
        for beyond, above in _HEM:
            anchors.append(patch.anchors[ring])
            shares.append(patch.shares[ring])
            all_points.append(points[ring] + beyond * outward + (above - lift[ring])[:, None] * normals[ring])
            now = np.arange(count, count + len(ring))
            count += len(ring)
            for k in range(len(ring)):
                following = (k + 1) % len(ring)
                faces.append([int(before[following]), int(before[k]), int(now[k]), int(now[following])])
                side = loop[k], loop[following]
                materials.append(int(band[face_of[side]]))
                first, second = uv_of[side]
                uvs.append(np.array([second, first, first, second]))
            before = now
    return Wearable(
        name=name,
        kind=kind,
        vertices=np.concatenate(all_points),
        anchors=np.concatenate(anchors),
        shares=np.concatenate(shares),
        face_sizes=np.array([len(face) for face in faces], np.int32),
        face_vertices=np.array([vertex for face in faces for vertex in face], np.int32),
        face_materials=np.array(materials, np.int32),
        material_names=(kind, BAND),
        uvs=np.concatenate(uvs).astype(np.float32),
    )


def _at_border(patch: Patch) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], tuple[Floats, Floats]]]:
    """For each directed edge of a polygon: which polygon it is of, and the texture coordinates at its ends."""
    face_of, uv_of, start = {}, {}, 0
    for number, face in enumerate(patch.faces):
        for corner, (u, v) in enumerate(zip(face, face[1:] + face[:1])):
            face_of[u, v] = number
            uv_of[u, v] = patch.uvs[start + corner], patch.uvs[start + (corner + 1) % len(face)]
        start += len(face)
    return face_of, uv_of
