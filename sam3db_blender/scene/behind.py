"""The photo behind the character in renders: a node group in the scene's compositor.

The compositor serves every engine alike, EEVEE and Workbench among them, and changes no light. The group lies between
what the artist's compositor gives and the render; switching it off takes it away, and puts back what was switched on
for it. The photo keeps its own colours: it is led backwards through the view transform and the exposure of the scene
before they are applied to the whole render.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import bpy

from .. import compat

NAME = "Photo Behind Character"
#: The custom property of a scene whose renders show the photo: what was switched on for it.
ON = "sam3db_photo_behind"
#: The custom property of nodes that were made for it.
MADE = "sam3db_made_for_photo"

#: Colour spaces whose conversion to linear is a view transform backwards. Others are none that a photo can be led
#: through: they are shown as they are.
_BACKWARDS = {
    "AgX": "AgX Base sRGB",
    "Filmic": "Filmic sRGB",
    "Khronos PBR Neutral": "Khronos PBR Neutral sRGB",
    "ACES 1.3": "ACES 1.3 sRGB",
    "ACES 2.0": "ACES 2.0 sRGB",
}
_PHOTO, _ENCODE, _DECODE, _EXPOSE = "Photo", "Encode", "Decode", "Expose"


def is_on(scene: bpy.types.Scene) -> bool:
    """Whether a scene's renders show a photo behind the character."""
    return scene.get(ON) is not None


def switch_on(scene: bpy.types.Scene, image: bpy.types.Image) -> None:
    """Shows a photo behind all that a scene renders."""
    if not is_on(scene):
        render = scene.render
        tree = compat.compositor_of(scene)
        scene[ON] = {
            "film_transparent": render.film_transparent,
            "use_compositing": render.use_compositing,
            "made": tree is None,
        }
        render.film_transparent = render.use_compositing = True
        _insert(tree or compat.new_compositor(scene, NAME))
    show(scene, image)


def switch_off(scene: bpy.types.Scene) -> None:
    """Leaves a scene as it was before."""
    if not is_on(scene):
        return
    before: Any = scene[ON]
    scene.render.film_transparent = bool(before["film_transparent"])
    scene.render.use_compositing = bool(before["use_compositing"])
    tree, made = compat.compositor_of(scene), bool(before["made"])
    if tree is not None:
        _take_out(tree)
        if made:
            compat.remove_compositor(scene)
    del scene[ON]


def show(scene: bpy.types.Scene, image: bpy.types.Image | None) -> None:
    """Which photo a scene's renders show, none where it is None, and in which colours; what is so already is not
    touched.
    """
    node = _group_node(scene)
    if node is None:
        return
    _set(node, "mute", image is None)
    nodes = node.node_tree.nodes
    if image is not None:
        _set(nodes[_PHOTO], "image", image)
    backwards = _BACKWARDS.get(scene.view_settings.view_transform)
    for name in (_ENCODE, _DECODE):
        _set(nodes[name], "mute", backwards is None)
    if backwards is not None:
        _set(nodes[_DECODE], "from_color_space", backwards)
    _set(nodes[_EXPOSE].inputs["Exposure"], "default_value", -scene.view_settings.exposure)


def _set(owner: Any, name: str, value: Any) -> None:
    if getattr(owner, name) != value:
        setattr(owner, name, value)


def _group_node(scene: bpy.types.Scene) -> Any:
    """The node of a scene's compositor that lays the photo behind; None where somebody deleted it."""
    tree = compat.compositor_of(scene)
    nodes: Any = () if tree is None else tree.nodes
    return next((node for node in nodes if node.get(MADE) and node.type == "GROUP" and node.node_tree), None)


def _insert(tree: Any) -> None:
    """Puts the group between what a compositor gives and the render."""
    end = compat.compositor_input(tree)
    node: Any = tree.nodes.new("CompositorNodeGroup")
    node.node_tree = _new_group()
    node.name = node.label = NAME
    node[MADE] = True
    x, y = end.node.location
    node.location = (x, y)
    end.node.location = (x + 200.0, y)
    links = end.links
    if links:
        given = links[0].from_socket
    else:
        layers = tree.nodes.new("CompositorNodeRLayers")
        layers[MADE] = True
        layers.location = (x - 300.0, y)
        given = layers.outputs["Image"]
    tree.links.new(given, node.inputs[0])
    tree.links.new(node.outputs[0], end)


def _take_out(tree: Any) -> None:
    for node in [node for node in tree.nodes if node.get(MADE) and node.type == "GROUP"]:
        group: Any = node
        given = [link.from_socket for link in node.inputs[0].links if not link.from_node.get(MADE)]
        ends = [link.to_socket for link in node.outputs[0].links]
        for end in ends:
            x, y = end.node.location
            end.node.location = (x - 200.0, y)
        inner = group.node_tree
        tree.nodes.remove(node)
        for end in ends if given else ():
            tree.links.new(given[0], end)
        if inner is not None and not inner.users:
            bpy.data.node_groups.remove(inner)
    for node in [node for node in tree.nodes if node.get(MADE)]:
        tree.nodes.remove(node)


def _new_group() -> bpy.types.NodeTree:
    """The group: what it is given over the photo, which fills the frame."""
    group: Any = bpy.data.node_groups.new(NAME, "CompositorNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Image", in_out=direction, socket_type="NodeSocketColor")
    made = {}
    steps = (
        (_PHOTO, "CompositorNodeImage"),
        (_ENCODE, "CompositorNodeConvertColorSpace"),
        (_DECODE, "CompositorNodeConvertColorSpace"),
        (_EXPOSE, "CompositorNodeExposure"),
        ("Fit", "CompositorNodeScale"),
    )
    for number, (name, kind) in enumerate(steps):
        node = made[name] = group.nodes.new(kind)
        node.name = node.label = name
        node.location = (200.0 * number, -200.0)
    linear = compat.linear_space(made[_ENCODE])
    made[_ENCODE].from_color_space, made[_ENCODE].to_color_space = linear, "sRGB"
    made[_DECODE].to_color_space = linear
    compat.fit_to_render(made["Fit"])
    for first, second in pairwise(steps):
        group.links.new(made[first[0]].outputs["Image"], made[second[0]].inputs["Image"])
    given, end = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    over = group.nodes.new("CompositorNodeAlphaOver")
    for number, node in enumerate((given, over, end)):
        node.location = (1000.0 + 200.0 * (number - 1), 100.0)
    background, foreground = compat.alpha_over_inputs(over)
    group.links.new(made["Fit"].outputs["Image"], background)
    group.links.new(given.outputs[0], foreground)
    group.links.new(over.outputs[0], end.inputs[0])
    return group
