"""Files that were exported, read again by Blender's own importers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from sam3db_blender.rig.arrays import evaluated_vertices
from tests.support.empty_blender import empty_blender

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Imported:
    """What an importer made of a file, at the first frame of its animation where it has one.

    Attributes:
        parents: bone -> the bone above it.
        rest, posed: bone -> where its head is, world (m).
        vertices: (V, 3) world (m), posed; None where the file has no mesh.
        rig, mesh: the objects.
    """

    parents: dict[str, str | None]
    rest: dict[str, Array]
    posed: dict[str, Array]
    vertices: Array | None
    rig: bpy.types.Object
    mesh: bpy.types.Object | None


def open_again(path: Path) -> None:
    """Imports a file into an empty Blender file."""
    empty_blender()
    kind = path.suffix
    if kind == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    elif kind in (".glb", ".vrm"):
        # the importer goes by the ending
        bpy.ops.import_scene.gltf(filepath=str(shutil.copy(path, path.with_suffix(".again.glb"))))
    elif kind == ".bvh":
        bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01)
    else:
        bpy.ops.wm.usd_import(filepath=str(path))


def import_again(path: Path) -> Imported:
    """Imports a file into an empty Blender file, and goes to the first frame of its animation."""
    open_again(path)
    starts = [action.frame_range[0] for action in bpy.data.actions]
    bpy.context.scene.frame_set(int(min(starts, default=1)))
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    mesh = next((obj for obj in bpy.data.objects if obj.type == "MESH" and obj.modifiers), None)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = rig.evaluated_get(depsgraph)
    world = np.array(evaluated.matrix_world)

    def place(matrix) -> Array:
        return (world @ np.array(matrix))[:3, 3]

    return Imported(
        parents={bone.name: bone.parent and bone.parent.name for bone in rig.data.bones},
        rest={bone.name: place(bone.matrix_local) for bone in rig.data.bones},
        posed={bone.name: place(bone.matrix) for bone in evaluated.pose.bones},
        vertices=None if mesh is None else evaluated_vertices(mesh, depsgraph),
        rig=rig,
        mesh=mesh,
    )
