"""Materials that other programs understand: a procedural one becomes its plain colour, and inputs that are computed
become plain as well. Pictures that were painted on and not saved are shown as they are now.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .. import compat
from ..scene.materials import main_colour
from ..scene.textured import principled_of

#: Nodes that do no more than say which channel of a picture, or which directions, an input takes.
_PASSING_ON = ("SEPARATE_COLOR", "SEPRGB", "NORMAL_MAP")
#: Bits for a pixel of pictures that are not opaque; in memory all have four channels.
_WITH_ALPHA = (32, 128)


def needs_replacing(material: bpy.types.Material) -> bool:
    """Whether exporters would write something else than what the material shows."""
    return needs_plain(material) or bool(_computed(principled_of(material))) or bool(_painted(material))


def needs_plain(material: bpy.types.Material) -> bool:
    """Whether a material's colour is neither one number nor a picture."""
    shader = principled_of(material)
    return shader is None or _is_procedural(shader)


def replacement(original: bpy.types.Material, lent: dict[str, str]) -> bpy.types.Material:
    """A new material in place of one that ``needs_replacing``.

    Args:
        lent: what the material and its pictures are called in the file, by the names that they have now.
    """
    if needs_plain(original):
        return plain_material(original, lent.get(original.name, original.name))
    return _as_shown(original, lent)


def unsaved_pictures(material: bpy.types.Material) -> list[str]:
    """The names of the pictures that the replacement of a material has copies of."""
    return [] if needs_plain(material) else [node.image.name for node in _painted(material)]


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


def _as_shown(original: bpy.types.Material, lent: dict[str, str]) -> bpy.types.Material:
    """A copy whose normals and roughness are plain where they are computed, of a picture's brightness, say, and whose
    pictures are packed as they are now.

    Blender's glTF exporter looks for any picture behind an input, and writes a bump's as if it were a normal map. Its
    FBX and USD exporters write a packed picture as it was packed.
    """
    copy = original.copy()
    copy.name = lent.get(original.name, original.name)
    shader = principled_of(copy)
    for socket in _computed(shader):
        copy.node_tree.links.remove(socket.links[0])
        if socket.name == "Roughness":
            socket.default_value = original.roughness
    for node in _painted(copy):
        node.image = _packed_now(node.image, lent)
    return copy


def _painted(material: bpy.types.Material) -> list[Any]:
    """The nodes with pictures that were made or painted on since they were last saved or packed."""
    nodes: Any = () if material.node_tree is None else material.node_tree.nodes
    return [node for node in nodes if node.type == "TEX_IMAGE" and node.image is not None and _is_unsaved(node.image)]


def _is_unsaved(picture: Any) -> bool:
    # a tiled picture's pixels cannot be read from Python but for its first tile
    return picture.source != "TILED" and all(picture.size) and (picture.is_dirty or picture.source == "GENERATED")


def _packed_now(picture: Any, lent: dict[str, str]) -> Any:
    """A packed copy of a picture's pixels; one for all materials that show it."""
    name = lent.get(picture.name, picture.name)
    made = bpy.data.images.get((name, None)) if picture.name in lent else None
    if made is None:
        made = bpy.data.images.new(
            name, *picture.size, alpha=picture.depth in _WITH_ALPHA, float_buffer=picture.is_float
        )
        made.colorspace_settings.name = picture.colorspace_settings.name
        made.alpha_mode = picture.alpha_mode
        values = np.empty(len(picture.pixels), np.float32)
        picture.pixels.foreach_get(values)
        made.pixels.foreach_set(values)
        made.pack()
    return made


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
