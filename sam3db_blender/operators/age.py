"""The age of a character."""

import bpy

from native_runtime.bounds import OLDEST, YOUNGEST

from ..handles.sex import TITLES
from .character import CharacterOperator, put_on
from .person import person_of, reported

_SHOWN = "shown"
_SEXES = (
    (_SHOWN, "As It Shows", "The sex that the body shows now"),
    *((key, TITLES[key], "The character becomes one with the age") for key in ("female", "male", "neutral")),
)


class SAM3DB_OT_set_age(CharacterOperator, bpy.types.Operator):
    """Give the character another age: size, proportions, head and flesh change. Pose, face and floor stay"""

    bl_idname = "sam3db.set_age"
    bl_label = "Age"
    bl_options = {"REGISTER", "UNDO"}

    years: bpy.props.FloatProperty(
        name="Age (years)",
        description="How old it shall be",
        default=30.0,
        min=YOUNGEST,
        max=OLDEST,
        precision=1,
        step=50,
    )
    sex: bpy.props.EnumProperty(
        name="Of", description="Girls and boys grow at their own pace", items=_SEXES, default=_SHOWN
    )

    def invoke(self, context, event):
        from native_runtime.characters.ages import age_of

        from ..rig.pose import read_settings
        from ..scene.bodies import body_of

        def ask():
            rig = person_of(context)
            body = body_of(rig)
            self.years = round(2 * age_of(body, read_settings(rig, body))) / 2
            return context.window_manager.invoke_props_dialog(self, width=260)

        return reported(self, ask)

    def draw(self, context):
        column = self.layout.column()
        column.activate_init = True
        column.prop(self, "years")
        column.prop(self, "sex")

    def run(self, context, rig, body):
        from native_runtime.characters.ages import with_age
        from native_runtime.characters.preset_library import UPWARDS

        from ..rig.pose import read_settings
        from ..scene.readback import floor_below

        sex = None if self.sex == _SHOWN else self.sex
        _, up = floor_below(rig) or (None, UPWARDS)
        put_on(rig, body, with_age(body, read_settings(rig, body), self.years, sex, up))


CLASSES = (SAM3DB_OT_set_age,)
