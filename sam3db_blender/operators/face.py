"""The operator on the expression that was read from a photo."""

import bpy

from native_runtime.errors import Sam3dbError

from .character import CharacterOperator


class SAM3DB_OT_photo_expression(CharacterOperator, bpy.types.Operator):
    """Show more or less of the expression that was read from the photo. Every inference keeps what is set here"""

    bl_idname = "sam3db.photo_expression"
    bl_label = "Expression of the Photo"
    bl_options = {"REGISTER", "UNDO"}

    strength: bpy.props.FloatProperty(
        name="Strength",
        description="Factor on the whole expression",
        default=1.0,
        min=0.0,
        max=4.0,
        soft_max=2.0,
    )
    mouth: bpy.props.FloatProperty(
        name="Mouth",
        description="Further factor on mouth and jaw",
        default=1.0,
        min=0.0,
        max=4.0,
        soft_max=2.0,
    )

    def run(self, context, rig, body):
        from native_runtime.characters.faces import strengthened

        from ..rig.animated import key_where_animated
        from ..rig.pose import set_shape
        from ..scene.photo_face import photo_expression

        expression = photo_expression(rig, body)
        if not expression.any():
            raise Sam3dbError("No expression was read from this character's photo.")
        set_shape(rig, body, None, strengthened(body.expression_names, expression, self.strength, self.mouth))
        key_where_animated(rig)


CLASSES = (SAM3DB_OT_photo_expression,)
