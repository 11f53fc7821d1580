"""Materials that other programs understand: a procedural one becomes its plain colour, and inputs that are computed
become plain as well.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from ..scene.materials import main_colour
from ..scene.textured import principled_of

#: Nodes that do no more than say which channel of a picture, or which directions, an input takes.
_PASSING_ON = ("SEPARATE_COLOR", "SEPRGB", "NORMAL_MAP")


def needs_replacing(material: bpy.types.Material) -> bool:
    """Whether exporters would write something else than what the material shows."""
    return needs_plain(material) or bool(_computed(principled_of(material)))


def needs_plain(material: bpy.types.Material) -> bool:
    """Whether a material's colour is neither one number nor a picture."""
    shader = principled_of(material)
    return shader is None or _is_procedural(shader)


def replacement(original: bpy.types.Material, name: str) -> bpy.types.Material:
    """A new material in place of one that ``needs_replacing``."""
    return plain_material(original, name) if needs_plain(original) else _without_computed(original, name)


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


def _without_computed(original: bpy.types.Material, name: str) -> bpy.types.Material:
    """A copy whose normals and roughness are plain where they are computed, of a picture's brightness, say.

    Blender's glTF exporter looks for any picture behind an input, and writes a bump's as if it were a normal map.
    """
    copy = original.copy()
    copy.name = name
    shader = principled_of(copy)
    for socket in _computed(shader):
        copy.node_tree.links.remove(socket.links[0])
        if socket.name == "Roughness":
            socket.default_value = original.roughness
    return copy


def _computed(shader: Any) -> list[Any]:
    """The inputs for normals and roughness that are linked to something else than a picture."""
    sockets = (shader.inputs[name] for name in ("Normal", "Roughness"))
    return [socket for socket in sockets if socket.is_linked and not _is_picture(socket)]


def _is_picture(socket: Any) -> bool:
    """Whether an input takes a picture, or a channel of one, maybe multiplied by a number, as exporters expect it."""
    if not socket.is_linked:
        return False
    node = socket.links[0].from_node
    if node.type == "TEX_IMAGE":
        return True
    if node.type == "MATH" and node.operation == "MULTIPLY":
        return any(map(_is_picture, node.inputs[:2])) and not all(entry.is_linked for entry in node.inputs[:2])
    return node.type in _PASSING_ON and any(map(_is_picture, node.inputs))


def _is_procedural(shader: Any) -> bool:
    links = shader.inputs["Base Color"].links
    return bool(links) and links[0].from_node.type != "TEX_IMAGE"


def _number(shader: Any, name: str, otherwise: float) -> float:
    if shader is None or shader.inputs[name].is_linked:
        return otherwise
    return float(shader.inputs[name].default_value)
