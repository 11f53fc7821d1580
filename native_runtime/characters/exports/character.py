"""A character as arrays that are ready to be written: bones, skins and shapes in the export's rest pose; no Blender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.retarget.maps import RetargetMap

from .options import ExportOptions
from .rest import Joints, rest_pose
from .skeleton import ExportSkeleton, export_skeleton
from .skinning import ShapeKey, Skin, blend, blend_directions, spread, strongest, unblend

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExportSkin:
    """A mesh of the file, world axes (m, Blender's).

    Attributes:
        points: (V, 3) the mesh at rest, without ``keys``.
        keys: the shapes that are kept, offsets at rest.
        bones, shares: (V, K) which bones move each vertex, and how much; rows sum to 1.
        deviation: (V,) m how far each vertex lies, when posed, from where Blender shows it now.
    """

    points: Array
    keys: tuple[ShapeKey, ...]
    bones: NDArray[np.intp]
    shares: Array
    deviation: Array


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
    animated = bool(len(frames)) and options.pose
    made = [
        _export_skin(skin, points, skeleton, rest @ unbind, is_current, animated, options)
        for skin, points in zip(skins, full)
    ]
    posed = options.pose and not options.is_vrm and (animated or not is_current)
    return ExportCharacter(skeleton, posed, tuple(made))


def _moved(skin: Skin, pose: Array, rest: Array) -> Array:
    """A skin's points (V, 3) as the bones' motions to the rest pose carry them; both motions (N, 4, 4) from bind."""
    return blend(unblend(skin.points, skin.weights, pose, skin.unposed), skin.weights, rest)


def _export_skin(
    skin: Skin,
    full: Array,
    skeleton: ExportSkeleton,
    rest: Array,
    is_current: bool,
    animated: bool,
    options: ExportOptions,
) -> ExportSkin:
    """A mesh on the file's bones.

    Args:
        full: (V, 3) the mesh in the rest pose, with its shapes as they are set.
        rest: (N, 4, 4) the joints' motions from bind to the rest pose.
    """
    folded = spread(np.broadcast_to(skeleton.owners, skin.weights.shape), skin.weights, len(skeleton.names))
    bones, shares = strongest(folded, options.influences)
    table = spread(bones, shares, len(skeleton.names))
    if skin.carrier is not None:  # it keeps its shape, so it can be brought back from where it stands
        full = blend(skin.points, table, np.linalg.inv(skeleton.motion))
    # corrections are made for the pose: in another one they are shapes like the others, where there is any of them
    acting = tuple(key for key in skin.corrections if key.value or key.values.any())
    keys = skin.keys if is_current and not animated else (*skin.keys, *acting)
    kept: tuple[ShapeKey, ...] = ()
    if options.shapes == "keep":
        kept = tuple(replace(key, offsets=blend_directions(key.offsets, skin.weights, rest)) for key in keys)
    posed = blend(full, table, skeleton.motion)
    points = full - sum((key.value * key.offsets for key in kept), np.zeros_like(full))
    return ExportSkin(points, kept, bones, shares, np.linalg.norm(posed - skin.points, axis=1))


def _to_the_floor(rest: Array, joints: Joints, points: Sequence[Array]) -> Array:
    """The shift (4, 4) that brings the root above the origin and the lowest point onto the floor."""
    x, y = rest[joints.index("root"), :2, 3]
    shift = np.eye(4)
    shift[:3, 3] = -x, -y, -min((float(cloud[:, 2].min()) for cloud in points if len(cloud)), default=0.0)
    return shift
