"""Hair as a mesh that a body wears: a handful of styles, made for any body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.skeleton import Pose

from .choice import Choice, Style, Wearer
from .hair_head import Head, Surface, head_of, sampled
from .hair_mesh import Mesh, cap, joined, locks
from .hair_paths import part_before, paths, spread
from .hair_styles import HAIR_STYLES, HairStyle, Locks
from .wearable import Wearable

Array = NDArray[np.float64]

KIND = "hair"
#: Linear Rec.709, where no colour is known: dark brown.
USUAL_COLOUR = (0.045, 0.024, 0.014)
#: Model parameters before this one are the pose; the rest sizes the skeleton.
_SIZES = 136
#: cm that hair is at least away from the skin.
_CLEARANCE = 0.12
#: Locks that the hairline leaves a smaller part of are not there.
_SHORTEST = 0.3


def hair_styles() -> tuple[HairStyle, ...]:
    """The styles that there are, from short to long."""
    return HAIR_STYLES


def style_of(name: str) -> HairStyle:
    """A style by its name.

    Raises:
        UsageError: there is none of that name.
    """
    for style in HAIR_STYLES:
        if style.name == name:
            return style
    raise UsageError(
        f"There is no hair style '{name}'. Those that there are: {', '.join(s.name for s in HAIR_STYLES)}."
    )


def make_hair(
    body: Body, style: str, model_parameters: NDArray | None = None, identity: NDArray | None = None
) -> Wearable:
    """Hair for a body.

    Args:
        style: the name of one of ``hair_styles``.
        model_parameters: (204,) of the person that it is made for, whose neck and shoulders long hair avoids; the
            pose in them does not matter.
        identity: (n_id,) of that person.

    Raises:
        UsageError: there is no such style.
        Sam3dbError: the body has no head.
    """
    chosen = style_of(style)
    sizes = np.zeros(len(body.parameter_names))
    if model_parameters is not None:
        sizes[_SIZES:] = np.asarray(model_parameters)[_SIZES:]
    pose = body.pose(sizes)
    shape = body.posed_vertices(pose, identity, correctives=False)
    head = head_of(body, shape, pose.translations)
    mesh = _grown(head, chosen)
    near = head.held.nearest(mesh.vertices)
    worn = Wearable(
        name=chosen.label,
        kind=KIND,
        vertices=mesh.vertices,
        anchors=head.held.corners[near],
        shares=head.held.shares[near],
        face_sizes=mesh.face_sizes,
        face_vertices=mesh.face_vertices,
        face_materials=np.zeros(len(mesh.face_sizes), np.int32),
        material_names=(KIND,),
        uvs=mesh.uvs,
        colours={KIND: USUAL_COLOUR},
    )
    return replace(worn, vertices=_at_rest(body, worn, pose, identity))


def _at_rest(body: Body, worn: Wearable, pose: Pose, identity: NDArray | None) -> Array:
    """(N, 3) cm: from where it is on the person that it was made for to where it is on the body without any shape."""
    on = worn.on(body)
    moves = pose.joints @ body.inverse_bind
    each = np.einsum("nk,nkab->nab", on.skin_weights.astype(np.float64), moves[on.skin_indices])
    back = np.linalg.solve(each[:, :3, :3], (worn.vertices - each[:, :3, 3])[..., None])[..., 0]
    if identity is None:
        return np.asarray(back)
    return np.asarray(back - np.tensordot(np.asarray(identity, np.float64), on.identity_basis, axes=1))


def _grown(head: Head, style: HairStyle) -> Mesh:
    rng = np.random.default_rng(style.seed)
    under = cap(
        head, style.hairline, style.cap, rng, style.columns, style.rows, style.lumps, style.rough, style.strands
    )
    layer = sampled(under.vertices, under.triangles, 0.8 * head.size)
    layer = layer.part(head.within(layer.points, style.hairline) > 0.1 * head.size)
    bare = head.within(head.surface.points, style.hairline) < 0.2 * head.size
    ground = Surface.of([layer, head.surface.part(bare)])
    lying = [_locks(head, style, part, layer, ground, rng) for part in style.locks]
    lying += [make(head, rng) for make in style.extras]
    for mesh in lying:
        height, normals = head.surface.height(mesh.vertices)
        mesh.vertices[:] += normals * np.maximum(_CLEARANCE * head.size - height, 0)[:, None]
    return joined([under, *lying])


def _locks(
    head: Head, style: HairStyle, part: Locks, layer: Surface, ground: Surface, rng: np.random.Generator
) -> Mesh:
    roots = spread(layer, part.region(head, layer.points), part.count, rng)
    lengths = rng.uniform(*part.length, len(roots)) * head.size
    state = rng.bit_generator.state
    points, out = paths(head, ground, roots, lengths, part.way, rng)
    if part.beyond is not None or part.until is not None:
        share = part_before(_past_end(head, style, part, points, rng))
        rng.bit_generator.state = state
        points, out = paths(head, ground, roots, lengths * np.clip(share, 0.2, 1.0), part.way, rng)
        kept = share >= _SHORTEST
        points, out, lengths = points[kept], out[kept], (lengths * share)[kept]
    along = np.linspace(0, 1, part.way.steps)
    profile = np.minimum(1.0, 0.6 + 3.0 * along) * np.clip((1 - along) / part.taper, 0, 1) ** 0.7
    fit = np.clip(lengths / (np.mean(part.length) * head.size) * 1.2, 0.6, 1.1) * rng.uniform(0.75, 1.25, len(points))
    widths = part.width * head.size * fit[:, None] * profile
    thickness = part.thickness * head.size * fit[:, None] * np.minimum(1.0, profile * 1.2)
    return locks(points, out, widths, thickness, rng)


def _past_end(head: Head, style: HairStyle, part: Locks, points: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(K, S) which points of paths (K, S, 3) lie beyond where locks are cut."""
    past = np.zeros(points.shape[:2], bool)
    if part.beyond is not None:
        past |= head.within(points, style.hairline) < -part.beyond * head.size
    if part.until is not None:
        level = head.eyes[1] - head.size * rng.uniform(*part.until, len(points))
        past |= points[..., 1] < level[:, None]
    return past


def _made(body: Body, choice: Choice) -> Wearable:
    return _coloured(make_hair(body, choice.style), choice)


def _fitted(body: Body, choice: Choice, wearer: Wearer) -> Wearable:
    return _coloured(make_hair(body, choice.style, wearer.model_parameters, wearer.identity), choice)


def _coloured(worn: Wearable, choice: Choice) -> Wearable:
    return worn if choice.colour is None else replace(worn, colours={KIND: choice.colour})


#: What ``wardrobe`` lists.
STYLES: dict[str, Style] = {style.name: Style(style.label, _made, _fitted) for style in HAIR_STYLES}
