"""The skinned mesh of a character: polygons, UVs, materials, weights and shape keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.sliders import SHAPE_KEY_LIMIT, Slider, expression_sliders, identity_sliders

from .arrays import add_shape_key, polygon_mesh, set_uvs, set_vertex_groups
from .driven import add_driven_correctives
from .drivers import drive
from .properties import slider_path

if TYPE_CHECKING:
    from native_runtime.mhr import Body


#: A shape key of something worn that moves no vertex by more, m, is left out. Expressions go to 1, and lids that move
#: hair by less than this are not seen; of the person's shape, which goes further, each counts.
_LEAST_OFFSET, _LEAST_EXPRESSION = 1e-5, 1e-4
#: The custom property by which a character's own mesh is known: the hash of its body.
BODY_PROPERTY = "sam3db_body"
#: The custom property with the body's names of its materials, in the order of the slots, as JSON.
PARTS_PROPERTY = "sam3db_parts"


@dataclass(frozen=True)
class ShapeKeyNames:
    """The names of a mesh's shape keys, in the order of the body's coefficients."""

    identity: tuple[str, ...]
    expression: tuple[str, ...]


def shape_key_names(body: Body) -> ShapeKeyNames:
    """Identity keys are named by their part (``Body: weight``); expressions keep their own names (``jawOpen``), as
    face capture wants.
    """
    return ShapeKeyNames(
        identity=tuple(slider.key for slider in identity_sliders(body)),
        expression=tuple(slider.name for slider in expression_sliders(body)),
    )


def build_mesh(
    name: str, body: Body, rig: bpy.types.Object, collection: bpy.types.Collection, materials: list[bpy.types.Material]
) -> bpy.types.Object:
    """The body's mesh at rest, bound to the rig, its shape keys driven by the rig's sliders and bones.

    Args:
        rig: an armature with the body's sliders, see ``armature.build_rig``.
        materials: one per name in ``body.material_names``, in the same order.
    """
    obj = bound_mesh(name, body, rig, collection, materials)
    obj[BODY_PROPERTY] = body.hash
    obj[PARTS_PROPERTY] = json.dumps(body.material_names)
    return obj


def bound_mesh(
    name: str,
    body: Body,
    rig: bpy.types.Object,
    collection: bpy.types.Collection,
    materials: list[bpy.types.Material],
    sparse: bool = False,
) -> bpy.types.Object:
    """A mesh that moves as a body does: its own, or what it wears (``Wearable.on``), which is not known as a body.

    Args:
        rig, materials: see ``build_mesh``.
        sparse: leave out the shape keys and vertex groups that move nothing of it.
    """
    rest = mhr_to_blender(body.rest_vertices)
    mesh = polygon_mesh(name, rest, body.face_sizes, body.face_vertices)
    set_uvs(mesh, body.uvs)
    for material in materials:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", np.ascontiguousarray(body.face_materials, dtype=np.int32))

    obj = bpy.data.objects.new(name, mesh)
    collection.objects.link(obj)
    obj.parent = rig
    names, indices = [str(joint) for joint in body.joint_names], body.skin_indices
    if sparse:
        used = np.unique(indices[body.skin_weights > 0])
        names, indices = [names[joint] for joint in used], np.searchsorted(used, indices)
    set_vertex_groups(obj, names, indices, body.skin_weights)
    least = _LEAST_OFFSET if sparse else 0.0
    _add_shape_keys(obj, body, rest, rig, sparse)
    add_driven_correctives(obj, rig, body, rest, least)
    modifier = obj.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    modifier.use_vertex_groups = True
    modifier.use_bone_envelopes = False
    modifier.use_deform_preserve_volume = False
    return obj


def _add_shape_keys(obj: bpy.types.Object, body: Body, rest: np.ndarray, rig: bpy.types.Object, sparse: bool) -> None:
    add_shape_key(obj, "Basis", rest)
    obj.data.shape_keys.name = obj.name
    names = shape_key_names(body)
    sliders: list[Slider] = [*identity_sliders(body), *expression_sliders(body)]
    directions = [*body.identity_basis, *body.expression_basis]
    least = [_LEAST_OFFSET] * len(names.identity) + [_LEAST_EXPRESSION] * len(names.expression)
    for key_name, slider, direction, limit in zip([*names.identity, *names.expression], sliders, directions, least):
        offsets = mhr_to_blender(direction)
        if sparse and np.linalg.norm(offsets, axis=1).max(initial=0.0) < limit:
            continue
        key = add_shape_key(obj, key_name, rest + offsets)
        # a driven value is cut off at the key's own range, so that has to hold whatever the slider may say
        key.slider_min, key.slider_max = -SHAPE_KEY_LIMIT, SHAPE_KEY_LIMIT
        key.value = 0.0
        drive(rig, key, "value", [(1.0, slider_path(slider.key))])
