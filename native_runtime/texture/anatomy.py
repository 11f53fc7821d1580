"""Parts of a body that matter to its texture, and what lies opposite to what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FINGERS = ("wrist", "thumb", "index", "middle", "ring", "pinky")
_FOOT = ("foot", "talocrural", "subtalar", "transversetarsal", "ball")
PARTS: tuple[str, ...] = (
    "torso", "neck", "head",
    "l_uparm", "r_uparm", "l_lowarm", "r_lowarm", "l_hand", "r_hand",
    "l_upleg", "r_upleg", "l_lowleg", "r_lowleg", "l_foot", "r_foot",
)  # fmt: skip
_LIMBS = {"arm": ("uparm", "lowarm", "hand"), "leg": ("upleg", "lowleg", "foot")}
#: Parts of the mesh that the photo's pixels are laid on; eyes, teeth and the inside of the mouth keep their materials.
PAINTED = ("skin", "lips", "nails")
#: Vertices whose mirror images are at most so far apart, cm, are each other's opposite.
_SAME_PLACE = 0.08
#: Parts of the height of the head above the eyes: where hair begins. Behind the eyes by so many cm, the face ends.
_HAIRLINE, _FACE_DEPTH, _NAPE = 0.55, 7.5, 6.0
#: How far above the sole a foot is an ankle, around which socks and shoes end as garments do around a leg, cm.
_ANKLE = 5.0
#: Rounds in which the axes of neighbouring parts are blended.
_TURNING = 4
#: cm from the hairline from which on there surely is hair, where there is any.
_HAIR_DEPTH = 4.0


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What is known of a body's vertices (V), triangles (T) and edges (E).

    Attributes:
        body: whose parts they are.
        part: (V,) index in ``PARTS``.
        head: (V,) whether a vertex belongs to the head.
        face, scalp, hands, feet: (V,) regions of skin and hair.
        hair: (V,) 0..1, how far within the scalp a vertex lies, and so how surely hair grows there.
        painted: (T,) whether the photo is laid on a triangle.
    """

    body: Body
    part: Ints
    head: Bools
    face: Bools
    scalp: Bools
    hair: Array
    hands: Bools
    feet: Bools
    painted: Bools

    @cached_property
    def edges(self) -> Ints:
        """(E, 2) vertices: the edges of the polygons, without the diagonals that divide them."""
        return _edges(self.body)

    @cached_property
    def axis(self) -> Array:
        """(V, 3) unit vectors at rest along the limb, or the trunk; 0 where nothing is long."""
        return _axis(self.body.rest_vertices.astype(np.float64), self.edges, self.part)

    @cached_property
    def mirror_loops(self) -> Ints:
        """(T, 3) the face corner opposite to each corner of a triangle; -1 where there is none."""
        return _mirror_loops(self.body)


@lru_cache(maxsize=2)
def anatomy_of(body: Body) -> Anatomy:
    """The parts of a body."""
    part = parts_of(body)
    rest = body.rest_vertices.astype(np.float64)
    head = part == PARTS.index("head")
    face, scalp = np.zeros_like(head), np.zeros_like(head)
    if head.any() and "l_eye" in body.joint_names:
        eye = body.pose(np.zeros(len(body.parameter_names))).translations[body.joint_index("l_eye")]
        hairline = eye[1] + _HAIRLINE * (rest[head, 1].max() - eye[1])
        face = head & (rest[:, 2] > eye[2] - _FACE_DEPTH) & (rest[:, 1] < hairline)
        scalp = head & ~face & (rest[:, 1] > eye[1] - _NAPE)
    materials = np.array([name in PAINTED for name in body.material_names])
    if not materials.any():
        materials[:] = True
    return Anatomy(
        body=body,
        part=part,
        head=head,
        face=face,
        scalp=scalp,
        hair=_hair(rest, scalp, head),
        hands=np.isin(part, [PARTS.index("l_hand"), PARTS.index("r_hand")]),
        feet=np.isin(part, [PARTS.index("l_foot"), PARTS.index("r_foot")]),
        painted=materials[body.face_materials[body.triangle_faces]],
    )


def _hair(rest: Array, scalp: Bools, head: Bools) -> Array:
    """(V,) see ``Anatomy.hair``."""
    hair = np.zeros(len(rest))
    outside = rest[head & ~scalp]
    if scalp.any() and len(outside):
        inside = rest[scalp]
        squares = (inside**2).sum(axis=1)[:, None] - 2 * inside @ outside.T + (outside**2).sum(axis=1)
        hair[scalp] = np.clip(np.sqrt(np.maximum(squares.min(axis=1), 0)) / _HAIR_DEPTH, 0, 1)
    return hair


def parts_of(body: Body) -> Ints:
    """(V,) the part of each vertex (index in ``PARTS``), by the joint that holds it most."""
    of_joint = np.array([PARTS.index(_part_of(name)) for name in body.joint_names])
    strongest = np.argmax(body.skin_weights, axis=1)
    return of_joint[body.skin_indices[np.arange(body.vertex_count), strongest]]


def _edges(body: Body) -> Ints:
    """(E, 2) see ``Anatomy.edges``."""
    following = np.arange(len(body.face_vertices)) + 1
    ends = np.cumsum(body.face_sizes)
    following[ends - 1] = ends - body.face_sizes
    pairs = np.stack([body.face_vertices, body.face_vertices[following]], axis=1).astype(np.int64)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _axis(rest: Array, edges: Ints, part: Ints) -> Array:
    """(V, 3) see ``Anatomy.axis``; where two parts meet, it turns from one to the other."""
    axes = np.zeros((len(PARTS), 3))
    for number, name in enumerate(PARTS):
        mine = rest[part == number]
        if name in ("torso", "neck"):
            axes[number] = (0.0, 1.0, 0.0)
        elif name.endswith(("arm", "leg")) and len(mine) > 3:
            along = np.linalg.svd(mine - mine.mean(axis=0), full_matrices=False)[2][0]
            axes[number] = -along if along[1] < 0 else along
    axis = axes[part]
    for side in "lr":
        foot = part == PARTS.index(f"{side}_foot")
        if foot.any():
            axis[foot & (rest[:, 1] > rest[foot, 1].min() + _ANKLE)] = axes[PARTS.index(f"{side}_lowleg")]
    long = axis.any(axis=1)
    first, second = edges.T
    count = np.maximum(np.bincount(edges.ravel(), minlength=len(rest)), 1)[:, None]
    for _ in range(_TURNING):
        around = np.zeros_like(axis)
        for c in range(3):
            around[:, c] = np.bincount(first, axis[second, c], len(rest)) + np.bincount(
                second, axis[first, c], len(rest)
            )
        axis = (axis + around / count) / 2
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    return np.where(long[:, None], axis / np.maximum(length, 1e-9), 0.0)


def parts_of_limb(limb: str) -> tuple[int, ...]:
    """The parts of a limb, such as "left arm"."""
    side, _, kind = limb.partition(" ")
    return tuple(PARTS.index(f"{side[:1]}_{name}") for name in _LIMBS.get(kind, ()))


def _part_of(joint: str) -> str:
    side, _, name = joint.partition("_")
    if side == "c":
        return "neck" if name.startswith("neck") else "torso" if name.startswith("spine") else "head"
    if name.startswith("eye"):
        return "head"
    if name.startswith(_FINGERS):
        return f"{side}_hand"
    if name.startswith(_FOOT):
        return f"{side}_foot"
    for limb in ("uparm", "lowarm", "upleg", "lowleg"):
        if name.startswith(limb):
            return f"{side}_{limb}"
    return "torso"


def opposite_vertices(points: NDArray) -> Ints:
    """(V,) which vertex lies where the mirror image (x to -x) of each does; -1: none.

    Args:
        points: (V, 3) cm.
    """
    mirrored = points * (-1.0, 1.0, 1.0)
    cells, offsets = np.floor(points / _SAME_PLACE).astype(np.int64), np.arange(-1, 2)
    keys = _keys(cells)
    order = np.argsort(keys, kind="stable")
    home = np.floor(mirrored / _SAME_PLACE).astype(np.int64)
    best, nearest = np.full(len(points), -1), np.full(len(points), _SAME_PLACE)
    for step in np.stack(np.meshgrid(offsets, offsets, offsets), axis=-1).reshape(-1, 3):
        wanted = _keys(home + step)
        at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
        found = order[at]
        distance = np.linalg.norm(points[found] - mirrored, axis=1)
        better = (keys[found] == wanted) & (distance < nearest)
        best[better], nearest[better] = found[better], distance[better]
    return best


def _keys(cells: Ints) -> Ints:
    shifted = cells + (1 << 19)
    return np.asarray((shifted[:, 0] << 40) | (shifted[:, 1] << 20) | shifted[:, 2])


def _mirror_loops(body: Body) -> Ints:
    """(T, 3) see ``Anatomy.mirror_loops``: the corner of the face whose vertices are all opposite to this one's."""
    partner = opposite_vertices(body.rest_vertices.astype(np.float64))
    partner[partner[partner] != np.arange(len(partner))] = -1
    starts = np.concatenate([[0], np.cumsum(body.face_sizes)[:-1]])
    vertices, mirrored = body.face_vertices.tolist(), partner[body.face_vertices].tolist()
    loops = np.full(len(vertices), -1)
    spans = list(zip(starts.tolist(), (starts + body.face_sizes).tolist()))
    known = {tuple(sorted(vertices[start:end])): start for start, end in spans}
    for start, end in spans:
        other = known.get(tuple(sorted(mirrored[start:end])))
        if other is not None:
            corners = vertices[other : other + end - start]
            for loop in range(start, end):
                loops[loop] = other + corners.index(mirrored[loop])
    return np.asarray(loops[body.triangle_loops])
