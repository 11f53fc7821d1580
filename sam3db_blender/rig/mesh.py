"""The skinned mesh of a character: polygons, UVs, materials, weights and shape keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import ArrayLike

from native_runtime.camera import mhr_to_blender
from native_runtime.errors import Sam3dbError

from .arrays import add_shape_key, polygon_mesh, set_uvs, set_vertex_groups

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: Blender's own limits for the slider of a shape key; a value outside cannot be stored.
SHAPE_KEY_LIMIT = 10.0
#: Expressions are made for 0..1; the slider leaves room for exaggeration and for the opposite.
EXPRESSION_RANGE = (-1.0, 2.0)

_GROUP_PREFIX = {"body": "Body", "head": "Head", "hands": "Hands"}


@dataclass(frozen=True)
class ShapeKeyNames:
    """The names of a mesh's shape keys, in the order of the body's coefficients."""

    identity: tuple[str, ...]
    expression: tuple[str, ...]


def shape_key_names(body: Body) -> ShapeKeyNames:
    """Identity keys are named by their part (``Body: weight``); expressions keep their own names (``jawOpen``), as
    face capture wants.
    """
    identity = tuple(
        f"{_GROUP_PREFIX.get(group, group.title())}: {name}"
        for group, name in zip(body.identity_groups, body.identity_names)
    )
    return ShapeKeyNames(identity=identity, expression=tuple(str(name) for name in body.expression_names))


def build_mesh(
    name: str, body: Body, rig: bpy.types.Object, collection: bpy.types.Collection, materials: list[bpy.types.Material]
) -> bpy.types.Object:
    """The body's mesh at rest, bound to the rig, with all shape keys at 0.

    Args:
        materials: one per name in ``body.material_names``, in the same order.
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
    set_vertex_groups(obj, [str(joint) for joint in body.joint_names], body.skin_indices, body.skin_weights)
    _add_shape_keys(obj, body, rest)
    modifier = obj.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    modifier.use_vertex_groups = True
    modifier.use_bone_envelopes = False
    modifier.use_deform_preserve_volume = False
    return obj


def set_shape(obj: bpy.types.Object, body: Body, identity: ArrayLike | None, expression: ArrayLike | None) -> None:
    """Sets the identity (n_id,) and expression (n_ex,) coefficients; None leaves a set as it is."""
    names = shape_key_names(body)
    _set_values(obj, names.identity, identity)
    _set_values(obj, names.expression, expression)


def read_shape(obj: bpy.types.Object, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """The identity (n_id,) and expression (n_ex,) coefficients as the sliders stand."""
    names = shape_key_names(body)
    keys = obj.data.shape_keys.key_blocks
    return np.array([keys[n].value for n in names.identity]), np.array([keys[n].value for n in names.expression])


def _add_shape_keys(obj: bpy.types.Object, body: Body, rest: np.ndarray) -> None:
    add_shape_key(obj, "Basis", rest)
    obj.data.shape_keys.name = obj.name
    names = shape_key_names(body)
    ranges = list(zip(body.identity_min.tolist(), body.identity_max.tolist()))
    ranges += [EXPRESSION_RANGE] * len(names.expression)
    directions = [*body.identity_basis, *body.expression_basis]
    for key_name, direction, (low, high) in zip([*names.identity, *names.expression], directions, ranges):
        key = add_shape_key(obj, key_name, rest + mhr_to_blender(direction))
        key.slider_min = max(low, -SHAPE_KEY_LIMIT)
        key.slider_max = min(high, SHAPE_KEY_LIMIT)
        key.value = 0.0


def _set_values(obj: bpy.types.Object, names: tuple[str, ...], values: ArrayLike | None) -> None:
    """Writes slider values, widening a slider's range where a value lies outside it, since Blender would clamp the
    value silently.
    """
    if values is None:
        return
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (len(names),):
        raise Sam3dbError(f"This body has {len(names)} shape coefficients of this kind, but {numbers.size} were given.")
    keys = obj.data.shape_keys.key_blocks
    for name, value in zip(names, numbers.tolist()):
        if not abs(value) <= SHAPE_KEY_LIMIT:
            raise Sam3dbError(
                f"The shape coefficient '{name}' is {value:g}; Blender's sliders end at ±{SHAPE_KEY_LIMIT:g}."
            )
        key = keys[name]
        key.slider_min = min(key.slider_min, value)
        key.slider_max = max(key.slider_max, value)
        key.value = value
