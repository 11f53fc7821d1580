"""The extension's preferences."""

import bpy

from . import places
from .ui.official_bodies import draw_official_bodies


class SAM3DB_AddonPreferences(bpy.types.AddonPreferences):
    """Where the models are, and the worker's memory."""

    bl_idname = places.PACKAGE

    models_folder: bpy.props.StringProperty(
        name="Models folder",
        description="Folder with networks and bodies; empty for those that came with the extension",
        subtype="DIR_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "models_folder")
        self.layout.operator("sam3db.stop_worker")
        box = self.layout.box()
        box.label(text="Official Bodies", icon="OUTLINER_OB_ARMATURE")
        draw_official_bodies(box, width=90)


CLASSES = (SAM3DB_AddonPreferences,)
