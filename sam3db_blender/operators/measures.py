"""Height and measures, typed."""

import bpy

from native_runtime.characters.measures.definitions import BY_KEY, MEASURES, STATURE
from native_runtime.errors import Sam3dbError

from .person import PersonOperator, person_of, reported

_ITEMS = tuple((measure.key, measure.label, f"{measure.definition}, in the standard pose") for measure in MEASURES)
_UNITS = (("cm", "Centimeters", "The value is in centimeters"), ("in", "Inches", "The value is in inches"))
_HEIGHT = "The person moves along the view, so that they stay on the photo. The pose stays"
_OTHER = "Skeleton and shape change together, and as little as possible; pose and place stay"


class SAM3DB_OT_set_measure(PersonOperator, bpy.types.Operator):
    """Type the height or another measure of the character"""

    bl_idname = "sam3db.set_measure"
    bl_label = "Measure"
    bl_options = {"REGISTER", "UNDO"}

    measure: bpy.props.EnumProperty(name="Measure", description="Which measure", items=_ITEMS, options={"SKIP_SAVE"})
    value: bpy.props.FloatProperty(
        name="Value", description="What it shall be", default=170.0, min=0.0, soft_max=250.0, precision=1, step=10
    )
    unit: bpy.props.EnumProperty(name="Unit", description="The unit of the value", items=_UNITS, options={"SKIP_SAVE"})
    keep_height: bpy.props.BoolProperty(
        name="Keep Height", description="The height stays exactly what it is", default=True
    )

    @classmethod
    def description(cls, context, properties):
        measure = BY_KEY[properties.measure]
        return f"{measure.definition}. Click to type it. {_HEIGHT if measure is STATURE else _OTHER}"

    def invoke(self, context, event):
        from ..handles.measures import values_of

        def ask():
            present = values_of(person_of(context)).get(self.measure)
            label = BY_KEY[self.measure].label
            if present is None:
                raise Sam3dbError(f"This body has nothing to measure '{label}' at.")
            self.unit = "in" if context.scene.unit_settings.system == "IMPERIAL" else "cm"
            self.value = present / self._size
            return context.window_manager.invoke_props_dialog(self, width=260, title=label)

        return reported(self, ask)

    def draw(self, context):
        column = self.layout.column()
        column.activate_init = True
        column.prop(self, "value", text=f"{BY_KEY[self.measure].label} ({self.unit})")
        if self.measure != STATURE.key:
            column.prop(self, "keep_height")

    def run(self, context):
        from ..handles.measures import set_measure

        for note in set_measure(self.rig(context), self.measure, self.value * self._size, self.keep_height):
            self.report({"WARNING"}, note)

    @property
    def _size(self):
        """Cm in one unit."""
        from ..handles.measures import CM_PER_INCH

        return CM_PER_INCH if self.unit == "in" else 1.0


CLASSES = (SAM3DB_OT_set_measure,)
