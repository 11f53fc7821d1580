"""The copy of a character, built in a scene of its own, compared with the artist's scene, and handed to an exporter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.characters.exports.character import ExportCharacter
from native_runtime.characters.exports.contents import FileContents
from native_runtime.characters.exports.correcting import NAME as POSE_CORRECTIVE
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.exports.skeleton import ExportSkeleton
from native_runtime.characters.exports.verify import Expected
from native_runtime.errors import Sam3dbError

from ..rig.transfer import nearest_surface
from .copy import ACTION, FRAME, build_armature, build_mesh, pose_armature, slot_materials
from .formats import Format, write_file
from .materials import needs_replacing, unsaved_pictures
from .readback import scene_mesh
from .snapshot import Surface, read_surface
from .taking import Taken
from .workshop import names_lent, side_scene

Array = NDArray[np.float64]

#: Bones whose heads stay within this (m) of where their parents carry them only turn.
_TURNING = 1e-4
#: In the current pose nothing moves, so the copy may differ from the scene by rounding alone (m).
_EXACT = 1e-4


@dataclass(frozen=True)
class Deviation:
    """How far what is written lies from what Blender shows, m.

    Attributes:
        mean, largest: over all vertices (and frames).
        surfaces_mean, surfaces_largest: the same between surfaces, at frames at which modifiers choose other vertices
            than at the one that is written.
        joints: the largest distance of a joint that a format cannot place.
    """

    mean: float = 0.0
    largest: float = 0.0
    surfaces_mean: float = 0.0
    surfaces_largest: float = 0.0
    joints: float = 0.0


def write_character(
    rig: bpy.types.Object,
    taken: Taken,
    character: ExportCharacter,
    kind: Format,
    path: Path,
    options: ExportOptions,
    finish: Callable[[Path], None] | None,
    lending: ExitStack,
) -> Deviation:
    """Builds the copy, compares it with the scene, and lets Blender's exporter write it.

    Args:
        finish: what is to be done with the file before it is read again.
        lending: gives names back to their owners once the copy is gone.

    Raises:
        Sam3dbError: the exporter failed, or what was written is not what it should be.
    """
    full = character.skeleton
    skeleton = full if kind.has_mesh or options.positions else full.only_turning()
    poses = _poses(skeleton, character, kind)
    name = "Armature" if kind.operator == "export_scene.fbx" else rig.name  # Unreal drops a node of that name
    rate = bpy.context.scene.render
    lent = lending.enter_context(names_lent(*_wanted_names(name, taken)))
    with side_scene(ACTION) as scene:
        scene.render.fps, scene.render.fps_base = rate.fps, rate.fps_base * taken.frames.step
        _set_time(scene, kind, len(poses))
        copy = _build(scene, name, taken, character, skeleton, poses, kind, lent)
        off = _compared(taken, character, copy, kind)
        expected = _expected(copy, character, skeleton, poses, kind, options)
        moving = options.positions and _is_moving(skeleton)
        write_file(kind, path, len(poses) > 0, moving, expected.check, finish)
    # the first bone may have left the floor for the others
    away = np.linalg.norm((poses - _poses(full, character, kind))[:, 1:, :3, 3], axis=-1)
    return replace(off, joints=float(away.max(initial=0.0)))


@dataclass(frozen=True)
class _Copy:
    armature: bpy.types.Object
    meshes: list[bpy.types.Object]


def _build(
    scene: bpy.types.Scene,
    name: str,
    taken: Taken,
    character: ExportCharacter,
    skeleton: ExportSkeleton,
    poses: Array,
    kind: Format,
    lent: dict[str, str],
) -> _Copy:
    """The copy in the current scene, in the axes and the unit of the format.

    Args:
        name: of the armature.
        lent: see ``workshop.names_lent``.
    """
    native = skeleton.turned(kind.turn, kind.scale)
    armature = build_armature(name, native, scene.collection)
    armature.rotation_euler.x = kind.object_turn
    meshes = []
    for piece, skin in zip(taken.pieces, character.skins):
        meshes.append(build_mesh(piece.name, piece, skin, armature, native.names, slot_materials(piece, lent)))
        piece.data.transform(Matrix((kind.scale * kind.turn).tolist()).to_4x4(), shape_keys=True)
    if len(poses):
        pose_armature(armature, native, _turned(poses, kind))
    bpy.context.view_layer.objects.active = armature
    bpy.context.view_layer.update()
    return _Copy(armature, meshes)


def _expected(
    copy: _Copy,
    character: ExportCharacter,
    skeleton: ExportSkeleton,
    poses: Array,
    kind: Format,
    options: ExportOptions,
) -> Expected:
    """What the file is to hold."""
    triangles = kind.add_on == "io_scene_gltf2"
    meshes = tuple(scene_mesh(mesh, triangles) for mesh in copy.meshes)
    added = (key.name for skin in character.skins for key in skin.keys if key.name.startswith(POSE_CORRECTIVE))
    shapes = tuple(added) if kind.has_mesh else ()
    # exporters may leave out frames that are like the ones before
    frames = 1 + int((np.abs(np.diff(poses, axis=0)).max(axis=(1, 2, 3)) > _TURNING).sum()) if len(poses) else 0
    contents = FileContents(skeleton.names, meshes, frames, shapes)
    return Expected(kind.title, contents, options.influences, frames > 1)


def _poses(skeleton: ExportSkeleton, character: ExportCharacter, kind: Format) -> Array:
    """(F, B, 4, 4) what is keyed; where nothing is to be, but the format or its shape keys need a frame, the rest."""
    if character.posed:
        return skeleton.frames if len(skeleton.frames) else skeleton.pose[None]
    has_shapes = any(key.value for skin in character.skins for key in skin.keys)
    needed = kind.needs_frame or (kind.shapes_need_frame and has_shapes)
    return skeleton.rest[None] if needed else skeleton.rest[None][:0]


def _turned(poses: Array, kind: Format) -> Array:
    turned = poses.copy()
    turned[..., :3, :] = kind.turn @ turned[..., :3, :]
    turned[..., :3, 3] *= kind.scale
    return turned


def _wanted_names(armature: str, taken: Taken) -> list[tuple[Any, str]]:
    """The names that the file is to hold, of data-blocks of the scene."""
    data: Any = bpy.data
    materials = {m.name: m for piece in taken.pieces for m in piece.data.materials if m is not None}
    replaced = [material for _, material in sorted(materials.items()) if needs_replacing(material)]
    pictures = sorted({name for material in replaced for name in unsaved_pictures(material)})
    return [
        *((collection, armature) for collection in (data.objects, data.armatures)),
        *((collection, piece.name) for piece in taken.pieces for collection in (data.objects, data.meshes)),
        *((data.materials, material.name) for material in replaced),
        *((data.images, name) for name in pictures),
        (data.actions, ACTION),
    ]


def _set_time(scene: bpy.types.Scene, kind: Format, count: int) -> None:
    """The file's frames are numbered from the first one."""
    scene.unit_settings.scale_length = kind.unit
    scene.frame_start, scene.frame_end = FRAME, FRAME + max(count, 1) - 1
    scene.frame_set(FRAME)


def _compared(taken: Taken, character: ExportCharacter, copy: _Copy, kind: Format) -> Deviation:
    """How far the copy lies from what Blender shows, at the frames at which that was read.

    Raises:
        Sam3dbError: it differs where nothing of the export says why.
    """
    if not copy.meshes or not (character.posed or np.allclose(character.skeleton.rest, character.skeleton.pose)):
        return Deviation()
    now = [piece.surface for piece in taken.pieces]
    seen = taken.seen if character.posed and taken.seen else {0: now}
    to_world = np.array(copy.armature.matrix_world, dtype=np.float64)[:3, :3] @ (kind.scale * kind.turn)
    vertices, surfaces = [np.zeros(1)], [np.zeros(1)]
    for number, shown in seen.items():
        bpy.context.scene.frame_set(FRAME + number)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        for mesh, current, there in zip(copy.meshes, now, shown):
            here = read_surface(mesh, depsgraph, 1.0)
            here = replace(here, points=here.points @ np.linalg.inv(to_world).T)
            if there.matches(current):
                vertices.append(np.linalg.norm(here.points - there.points, axis=1))
            elif len(here.triangles) and len(there.triangles):
                surfaces += [_distances(here, there), _distances(there, here)]
    bpy.context.scene.frame_set(FRAME)
    off, apart = np.concatenate(vertices), np.concatenate(surfaces)
    if not character.posed and off.max() > _EXACT:
        raise Sam3dbError(
            f"The copy to be written lies {1000 * off.max():.1f} mm off what Blender shows; nothing was written. "
            "Please report this with the file."
        )
    return Deviation(float(off.mean()), float(off.max()), float(apart.mean()), float(apart.max()))


def _distances(one: Surface, other: Surface) -> Array:
    """(V,) from the points of one surface to the nearest places of another, m."""
    places = nearest_surface(one.points, other.points, other.triangles)
    return np.linalg.norm(places.carry(other.points) - one.points, axis=1)


def _is_moving(skeleton: ExportSkeleton) -> bool:
    """Whether any bone but the first is posed away from where its parent carries its head."""
    still = skeleton.only_turning()
    far = [
        np.abs(a[..., :3, 3] - b[..., :3, 3]).max(initial=0.0)
        for a, b in ((skeleton.pose, still.pose), (skeleton.frames, still.frames))
    ]
    return max(far) > _TURNING
