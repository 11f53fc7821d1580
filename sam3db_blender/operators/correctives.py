"""Pose correctives: into one shape key, into keyed shape keys, or live."""

import bpy

from .character import CharacterOperator

#: mm; the largest distance of any vertex from its exact correction, unless somebody wants another.
TOLERANCE_MM = 0.05


class SAM3DB_OT_bake_correctives(CharacterOperator, bpy.types.Operator):
    """Put MHR's corrections of the current pose into one shape key, so that shoulders and hips keep their shape"""

    bl_idname = "sam3db.bake_correctives"
    bl_label = "Correct Current Pose"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..rig import correctives
        from ..scene import live
        from ..scene.bodies import body_mesh, body_of

        live.switch(rig, False)
        correctives.bake_pose(rig, body_mesh(rig), body_of(rig, exact=True))


class SAM3DB_OT_bake_correctives_range(CharacterOperator, bpy.types.Operator):
    """Put MHR's corrections of a range of frames into a few shape keys with keys on every frame"""

    bl_idname = "sam3db.bake_correctives_range"
    bl_label = "Correct Animation"
    bl_options = {"REGISTER", "UNDO"}

    start: bpy.props.IntProperty(name="Start", description="First frame", default=1)
    end: bpy.props.IntProperty(name="End", description="Last frame", default=250)
    tolerance: bpy.props.FloatProperty(
        name="Tolerance",
        description="Largest distance of any vertex from its exact correction, in mm; higher values make fewer keys",
        default=TOLERANCE_MM,
        min=0.001,
        max=10.0,
    )

    def invoke(self, context, event):
        self.start, self.end = context.scene.frame_start, context.scene.frame_end
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context, rig, body):
        from ..rig import correctives
        from ..scene import live
        from ..scene.bodies import body_mesh, body_of

        live.switch(rig, False)
        frames = range(self.start, self.end + 1)
        count = correctives.bake_range(rig, body_mesh(rig), body_of(rig, exact=True), frames, self.tolerance)
        self.report({"INFO"}, f"{len(frames)} frames in {count} shape keys")


class SAM3DB_OT_remove_correctives(CharacterOperator, bpy.types.Operator):
    """Remove the corrections"""

    bl_idname = "sam3db.remove_correctives"
    bl_label = "Remove Corrections"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..rig import correctives
        from ..scene import live
        from ..scene.bodies import body_mesh

        live.switch(rig, False)
        if not correctives.remove(body_mesh(rig)):
            self.report({"INFO"}, "There were no corrections")


class SAM3DB_OT_live_correctives(CharacterOperator, bpy.types.Operator):
    """Let MHR's corrections follow every change of the pose"""

    bl_idname = "sam3db.live_correctives"
    bl_label = "Live Corrections"
    bl_options = {"REGISTER", "UNDO"}

    on: bpy.props.BoolProperty(name="On", description="Follow the pose from now on", default=True)

    def run(self, context, rig, body):
        from ..rig import correctives
        from ..scene import live
        from ..scene.bodies import body_mesh

        if self.on:
            correctives.remove(body_mesh(rig))
        live.switch(rig, self.on)


CLASSES = (
    SAM3DB_OT_bake_correctives,
    SAM3DB_OT_bake_correctives_range,
    SAM3DB_OT_remove_correctives,
    SAM3DB_OT_live_correctives,
)
