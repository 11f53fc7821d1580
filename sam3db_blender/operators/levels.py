"""Switching a character between the levels of detail of its body."""

import bpy

from .character import CharacterOperator

# Blender keeps no reference to the texts of a dynamic list
_items: list[tuple[str, str, str]] = []


def _levels(self: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    from ..files.bodies import title_of
    from ..handles.people import active_character
    from ..scene.bodies import levels_of
    from ..scene.provenance import read_origin

    rig = None if context is None else active_character(context)
    name = "" if rig is None else read_origin(rig).details["body_name"]
    _items[:] = [(level, title_of(level), "Give the character this mesh") for level in levels_of(name)] or [
        (name, title_of(name), "No other level of detail is installed")
    ]
    return _items


class SAM3DB_OT_switch_level(CharacterOperator, bpy.types.Operator):
    """Give the character a finer or coarser mesh; pose, skeleton, shape, face and materials stay"""

    bl_idname = "sam3db.switch_level"
    bl_label = "Level of Detail"
    bl_options = {"REGISTER", "UNDO"}

    level: bpy.props.EnumProperty(name="Level", description="How fine the mesh is", items=_levels)

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if context.mode not in ("OBJECT", "POSE"):
            cls.poll_message_set("Go to Object Mode or Pose Mode first")
            return False
        return True

    def run(self, context, rig, body):
        from native_runtime.characters.corrections import corrections

        from ..rig.correctives import correct_worn, write_correction
        from ..rig.driven import has_driven_correctives
        from ..rig.pose import read_joint_parameters
        from ..scene import live
        from ..scene.bodies import body_mesh, fitting, installed_body
        from ..scene.levels import switch_level
        from ..wearables.dressing import renew

        mesh = body_mesh(rig)
        other = fitting(rig, installed_body(self.level))
        for note in switch_level(rig, mesh, other):
            if not live.is_live(rig):
                self.report({"WARNING"}, note)
        for note in renew(rig, mesh, other):
            self.report({"INFO"}, note)
        if live.is_live(rig) and not has_driven_correctives(mesh):
            live.live.forget(rig.name)
            write_correction(mesh, corrections(other, read_joint_parameters(rig, other)))
            correct_worn(rig, mesh)


CLASSES = (SAM3DB_OT_switch_level,)
