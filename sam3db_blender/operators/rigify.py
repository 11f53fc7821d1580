"""A Rigify rig for the character: made, updated, switched between FK and IK, and taken away."""

import bpy

from .character import CharacterOperator

_WIDTH = 420  # of the dialog, px at scale 1


class SAM3DB_OT_make_rigify(CharacterOperator, bpy.types.Operator):
    """Make a rig with Rigify's controls beside the character, in its pose; the character follows it from then on"""

    bl_idname = "sam3db.make_rigify"
    bl_label = "Make Rigify Rig"
    bl_options = {"REGISTER", "UNDO"}

    enable: bpy.props.BoolProperty(
        name="Switch on Rigify",
        description="Switch the add-on Rigify on in the preferences where it is off",
        default=False,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context, event):
        from ..rigify import add_on

        if add_on.is_enabled():
            return self.execute(context)
        self.enable = True
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH)

    def draw(self, context):
        from ..layout_text import draw_lines

        if not self.enable:
            return
        text = (
            "The add-on Rigify, which Blender ships, is switched off. It is needed to make the rig, and for its panel "
            "afterwards. OK switches it on in your preferences."
        )
        draw_lines(self.layout.column(align=True), text, _WIDTH // 7, "INFO")

    def run(self, context, rig, body):
        from ..rigify import add_on
        from ..rigify.making import make_rigify

        if self.enable:
            add_on.enable()
        rigify = make_rigify(rig, body)
        self.report({"INFO"}, f"Made '{rigify.name}'")


class SAM3DB_OT_update_rigify(CharacterOperator, bpy.types.Operator):
    """Generate the Rigify rig again for the skeleton of the sliders; poses, keys and settings of its controls stay"""

    bl_idname = "sam3db.update_rigify"
    bl_label = "Update Rigify Rig"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..rigify.making import update_rigify

        lost = update_rigify(rig, body)
        if lost:
            self.report({"WARNING"}, f"Rigify removed {', '.join(lost)}")


class SAM3DB_OT_remove_rigify(CharacterOperator, bpy.types.Operator):
    """Remove the Rigify rig and its animation; the character keeps the pose of the current frame"""

    bl_idname = "sam3db.remove_rigify"
    bl_label = "Remove Rigify Rig"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context, rig, body):
        from ..rigify.making import remove_rigify

        remove_rigify(rig, body)


class SAM3DB_OT_switch_rigify(CharacterOperator, bpy.types.Operator):
    """Switch arms and legs between FK and IK; what was posed stays where it is"""

    bl_idname = "sam3db.switch_rigify"
    bl_label = "Switch FK and IK"
    bl_options = {"REGISTER", "UNDO"}

    to: bpy.props.EnumProperty(
        name="To",
        description="How the limbs are posed from now on",
        items=(
            ("FK", "FK", "Each bone is turned by itself"),
            ("IK", "IK", "The hand or foot is placed and the limb follows"),
        ),
    )
    limb: bpy.props.StringProperty(
        name="Limb", description="The bone with the settings of the limb; all limbs where it is empty", default=""
    )

    def run(self, context, rig, body):
        from ..rigify.making import switch_limbs

        switch_limbs(rig, body, self.to == "FK", (self.limb,) if self.limb else ())


class SAM3DB_OT_animate_rigify(CharacterOperator, bpy.types.Operator):
    """Key the controls of the Rigify rig so that they show the animation of the character's own bones and sliders"""

    bl_idname = "sam3db.animate_rigify"
    bl_label = "Take Over Animation"
    bl_options = {"REGISTER", "UNDO"}

    start: bpy.props.IntProperty(name="Start", description="First frame", default=1)
    end: bpy.props.IntProperty(name="End", description="Last frame", default=250)

    def invoke(self, context, event):
        self.start, self.end = context.scene.frame_start, context.scene.frame_end
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context, rig, body):
        from ..rigify.animation import take_animation

        manager = context.window_manager
        manager.progress_begin(0.0, 1.0)
        try:
            take_animation(rig, body, range(self.start, self.end + 1), manager.progress_update)
        finally:
            manager.progress_end()


CLASSES = (
    SAM3DB_OT_make_rigify,
    SAM3DB_OT_update_rigify,
    SAM3DB_OT_remove_rigify,
    SAM3DB_OT_switch_rigify,
    SAM3DB_OT_animate_rigify,
)
