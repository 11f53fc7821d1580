"""A character's current state and its animation, read into arrays: nothing in the scene is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.exports.frames import chosen_frames
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.exports.rest import Joints
from native_runtime.characters.exports.skinning import ShapeKey, Shown
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import load_rig_facts

from ..rig.transfer import mesh_triangles, nearest_surface
from ..scene.belongings import Belonging, belongings_of
from ..scene.bodies import is_body
from ..scene.units import metres_per_unit
from .animation import keyed_frames, scene_frames
from .evaluation import Evaluation, evaluation
from .snapshot import Piece, Surface, read_joints, read_key_values, read_piece, read_surface, read_world

Array = NDArray[np.float64]

#: So many bytes of surfaces are kept at most; of longer animations only some frames are looked at.
_MOST_BYTES = 1 << 30
#: At so many frames of an animation the copy is compared with the scene.
_COMPARED = 12


@dataclass
class Taken:
    """A character out of the scene, world axes, m.

    Attributes:
        joints, world, scale: see ``snapshot``.
        pieces: its meshes.
        keyed: the frames over which it is keyed.
        frames: the frames to be written; empty where it is to be written as it stands.
        poses: (F, N, 4, 4) the joints at each of them.
        seen: for some of them, by their number in ``frames``: each mesh as Blender shows it.
        notes: what the artist should know.
    """

    joints: Joints
    world: Array
    scale: float
    pieces: list[Piece]
    keyed: range
    frames: range
    poses: Array
    seen: dict[int, list[Surface]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def take_character(rig: bpy.types.Object, options: ExportOptions, with_meshes: bool) -> Taken:
    """Reads a character of the current scene.

    Raises:
        Sam3dbError: it has no mesh any more, has lost bones, or is scaled as no skeleton can be.
    """
    scene: Any = bpy.context.scene
    unit = metres_per_unit(scene)
    notes: list[str] = []
    meshes = _chosen(rig, scene, options, notes) if with_meshes else []
    with evaluation([rig, *(mesh.obj for mesh in meshes)]) as shown:
        joints = read_joints(rig, shown.now)
        _check_joints(rig, joints)
        world, scale = read_world(rig, shown.now, unit)
        pieces = [read_piece(mesh, rig, joints, shown.now, unit) for mesh in meshes]
        pieces = _with_faces(_on_surfaces(pieces, meshes, notes), notes)
        if with_meshes and not pieces:
            raise Sam3dbError(f"'{rig.name}' no longer has a body mesh.")
        keyed = keyed_frames(rig, [piece.obj for piece in pieces])
        moves = options.pose and not options.is_vrm
        frames = chosen_frames(options.frames, keyed, scene_frames(scene)) if moves else range(0)
        taken = Taken(joints, world, scale, pieces, keyed, frames, np.zeros((0, *joints.pose.shape)), notes=notes)
        if frames:
            _take_frames(taken, rig, shown, unit, options)
    return taken


def _with_faces(pieces: Sequence[Piece], notes: list[str]) -> list[Piece]:
    """The pieces that have faces."""
    if dropped := [f"'{piece.name}'" for piece in pieces if not len(piece.data.polygons)]:
        notes.append(f"Left out because they have no faces: {', '.join(dropped)}.")
    return [piece for piece in pieces if len(piece.data.polygons)]


def _chosen(rig: bpy.types.Object, scene: bpy.types.Scene, options: ExportOptions, notes: list[str]) -> list[Belonging]:
    """The meshes that are to be written."""
    meshes, others = belongings_of(rig, scene.objects)
    if others:
        notes.append(f"Left out because only meshes are written: {', '.join(others)}.")
    hidden = [mesh for mesh in meshes if mesh.is_hidden]
    names = ", ".join(f"'{mesh.obj.name}'" for mesh in hidden)
    if hidden and options.visible_only:
        notes.append(f"Left out because they are hidden: {names}.")
        meshes = [mesh for mesh in meshes if not mesh.is_hidden]
    elif hidden:
        notes.append(f"Written although they are hidden: {names}; 'Visible Only' would leave them out.")
    if not meshes:
        why = "no mesh that is shown: switch 'Visible Only' off" if hidden else "no body mesh any more"
        raise Sam3dbError(f"'{rig.name}' has {why}.")
    if not any(is_body(mesh.obj) for mesh in meshes):
        notes.append("The character's own mesh is missing; everything else that belongs to it was written.")
    return meshes


def _on_surfaces(pieces: Sequence[Piece], meshes: Sequence[Belonging], notes: list[str]) -> list[Piece]:
    """The pieces, where those that follow a surface are moved by the bones of what is nearest of it."""
    of_object = {piece.obj: piece for piece in pieces}
    made = []
    for piece, mesh in zip(pieces, meshes):
        below = None if mesh.surface is None or mesh.bone is not None else of_object.get(mesh.surface)
        if below is not None and len(below.data.polygons):
            places = nearest_surface(piece.skin.points, below.skin.points, mesh_triangles(below.data))
            piece = replace(piece, skin=replace(piece.skin, weights=places.carry(below.skin.weights)))
            notes.append(
                f"'{piece.name}' follows the surface of '{below.name}', which file formats do not support: it was "
                "bound to the bones that move the nearest skin."
            )
        made.append(piece)
    return made


def _check_joints(rig: bpy.types.Object, joints: Joints) -> None:
    missing = [name for name in load_rig_facts().joint_names if name not in joints.names]
    if missing:
        raise Sam3dbError(
            f"'{rig.name}' has no bone '{missing[0]}' any more: undo what removed or renamed it, or make the character "
            "again."
        )


def _take_frames(taken: Taken, rig: bpy.types.Object, shown: Evaluation, unit: float, options: ExportOptions) -> None:
    """Reads poses and shape keys at all frames, and surfaces at those that are to be corrected or compared."""
    count = len(taken.frames)
    compared = set(_spread(count, _COMPARED))
    size = max(sum(12 * len(piece.surface.points) for piece in taken.pieces), 1)
    corrects = options.shapes == "keep" and options.correctives > 0
    wanted = compared | set(_spread(count, max(_MOST_BYTES // size, _COMPARED)) if corrects else ())
    poses = []
    values: list[list[list[float]]] = [[] for _ in taken.pieces]
    places: list[list[Array]] = [[] for _ in taken.pieces]
    for number, frame in enumerate(taken.frames):
        depsgraph = shown.at(frame)
        world, scale = read_world(rig, depsgraph, unit)
        poses.append(world @ np.diag([scale, scale, scale, 1.0]) @ read_joints(rig, depsgraph).pose)
        for piece, rows in zip(taken.pieces, values):
            rows.append(read_key_values(piece.obj, _key_names(piece), depsgraph) if _key_names(piece) else [])
        if number not in wanted:
            continue
        surfaces = [read_surface(piece.obj, depsgraph, unit) for piece in taken.pieces]
        for piece, surface, courses in zip(taken.pieces, surfaces, places):
            if surface.matches(piece.surface):
                courses.append(surface.points.astype(np.float32))
        if number in compared:
            taken.seen[number] = surfaces
    taken.poses = np.stack(poses)
    made = []
    for piece, rows, courses in zip(taken.pieces, values, places):
        at = Shown(np.array(sorted(wanted)), np.stack(courses)) if len(courses) == len(wanted) else None
        made.append(_with_values(replace(piece, skin=replace(piece.skin, shown=at)), np.array(rows)))
    taken.pieces = made


def _spread(count: int, most: int) -> list[int]:
    """At most so many of a number of frames, evenly, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def _key_names(piece: Piece) -> list[str]:
    return [key.name for key in (*piece.skin.keys, *piece.skin.corrections)]


def _with_values(piece: Piece, values: Array) -> Piece:
    """The piece with the values (F, K) of its shape keys at all frames."""
    columns = dict(zip(_key_names(piece), values.T))

    def animated(keys: Sequence[ShapeKey]) -> tuple[ShapeKey, ...]:
        return tuple(replace(key, values=columns[key.name]) for key in keys)

    skin = piece.skin
    return replace(piece, skin=replace(skin, keys=animated(skin.keys), corrections=animated(skin.corrections)))
