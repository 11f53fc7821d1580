"""Levels of detail: another mesh of the same body under the same character."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.rig_map import RigMap
from native_runtime.errors import Sam3dbError

from ..rig.arrays import take
from ..rig.correctives import PREFIX
from ..rig.driven import DRIVEN_PREFIX
from ..rig.mesh import BODY_PROPERTY, PARTS_PROPERTY, build_mesh, shape_key_names
from ..rig.transfer import carry_shape_keys, carry_vertex_groups, mesh_triangles, nearest_surface
from .materials import body_materials, store_rest_positions, store_skin_zones
from .person_colours import colours_of
from .provenance import rebind
from .readback import units_of

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: Rest bones of two levels of the same body differ by what Blender's bones round: places (m) little, axes more.
_SAME_PLACE, _SAME_AXES = 1e-5, 1e-3


def switch_level(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> list[str]:
    """Gives a character the mesh of another level of detail.

    The rig, and with it pose, skeleton, shape and expression, is not touched; the mesh object stays, with its
    modifiers, collections and materials, and gets new data. Shape keys and vertex groups that an artist added are
    carried over to the new surface; corrections of the pose have to be made again.

    Returns:
        What the artist should know.

    Raises:
        Sam3dbError: the body is no other level of the character's.
    """
    check_level(rig, body)
    notes = []
    old: Any = mesh.data
    materials = _materials(mesh, rig, body)
    fresh = build_mesh(f"{mesh.name} level", body, rig, bpy.context.scene.collection, materials)
    try:
        store_rest_positions(fresh, mhr_to_blender(body.rest_vertices))
        store_skin_zones(fresh, body)
        notes += _carry(mesh, fresh, rig, body)
        name, old.name = old.name, f"{old.name} before"
        data = fresh.data
        mesh.data = data
        data.name = name
        data.shape_keys.name = name
        mesh.show_only_shape_key = False
        mesh.active_shape_key_index = 0
        mesh[BODY_PROPERTY], mesh[PARTS_PROPERTY] = fresh[BODY_PROPERTY], fresh[PARTS_PROPERTY]
    finally:
        bpy.data.objects.remove(fresh)
    if old.users == 0:
        bpy.data.meshes.remove(old)
    rebind(rig, body)
    rig.update_tag()
    return notes


def check_level(rig: bpy.types.Object, body: Body) -> None:
    """Raises Sam3dbError where a body does not fit a rig: other bones, or shapes that the rig has no sliders for."""
    rig_map = RigMap.of(body)
    bones = rig.data.bones
    same = [bone.name for bone in bones] == list(rig_map.layout.names)
    if same:
        away = np.abs(np.array([bone.matrix_local for bone in bones]) - rig_map.layout.rest)
        same = bool(away[:, :3, 3].max() < _SAME_PLACE and away[:, :3, :3].max() < _SAME_AXES)
    missing = [slider.key for slider in rig_map.sliders if rig.get(slider.key) is None]
    if not same or missing:
        reason = f"it has no '{missing[0]}'" if same else "its bones are others"
        raise Sam3dbError(
            f"'{body.name}' is not another level of detail of the body of '{rig.name}': {reason}. Make a character of "
            "that body and copy the settings instead."
        )


def _materials(mesh: bpy.types.Object, rig: bpy.types.Object, body: Body) -> list[bpy.types.Material]:
    """The character's own materials by the names of the parts; new ones for parts that it did not have."""
    slots = [slot.material for slot in mesh.material_slots]
    parts = json.loads(mesh.get(PARTS_PROPERTY, "[]"))
    own = {part: material for part, material in zip(parts, slots) if material is not None}
    if all(part in own for part in body.material_names):
        return [own[part] for part in body.material_names]
    made = body_materials(body, units_of(rig), colours_of(rig))
    chosen = [own.get(part, material) for part, material in zip(body.material_names, made)]
    for material in made:
        if not material.users:  # others may have it, too
            bpy.data.materials.remove(material)
    return chosen


def _carry(mesh: bpy.types.Object, fresh: bpy.types.Object, rig: bpy.types.Object, body: Body) -> list[str]:
    """Carries over what is not the body's own; returns notes about the rest."""
    data: Any = mesh.data
    keys = data.shape_keys
    names = shape_key_names(body)
    own = {keys.reference_key.name, *names.identity, *names.expression}
    others = [key.name for key in keys.key_blocks if key.name not in own and not key.name.startswith(DRIVEN_PREFIX)]
    corrected = [name for name in others if name.startswith(PREFIX)]
    added = [name for name in others if name not in corrected]
    groups = [group.name for group in mesh.vertex_groups if group.name not in rig.data.bones]
    if added or groups:
        places = nearest_surface(
            take(fresh.data.shape_keys.reference_key.points, "co", 3),
            take(keys.reference_key.points, "co", 3),
            mesh_triangles(data),
        )
        carry_shape_keys(mesh, fresh, added, places)
        carry_vertex_groups(mesh, fresh, groups, places)
    notes = []
    if corrected:
        notes.append("The corrections of the pose belonged to the old mesh; make them again.")
    if len(data.uv_layers) > 1 or len(data.color_attributes):
        notes.append("UV maps and colours that were added to the old mesh are lost.")
    return notes
