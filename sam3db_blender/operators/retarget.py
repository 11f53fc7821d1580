"""Posing other armatures like the people of photos."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy_extras.io_utils import ExportHelper

from native_runtime.errors import Sam3dbError

from .person import ReportingOperator

if TYPE_CHECKING:
    from ..retarget.person import Person


def _target(context: bpy.types.Context) -> bpy.types.Object:
    """The armature that the panel names.

    Raises:
        Sam3dbError: it names none, or it is no longer in the scene.
    """
    armature = context.scene.sam3db_retarget.armature
    # a pointer to an object keeps it in the file after it was deleted from the scene
    found = None if armature is None else context.scene.objects.get(armature.name)
    if found is None or found != armature:
        raise Sam3dbError("Choose an armature of this scene to pose, in the panel 'Pose an Armature'.")
    return found


class TargetPoll:
    """A mix-in for operators that need an armature to pose."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.sam3db_retarget.armature
        if armature is None:
            cls.poll_message_set("Choose an armature to pose first")
            return False
        if armature.mode == "EDIT":
            cls.poll_message_set("Leave Edit Mode first")
            return False
        return True


class SAM3DB_OT_find_bones(TargetPoll, ReportingOperator, bpy.types.Operator):
    """Find out which bone of the armature corresponds to which part of the body, and fill the list again"""

    bl_idname = "sam3db.find_bones"
    bl_label = "Find Bones"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..retarget.assignment import assignment_for, write_assignment

        armature = _target(context)
        assigned, how = assignment_for(armature, context.scene.sam3db_retarget.map)
        write_assignment(armature, assigned, how)
        self.report({"INFO"}, f"{how}: {len(assigned)} bones")


class SAM3DB_OT_take_active_bone(TargetPoll, ReportingOperator, bpy.types.Operator):
    """Put the armature's active bone into the chosen row of the list"""

    bl_idname = "sam3db.take_active_bone"
    bl_label = "Take Active Bone"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        armature = _target(context)
        rows, bone = armature.sam3db_retarget, armature.data.bones.active
        if bone is None:
            raise Sam3dbError(f"'{armature.name}' has no active bone: click one in Pose Mode.")
        if not 0 <= rows.active < len(rows.bones):
            raise Sam3dbError("Choose a row of the list first.")
        rows.bones[rows.active].bone = bone.name


class SAM3DB_OT_pose_armature(TargetPoll, ReportingOperator, bpy.types.Operator):
    """Pose the armature like the person; rest poses, bone rolls and sizes may differ"""

    bl_idname = "sam3db.pose_armature"
    bl_label = "Pose Armature"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..retarget.animation import follow_motion
        from ..retarget.armature import PosingOptions, pose_armature
        from ..retarget.assignment import assignment_for, read_assignment, write_assignment

        settings = context.scene.sam3db_retarget
        armature = _target(context)
        whole = settings.source == "CHARACTER" and settings.whole
        person = self._person(settings)
        if not read_assignment(armature):
            write_assignment(armature, *assignment_for(armature, settings.map))
        options = PosingOptions(
            stand=settings.stand,
            floor=settings.floor,
            keyframe=context.scene.frame_current_final if settings.keyframe else None,
            controls=settings.controls,
        )
        if whole:
            notes = follow_motion(armature, settings.character, read_assignment(armature), options)
        else:
            notes = pose_armature(armature, person, read_assignment(armature), options)
        for note in notes:
            self.report({"WARNING"}, note)
        if not notes:
            moves = "moves" if whole else "is posed"
            self.report({"INFO"}, f"'{armature.name}' {moves} as {person.name}")

    @staticmethod
    def _person(settings) -> "Person":
        from ..retarget.person import person_of_character, person_of_file

        if settings.source == "FILE":
            if not settings.estimate:
                raise Sam3dbError("Choose an estimate's .npz file first.")
            return person_of_file(Path(bpy.path.abspath(settings.estimate)))
        if settings.character is None:
            raise Sam3dbError("Choose the character to take the pose from first.")
        return person_of_character(settings.character)


class SAM3DB_OT_save_bones(TargetPoll, ReportingOperator, bpy.types.Operator, ExportHelper):  # type: ignore[misc]
    """Save the list as a map, for other armatures of this kind and for exports; it is then listed among the maps"""

    bl_idname = "sam3db.save_bones"
    bl_label = "Save as Map"

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context, event):
        from ..retarget.assignment import own_maps_folder

        name = bpy.path.clean_name(_target(context).name)
        self.filepath = str(own_maps_folder() / f"{name}.json")
        return super().invoke(context, event)

    def run(self, context):
        from ..retarget.assignment import save_assignment

        path = Path(bpy.path.abspath(self.filepath))
        save_assignment(_target(context), path)
        self.report({"INFO"}, f"Saved the map '{path.stem}'")


CLASSES = (
    SAM3DB_OT_find_bones,
    SAM3DB_OT_take_active_bone,
    SAM3DB_OT_pose_armature,
    SAM3DB_OT_save_bones,
)
