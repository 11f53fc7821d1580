"""Renders through the camera of a photo."""

import bpy

from ..scene.rendering import show_photo_behind, use_photo_size
from .person import ReportingOperator


class SAM3DB_OT_photo_behind(ReportingOperator, bpy.types.Operator):
    """Show the photo behind the character in renders, through the scene's compositor. Click again to remove it"""

    bl_idname = "sam3db.photo_behind"
    bl_label = "Photo Behind Character"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        from ..scene.behind import is_on

        scene = context.scene
        assert scene is not None
        show_photo_behind(scene, not is_on(scene))


class SAM3DB_OT_photo_size(ReportingOperator, bpy.types.Operator):
    """Set the render size to that of the photo of the scene's camera"""

    bl_idname = "sam3db.photo_size"
    bl_label = "Photo's Render Size"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        assert context.scene is not None
        use_photo_size(context.scene)


CLASSES = (SAM3DB_OT_photo_behind, SAM3DB_OT_photo_size)
