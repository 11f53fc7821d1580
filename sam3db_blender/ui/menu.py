"""The entries under File > Import."""

from __future__ import annotations

import bpy


def draw_import(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    self.layout.operator("sam3db.import_character", text="Character from Photo")
    self.layout.operator("sam3db.import_view_photos", text="Character from Several Photos")
    self.layout.operator("sam3db.import_views", text="Views of a Person (.json)")
    self.layout.operator("sam3db.import_video", text="Characters from Video")
    self.layout.operator("sam3db.import_take", text="Take of a Video (.npz)")
    self.layout.operator("sam3db.import_result", text="SAM 3D Body Result (.npz, .json)")


def attach() -> None:
    bpy.types.TOPBAR_MT_file_import.append(draw_import)


def detach() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(draw_import)
