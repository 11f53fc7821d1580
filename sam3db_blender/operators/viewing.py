"""Looking through a photo's camera, ready to pose."""

import bpy

from native_runtime.errors import Sam3dbError

from .person import PersonOperator


class SAM3DB_OT_pose_from_photo(PersonOperator, bpy.types.Operator):
    """Look through the photo's camera with this person filling the view, and activate the tool 'Pose from Photo'"""

    bl_idname = "sam3db.pose_from_photo"
    bl_label = "Pose from Photo"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..handles.people import activate, photo_camera
        from ..handles.views import pose_from_photo

        rig = self.rig(context)
        if photo_camera(rig) is None:
            raise Sam3dbError(f"The camera of the photo of '{rig.name}' was deleted: import the photo again.")
        activate(context, rig)
        if not pose_from_photo(context, [rig]):
            raise Sam3dbError("There is no 3D viewport to look through: open one first.")


class SAM3DB_OT_pose_in_view(PersonOperator, bpy.types.Operator):
    """Look through the camera of this photo of the person, and show its handles"""

    bl_idname = "sam3db.pose_in_view"
    bl_label = "Pose in View"
    bl_options = {"REGISTER", "UNDO"}

    number: bpy.props.IntProperty(name="Photo", description="The number of the photo, counted from 0", min=0)

    def run(self, context):
        from ..handles.viewpoint import work_in
        from ..handles.views import pose_from_photo

        rig = work_in(context, self.rig(context), self.number)
        pose_from_photo(context, [rig])


CLASSES = (SAM3DB_OT_pose_from_photo, SAM3DB_OT_pose_in_view)
