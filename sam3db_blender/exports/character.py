"""A character as arrays that are ready to be written: bones, skin and shapes in the export's rest pose; no Blender."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.retarget.maps import RetargetMap

from .options import ExportOptions
from .rest import Joints, rest_pose
from .skeleton import ExportSkeleton, export_skeleton
from .skinning import blend, blend_directions, spread, strongest
from .snapshot import ShapeKey, Skin

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExportCharacter:
    """All that a file will hold, world axes (m, Blender's).

    Attributes:
        skeleton: the bones at rest and posed.
        posed: whether the pose is to be written.
        points: (V, 3) the mesh at rest, without ``keys``.
        keys: the shapes that are kept, offsets at rest.
        bones, shares: (V, K) which bones move each vertex, and how much; rows sum to 1.
        deviation: (V,) m how far each vertex of the posed mesh lies from the character's own surface.
        local: (4, 4) from the mesh object's own axes to those of ``points``.
    """

    skeleton: ExportSkeleton
    posed: bool
    points: Array
    keys: tuple[ShapeKey, ...]
    bones: NDArray[np.intp]
    shares: Array
    deviation: Array
    local: Array


def export_character_arrays(
    joints: Joints, skin: Skin, world: Array, scale: float, retarget: RetargetMap, options: ExportOptions
) -> ExportCharacter:
    """Brings a character into the rest pose and onto the bones that an export asks for.

    In the current pose the character keeps its place in the world. In a T or an A pose it stands at the origin with its
    feet on the floor and faces -y; the pose, where it is written, leads to its place in the world.

    Args:
        world, scale: where the rig stands, see ``snapshot.read_world``.
    """
    sized = np.diag([scale, scale, scale, 1.0])
    pose = world @ sized @ joints.pose
    is_current = options.rest == "current"
    rest = pose if is_current else sized @ rest_pose(joints, options.rest)
    unbind = np.linalg.inv(joints.bind)

    # corrections are made for the pose: in another rest pose they are shapes like the others
    keys = skin.keys if is_current else (*skin.keys, *skin.corrections)
    shaped = skin.shaped(corrected=is_current)
    full = blend(shaped, skin.weights, rest @ unbind)
    place = world @ sized
    if not is_current:
        down = _to_the_floor(rest, joints, full)
        rest, full, place = down @ rest, full + down[:3, 3], down @ sized

    skeleton = export_skeleton(joints, rest, pose, full, skin.weights, retarget, options.twist)
    folded = spread(np.broadcast_to(skeleton.owners, skin.weights.shape), skin.weights, len(skeleton.names))
    bones, shares = strongest(folded, options.influences)
    posed_file = blend(full, spread(bones, shares, len(skeleton.names)), skeleton.motion)
    posed_here = blend(shaped, skin.weights, pose @ unbind)

    points = full
    kept: tuple[ShapeKey, ...] = ()
    if options.shapes == "keep":
        kept = tuple(replace(key, offsets=blend_directions(key.offsets, skin.weights, rest @ unbind)) for key in keys)
        for key in kept[: len(skin.keys)]:
            points = points - key.value * key.offsets
    return ExportCharacter(
        skeleton=skeleton,
        posed=options.pose and not is_current,
        points=points,
        keys=kept,
        bones=bones,
        shares=shares,
        deviation=np.linalg.norm(posed_file - posed_here, axis=1),
        local=place @ skin.into_armature,
    )


def _to_the_floor(rest: Array, joints: Joints, points: Array) -> Array:
    """The shift (4, 4) that brings the root above the origin and the lowest point onto the floor."""
    x, y = rest[joints.index("root"), :2, 3]
    shift = np.eye(4)
    shift[:3, 3] = -x, -y, -(points[:, 2].min() if len(points) else 0.0)
    return shift
