"""A photo dropped into the viewport."""

from pathlib import Path

import bpy

from ..properties.import_options import OPTION_NAMES, PHOTO_FILTER


class SAM3DB_OT_drop_photo(bpy.types.Operator):
    """Make a character from a dropped photo, with the settings of the panel 'Character from Photo'"""

    bl_idname = "sam3db.drop_photo"
    bl_label = "Character from Photo"
    bl_options = {"INTERNAL"}

    filepath: bpy.props.StringProperty(
        name="Photo", description="The photo's file", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        return bpy.ops.sam3db.import_character.poll()

    def execute(self, context):
        state = context.window_manager.sam3db
        state.photo = str(Path(bpy.path.abspath(self.filepath)))
        chosen = {name: getattr(state, name) for name in OPTION_NAMES if getattr(state, name) != ""}
        try:
            # its own undo step, progress and messages are those of the button
            bpy.ops.sam3db.import_character("EXEC_DEFAULT", filepath=state.photo, **chosen)
        except RuntimeError as error:
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}
        return {"FINISHED"}


class SAM3DB_FH_photo(bpy.types.FileHandler):
    """Photos dropped into a 3D viewport; Blender asks if its own image tools accept them too"""

    bl_idname = "SAM3DB_FH_photo"
    bl_label = "Character from Photo"
    bl_import_operator = SAM3DB_OT_drop_photo.bl_idname
    bl_file_extensions = PHOTO_FILTER.replace("*", "")

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (SAM3DB_OT_drop_photo, SAM3DB_FH_photo)
