"""Whether a material was changed since it was made: a short text that describes its appearance."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import bpy

#: What only matters to whoever looks at the node editor.
_LAYOUT = frozenset(
    (
        *("location", "location_absolute", "width", "width_hidden", "height", "dimensions", "select", "hide", "label"),
        *("color", "use_custom_color", "parent", "show_options", "show_preview", "show_texture"),
        "warning_propagation",
    )
)
_OF_MATERIAL = ("diffuse_color", "metallic", "roughness", "specular_intensity", "surface_render_method")


def fingerprint(material: bpy.types.Material) -> str:
    """Equal for a material that looks the same: its nodes, their settings and links, and its look in Solid view."""
    tree: Any = material.node_tree
    nodes = {node.name: _node(node) for node in tree.nodes}
    links = sorted(
        [link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier]
        for link in tree.links
    )
    solid = {name: _plain(getattr(material, name)) for name in _OF_MATERIAL}
    text = json.dumps([nodes, links, solid, material.animation_data is not None], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _node(node: Any) -> dict[str, Any]:
    said = {
        name: _plain(getattr(node, name))
        for name, kind in node.bl_rna.properties.items()
        if name not in _LAYOUT and not kind.is_readonly and kind.type != "COLLECTION"
    }
    values = {
        socket.identifier: _plain(socket.default_value) for socket in node.inputs if hasattr(socket, "default_value")
    }
    return {"kind": node.bl_idname, "said": said, "values": values}


def _plain(value: Any) -> Any:
    if isinstance(value, bpy.types.ID):
        return value.name_full
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    try:
        return list(value)
    except TypeError:
        return type(value).__name__
