"""Removing a character from the scene."""

import bpy

from native_runtime.errors import Sam3dbError

from .person import PersonPoll, ReportingOperator, person_of


class SAM3DB_OT_remove_character(PersonPoll, ReportingOperator, bpy.types.Operator):
    """Remove this character with its handles; the last person of a photo takes its camera and picture along"""

    bl_idname = "sam3db.remove_character"
    bl_label = "Remove Character"
    bl_options = {"REGISTER", "UNDO"}

    character: bpy.props.StringProperty(name="Character", description="The id of the character; empty: the active one")

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context):
        from ..handles import watch
        from ..handles.removal import remove_character
        from ..scene.lookup import require_own, rig_with

        rig = rig_with(self.character) if self.character else person_of(context)
        if rig is None or context.scene not in rig.users_scene:
            raise Sam3dbError("This person's character is no longer in the scene.")
        require_own(rig)
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        if watch.status(rig).state == "waiting":
            watch.cancel(rig)
        name = rig.name.removesuffix(" Rig")
        remove_character(rig)
        self.report({"INFO"}, f"Removed {name}")


CLASSES = (SAM3DB_OT_remove_character,)
