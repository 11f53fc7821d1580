"""The colours in which meshes are drawn in previews: one for each vertex, linear Rec.709, by their materials."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.raster import Array
from native_runtime.texture.skin_parts import skin_parts

from ..rig.mesh import PARTS_PROPERTY
from ..scene.materials import REST_POSITION, SKIN_ZONES, SOLID_VIEW_LIFT

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: How much darker and brighter than most of a mesh its parts are drawn: eyes and lips stay readable in one tint.
_DARKEST, _BRIGHTEST = 0.06, 1.3
#: Eyes and teeth lie in the shade of lids and lips, which so little light does not show; in clay they would stare.
_IN_SHADE, _IN_SHADE_CLAY = 0.55, 0.42
_SHADED_PARTS = ("eyes", "iris", "pupil", "teeth", "tongue", "mouth", "gums")
_EYES = ("eyes", "iris", "pupil")
#: Of the light on an eyeball, what its upper part loses to the lid; parts of its radius from its middle where that
#: begins, and is all.
_LID_SHADE, _LID_FROM, _LID_TO = 0.55, 0.0, 0.3
#: By how much clay is darker around the eyes.
_LIDS_CLAY = 0.16
#: How far skin takes the colours of its zones: palms and soles, flushed places, lids.
_ZONES = (0.8, 0.5, 0.6)


def own_colours(mesh: bpy.types.Object, count: int, faces: NDArray, materials: NDArray) -> Array:
    """The linear colour of each vertex (V, 3) by its material in Solid view.

    Args:
        count: vertices as they are evaluated; faces (T, 3) and materials (T,) too.
    """
    slots = [slot.material for slot in mesh.material_slots]
    of_slot = np.array([(0.5,) * 3 if m is None else m.diffuse_color[:3] for m in slots]) ** (1 / SOLID_VIEW_LIFT)
    of_vertex = _slots_of(count, faces, materials, len(slots))
    colours = of_slot[of_vertex]
    parts = _parts(mesh)
    zones = _attribute(mesh, SKIN_ZONES, count)
    if zones is not None and "skin" in parts[: len(slots)]:
        number = parts.index("skin")
        skin = skin_parts((of_slot[number][0], of_slot[number][1], of_slot[number][2]))
        mine = of_vertex == number
        for zone, share, colour in zip(zones[mine].T, _ZONES, (skin.palms, skin.flushed, skin.lids)):
            colours[mine] += (share * zone)[:, None] * (np.array(colour) - colours[mine])
    colours *= _shade(mesh, parts, of_vertex, count, _IN_SHADE)[:, None]
    return np.asarray(colours)


def shades(mesh: bpy.types.Object, count: int, faces: NDArray, materials: NDArray) -> Array:
    """How bright each vertex (V,) is compared with most of the mesh, by its material's colour in Solid view."""
    slots = [slot.material for slot in mesh.material_slots]
    if not slots:
        return np.ones(count)
    brightness = np.array([1.0 if m is None else np.dot(m.diffuse_color[:3], _LUMINANCE) for m in slots])
    index = np.clip(materials, 0, len(slots) - 1)
    usual = brightness[np.bincount(index).argmax()]
    of_slot = np.clip(brightness / max(usual, 1e-3), _DARKEST, _BRIGHTEST)
    of_vertex = _slots_of(count, faces, materials, len(slots))
    parts = _parts(mesh)
    result = of_slot[of_vertex] * _shade(mesh, parts, of_vertex, count, _IN_SHADE_CLAY)
    zones = _attribute(mesh, SKIN_ZONES, count)
    if zones is not None and "skin" in parts:
        result *= 1 - _LIDS_CLAY * zones[:, 2] * (of_vertex == parts.index("skin"))
    return np.asarray(np.maximum(result, 0.5 * _DARKEST))


def _slots_of(count: int, faces: NDArray, materials: NDArray, slots: int) -> NDArray[np.int64]:
    """(V,) the material slot of each vertex."""
    chosen = np.zeros(count, np.int64)
    for corner in range(3):
        chosen[faces[:, corner]] = np.clip(materials, 0, max(slots - 1, 0))
    return chosen


def _shade(
    mesh: bpy.types.Object, parts: list[str], of_vertex: NDArray[np.int64], count: int, in_shade: float
) -> Array:
    """(V,) what is left of the light on eyes and within the mouth; less below the upper lid."""
    shade = np.ones(count)
    inside = np.isin(of_vertex, [number for number, part in enumerate(parts) if part in _SHADED_PARTS])
    shade[inside] = in_shade
    eyes = np.isin(of_vertex, [number for number, part in enumerate(parts) if part in _EYES])
    rest = _attribute(mesh, REST_POSITION, count)
    if rest is None:
        return shade
    for side in (1, -1):
        ball = eyes & (side * rest[:, 0] > 0)
        if ball.any():
            low, high = rest[ball].min(axis=0), rest[ball].max(axis=0)
            height = (rest[ball, 2] - (low[2] + high[2]) / 2) / max(float(high[2] - low[2]) / 2, 1e-9)
            below = np.clip((height - _LID_FROM) / (_LID_TO - _LID_FROM), 0, 1)
            shade[ball] *= 1 - _LID_SHADE * below
    return shade


def _parts(mesh: bpy.types.Object) -> list[str]:
    """The body's names of its slots; none for other meshes."""
    try:
        parts = json.loads(mesh.get(PARTS_PROPERTY, "[]"))
    except ValueError:
        return []
    return [str(part) for part in parts] if isinstance(parts, list) else []


def _attribute(mesh: bpy.types.Object, name: str, count: int) -> Array | None:
    """(V, 3) a vector attribute of a mesh; None where it is missing, or modifiers change the vertices' number."""
    data: Any = mesh.data
    attribute = data.attributes.get(name)
    if attribute is None or attribute.domain != "POINT" or attribute.data_type != "FLOAT_VECTOR":
        return None
    if len(attribute.data) != count:
        return None
    values = np.empty(3 * count, np.float32)
    attribute.data.foreach_get("vector", values)
    return values.reshape(count, 3).astype(np.float64)
