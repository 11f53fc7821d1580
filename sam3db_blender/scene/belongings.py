"""What belongs to a character: the meshes that its rig deforms or carries, and the names of all else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from ..rig.control_pose import CONTROLS
from ..rig.rigify_pose import PART
from .presence import is_away

#: Objects that show nothing, handles among them, or help to make what is shown.
_SILENT = frozenset({"EMPTY", "LATTICE"})
_KINDS = {
    "CURVE": "a curve",
    "CURVES": "hair curves",
    "SURFACE": "a surface",
    "FONT": "a text",
    "META": "a metaball",
    "POINTCLOUD": "a point cloud",
    "VOLUME": "a volume",
    "GPENCIL": "Grease Pencil",
    "GREASEPENCIL": "Grease Pencil",
    "ARMATURE": "another armature",
    "LIGHT": "a light",
    "CAMERA": "a camera",
}
#: Constraints that let an object follow one bone.
_FOLLOWING = frozenset({"CHILD_OF", "COPY_TRANSFORMS", "COPY_LOCATION"})


@dataclass(frozen=True)
class Belonging:
    """A mesh of a character.

    Attributes:
        obj: the object.
        bone: the bone that carries it as a whole, "" for the rig itself; None where bones deform it.
        surface: the mesh whose surface it follows (Surface Deform), else None.
    """

    obj: bpy.types.Object
    bone: str | None
    surface: bpy.types.Object | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether it is hidden in the viewport or in renders, and not only because the character of a video is not in
        the picture now.
        """
        if is_away(self.obj):
            return self.obj.hide_get()
        return self.obj.hide_render or not self.obj.visible_get()


def belongings_of(rig: bpy.types.Object, objects: Iterable[bpy.types.Object]) -> tuple[list[Belonging], list[str]]:
    """The meshes of a character among some objects, hidden ones included, and the names of what else belongs to it.

    A mesh belongs to the character where an Armature modifier names the rig, where it hangs on the rig or one of its
    bones, through whatever lies between, where a constraint lets it follow a bone, or where it follows the surface of
    such a mesh.
    """
    meshes: list[Belonging] = []
    left_out: list[str] = []
    others: list[bpy.types.Object] = []
    for obj in sorted(objects, key=lambda obj: obj.name_full):
        tie = None if obj == rig else _tie(obj, rig)
        if tie is None:
            others.append(obj)
        elif obj.type == "MESH":
            meshes.append(tie)
            left_out += [f"the hair particles of '{obj.name}'" for part in obj.particle_systems if _is_hair(part)]
        elif obj.type not in _SILENT and not (obj.get(CONTROLS) or obj.get(PART)):
            left_out.append(f"'{obj.name}' ({_KINDS.get(obj.type, 'no mesh')})")
    return meshes + _followers(others, {mesh.obj: mesh for mesh in meshes}), left_out


def _tie(obj: bpy.types.Object, rig: bpy.types.Object) -> Belonging | None:
    """What ties an object to a rig."""
    if any(_names(modifier, rig) for modifier in obj.modifiers):
        return Belonging(obj, None)
    for constraint in obj.constraints:
        bone = _followed_bone(constraint, rig)
        if bone is not None:
            return Belonging(obj, bone)
    parent = obj.parent
    if parent is None:
        return None
    if parent != rig:
        above = _tie(parent, rig)
        return None if above is None else Belonging(obj, above.bone or "", above.surface)
    if obj.parent_type == "ARMATURE" and obj.vertex_groups:
        return Belonging(obj, None)
    return Belonging(obj, obj.parent_bone if obj.parent_type == "BONE" else "")


def _names(modifier: Any, rig: bpy.types.Object) -> bool:
    return modifier.type == "ARMATURE" and modifier.object == rig and modifier.show_viewport


def _followed_bone(constraint: Any, rig: bpy.types.Object) -> str | None:
    if constraint.mute or not constraint.influence:
        return None
    if constraint.type == "ARMATURE":
        return next((target.subtarget for target in constraint.targets if target.target == rig), None)
    follows = constraint.type in _FOLLOWING and constraint.target == rig
    return constraint.subtarget if follows else None


def _followers(objects: Iterable[bpy.types.Object], meshes: dict[bpy.types.Object, Belonging]) -> list[Belonging]:
    """The meshes that follow the surface of others by a Surface Deform modifier."""
    found = []
    for obj in objects:
        for modifier in obj.modifiers if obj.type == "MESH" else ():
            target: Any = modifier.target if modifier.type == "SURFACE_DEFORM" and modifier.show_viewport else None
            if target in meshes and target != obj:
                found.append(Belonging(obj, None, target))
                break
    return found


def _is_hair(system: Any) -> bool:
    return system.settings is not None and system.settings.type == "HAIR"
