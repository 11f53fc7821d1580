"""Materials of what is worn, and their colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..scene.fingerprint import fingerprint
from ..scene.materials import MADE_AS, MADE_FOR, REST_POSITION, SOLID_VIEW_LIFT
from ..scene.nodes import Shader, arrange
from ..scene.textured import principled_of
from .hair_material import recolour_strands, strands

if TYPE_CHECKING:
    from native_runtime.wearables.wearable import Wearable

Colour = tuple[float, float, float]

#: Custom properties of a material: its colour, and the one that it was made with.
_COLOUR, MADE_COLOUR = "sam3db_colour_now", "sam3db_colour_made"
_HAIR: Colour = (0.035, 0.022, 0.015)
_LASHES: Colour = (0.012, 0.009, 0.008)
_CLOTH: Colour = (0.16, 0.17, 0.18)
_LEATHER: Colour = (0.05, 0.05, 0.055)


def worn_materials(wearable: Wearable, owner: str, units: float = 1.0) -> list[bpy.types.Material]:
    """A new material for each of ``wearable.material_names``, in that order: every wearable has its own, so that one
    character's colours can be changed without another's.

    Args:
        owner: what the names of the materials begin with.
        units: of the scene, for a metre.
    """
    return [
        worn_material(f"{owner} {name}", wearable.kind, name, wearable.colours.get(name), units)
        for name in wearable.material_names
    ]


def worn_material(
    title: str, kind: str, name: str, colour: Colour | None = None, units: float = 1.0
) -> bpy.types.Material:
    """The material of a part of something worn.

    Args:
        title: of the new data-block.
        kind, name: of the ``Wearable`` and its material.
        colour: linear Rec.709; None for the colour of the kind.
        units: of the scene, for a metre.
    """
    build, own = _BUILDERS.get(name) or _BUILDERS.get(kind, (_cloth, _CLOTH))
    colour = colour or own
    material = bpy.data.materials.new(title)
    shader = Shader(compat.node_tree_of(material))
    shader.surface(build(shader, colour, units))
    arrange(shader.tree)
    material.roughness = 0.7
    _show_in_solid_view(material, colour)
    material[MADE_FOR] = f"worn {kind} {name}"
    material[_COLOUR] = material[MADE_COLOUR] = colour
    material[MADE_AS] = fingerprint(material)
    return material


def is_untouched(material: bpy.types.Material) -> bool:
    """Whether a material is one of these, and as it was made but for its colour."""
    return str(material.get(MADE_FOR, "")).startswith("worn ") and material.get(MADE_AS) == fingerprint(material)


def colour_of(material: bpy.types.Material) -> Colour:
    """The main colour of a material, linear Rec.709."""
    shader = principled_of(material)
    if shader is not None and not shader.inputs["Base Color"].is_linked:
        red, green, blue, _ = shader.inputs["Base Color"].default_value
    else:
        red, green, blue = material.get(_COLOUR) or (c ** (1 / SOLID_VIEW_LIFT) for c in material.diffuse_color[:3])
    return red, green, blue


def recolour(material: bpy.types.Material, colour: Colour) -> None:
    """Gives a material another main colour, linear Rec.709: its shader's, and what Solid view shows."""
    untouched = is_untouched(material)
    shader = principled_of(material)
    if shader is not None and not shader.inputs["Base Color"].is_linked:
        shader.inputs["Base Color"].default_value = (*colour, 1.0)
    recolour_strands(material, colour)
    _show_in_solid_view(material, colour)
    material[_COLOUR] = colour
    if untouched:
        material[MADE_AS] = fingerprint(material)


def chosen_colour(material: bpy.types.Material) -> Colour | None:
    """The colour that somebody gave a material; None where it has the one that it was made with."""
    made, now = material.get(MADE_COLOUR), colour_of(material)
    same = made is not None and all(abs(one - other) < 1e-4 for one, other in zip(made, now))
    return None if same else now


def _show_in_solid_view(material: bpy.types.Material, colour: Colour) -> None:
    red, green, blue = (channel**SOLID_VIEW_LIFT for channel in colour)
    material.diffuse_color = (red, green, blue, 1.0)


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


def _plain(roughness: float, specular: float = 0.5) -> Callable[[Shader, Colour, float], Any]:
    def build(shader: Shader, colour: Colour, units: float) -> Any:
        inputs: dict[str | int, Any] = {"Base Color": colour, "Roughness": roughness, "Specular IOR Level": specular}
        return shader.node("ShaderNodeBsdfPrincipled", inputs).outputs[0]

    return build


#: By the name of a material, or else by the kind of what is worn: the shader, and the colour where none is given.
_BUILDERS: dict[str, tuple[Callable[[Shader, Colour, float], Any], Colour]] = {
    "hair": (strands, _HAIR),
    "brows": (_plain(0.75, 0.15), _HAIR),
    "lashes": (_plain(0.6, 0.15), _LASHES),
    "underwear": (_cloth, _CLOTH),
    "top": (_cloth, _CLOTH),
    "shoes": (_plain(0.6), _LEATHER),
    "sole": (_plain(0.7), _LEATHER),
}
