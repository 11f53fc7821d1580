"""Corrections of a character's motion on the frame that is shown."""

import bpy

from .person import PersonPoll, ReportingOperator, person_of

_SIDES = (("L", "Left", "The character's own left foot"), ("R", "Right", "The character's own right foot"))


class _Reach:
    """A mix-in: over how many frames a correction fades."""

    reach: bpy.props.IntProperty(
        name="Frames", description="Over how many frames to each side it fades", default=10, min=0, soft_max=60
    )


class SAM3DB_OT_pin_here(_Reach, PersonPoll, ReportingOperator, bpy.types.Operator):
    """Key the character as it stands now, after you have posed it; the frames around follow, less the farther away"""

    bl_idname = "sam3db.pin_here"
    bl_label = "Pin Here"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..takes.editing import pin_here

        frame = context.scene.frame_current
        count = pin_here(person_of(context), frame, self.reach)
        context.scene.frame_set(frame)
        if count:
            self.report({"INFO"}, f"{count} channels are pinned on frame {frame}")
        else:
            self.report({"WARNING"}, "Nothing was changed since the last key: pose the character first, then pin it")


class SAM3DB_OT_smooth_here(_Reach, PersonPoll, ReportingOperator, bpy.types.Operator):
    """Smooth the motion around this frame; in Pose Mode that of the selected bones alone"""

    bl_idname = "sam3db.smooth_here"
    bl_label = "Smooth Here"
    bl_options = {"REGISTER", "UNDO"}

    strength: bpy.props.FloatProperty(
        name="Strength", description="Over how many frames it is averaged, about", default=2.0, min=0.1, soft_max=10.0
    )

    def run(self, context):
        from ..takes.editing import smooth_here

        frame, rig = context.scene.frame_current, person_of(context)
        chosen = context.selected_pose_bones if context.mode == "POSE" else None
        bones = {bone.name for bone in chosen} if chosen else None
        count = smooth_here(rig, frame, self.reach, self.strength, bones)
        context.scene.frame_set(frame)
        self.report({"INFO"}, f"{count} channels are smoother around frame {frame}")


class SAM3DB_OT_fix_foot(PersonPoll, ReportingOperator, bpy.types.Operator):
    """Hold a foot where it stands on this frame, as long as it stays near: its leg is in IK there"""

    bl_idname = "sam3db.fix_foot"
    bl_label = "Fix Foot"
    bl_options = {"REGISTER", "UNDO"}

    side: bpy.props.EnumProperty(name="Foot", description="Which foot", items=_SIDES)
    distance: bpy.props.FloatProperty(
        name="Distance",
        description="How far the foot may be from where it is now to be taken for standing",
        subtype="DISTANCE",
        default=0.03,
        min=0.001,
        soft_max=0.2,
    )

    @classmethod
    def poll(cls, context):
        from ..rig.control_pose import controls_of

        if not super().poll(context):
            return False
        if controls_of(person_of(context)) is None:
            cls.poll_message_set("The character has no controls, on which feet are held")
            return False
        return True

    def run(self, context):
        from ..takes.editing import fix_foot

        frame = context.scene.frame_current
        held = fix_foot(person_of(context), self.side, frame, self.distance)
        context.scene.frame_set(frame)
        self.report({"INFO"}, f"The foot is held from frame {held.start} to {held.stop - 1}")


CLASSES = (SAM3DB_OT_pin_here, SAM3DB_OT_smooth_here, SAM3DB_OT_fix_foot)
