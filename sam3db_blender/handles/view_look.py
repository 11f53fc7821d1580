"""What 3D views show while somebody poses on a photo, and do not show otherwise.

Somebody does in a window whose tool is "Pose from Photo", in Object Mode. Then photos lie over their characters
(``scene.photo_over``), and bones are hidden: they would cover what is posed. In Pose Mode, or with another tool, it is
the other way round. Blender reports changes of tool and mode, and ``refresh`` does what they ask for; so nothing is
out of step after undoing or opening a file.
"""

from __future__ import annotations

from typing import Any

import bpy

from .handles import TOOL

#: The custom property of a screen that lists its areas whose bones are hidden here, by their places among the areas.
_BONES = "sam3db_bones_hidden"

_owner = object()


def is_posing(window: bpy.types.Window) -> bool:
    """Whether somebody poses on a photo in a window."""
    tools: Any = window.workspace.tools
    tool = tools.from_space_view3d_mode("OBJECT", create=False)
    active = window.view_layer.objects.active
    return tool is not None and tool.idname == TOOL and (active is None or active.mode == "OBJECT")


def posing_in(context: bpy.types.Context) -> bool:
    """Whether somebody poses on a photo in the window of a context."""
    return context.window is not None and is_posing(context.window)


def refresh() -> None:
    """Makes all windows show what they ought to."""
    if bpy.app.background:
        return
    windows = list(bpy.context.window_manager.windows)
    for window in windows:
        _set_bones(window.screen, hidden=is_posing(window) and _has_only_characters(window.scene))
    _set_photos(shown=any(map(is_posing, windows)))


def _set_bones(screen: bpy.types.Screen, hidden: bool) -> None:
    """Hides bones where they are shown, or shows them where this has hidden them."""
    ours = set(screen.get(_BONES, ()))
    for place, area in enumerate(screen.areas):
        space: Any = area.spaces.active
        if area.type != "VIEW_3D":
            continue
        if hidden and place not in ours and space.overlay.show_bones:
            space.overlay.show_bones = False
            ours.add(place)
        elif not hidden and place in ours:
            space.overlay.show_bones = True
    if hidden:
        screen[_BONES] = sorted(ours)
    elif _BONES in screen.keys():  # noqa: SIM118 (Blender's stubs know no other way)
        del screen[_BONES]


def _set_photos(shown: bool) -> None:
    """Lays the photos over their characters, or takes them from there."""
    from ..scene.camera import cameras_of
    from ..scene.photo_over import show_over
    from ..scene.provenance import is_character

    rigs = (obj for scene in bpy.data.scenes for obj in scene.objects if is_character(obj))
    for camera in {camera for rig in rigs for camera in cameras_of(rig).values()}:
        if not camera.library and not getattr(camera.data, "library", None):
            show_over(camera, shown)


def hides_bones_of(obj: bpy.types.Object | None) -> bool:
    """Whether bones are hidden in a window while an armature that is not a character is the active object: a new
    one.
    """
    from ..scene.provenance import is_character

    if obj is None or obj.type != "ARMATURE" or is_character(obj) or _is_control_rig(obj):
        return False
    return any(_BONES in window.screen.keys() for window in bpy.context.window_manager.windows)  # noqa: SIM118


def _has_only_characters(scene: bpy.types.Scene) -> bool:
    """Whether there are characters, and no other armature loses its bones with theirs."""
    from ..scene.provenance import is_character

    armatures = [is_character(obj) for obj in scene.objects if obj.type == "ARMATURE" and not _is_control_rig(obj)]
    return bool(armatures) and all(armatures)


def listen_to_modes() -> None:
    """Subscribes to changes of tool and mode; to be called again for each file, as Blender forgets."""
    keys: Any = ((bpy.types.WorkSpace, "tools"), (bpy.types.Object, "mode"))
    for key in keys:
        bpy.msgbus.subscribe_rna(key=key, owner=_owner, args=(), notify=refresh)


def stop() -> None:
    """Ends that, and shows what was hidden."""
    bpy.msgbus.clear_by_owner(_owner)
    if bpy.app.background:
        return
    for screen in bpy.data.screens:
        _set_bones(screen, hidden=False)
    _set_photos(shown=False)


def _is_control_rig(obj: bpy.types.Object) -> bool:
    from ..rig.control_pose import CONTROLS
    from ..rig.rigify_pose import PART

    return bool(obj.get(CONTROLS) or obj.get(PART))
