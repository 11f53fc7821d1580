"""The height and the measures of the first character, and their panel."""

from __future__ import annotations

import bpy
import numpy as np

from .scene import keypoints_seen, part, rigs


def show() -> None:
    """Leaves only the panel of the character and its measures in the sidebar's tab, both open."""
    panel = part("ui.character_panel")
    for cls in reversed(part("registration").CLASSES):
        if issubclass(cls, bpy.types.Panel) and getattr(cls, "bl_category", "") == "Photo" and cls.is_registered:
            bpy.utils.unregister_class(cls)
    panel.SAM3DB_PT_measures.bl_options = set()
    panel.SAM3DB_PT_measures.bl_idname = "SAM3DB_PT_measures_open"  # what is closed is remembered by its name
    for cls in (panel.SAM3DB_PT_character, panel.SAM3DB_PT_measures):
        bpy.utils.register_class(cls)


def state() -> dict[str, object]:
    """Measures in cm, where keypoints are in the photo, px, and how the rig stands."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    return {
        "values": dict(part("handles.measures").values_of(rig)),
        "seen": np.nan_to_num(keypoints_seen(rig)).tolist(),
        "place": [list(row) for row in rig.matrix_world],
    }
