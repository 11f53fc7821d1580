"""The sidebar's tab with some of its panels only, all of them open: for pictures."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from types import MethodType
from typing import Any

import bpy
from mathutils import Euler, Vector

from .scene import _bounds, _view, in_viewport, part, rigs

#: How panels draw themselves, by name.
_drawn: dict[str, Callable[..., None]] = {}


def only(names: list[str], sections: list[str]) -> None:
    """Leaves these panels in the sidebar's tab, in this order, open, with these sections of theirs open.

    Args:
        names: of panels' classes, without ``SAM3DB_PT_``.
        sections: identifiers that ``UILayout.panel`` gets.
    """
    classes = {cls.__name__: cls for cls in part("registration").CLASSES}
    for cls in reversed(classes.values()):
        if issubclass(cls, bpy.types.Panel) and getattr(cls, "bl_category", "") == "Photo" and cls.is_registered:
            bpy.utils.unregister_class(cls)
    for name in names:
        cls = classes[f"SAM3DB_PT_{name}"]
        cls.bl_options = set()
        cls.bl_idname = f"SAM3DB_PT_{name}_open"  # what is closed is remembered by its name
        parent = cls.__dict__.get("bl_parent_id", "").removesuffix("_open").removeprefix("SAM3DB_PT_")
        if parent in names:
            cls.bl_parent_id = f"SAM3DB_PT_{parent}_open"
        elif parent:
            cls.bl_parent_id = ""
        draw = _drawn.setdefault(name, cls.draw)
        cls.draw = _opening(draw, frozenset(sections))
        bpy.utils.register_class(cls)
    _view().spaces.active.show_region_ui = True


def _opening(draw: Callable[..., None], sections: frozenset[str]) -> Callable[..., None]:
    def opened(self: Any, context: bpy.types.Context) -> None:
        draw(_Panel(self, sections), context)

    return opened


class _Panel:
    """A panel whose layout opens sections."""

    def __init__(self, panel: Any, sections: frozenset[str]) -> None:
        self._panel, self.layout = panel, _Layout(panel.layout, sections)

    def __getattr__(self, name: str) -> Any:
        found = inspect.getattr_static(type(self._panel), name)
        if isinstance(found, staticmethod):
            return found.__func__
        return MethodType(found, self) if inspect.isfunction(found) else getattr(self._panel, name)


class _Layout:
    """A layout that opens sections, whatever the artist left open."""

    def __init__(self, layout: Any, sections: frozenset[str]) -> None:
        object.__setattr__(self, "_layout", layout)
        object.__setattr__(self, "_sections", sections)

    def panel(self, name: str, default_closed: bool = False) -> Any:
        if name not in self._sections:
            return self._layout.panel(name, default_closed=default_closed)
        header, body = self._layout.panel(f"{name}_open", default_closed=False)
        return header, body and _Layout(body, self._sections)

    def column(self, **keys: Any) -> Any:
        return _Layout(self._layout.column(**keys), self._sections)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layout, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._layout, name, value)


# --- settings that panels show ---------------------------------------------------------------------------------------


def fill_batch(photos: str, out: str) -> None:
    """Fills in the panel of batches."""
    batch = bpy.context.window_manager.sam3db_batch
    batch.folder, batch.out = photos, out
    batch.previews, batch.exports = {"overlay", "turntable"}, {"glb"}


def fill_take(video: str, out: str, last: int) -> None:
    """Fills in the panel of takes."""
    takes = bpy.context.window_manager.sam3db_takes
    takes.video, takes.out, takes.last = video, out, last


def fill_export(names: str) -> None:
    """Chooses the target of exports."""
    bpy.context.window_manager.sam3db_export.names = names


def show_extensions() -> list[int]:
    """Goes to "Get Extensions" in preferences that fill the window, which leave it to the others again.

    Returns:
        Their x0, y0, x1, y1 on the screen, px from the top left.
    """
    bpy.context.preferences.active_section = "EXTENSIONS"
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
        bpy.ops.screen.back_to_previous()
    area = next(area for area in window.screen.areas if area.type == "PREFERENCES")
    return _bounds(next(region for region in area.regions if region.type == "WINDOW"))


def zoom_camera(zoom: float) -> None:
    """Shows the camera's picture larger or smaller; Blender's own number for it."""
    _view().spaces.active.region_3d.view_camera_zoom = zoom


def redraw() -> None:
    """Has everything drawn, also what nobody has touched."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()


def scale(factor: float) -> None:
    """Draws everything larger."""
    bpy.context.preferences.view.ui_scale = factor


def plain() -> None:
    """Nothing in the viewport that distracts: no lines between objects, lights, cameras, cursor."""
    overlay = _view().spaces.active.overlay
    overlay.show_extras = overlay.show_relationship_lines = overlay.show_cursor = overlay.show_text = False


def orbit(yaw: float, frame: float = 1.0, height: float = 0.5) -> None:
    """Looks at the first character from around.

    Args:
        yaw: degrees from its front, to its left.
        frame: how much of its height is in view.
        height: of what is looked at, as a share of its own.
    """
    rig = bpy.data.objects[next(iter(rigs().values()))]
    meshes = [mesh for mesh in rig.children if mesh.type == "MESH"]
    corners = [mesh.matrix_world @ Vector(corner) for mesh in meshes for corner in mesh.bound_box]
    low, high = (Vector(tuple(end(corner[axis] for corner in corners) for axis in range(3))) for end in (min, max))
    looking = _view().spaces.active.region_3d
    looking.view_perspective = "PERSP"
    looking.view_rotation = Euler((math.radians(84.0), 0.0, math.radians(yaw))).to_quaternion()
    middle = (low + high) / 2
    middle.z = low.z + height * (high.z - low.z)
    looking.view_location = middle
    looking.view_distance = 1.55 * frame * (high.z - low.z)
    _view().tag_redraw()


def show_bones(shown: bool) -> None:
    """Shows or hides bones in the viewport."""
    _view().spaces.active.overlay.show_bones = shown


def pose_mode() -> None:
    """Goes to Pose Mode with the controls of the first character, with a hand of theirs selected."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    controls = part("rig.control_pose").controls_of(rig)
    bpy.context.view_layer.objects.active = controls
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == controls)
    with in_viewport():
        bpy.ops.object.mode_set(mode="POSE")
        bpy.ops.pose.select_all(action="DESELECT")


def object_mode() -> None:
    """Goes back to Object Mode."""
    with in_viewport():
        bpy.ops.object.mode_set(mode="OBJECT")


def pose_from_photo() -> None:
    """The panel's button of that name."""
    with in_viewport():
        bpy.ops.sam3db.pose_from_photo()


def masked() -> bool:
    """Whether the first character has a mask."""
    return bool(part("masks.store").has_mask(bpy.data.objects[next(iter(rigs().values()))]))


def straighten_arm() -> None:
    """Turns the left arm of the first character to its rest by hand, and infers the pose again, which keeps it."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    controls = part("rig.control_pose").controls_of(rig)
    for name in ("shoulder.L", "upper_arm_fk.L", "forearm_fk.L", "hand_fk.L"):
        controls.pose.bones[name].rotation_euler = (0.0, 0.0, 0.0)
    controls.update_tag()
    rig.update_tag()
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Edit")
    with in_viewport():
        bpy.ops.sam3db.infer_again()


def show_photo_over(share: float) -> None:
    """How much of the photo is seen over the body."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    part("scene.photo_over").over_of(part("scene.camera").camera_of(rig)).alpha = share


def mask_from_photo() -> None:
    """The panel's button of that name."""
    with in_viewport():
        bpy.ops.sam3db.mask_from_photo("INVOKE_DEFAULT")
