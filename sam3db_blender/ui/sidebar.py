"""Where the extension's panels stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import RegionTypeItems, SpaceTypeItems


class SidebarPanel:
    """A mix-in for panels in the 3D viewport's sidebar, in the tab "Photo"."""

    bl_space_type: SpaceTypeItems = "VIEW_3D"
    bl_region_type: RegionTypeItems = "UI"
    bl_category: str = "Photo"
