"""Where the extension's panels are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    import bpy
    from bpy.stub_internal.rna_enums import RegionTypeItems, SpaceTypeItems


class SidebarPanel:
    """A mix-in for panels in the 3D viewport's sidebar, in the tab "Photo"."""

    bl_space_type: SpaceTypeItems = "VIEW_3D"
    bl_region_type: RegionTypeItems = "UI"
    bl_category: str = "Photo"


class CharacterPanel(SidebarPanel):
    """A mix-in for panels that are there where a character is worked on."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import active_character

        return active_character(context) is not None


class PersonPanel(SidebarPanel):
    """A mix-in for panels about the person who is worked on, whom ``_draw_person`` draws. Where their record cannot be
    read, the panel says so.
    """

    layout: Any

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from ..layout_text import draw_lines, width_of

        rig = active_character(context)
        try:
            if rig is not None:
                self._draw_person(context, rig)
        except Sam3dbError as error:
            width = width_of(context.region.width, context.preferences.system.ui_scale)
            draw_lines(self.layout.column(align=True), str(error), width, "ERROR")

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        raise NotImplementedError
