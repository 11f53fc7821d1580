"""A character as arrays that are ready to be written: bones, skins and shapes in the export's rest pose; no Blender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.retarget.maps import RetargetMap

from .correcting import NAME, Causes, causes_of, pose_correctives, with_keys
from .options import ExportOptions
from .rest import Joints, rest_pose
from .skeleton import ExportSkeleton, export_skeleton
from .skinning import ShapeKey, Shown, Skin, blend, blend_directions, spread, strongest, unblend

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExportSkin:
    """A mesh of the file, world axes (m, Blender's).

    Attributes:
        points: (V, 3) the mesh at rest, without ``keys``.
        keys: the shapes that are kept, offsets at rest; those that hold what the bones cannot (``correcting``) last.
        bones, shares: (V, K) which bones move each vertex, and how much; rows sum to 1.
        deviation: (V,) m how far each vertex lies, when posed, from where Blender shows it now.
        causes: how far the bones alone would leave the skin from the character's, where it is posed.
    """

    points: Array
    keys: tuple[ShapeKey, ...]
    bones: NDArray[np.intp]
    shares: Array
    deviation: Array
    causes: Causes = field(default_factory=Causes)


@dataclass(frozen=True)
class ExportCharacter:
    """All that a file will hold, world axes (m, Blender's).

    Attributes:
        skeleton: the bones at rest and posed.
        posed: whether the pose, or an animation, is to be written.
        skins: the meshes.
    """

    skeleton: ExportSkeleton
    posed: bool
    skins: tuple[ExportSkin, ...]


def export_character_arrays(
    joints: Joints,
    skins: Sequence[Skin],
    world: Array,
    scale: float,
    retarget: RetargetMap,
    options: ExportOptions,
    frames: Array | None = None,
) -> ExportCharacter:
    """Brings a character into the rest pose and onto the bones that an export asks for.

    In the current pose the character keeps its place in the world. In a T or an A pose it stands at the origin with its
    feet on the floor and faces -y; the pose, where it is written, leads to its place in the world.

    Args:
        world, scale: where the rig stands: its matrix (4, 4) without scale, m, and its scale.
        frames: (F, N, 4, 4) world, m: the joints at each frame of the animation.
    """
    sized = np.diag([scale, scale, scale, 1.0])
    pose = world @ sized @ joints.pose
    is_current = options.rest == "current"
    rest = pose if is_current else sized @ rest_pose(joints, options.rest)
    unbind = np.linalg.inv(joints.bind)
    full = [skin.points if is_current else _moved(skin, pose @ unbind, rest @ unbind) for skin in skins]
    if not is_current:
        down = _to_the_floor(rest, joints, [points for points, skin in zip(full, skins) if skin.carrier is None])
        rest, full = down @ rest, [points + down[:3, 3] for points in full]

    frames = np.zeros((0, *pose.shape)) if frames is None else frames
    deformed = [k for k, skin in enumerate(skins) if skin.carrier is None]
    skeleton = export_skeleton(
        joints,
        rest,
        pose,
        frames,
        np.concatenate([np.zeros((0, 3)), *(full[k] for k in deformed)]),
        np.concatenate([np.zeros((0, len(joints.names))), *(skins[k].weights for k in deformed)]),
        retarget,
        options.twist,
    )
    posed = options.pose and not options.is_vrm and (bool(len(frames)) or not is_current)
    motions = _Motions(
        unbound=rest @ unbind,
        joints=(frames if len(frames) else pose[None]) @ np.linalg.inv(rest),
        bones=(skeleton.frames if len(frames) else skeleton.pose[None]) @ np.linalg.inv(skeleton.rest),
        now=skeleton.motion,
        owners=skeleton.owners,
        animated=bool(len(frames)),
    )
    made: list[ExportSkin] = []
    for skin, points in zip(skins, full):
        first = 1 + sum(key.name.startswith(NAME) for before in made for key in before.keys)
        made.append(_export_skin(skin, points, motions, is_current, posed, options, first))
    return ExportCharacter(skeleton, posed, tuple(made))


def _moved(skin: Skin, pose: Array, rest: Array) -> Array:
    """A skin's points (V, 3) as the bones' motions to the rest pose carry them; both motions (N, 4, 4) from bind."""
    return blend(unblend(skin.points, skin.weights, pose, skin.unposed), skin.weights, rest)


@dataclass(frozen=True)
class _Motions:
    """What moves the skins.

    Attributes:
        unbound: (N, 4, 4) the joints' motions from bind to the rest pose.
        joints, bones: (F, N, 4, 4) and (F, B, 4, 4) the motions of joints and of the file's bones from rest at each
            frame that is written, or as they stand now.
        now: (B, 4, 4) those of the file's bones as they stand now.
        owners: see ``ExportSkeleton``.
        animated: whether there are frames.
    """

    unbound: Array
    joints: Array
    bones: Array
    now: Array
    owners: NDArray[np.intp]
    animated: bool


def _export_skin(
    skin: Skin, full: Array, motions: _Motions, is_current: bool, posed: bool, options: ExportOptions, first: int
) -> ExportSkin:
    """A mesh on the file's bones.

    Args:
        full: (V, 3) the mesh in the rest pose, with its shapes as they are set.
        first: the number of the first shape that is added.
    """
    count = len(motions.now)
    folded = spread(np.broadcast_to(motions.owners, skin.weights.shape), skin.weights, count)
    bones, shares = strongest(folded, options.influences)
    table = spread(bones, shares, count)
    if skin.carrier is not None:  # it keeps its shape, so it can be brought back from where it stands
        full = blend(skin.points, table, np.linalg.inv(motions.now))

    def at_rest(key: ShapeKey) -> ShapeKey:
        return replace(key, offsets=blend_directions(key.offsets, skin.weights, motions.unbound))

    kept: tuple[ShapeKey, ...] = ()
    corrections = tuple(at_rest(key) for key in skin.corrections if key.value or key.values.any())
    baked = is_current or options.shapes == "bake"
    points = full
    if not baked:  # they are for the pose: another one has none of them
        points = points - sum((key.value * key.offsets for key in corrections), np.zeros_like(full))
    if options.shapes == "keep":
        kept = tuple(at_rest(key) for key in skin.keys)
        points = points - sum((key.value * key.offsets for key in kept), np.zeros_like(full))
    shown = skin.shown if motions.animated else Shown(np.zeros(1, np.intp), skin.points[None].astype(np.float32))
    added: tuple[ShapeKey, ...] = ()
    causes = Causes()
    if posed and shown is not None and skin.carrier is None:
        differing = [replace(key, values=_values(key, len(motions.bones)) - baked * key.value) for key in corrections]
        causes = causes_of(points, kept, differing, skin.weights, motions.joints, (folded, table), motions.bones, shown)
        if options.shapes == "keep" and options.correctives:
            added = pose_correctives(points, kept, table, motions.bones, shown, options.correctives, first)
    standing = full if baked else points + sum((key.value * key.offsets for key in kept), np.zeros_like(full))
    if added and not motions.animated:
        standing = with_keys(standing, added, 0)
    off = np.linalg.norm(blend(standing, table, motions.now) - skin.points, axis=1)
    return ExportSkin(points, (*kept, *added), bones, shares, off, causes)


def _values(key: ShapeKey, count: int) -> Array:
    """(F,) how much of a shape there is at each frame."""
    return key.values if len(key.values) else np.full(count, key.value)


def _to_the_floor(rest: Array, joints: Joints, points: Sequence[Array]) -> Array:
    """The shift (4, 4) that brings the root above the origin and the lowest point onto the floor."""
    x, y = rest[joints.index("root"), :2, 3]
    shift = np.eye(4)
    shift[:3, 3] = -x, -y, -min((float(cloud[:, 2].min()) for cloud in points if len(cloud)), default=0.0)
    return shift
