"""Helpers for writing shader trees as expressions instead of as lists of links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import bpy


class Shader:
    """Adds nodes to a tree; each method returns the new node's output socket, and inputs may be sockets or plain
    values.
    """

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def node(self, kind: str, inputs: dict[str | int, Any] | None = None, **properties: Any) -> bpy.types.Node:
        """A node of a type (``ShaderNode...``) with properties set and inputs linked or set."""
        node = self.tree.nodes.new(kind)
        for name, value in properties.items():
            setattr(node, name, value)
        for key, value in (inputs or {}).items():
            self._put(node.inputs[key], value)
        return node

    def math(self, operation: str, *operands: Any, clamp: bool = False) -> Any:
        """A number from numbers."""
        return self.node(
            "ShaderNodeMath",
            dict(enumerate(operands)),
            operation=operation,
            use_clamp=clamp,  # type: ignore[arg-type]
        ).outputs[0]

    def vector_math(self, operation: str, *operands: Any) -> Any:
        """A vector from vectors; a number where the operation gives one."""
        node = self.node("ShaderNodeVectorMath", dict(enumerate(operands)), operation=operation)  # type: ignore[arg-type]
        return node.outputs["Value" if operation in ("DOT_PRODUCT", "LENGTH", "DISTANCE") else "Vector"]

    def attribute(self, name: str) -> Any:
        """A vector attribute of the mesh."""
        return self.node("ShaderNodeAttribute", attribute_name=name).outputs["Vector"]

    def noise(self, vector: Any, scale: float, detail: float = 2.0) -> Any:
        """Noise around 0.5 with features of about 1 / ``scale`` metres."""
        return self.node("ShaderNodeTexNoise", {"Vector": vector, "Scale": scale, "Detail": detail}).outputs[0]

    def smooth(self, value: Any, low: float, high: float) -> Any:
        """0 below ``low``, 1 above ``high``, smooth in between."""
        return self.node(
            "ShaderNodeMapRange", {"Value": value, "From Min": low, "From Max": high}, interpolation_type="SMOOTHSTEP"
        ).outputs[0]

    def mix(self, factor: Any, first: Any, second: Any, blend: str = "MIX") -> Any:
        """A colour between two colours."""
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type = "RGBA"
        node.blend_type = blend
        # the node carries sockets for all data types under equal names; these are the ones for colours
        for identifier, value in (("Factor_Float", factor), ("A_Color", first), ("B_Color", second)):
            self._put(next(s for s in node.inputs if s.identifier == identifier), value)
        return next(s for s in node.outputs if s.identifier == "Result_Color")

    def surface(self, shader: Any, output: str = "ShaderNodeOutputMaterial") -> None:
        """Makes a shader socket the surface of the material (or of the world, by its own output node)."""
        self.node(output, {"Surface": shader})

    def _put(self, socket: bpy.types.NodeSocket, value: Any) -> None:
        if hasattr(value, "is_output"):
            self.tree.links.new(value, socket)
        elif isinstance(value, Sequence) and len(value) == 3 and socket.type == "RGBA":
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value


def arrange(tree: bpy.types.NodeTree) -> None:
    """Lays the nodes out in columns by their distance from the output, so that an artist can read the tree."""
    depth: dict[str, int] = {}
    # A socket's own links are looked for among all of the tree each time.
    sources: dict[str, list[str]] = defaultdict(list)
    for link in tree.links:
        if link.from_node is not None and link.to_node is not None:
            sources[link.to_node.name].append(link.from_node.name)

    def visit(name: str, level: int) -> None:
        depth[name] = max(depth.get(name, 0), level)
        for source in sources[name]:
            visit(source, level + 1)

    for node in tree.nodes:
        if not any(output.is_linked for output in node.outputs):
            visit(node.name, 0)
    heights: dict[int, float] = {}
    for node in tree.nodes:
        level = depth.get(node.name, 0)
        node.location = (-240.0 * level, heights.get(level, 0.0))
        heights[level] = heights.get(level, 0.0) - 220.0
