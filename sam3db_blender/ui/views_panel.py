"""The panel with the photos of a person who was made from several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..handles.handles import State, in_all_views, state_of
from .sidebar import PersonPanel

if TYPE_CHECKING:
    from ..scene.viewpoints import Views

_DOUBTED = "The calibration of this camera contradicts the others, and counts less"


class _Row:
    """A photo in the list."""

    def __init__(self, number: int, title: str, chosen: bool, figures: str, doubted: bool, pinned: bool) -> None:
        self.number, self.title, self.chosen = number, title, chosen
        self.figures, self.doubted, self.pinned = figures, doubted, pinned


class SAM3DB_PT_views(PersonPanel, bpy.types.Panel):
    """The photos of a person, and how well the body matches each"""

    bl_label = "Views"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import active_character
        from ..scene.viewpoints import PROPERTY

        rig = active_character(context)
        return rig is not None and rig.get(PROPERTY) is not None

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        from ..layout_text import width_of

        draw_views(self.layout, rig, width_of(context.region.width, context.preferences.system.ui_scale))


def draw_views(layout: Any, rig: bpy.types.Object, width: int) -> None:
    """Draws the photos of a character's body; lines of text break after ``width`` characters."""
    from ..layout_text import draw_lines
    from ..scene.viewpoints import read_views

    views = read_views(rig)
    if views is None:
        return
    column = layout.column(align=True)
    rows = _rows_of_moment(rig, views) if views.one_pose else _rows_of_photos(rig, views)
    for row in rows:
        line = column.split(factor=0.62, align=True)
        button = line.operator(
            "sam3db.pose_in_view",
            text=row.title,
            icon="RADIOBUT_ON" if row.chosen else "RADIOBUT_OFF",
            depress=row.chosen,
        )
        button.number = row.number
        line.label(text=row.figures, icon="ERROR" if row.doubted else "PINNED" if row.pinned else "NONE")
    if not views.one_pose:
        layout.operator("sam3db.share_body", icon="ARMATURE_DATA")
    if any(view.doubted for view in views.views):
        draw_lines(layout.column(align=True), _DOUBTED, width, "ERROR")


def _rows_of_moment(rig: bpy.types.Object, views: Views) -> list[_Row]:
    """The photos of one moment."""
    from ..scene.camera import cameras_of
    from ..scene.prompt_keys import view_at
    from ..scene.viewpoints import view_of

    cameras = cameras_of(rig)
    pinned = {view_at(key) for key, handle in in_all_views(rig).items() if state_of(handle) is State.PINNED}
    return [
        _Row(
            number,
            view.camera or view.title,
            number == view_of(rig),
            f"{view.error_px:.1f} px" if number in cameras else "no camera",
            view.doubted or number not in cameras,
            number in pinned,
        )
        for number, view in enumerate(views.views)
    ]


def _rows_of_photos(rig: bpy.types.Object, views: Views) -> list[_Row]:
    """The photos of different moments."""
    from ..scene.viewpoints import characters_of_body, read_views

    rows = []
    for other in characters_of_body(rig):
        theirs = read_views(other)
        if theirs is not None:
            view = theirs.views[0]
            pinned = any(state_of(handle) is State.PINNED for handle in in_all_views(other).values())
            chosen = theirs.number == views.number
            rows.append(_Row(theirs.number, view.title, chosen, f"{view.error_px:.1f} px", view.doubted, pinned))
    return rows


CLASSES = (SAM3DB_PT_views,)
