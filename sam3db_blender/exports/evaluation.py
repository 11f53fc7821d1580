"""Objects as Blender evaluates them, now and at other frames, hidden ones included; the artist's scene stays as it is.

How the objects stand now is asked of the artist's own scene, edits that were not keyed included; what is hidden, which
Blender does not evaluate, is shown for the moment. Other frames would take such edits back: they are evaluated in a
scene aside. It is shown in no window, so Blender writes nothing of it back to the objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy

from ..scene.presence import show_always


class Evaluation:
    """Some objects of the current scene, evaluated.

    Attributes:
        now: the objects as they stand.
    """

    def __init__(self, objects: Sequence[bpy.types.Object], undo: ExitStack) -> None:
        self._objects = objects
        self._undo = undo
        self._aside: bpy.types.Scene | None = None
        for obj in objects:
            show_always(obj, undo)
        _show(objects, undo)
        self.now = bpy.context.evaluated_depsgraph_get()

    def at(self, frame: int) -> bpy.types.Depsgraph:
        """The objects at a frame, as their keys say."""
        if self._aside is None:
            self._aside = _scene_aside(self._objects)
            self._undo.callback(bpy.data.scenes.remove, self._aside)
        self._aside.frame_set(frame)
        depsgraph: Any = self._aside.view_layers[0].depsgraph
        return depsgraph


@contextmanager
def evaluation(objects: Sequence[bpy.types.Object]) -> Iterator[Evaluation]:
    """The evaluation of some objects of the current scene; nothing of it stays after the block."""
    with ExitStack() as undo:
        yield Evaluation(objects, undo)


def _show(objects: Sequence[bpy.types.Object], undo: ExitStack) -> None:
    """Shows objects that are hidden by their own switches or by those of their collections, until ``undo``."""
    hidden = [obj for obj in objects if not obj.visible_get()]
    if not hidden:
        return
    shelf = bpy.data.collections.new("Shown")
    undo.callback(bpy.context.view_layer.update)
    undo.callback(bpy.data.collections.remove, shelf)
    bpy.context.scene.collection.children.link(shelf)
    for obj in hidden:
        shelf.objects.link(obj)
        if obj.hide_viewport:
            obj.hide_viewport = False
            undo.callback(setattr, obj, "hide_viewport", True)
        if obj.hide_get():
            obj.hide_set(False)
            undo.callback(obj.hide_set, True)
    bpy.context.view_layer.update()


def _scene_aside(objects: Sequence[bpy.types.Object]) -> bpy.types.Scene:
    shown = bpy.context.scene
    scene = bpy.data.scenes.new("Frames")
    scene.frame_start, scene.frame_end = shown.frame_start, shown.frame_end
    scene.render.fps, scene.render.fps_base = shown.render.fps, shown.render.fps_base
    scene.unit_settings.system = shown.unit_settings.system
    scene.unit_settings.scale_length = shown.unit_settings.scale_length
    for obj in objects:
        scene.collection.objects.link(obj)
    return scene
