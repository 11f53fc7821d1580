"""Wearables as mesh objects of a character: bound to its rig, moved by its sliders and correctives as the skin is."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.driven_correctives import drivable
from native_runtime.wearables.choice import Choice

from ..rig.arrays import take
from ..rig.correctives import PREFIX, correct_worn
from ..rig.mesh import bound_mesh
from ..rig.worn import WORN_PROPERTY, keep_binding
from ..scene.materials import store_rest_positions
from ..scene.presence import hide_alike
from ..scene.readback import units_of
from .materials import is_untouched, worn_materials

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.wearables.wearable import Wearable

#: Bytes of the hash that tells whether somebody has changed a mesh.
_HASH_LENGTH = 16


@dataclass(frozen=True)
class Worn:
    """What a worn mesh's custom property says.

    Attributes:
        name, kind: of the ``Wearable``.
        body_hash: of the body that it was made for.
        made_as: what the mesh was when it was made; another value now means that somebody has worked on it.
        choice: what it was made from; None where it came from elsewhere, and cannot be made again.
    """

    name: str
    kind: str
    body_hash: str
    made_as: str
    choice: Choice | None

    def to_json(self) -> str:
        content = {"name": self.name, "kind": self.kind, "body_hash": self.body_hash, "made_as": self.made_as}
        return json.dumps(content | {"choice": None if self.choice is None else self.choice.to_json()})

    @classmethod
    def of(cls, obj: bpy.types.Object) -> Worn | None:
        """Of a mesh object; None where it is not worn, or nobody can read what it says."""
        try:
            content = json.loads(obj.get(WORN_PROPERTY, ""))
            choice = content.get("choice")
            return cls(
                name=str(content["name"]),
                kind=str(content["kind"]),
                body_hash=str(content["body_hash"]),
                made_as=str(content["made_as"]),
                choice=None if choice is None else Choice.from_json(choice),
            )
        except (TypeError, ValueError, KeyError, AttributeError):
            return None


def put_on(
    rig: bpy.types.Object, mesh: bpy.types.Object, body: Body, wearable: Wearable, choice: Choice | None = None
) -> bpy.types.Object:
    """Gives a character a mesh to wear, beside what it wears already.

    Args:
        mesh: the character's own; the new one comes into its collection.
        body: the one that ``mesh`` was made of.
        choice: what the wearable was made from, so that it can be made again.

    Raises:
        Sam3dbError: it was made for another body.
    """
    collection = next(iter(mesh.users_collection), bpy.context.scene.collection)
    name = f"{rig.name.removesuffix(' Rig')} {wearable.name}"
    obj = _built(name, rig, body, wearable, collection, worn_materials(wearable, name, units_of(rig)))
    _mark(obj, body, wearable, choice)
    hide_alike(obj, mesh)
    correct_worn(rig, mesh)
    return obj


def make_again(obj: bpy.types.Object, rig: bpy.types.Object, body: Body, wearable: Wearable, choice: Choice) -> None:
    """Gives a worn object the mesh of another wearable, or of another body; modifiers and materials stay.

    Materials are kept by their slots where there are as many as before.
    """
    materials = _materials_of(obj)
    if len(materials) != len(wearable.material_names):
        materials = worn_materials(wearable, obj.name, units_of(rig))
    _make_of(obj, rig, body, wearable, choice, materials)


def exchange(
    obj: bpy.types.Object,
    rig: bpy.types.Object,
    mesh: bpy.types.Object,
    body: Body,
    wearable: Wearable,
    choice: Choice | None = None,
) -> None:
    """Gives a worn object the mesh and the materials of another wearable; modifiers and custom properties stay, and
    so does a name that an artist gave it.

    Args:
        mesh: the character's own.
        body: the one that ``mesh`` was made of.
        choice: see ``put_on``.

    Raises:
        Sam3dbError: the wearable was made for another body.
    """
    owner, worn, left = rig.name.removesuffix(" Rig"), Worn.of(obj), _materials_of(obj)
    name = f"{owner} {wearable.name}"
    _make_of(obj, rig, body, wearable, choice, worn_materials(wearable, name, units_of(rig)))
    if worn is not None and re.sub(r"\.\d+$", "", obj.name) == f"{owner} {worn.name}":
        obj.name = obj.data.name = name
    _let_go(left)
    correct_worn(rig, mesh)


def _make_of(
    obj: bpy.types.Object,
    rig: bpy.types.Object,
    body: Body,
    wearable: Wearable,
    choice: Choice | None,
    materials: list[bpy.types.Material],
) -> None:
    """Gives a worn object another mesh with these materials."""
    fresh = _built(f"{obj.name} again", rig, body, wearable, bpy.context.scene.collection, materials)
    old: Any = obj.data
    try:
        _take_mesh(obj, fresh)
    finally:
        bpy.data.objects.remove(fresh)
    if old.users == 0:
        bpy.data.meshes.remove(old)
    _mark(obj, body, wearable, choice)


def is_changed(obj: bpy.types.Object) -> bool:
    """Whether somebody has worked on a worn mesh since it was made: moved its vertices, added shape keys, or others."""
    worn = Worn.of(obj)
    return worn is None or worn.made_as != _state(obj)


def take_off(obj: bpy.types.Object) -> None:
    """Removes a worn object, its mesh, and the materials that nothing else has, unless an artist has worked on them."""
    data: Any = obj.data
    materials = _materials_of(obj)
    bpy.data.objects.remove(obj)
    if data.users == 0:
        bpy.data.meshes.remove(data)
    _let_go(materials)


def _materials_of(obj: bpy.types.Object) -> list[bpy.types.Material]:
    return [slot.material for slot in obj.material_slots if slot.material is not None]


def _let_go(materials: list[bpy.types.Material]) -> None:
    """Removes the materials that nothing has any more, unless an artist has worked on them."""
    for material in dict.fromkeys(materials):
        if material.users == 0 and not material.library:
            if is_untouched(material):
                bpy.data.materials.remove(material)
            else:
                material.use_fake_user = True


def _built(
    name: str,
    rig: bpy.types.Object,
    body: Body,
    wearable: Wearable,
    collection: bpy.types.Collection,
    materials: list[bpy.types.Material],
) -> bpy.types.Object:
    on = wearable.on(body)
    obj = bound_mesh(name, on, rig, collection, materials, sparse=True)
    store_rest_positions(obj, mhr_to_blender(on.rest_vertices))
    return obj


def _mark(obj: bpy.types.Object, body: Body, wearable: Wearable, choice: Choice | None) -> None:
    if body.correctives is not None and not drivable(body):
        keep_binding(obj, wearable)
    obj[WORN_PROPERTY] = Worn(wearable.name, wearable.kind, body.hash, _state(obj), choice).to_json()


def _take_mesh(obj: bpy.types.Object, fresh: bpy.types.Object) -> None:
    """Gives an object the data of another one, with its vertex groups and shape keys."""
    data: Any = fresh.data
    name = obj.data.name
    obj.data.name = f"{name} before"
    obj.data = data
    data.name = name
    data.shape_keys.name = name
    obj.show_only_shape_key = False
    obj.active_shape_key_index = 0


def _state(obj: bpy.types.Object) -> str:
    """A short text that changes with a mesh: its polygons, texture coordinates, weights and shape keys."""
    data: Any = obj.data
    digest = hashlib.sha256()
    corners = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", corners)
    digest.update(corners.tobytes())
    for layer in data.uv_layers:
        digest.update(take(layer.uv, "vector", 2).tobytes())
    keys = [] if data.shape_keys is None else data.shape_keys.key_blocks
    for key in keys:
        if not key.name.startswith(PREFIX):  # the current pose's
            digest.update(key.name.encode())
            digest.update(take(key.points, "co", 3).tobytes())
    weights = [(group.group, group.weight) for vertex in data.vertices for group in vertex.groups]
    digest.update(json.dumps([[group.name for group in obj.vertex_groups], weights]).encode())
    return digest.hexdigest()[:_HASH_LENGTH]
