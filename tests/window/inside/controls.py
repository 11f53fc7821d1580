"""The controls of the first character, and their panel."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Matrix, Vector

from .scene import _bounds, _region, _view, in_viewport, part, rigs, take_tool


def show() -> None:
    """Leaves only the panel of the character and its controls in the sidebar's tab, both open; pose mode, and the
    character from ahead and a little from above.
    """
    panels = [part("ui.character_panel").SAM3DB_PT_character, part("ui.controls_panel").SAM3DB_PT_controls]
    for cls in reversed(part("registration").CLASSES):
        if issubclass(cls, bpy.types.Panel) and getattr(cls, "bl_category", "") == "Photo" and cls.is_registered:
            bpy.utils.unregister_class(cls)
    panels[1].bl_options = set()
    panels[1].bl_idname = "SAM3DB_PT_controls_open"  # what is closed is remembered by its name
    for cls in panels:
        bpy.utils.register_class(cls)
    controls = _controls()
    bpy.context.view_layer.objects.active = controls
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == controls)
    with in_viewport():
        bpy.ops.object.mode_set(mode="POSE")
        bpy.ops.pose.select_all(action="DESELECT")
    take_tool("builtin.select")
    look(2.6)


def look(distance: float, at: str = "hips") -> None:
    """Looks at a control from ahead and from the left, from some distance, m."""
    controls = _controls()
    view: Any = _view().spaces.active.region_3d
    view.view_perspective = "PERSP"
    upright = (controls.matrix_world @ controls.pose.bones["root"].matrix).to_3x3().normalized()
    ahead = upright @ Matrix(((1, 0, 0), (0, 0, 1), (0, -1, 0)))  # the root's y axis points up, its z axis ahead
    view.view_rotation = (ahead @ Matrix.Rotation(0.5, 3, "Z") @ Matrix.Rotation(1.4, 3, "X")).to_quaternion()
    view.view_location = controls.matrix_world @ controls.pose.bones[at].head
    view.view_distance = distance


def spots(bone: str) -> list[list[float]]:
    """Points of a control's wires on the screen, px from the top left, those first that are far from other controls."""
    controls = _controls()
    shown = [b for b in controls.pose.bones if b.custom_shape and any(c.is_visible for c in b.bone.collections)]
    own = _wire(controls.pose.bones[bone])
    others = np.concatenate([_wire(b) for b in shown if b.name != bone])
    free = np.linalg.norm(own[:, None] - others[None], axis=2).min(axis=1)
    x0, y0, x1, y1 = _bounds(_region("WINDOW"))
    inside = (own[:, 0] > x0 + 60) & (own[:, 0] < x1 - 260) & (own[:, 1] > y0 + 60) & (own[:, 1] < y1 - 20)
    order = np.argsort(-np.where(inside, free, -1.0))
    return [own[i].tolist() for i in order[:6] if inside[i]]


def active() -> str:
    """The active bone; empty where none is selected."""
    bone = bpy.context.active_pose_bone
    return bone.name if bone is not None and bone in (bpy.context.selected_pose_bones or ()) else ""


def state() -> dict[str, Any]:
    """Switches, where joints of the left side stand (m, world), and the tip of the index finger beneath the wrist."""
    controls, rig = _controls(), _rig()
    bpy.context.view_layer.update()
    bones = rig.pose.bones
    heads = {name: list(rig.matrix_world @ bones[f"l_{name}"].head) for name in ("wrist", "foot", "ball", "index3")}
    finger = list(bones["l_wrist"].matrix.inverted() @ bones["l_index3"].tail)
    switches = {key: float(controls[key]) for key in ("arm_ik.L", "leg_ik.L")}
    shown = {c.name: c.is_visible for c in controls.data.collections}
    return {"switches": switches, "heads": heads, "finger": finger, "shown": shown}


def choose_character() -> None:
    """Object mode, with the character's rig and body chosen, and its controls not."""
    bpy.ops.object.mode_set(mode="OBJECT")
    rig = _rig()
    chosen = [rig, *(child for child in rig.children if child.type == "MESH")]
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in chosen)
    bpy.context.view_layer.objects.active = rig


def followed() -> dict[str, str | None]:
    """The rigs of characters in the scene, and the control rig of each."""
    found = {}
    for obj in bpy.context.scene.objects:
        leader = part("rig.followed").followed(obj) if obj.type == "ARMATURE" else None
        if leader is not None:
            found[obj.name] = None if leader.name not in bpy.context.view_layer.objects else leader.name
    return found


def _wire(bone: bpy.types.PoseBone) -> np.ndarray:
    """(N, 2) the middles of the edges of a control's shape on the screen."""
    controls = _controls()
    mesh: Any = bone.custom_shape.data
    base = bone.custom_shape_transform or bone
    scale = Matrix.Diagonal((*bone.custom_shape_scale_xyz, 1.0))
    stand = controls.matrix_world @ base.matrix @ Matrix.Translation(bone.custom_shape_translation) @ scale
    region, view = _region("WINDOW"), _view().spaces.active.region_3d
    x0, y0, _, _ = _bounds(region)
    found = []
    for edge in mesh.edges:
        middle = sum((mesh.vertices[i].co for i in edge.vertices), Vector()) / 2
        spot = location_3d_to_region_2d(region, view, stand @ middle)
        found.append((1e6, 1e6) if spot is None else (x0 + spot.x, y0 + region.height - spot.y))
    return np.array(found)


def _rig() -> bpy.types.Object:
    return bpy.data.objects[next(iter(rigs().values()))]


def _controls() -> bpy.types.Object:
    return part("rig.control_pose").controls_of(_rig())
