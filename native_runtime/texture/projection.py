"""What one photo shows of a body's surface: colours, and how far each can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import crop_intrinsics, project, resize_intrinsics
from native_runtime.render.colour import decode_srgb
from native_runtime.render.raster import Surface, View, seen_by

from .alignment import face_moves
from .anatomy import parts_of_limb
from .atlas import Atlas, interpolated
from .glasses import behind_glasses
from .light import NO_LIGHT, ShadeEstimate, estimate_light
from .outline import person_mask

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

_MARGIN = 0.12
#: Steps of depth between neighbouring pixels that are two surfaces, not one that is seen at an angle: m, and times the
#: width of a pixel.
_STEP_M, _STEP_PX = 0.02, 8.0
#: A texel may lie so far behind what its pixel shows, m.
_BIAS = 0.006
#: Parts of the person's size: up to the first from an edge no pixel is used; from the second on they count fully.
_EDGE, _CLEAR = 0.004, 0.014
_LEAST_EDGE_PX = 1.5
#: As far around the person is looked at what is beside, in so many places.
_BESIDE, _MOST_BESIDE = 0.15, 4000
#: Cosines of the angle to the camera: below the first nothing is taken, from the second on it counts fully.
_GRAZING, _FACING = 0.15, 0.7
#: The same of the face, whose features smear sooner.
_FACE_GRAZING, _FACE_FACING = 0.3, 0.75


@dataclass(frozen=True, eq=False)
class Shot:
    """A photo of a person who was estimated in it.

    Attributes:
        pixels: (H, W, 3) sRGB, red first.
        intrinsics: (3, 3) px of ``pixels``.
        vertices: (V, 3) m, camera axes, of the texture's body.
        others: other people's vertices and triangles, m, camera axes.
        mask: (H, W) which pixels show the person, as somebody drew it; None: it is looked for.
        hint: (H, W) the same by a coarse segmentation, or None.
        strangers: (H, W) which pixels show other people, as far as that is known besides, or None.
        face: (4, 2) px of ``pixels``, where the points of ``alignment.FACE_POINTS`` are seen, or None.
        hidden: limbs that are not clearly seen, such as "left arm".
        looks: yaw and pitch of the photo's face, see ``alignment.face_moves``, or None.
        dark_glasses: whether the eyes lie behind dark glasses, which show nothing of the face.
    """

    pixels: Pixels
    intrinsics: Array
    vertices: Array
    others: tuple[tuple[Array, NDArray[np.int32]], ...] = ()
    mask: Bools | None = None
    hint: Bools | None = None
    strangers: Bools | None = None
    face: Array | None = None
    hidden: tuple[str, ...] = ()
    looks: tuple[float, float] | None = None
    dark_glasses: bool = False


@dataclass(frozen=True, eq=False)
class Seen:
    """What a photo shows of each texel (N) of an atlas.

    Attributes:
        colour: (N, 3) linear, without the estimated light.
        weight: (N,) 0..1.
        inset: (N,) how far within the outline of what is seen a texel lies, parts of the person's size.
        light: what was taken out.
        doubted: (N,) whether a texel's limb is not clearly seen.
        beside: (M, 3) linear colours of what lies around the person in the photo.
        believed: (N,) 0..1, below 1 in a face that is turned aside and gives its tone alone; None: 1.
    """

    colour: Floats
    weight: Floats
    inset: Floats
    light: ShadeEstimate
    doubted: Bools
    beside: Floats
    believed: Floats | None = None


@dataclass(frozen=True, eq=False)
class _Raster:
    """The part of a photo around a person: what its pixels show.

    ``triangle`` is -1 where the body is not the nearest surface; ``depth`` is of whatever is nearest.
    """

    pixels: Pixels
    intrinsics: Array
    triangle: NDArray[np.int64]
    depth: Floats
    normals: Floats
    others: Bools


def look(shot: Shot, body: Body, anatomy: Anatomy, atlas: Atlas, light: bool = True) -> Seen:
    """Everything that a photo shows of a body's surface.

    Args:
        light: take the estimated light out of the colours.
    """
    count = len(atlas.texel)
    none = np.zeros(count, np.float32)
    nothing = Seen(
        np.zeros((count, 3), np.float32), none, none, NO_LIGHT, np.zeros(count, bool), np.zeros((0, 3), np.float32)
    )
    part = _crop(shot, atlas.size)
    if part is None:
        return nothing
    pixels, intrinsics, (mask, hint, strangers) = part
    raster = _rasterised(pixels, intrinsics, shot, body.triangles)
    if strangers is not None:
        raster = replace(raster, others=raster.others | strangers, triangle=np.where(strangers, -1, raster.triangle))
    if not (raster.triangle >= 0).any():
        return nothing
    if mask is None:
        own = raster.triangle >= 0
        # hands are where estimates are least sure
        firm = own & ~anatomy.hands[body.triangles[np.maximum(raster.triangle, 0), 0]]
        mask = person_mask(pixels, own, raster.others, firm, hint)
    inset, trusted = _trusted(raster, mask)
    linear = decode_srgb(raster.pixels)
    around = _around(mask, raster.triangle >= 0)
    beside = linear[around][:: -(-int(around.sum()) // _MOST_BESIDE) or 1]
    shade = NO_LIGHT
    own = raster.triangle >= 0
    if light:
        sure = own & (trusted > 0.5)
        corners = body.triangles[raster.triangle[sure], 0]
        shade = estimate_light(linear[sure], raster.normals[sure], anatomy.part[corners])
        linear[own] /= shade.factor(raster.normals[own])[:, None]
    moves, believed = face_moves(shot.face, shot.vertices, shot.intrinsics, body, anatomy, shot.looks)
    moves *= raster.intrinsics[0, 0] / shot.intrinsics[0, 0]
    colour, weight, inset = _sampled(
        shot.vertices, raster, linear, np.dstack([trusted, inset]), moves, body, anatomy, atlas
    )
    if shot.dark_glasses:
        weight *= 1 - atlas.across(body.triangles, behind_glasses(body, anatomy)[:, None])[:, 0]
    parts = anatomy.part[body.triangles[atlas.triangle, 0]]
    doubted = np.isin(parts, [n for limb in shot.hidden for n in parts_of_limb(limb)])
    faith = atlas.across(body.triangles, believed[:, None])[:, 0] if believed.min() < 1 else None
    return Seen(colour, weight, inset, shade, doubted, beside, faith)


def _crop(shot: Shot, side: int) -> tuple[Pixels, Array, list[Bools | None]] | None:
    """The part of the photo around the person, no larger than the texture: pixels, intrinsics, and the shot's masks:
    mask, hint, strangers.
    """
    height, width = shot.pixels.shape[:2]
    places = project(shot.vertices, shot.intrinsics)
    places = places[np.isfinite(places).all(axis=1)]
    if len(places) == 0:
        return None
    low, high = places.min(axis=0), places.max(axis=0)
    margin = _MARGIN * float((high - low).max()) + 4
    left, top = np.clip(np.floor(low - margin), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(high + margin) + 1, 0, (width, height)).astype(int)
    if right - left < 4 or bottom - top < 4:
        return None
    window = (slice(top, bottom), slice(left, right))
    intrinsics = crop_intrinsics(shot.intrinsics, left, top)
    masks = [None if m is None else m[window] for m in (shot.mask, shot.hint, shot.strangers)]
    pixels = np.ascontiguousarray(shot.pixels[window])
    scale = side / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        intrinsics = resize_intrinsics(intrinsics, size[0] / pixels.shape[1], size[1] / pixels.shape[0])
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        masks = [
            None if m is None else cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
            for m in masks
        ]
    return pixels, intrinsics, masks


def _rasterised(pixels: Pixels, intrinsics: Array, shot: Shot, triangles: NDArray[np.int32]) -> _Raster:
    height, width = pixels.shape[:2]
    vertices, faces, count = [shot.vertices], [triangles], len(shot.vertices)
    for points, others in shot.others:
        vertices.append(points)
        faces.append(others + count)
        count += len(points)
    all_faces = np.concatenate(faces)
    surface = Surface(
        np.concatenate(vertices).astype(np.float64),
        all_faces,
        np.zeros((count, 3)),
        np.zeros((len(all_faces), 3), bool),
        np.zeros(len(all_faces), bool),
    )
    hits, local = seen_by(View(intrinsics, np.eye(3), np.zeros(3), width, height), surface)
    corners = all_faces[hits.triangle]
    weights = hits.weights / np.maximum(local[:, 2], 1e-3)[corners].astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    values = interpolated(corners, weights, np.concatenate([surface.normals, local[:, 2:]], axis=1))
    normals, depth = np.zeros((height * width, 3), np.float32), np.full(height * width, np.inf, np.float32)
    normals[hits.pixel] = values[:, :3] / np.maximum(np.linalg.norm(values[:, :3], axis=1, keepdims=True), 1e-9)
    depth[hits.pixel] = values[:, 3]
    triangle = np.full(height * width, -1, np.int64)
    mine = hits.triangle < len(triangles)
    triangle[hits.pixel[mine]] = hits.triangle[mine]
    other = np.zeros(height * width, bool)
    other[hits.pixel[~mine]] = True
    shape = (height, width)
    return _Raster(
        pixels,
        intrinsics,
        triangle.reshape(shape),
        depth.reshape(shape),
        normals.reshape(*shape, 3),
        other.reshape(shape),
    )


def _trusted(raster: _Raster, mask: Bools) -> tuple[Floats, Floats]:
    """(H, W) how far a pixel is from the person's outline and from where one surface hides another, parts of the
    person's size; and 0..1, how sure it is therefore to show the surface that the body has there.
    """
    own = raster.triangle >= 0
    rows, columns = np.nonzero(own)
    extent = float(max(np.ptp(rows), np.ptp(columns)) + 1)
    # beyond everything is far away, which is a step as well
    depth = np.minimum(raster.depth, 1e4)
    kernel = np.ones((3, 3), np.uint8)
    step = cv2.dilate(depth, kernel) - cv2.erode(depth, kernel)
    limit = np.maximum(_STEP_M, _STEP_PX * depth / raster.intrinsics[0, 0])
    # the frame of the photo is no edge of the person
    edges = (step > limit) | (mask & raster.others)
    free = cv2.copyMakeBorder((mask & ~edges).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    low = max(_LEAST_EDGE_PX, _EDGE * extent)
    high = max(low + 1, _CLEAR * extent)
    trusted = np.clip((distance - low) / (high - low), 0, 1) * own
    return np.asarray(distance / extent, np.float32), np.asarray(trusted, np.float32)


def _around(mask: Bools, body: Bools) -> Bools:
    """(H, W) what lies around a person, and surely is somebody or something else."""
    rows, columns = np.nonzero(body)
    extent = float(max(np.ptp(rows), np.ptp(columns)) + 1)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray((away > _CLEAR * extent) & (away < _BESIDE * extent))


def _sampled(
    vertices: Array,
    raster: _Raster,
    linear: Floats,
    trusted: Floats,
    moves: Array,
    body: Body,
    anatomy: Anatomy,
    atlas: Atlas,
) -> tuple[Floats, Floats, Floats]:
    """Colour, weight and inset of the texels, see ``Seen``.

    Args:
        trusted: (H, W, 2) 0..1 and the inset, see ``_trusted``.
        moves: (V, 2) px, from where a vertex is to where the photo shows it.
    """
    height, width = trusted.shape[:2]
    triangles = body.triangles
    surface = Surface(vertices, triangles, vertices, np.zeros((0, 3), bool), np.zeros(0, bool))
    points = atlas.across(triangles, vertices)
    normals = atlas.across(triangles, surface.normals)
    length = np.sqrt(np.einsum("nc,nc->n", points, points))
    facing = -np.einsum("nc,nc->n", normals, points)
    facing /= np.maximum(length * np.sqrt(np.einsum("nc,nc->n", normals, normals)), 1e-9)
    depth = np.maximum(points[:, 2], 1e-3)
    matrix = raster.intrinsics.astype(np.float32)
    x = (points[:, 0] * matrix[0, 0] + points[:, 1] * matrix[0, 1]) / depth + matrix[0, 2]
    y = points[:, 1] * matrix[1, 1] / depth + matrix[1, 2]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1) & (points[:, 2] > 0.05)
    inside &= anatomy.painted[atlas.triangle]
    column, row = (np.clip(np.round(v), 0, n - 1).astype(np.int32) for v, n in ((x, width), (y, height)))

    nearest = cv2.dilate(raster.depth, np.ones((3, 3), np.uint8))[row, column]
    weight = np.clip((facing - _GRAZING) / (_FACING - _GRAZING), 0, 1)
    of_face = anatomy.face[triangles].all(axis=1)[atlas.triangle]
    weight[of_face] = np.clip((facing[of_face] - _FACE_GRAZING) / (_FACE_FACING - _FACE_GRAZING), 0, 1)
    weight *= inside & (points[:, 2] <= nearest + _BIAS)
    trust, inset = sampled(trusted, x, y).T
    weight *= trust
    if moves.any():
        # the face is looked up where the photo shows it; what is trusted has to be so in both places
        moved = atlas.across(triangles, moves)
        x, y = x + moved[:, 0], y + moved[:, 1]
        trust, beside = sampled(trusted, x, y).T
        weight, inset = np.minimum(weight, trust), np.minimum(inset, beside)
    return sampled(linear, x, y), weight.astype(np.float32), np.ascontiguousarray(inset)


def sampled(picture: Floats, x: Floats, y: Floats) -> Floats:
    """A picture (H, W) or (H, W, C) at places (N,) px: (N, C)."""
    side = 1 << 14  # OpenCV's pictures have fewer rows than 32768
    count = -(-len(x) // side)
    pad = count * side - len(x)
    grid_x, grid_y = (np.pad(v.astype(np.float32), (0, pad)).reshape(count, side) for v in (x, y))
    found = cv2.remap(picture, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(count * side, -1)[: len(x)])
