"""Everything that differs between Blender 4.2 and 5.2, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

#: The oldest Blender that is supported.
OLDEST = (4, 2, 0)


#: For string properties that hold paths, in which // may stand for the folder of the .blend file: since 4.5 they have
#: to say so, or Blender shows them in red; before, it does not know the word.
BLEND_RELATIVE: set[Any] = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


def node_tree_of(material_or_world: Any) -> bpy.types.NodeTree:
    """The node tree of a new material or world, emptied.

    Since 5.0 these always have one and ``use_nodes`` is deprecated; before, the tree appears when the switch is
    set.
    """
    if bpy.app.version < (5, 0, 0):
        material_or_world.use_nodes = True
    tree = material_or_world.node_tree
    tree.nodes.clear()
    return tree


def eevee_id() -> str:
    """EEVEE's name: 5.0 took back the short one."""
    return "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"


def clear_curve(curve: bpy.types.FCurve) -> None:
    """Leaves of a new driver's curve only the driver.

    A new driver passes its result through a curve that stands for "as it is": a modifier before 5.0, two keys since.
    The keys swallow results within 1e-4 of them (0.1 mm for a location); a bare curve passes everything, and faster.
    """
    curve.keyframe_points.clear()
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)


def select_bone(bone: bpy.types.PoseBone, on: bool) -> None:
    """Selects a bone in pose mode: since 5.0 the selection belongs to the pose."""
    if bpy.app.version >= (5, 0, 0):
        bone.select = on  # type: ignore[attr-defined]
    else:
        bone.bone.select = on


def animation_curves(block: Any) -> Iterator[tuple[Any, bpy.types.FCurve]]:
    """The F-curves of a data-block's own action, each with the collection that it can be removed from.

    Until 4.3 an action simply has curves; since 4.4 they belong to its slots, and since 5.0 only these can be asked.
    """
    animation = block.animation_data
    if animation is None or animation.action is None:
        return
    yield from _action_curves(animation.action, getattr(animation, "action_slot", None))


def strip_curves(strip: bpy.types.NlaStrip) -> Iterator[bpy.types.FCurve]:
    """The F-curves that a strip of the NLA plays; none of a sound or a meta strip."""
    if strip.action is not None:
        yield from (curve for _, curve in _action_curves(strip.action, getattr(strip, "action_slot", None)))


def _action_curves(action: bpy.types.Action, slot: Any) -> Iterator[tuple[Any, bpy.types.FCurve]]:
    if bpy.app.version < (5, 0, 0):
        collections: list[Any] = [action.fcurves]
    else:
        from bpy_extras.anim_utils import action_get_channelbag_for_slot

        find: Any = action_get_channelbag_for_slot
        bag = find(action, slot)
        collections = [] if bag is None else [bag.fcurves]
    for curves in collections:
        for curve in list(curves):
            yield curves, curve


def new_action(block: Any, name: str) -> tuple[bpy.types.Action, Any]:
    """A new action that a data-block plays, and the collection that its F-curves are made in (``new_curve``).

    Since 4.4 an action has layers with strips, and a slot for each data-block that plays it.
    """
    action = bpy.data.actions.new(name)
    animation = block.animation_data_create()
    if bpy.app.version < (4, 4, 0):
        animation.action = action
        return action, action
    layered: Any = action
    slot = layered.slots.new(block.id_type, block.name)
    strip = layered.layers.new("Layer").strips.new(type="KEYFRAME")
    animation.action, animation.action_slot = action, slot
    return action, strip.channelbag(slot, ensure=True)


def new_curve(curves: Any, path: str, index: int, group: str) -> bpy.types.FCurve:
    """An F-curve without keys, in a group of its action where one is named.

    Args:
        curves: what ``new_action`` gave.
        index: of a property with several numbers; 0 for one alone.
    """
    if bpy.app.version < (4, 4, 0):
        plain: bpy.types.FCurve = curves.fcurves.new(path, index=index, action_group=group)
        return plain
    curve: bpy.types.FCurve = curves.fcurves.new(path, index=index)
    if group:
        curve.group = curves.groups.get(group) or curves.groups.new(group)
    return curve


def curve_of(block: Any, path: str, index: int, group: str) -> bpy.types.FCurve:
    """A new F-curve of the action that a data-block plays; the action is made where there is none."""
    animation = block.animation_data_create()
    if animation.action is None:
        return new_curve(new_action(block, f"{block.name} Action")[1], path, index, group)
    if bpy.app.version < (4, 4, 0):
        return new_curve(animation.action, path, index, group)
    action, slot = animation.action, animation.action_slot
    if slot is None:
        slot = action.slots.new(block.id_type, block.name)
        animation.action_slot = slot
    if not action.layers:
        action.layers.new("Layer").strips.new(type="KEYFRAME")
    return new_curve(action.layers[0].strips[0].channelbag(slot, ensure=True), path, index, group)


def new_strip(block: Any, track: str, start: int) -> bpy.types.NlaStrip:
    """Moves what a data-block's action plays into a strip of a new NLA track, which plays it from a frame on."""
    animation = block.animation_data
    action, slot = animation.action, getattr(animation, "action_slot", None)
    row = animation.nla_tracks.new()
    row.name = track
    strip: bpy.types.NlaStrip = row.strips.new(action.name, start, action)
    if slot is not None:
        strip.action_slot = slot  # type: ignore[attr-defined]
    animation.action = None
    return strip


def strokes_of(obj: Any) -> list[NDArray[np.float64]]:
    """The strokes of a Grease Pencil object on the current frame, of the layers that are shown: each (N, 3) m, in the
    object's axes.

    Until 4.2 a frame holds strokes; since 4.3 it holds a drawing that does.
    """
    import numpy as np

    found = []
    for layer in obj.data.layers:
        if layer.hide:
            continue
        if bpy.app.version < (4, 3, 0):
            frame, matrix = layer.active_frame, layer.matrix_layer
            strokes = [] if frame is None else [[point.co for point in stroke.points] for stroke in frame.strokes]
        else:
            frame, matrix = layer.current_frame(), layer.matrix_local
            drawn = [] if frame is None else frame.drawing.strokes
            strokes = [[point.position for point in stroke.points] for stroke in drawn]
        turn = np.array(matrix, dtype=np.float64)
        found += [np.array(points, dtype=np.float64) @ turn[:3, :3].T + turn[:3, 3] for points in strokes if points]
    return found


# --- the compositor: since 5.0 it is a node group of its own kind, which a scene may be given -------------------------


def compositor_of(scene: Any) -> Any:
    """The node tree of a scene's compositor that is in use; None where there is none."""
    if bpy.app.version >= (5, 0, 0):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def new_compositor(scene: Any, name: str) -> Any:
    """A compositor for a scene that uses none. Before 5.0, nodes that were out of use are in use again."""
    if bpy.app.version >= (5, 0, 0):
        scene.compositing_node_group = tree = bpy.data.node_groups.new(name, "CompositorNodeTree")
        return tree
    scene.use_nodes = True
    return scene.node_tree


def remove_compositor(scene: Any) -> None:
    """Takes a compositor away that ``new_compositor`` made."""
    if bpy.app.version < (5, 0, 0):
        scene.use_nodes = False
        return
    tree = scene.compositing_node_group
    scene.compositing_node_group = None
    bpy.data.node_groups.remove(tree)


def compositor_input(tree: Any) -> Any:
    """The socket of a compositor that takes the finished picture; made where there is none."""
    if bpy.app.version < (5, 0, 0):
        nodes = [node for node in tree.nodes if node.type == "COMPOSITE"]
        node = nodes[0] if nodes else tree.nodes.new("CompositorNodeComposite")
        return node.inputs["Image"]
    if not any(item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    nodes = [node for node in tree.nodes if node.type == "GROUP_OUTPUT"]
    nodes.sort(key=lambda node: not node.is_active_output)
    node = nodes[0] if nodes else tree.nodes.new("NodeGroupOutput")
    return node.inputs[0]


def alpha_over_inputs(node: Any) -> tuple[Any, Any]:
    """The background and the foreground of an Alpha Over node."""
    if "Background" in node.inputs:
        return node.inputs["Background"], node.inputs["Foreground"]
    return node.inputs[1], node.inputs[2]


def fit_to_render(node: Any) -> None:
    """Has a Scale node stretch its picture to the size of the render: since 5.0 its settings are inputs."""
    if "Frame Type" in node.inputs:
        node.inputs["Type"].default_value, node.inputs["Frame Type"].default_value = "Render Size", "Stretch"
    else:
        node.space, node.frame_method = "RENDER_SIZE", "STRETCH"


def linear_space(node: Any) -> str:
    """The name of the colour space that the compositor works in, for a Convert Colorspace node."""
    try:
        node.from_color_space = "scene_linear"
    except TypeError:  # before it had a name of its own
        return "Linear Rec.709"
    return "scene_linear"
