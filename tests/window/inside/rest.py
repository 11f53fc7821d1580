"""Characters that rest while nobody works on them."""

from __future__ import annotations

import bpy
import numpy as np

from .scene import rigs


def resting() -> bool:
    """Whether all characters rest."""
    return all(bpy.data.objects[name].get("sam3db_resting") for name in rigs().values())


def drivers() -> int:
    """How many drivers the characters have, of bones and shape keys."""
    owners = [bpy.data.objects[name] for name in rigs().values()]
    owners += [_mesh(rig).data.shape_keys for rig in owners]
    return sum(len(owner.animation_data.drivers) for owner in owners if owner.animation_data)


def choose_nobody() -> None:
    """Has another object be active, and the only one selected."""
    layer = bpy.context.view_layer
    own = bpy.data.objects.get("own") or bpy.data.objects.new("own", None)
    if own.name not in layer.objects:
        bpy.context.scene.collection.objects.link(own)
    for obj in list(layer.objects):
        obj.select_set(obj == own)
    layer.objects.active = own


def slide(value: float) -> float:
    """Sets a slider of the first character, as a script does; how far a vertex has moved in m."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    before = _points(rig)
    key = next(key for key in rig.keys() if key.startswith("Body: "))  # noqa: SIM118
    rig[key] = value
    rig.update_tag()
    bpy.context.view_layer.update()
    return float(np.abs(_points(rig) - before).max())


def _mesh(rig: bpy.types.Object) -> bpy.types.Object:
    return next(child for child in rig.children if child.type == "MESH")


def _points(rig: bpy.types.Object) -> np.ndarray:
    mesh = _mesh(rig).evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    return points
