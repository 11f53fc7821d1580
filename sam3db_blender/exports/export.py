"""From a character in the scene to a file for another program; the scene stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.mhr import load_rig_facts
from native_runtime.retarget.checks import problems
from native_runtime.retarget.maps import RetargetMap, load_map

from ..scene.bodies import body_mesh
from .character import ExportCharacter, export_character_arrays
from .copy import ACTION, FRAME, build_armature, build_mesh, other_modifiers, pose_armature, slot_materials
from .formats import Format, require, write_file
from .materials import needs_plain
from .options import ExportOptions
from .rest import Joints
from .skeleton import ExportSkeleton
from .snapshot import Skin, read_joints, read_skin, read_world
from .vrm import NOBODY, add_vrm
from .workshop import names_lent, side_scene

#: Smaller differences (m) between the posed mesh and the character are not worth a word.
_VISIBLE = 1e-3
#: Bones whose heads stay within this (m) of where their parents carry them only turn.
_TURNING = 1e-4


def export_character(
    rig: bpy.types.Object, path: str | Path, options: ExportOptions, folders: Iterable[str | Path] = ()
) -> list[str]:
    """Writes a character to a file for another program.

    What leaves is the person's own body: bones at the proportions and skin at the shape that the sliders say, in the
    rest pose and under the names that the options ask for. The scene is the same afterwards, whatever happens.

    Args:
        rig: a character's armature; may be linked from another file.
        path: the file; its folder must exist.
        folders: where retarget maps are looked for besides ours.

    Returns:
        What the artist should know.

    Raises:
        UsageError: the file's name or the retarget map does not fit.
        Sam3dbError: the exporter is not there or fails, the file cannot be written, or the character is none any more.
    """
    target = Path(path).absolute()
    options.check_path(target)
    kind = require(options.to)
    retarget = _sound_map(options.names, folders)
    mesh = body_mesh(rig) if kind.has_mesh else None

    depsgraph = bpy.context.evaluated_depsgraph_get()
    joints = read_joints(rig, depsgraph)
    _check_joints(rig, joints)
    world, scale = read_world(rig, depsgraph)
    skin = Skin.nothing(len(joints.names)) if mesh is None else read_skin(mesh, rig, joints, depsgraph)
    character = export_character_arrays(joints, skin, world, scale, retarget, options)
    notes = _notes(mesh, joints, character, options, retarget)
    finish = None
    if options.is_vrm:
        finish = partial(add_vrm, name=target.stem, author=options.author, human_bones=tuple(retarget.by_name))
    return notes + _write(rig, mesh, character, kind, target, finish)


def _write(
    rig: bpy.types.Object,
    mesh: bpy.types.Object | None,
    character: ExportCharacter,
    kind: Format,
    path: Path,
    finish: Callable[[Path], None] | None,
) -> list[str]:
    """Builds the copy in a scene of its own and lets Blender's exporter write it."""
    armature_name = "Armature" if kind.operator == "export_scene.fbx" else rig.name  # Unreal drops a node of that name
    mesh_name = "" if mesh is None else mesh.name
    slots = [] if mesh is None else [slot.material for slot in mesh.material_slots if slot.material is not None]
    plain = [material.name for material in dict.fromkeys(slots) if needs_plain(material)]
    data: Any = bpy.data
    wanted = [
        *((collection, armature_name) for collection in (data.objects, data.armatures)),
        *((collection, mesh_name) for collection in (data.objects, data.meshes)),
        *((data.materials, name) for name in plain),
        (data.actions, ACTION),
    ]
    skeleton = character.skeleton.turned(kind.turn, kind.scale)
    has_shapes = any(key.value for key in character.keys)
    posed = character.posed or kind.needs_frame or (kind.shapes_need_frame and has_shapes)
    notes: list[str] = []
    with names_lent(*wanted) as lent, side_scene(ACTION) as scene:
        scene.unit_settings.scale_length = kind.unit
        scene.frame_start = scene.frame_end = FRAME
        scene.frame_set(FRAME)
        armature = build_armature(armature_name, skeleton, scene.collection)
        armature.rotation_euler.x = kind.object_turn
        if mesh is not None:
            made, notes = build_mesh(mesh_name, mesh, armature, character, slot_materials(mesh, lent))
            made_of: Any = made.data
            made_of.transform(Matrix((kind.scale * kind.turn).tolist()).to_4x4(), shape_keys=True)
        if posed:
            pose_armature(armature, skeleton, character.posed)
        bpy.context.view_layer.objects.active = armature
        bpy.context.view_layer.update()
        write_file(kind, path, posed, _is_moving(skeleton, kind.scale), finish)
    return notes


def _sound_map(names: str, folders: Iterable[str | Path]) -> RetargetMap:
    retarget = load_map(names, folders)
    facts = load_rig_facts()
    found = problems(retarget, facts.joint_names, facts.joint_parents)
    if found:
        raise UsageError(f"The retarget map '{names}' cannot be used: {' '.join(found)}")
    return retarget


def _check_joints(rig: bpy.types.Object, joints: Joints) -> None:
    missing = [name for name in load_rig_facts().joint_names if name not in joints.names]
    if missing:
        raise Sam3dbError(
            f"'{rig.name}' has no bone '{missing[0]}' any more: undo what removed or renamed it, or make the character "
            "again."
        )


def _notes(
    mesh: bpy.types.Object | None,
    joints: Joints,
    character: ExportCharacter,
    options: ExportOptions,
    retarget: RetargetMap,
) -> list[str]:
    notes = []
    added = sorted(set(joints.names) - set(load_rig_facts().joint_names))
    if added:
        notes.append(f"Bones that were added to the rig were folded into their parents: {', '.join(added)}.")
    if mesh is not None and other_modifiers(mesh):
        notes.append(f"Modifiers were applied: {', '.join(other_modifiers(mesh))}.")
    off = character.deviation
    if len(off) and off.max() > _VISIBLE and (character.posed or options.rest == "current"):
        notes.append(
            f"Posed, the skin lies {1000 * off.mean():.1f} mm off the character's own on average and "
            f"{1000 * off.max():.0f} mm at most, because of the rest pose and of what was folded and left out; "
            "the current pose as the rest pose is exact."
        )
    if options.to == "usd" and any(not name.replace("_", "").isalnum() for name in character.skeleton.names):
        notes.append(f"USD does not know all letters of the names of '{retarget.title}'; it writes '_' instead.")
    if options.is_vrm and options.rest != "t":
        notes.append("VRM avatars are to rest in a T pose; choose it as the rest pose.")
    if options.is_vrm and not options.author:
        notes.append(f"The avatar's author is written as '{NOBODY}', since none was given.")
    return notes


def _is_moving(skeleton: ExportSkeleton, scale: float) -> bool:
    """Whether any bone but the first is posed away from where its parent carries its head."""
    hanging = skeleton.parents >= 0
    motion = skeleton.motion[skeleton.parents[hanging]]
    carried = np.einsum("bij,bj->bi", motion[:, :3, :3], skeleton.rest[hanging, :3, 3]) + motion[:, :3, 3]
    return bool(np.abs(carried - skeleton.pose[hanging, :3, 3]).max(initial=0.0) > _TURNING * scale)
