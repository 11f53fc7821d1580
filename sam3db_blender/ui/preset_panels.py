"""The bodies and poses that come with the extension, as pictures to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import bpy
import bpy.utils.previews

from ..app_handlers import ensure_timer, stop_timer

if TYPE_CHECKING:
    from pathlib import Path

    from bpy.stub_internal.rna_enums import RegionTypeItems, SpaceTypeItems

_COLUMNS = 4
_PICTURE = 5.0
_PAUSE_S = 0.02

_previews: Any = None


class _Grid:
    """A mix-in for popovers with a picture and a button for each preset."""

    bl_space_type: SpaceTypeItems = "VIEW_3D"
    bl_region_type: RegionTypeItems = "WINDOW"
    bl_ui_units_x = 26
    kind: Literal["bodies", "poses"]
    operator: str

    def draw(self, context: bpy.types.Context) -> None:
        from native_runtime.characters.preset_library import library

        layout: Any = self.layout  # type: ignore[attr-defined]
        grid = layout.grid_flow(columns=_COLUMNS, row_major=True, even_columns=True, even_rows=True, align=False)
        for preset in library(self.kind):
            column = grid.column(align=True)
            column.template_icon(_icon(preset.key, preset.picture), scale=_PICTURE)
            column.operator(self.operator, text=preset.name).preset = preset.key


class SAM3DB_PT_body_presets(_Grid, bpy.types.Panel):
    """Bodies of many kinds; the pose stays"""

    bl_label = "Body Presets"
    kind = "bodies"
    operator = "sam3db.apply_body_preset"


class SAM3DB_PT_pose_presets(_Grid, bpy.types.Panel):
    """Poses to start from; the body stays"""

    bl_label = "Pose Presets"
    kind = "poses"
    operator = "sam3db.apply_pose_preset"


def get_ready() -> None:
    """Reads the pictures aside, a few at a time, before they are asked for."""
    if not bpy.app.background and not _all_there():
        ensure_timer(_read_some, _PAUSE_S)


def _all_there() -> bool:
    from native_runtime.characters.preset_library import library

    return _previews is not None and len(_previews) == len(library("bodies")) + len(library("poses"))


def _read_some() -> float | None:
    """Reads one picture; when to read the next one."""
    from native_runtime.characters.preset_library import library

    for preset in (*library("bodies"), *library("poses")):
        if _previews is None or preset.key not in _previews:
            _icon(preset.key, preset.picture)
            return _PAUSE_S
    return None


def _icon(key: str, path: Path) -> int:
    """The icon of a picture, read from its file when it is first drawn."""
    from ..files.pictures import load

    global _previews
    if _previews is None:
        _previews = bpy.utils.previews.new()
    if key not in _previews and not load(_previews, key, path):
        return 0
    return int(_previews[key].icon_id)


def detach() -> None:
    """Leaves nothing behind."""
    global _previews
    stop_timer(_read_some)
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None


CLASSES = (SAM3DB_PT_body_presets, SAM3DB_PT_pose_presets)
