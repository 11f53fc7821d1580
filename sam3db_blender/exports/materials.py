"""Materials that other programs understand: a procedural one becomes its plain colour."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from ..scene.materials import main_colour
from ..scene.textured import principled_of


def needs_plain(material: bpy.types.Material) -> bool:
    """Whether a material's colour is neither one number nor a picture."""
    shader = principled_of(material)
    return shader is None or _is_procedural(shader)


def plain_material(original: bpy.types.Material, name: str) -> bpy.types.Material:
    """A new material of one colour in place of a procedural one."""
    shader = principled_of(original)
    copy = bpy.data.materials.new(name)
    tree = compat.node_tree_of(copy)
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    plain = tree.nodes.new("ShaderNodeBsdfPrincipled")
    tree.links.new(plain.outputs[0], output.inputs[0])
    colour = main_colour(original) or tuple(original.diffuse_color[:3])
    plain.inputs["Base Color"].default_value = (*colour, 1.0)
    plain.inputs["Roughness"].default_value = _number(shader, "Roughness", original.roughness)
    copy.diffuse_color = original.diffuse_color
    copy.roughness = original.roughness
    return copy


def _is_procedural(shader: Any) -> bool:
    links = shader.inputs["Base Color"].links
    return bool(links) and links[0].from_node.type != "TEX_IMAGE"


def _number(shader: Any, name: str, otherwise: float) -> float:
    if shader is None or shader.inputs[name].is_linked:
        return otherwise
    return float(shader.inputs[name].default_value)
