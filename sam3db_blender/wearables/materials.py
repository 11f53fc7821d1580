"""Materials of what is worn: one for each colour of a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..scene.fingerprint import fingerprint
from ..scene.materials import MADE_AS, MADE_FOR, REST_POSITION, SOLID_VIEW_LIFT
from ..scene.nodes import Shader, arrange
from .hair_material import strands

if TYPE_CHECKING:
    from native_runtime.wearables.wearable import Wearable

Colour = tuple[float, float, float]

_HAIR: Colour = (0.035, 0.022, 0.015)
_CLOTH: Colour = (0.16, 0.17, 0.18)
_LEATHER: Colour = (0.05, 0.05, 0.055)


def worn_materials(wearable: Wearable, units: float = 1.0) -> list[bpy.types.Material]:
    """One material for each of ``wearable.material_names``, in that order.

    Wearables share those that are as they were made; what an artist has changed is left to those who have it.

    Args:
        units: of the scene, for a metre.
    """
    return [worn_material(wearable.kind, name, wearable.colours.get(name), units) for name in wearable.material_names]


def worn_material(kind: str, name: str, colour: Colour | None = None, units: float = 1.0) -> bpy.types.Material:
    """The material of a part of something worn.

    Args:
        kind, name: of the ``Wearable`` and its material.
        colour: linear Rec.709; None for the colour of the kind.
        units: of the scene, for a metre.
    """
    build, own = _BUILDERS.get(name) or _BUILDERS.get(kind, (_cloth, _CLOTH))
    colour = colour or own
    made_for = f"worn {kind} {name} {' '.join(f'{channel:.4f}' for channel in colour)} {units:g}"
    for material in bpy.data.materials:
        if material.get(MADE_FOR) == made_for and not material.library and is_untouched(material):
            return material
    material = bpy.data.materials.new(name.capitalize())
    shader = Shader(compat.node_tree_of(material))
    shader.surface(build(shader, colour, units))
    arrange(shader.tree)
    red, green, blue = (channel**SOLID_VIEW_LIFT for channel in colour)
    material.diffuse_color = (red, green, blue, 1.0)
    material.roughness = 0.7
    material[MADE_FOR], material[MADE_AS] = made_for, fingerprint(material)
    return material


def is_untouched(material: bpy.types.Material) -> bool:
    """Whether a material is one of these, and as it was made."""
    return material.get(MADE_FOR, "").startswith("worn ") and material.get(MADE_AS) == fingerprint(material)


def _cloth(shader: Shader, colour: Colour, units: float) -> Any:
    """Knitted cotton: matt, with a soft edge of light and a fine weave."""
    place = shader.attribute(REST_POSITION)
    weave = shader.node(
        "ShaderNodeBump", {"Height": shader.noise(place, 1400.0), "Strength": 0.15, "Distance": 0.0005 * units}
    )
    return shader.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": colour,
            "Roughness": 0.85,
            "Specular IOR Level": 0.25,
            "Sheen Weight": 0.25,
            "Sheen Roughness": 0.4,
            "Normal": weave.outputs[0],
        },
    ).outputs[0]


def _plain(roughness: float) -> Callable[[Shader, Colour, float], Any]:
    def build(shader: Shader, colour: Colour, units: float) -> Any:
        return shader.node("ShaderNodeBsdfPrincipled", {"Base Color": colour, "Roughness": roughness}).outputs[0]

    return build


#: By the name of a material, or else by the kind of what is worn: the shader, and the colour where none is given.
_BUILDERS: dict[str, tuple[Callable[[Shader, Colour, float], Any], Colour]] = {
    "hair": (strands, _HAIR),
    "brows": (_plain(0.6), _HAIR),
    "lashes": (_plain(0.5), _HAIR),
    "underwear": (_cloth, _CLOTH),
    "top": (_cloth, _CLOTH),
    "shoes": (_plain(0.5), _LEATHER),
}
