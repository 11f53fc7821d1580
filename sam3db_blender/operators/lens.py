"""The lens of a photo, in artists' terms."""

import math

import bpy

from ..properties.import_options import LensProperties
from .person import PersonOperator

_MODES = (
    ("auto", "From Photo", "The focal length in the photo's file; a common lens if there is none"),
    ("mm", "Focal Length", "The focal length and the width of the sensor"),
    ("fov", "Field of View", "The field of view along the photo's longer side"),
    ("focal", "Pixels", "The focal length in pixels of the photo, for calibrated cameras"),
)


class SAM3DB_OT_set_lens(PersonOperator, LensProperties, bpy.types.Operator):
    """Set the lens of the photo, and pose everybody in it again; a wrong one makes people lean"""

    bl_idname = "sam3db.set_lens"
    bl_label = "Set Lens"
    bl_options = {"REGISTER", "UNDO"}

    mode: bpy.props.EnumProperty(name="Lens", description="How the focal length is given", items=_MODES)
    focal_mm: bpy.props.FloatProperty(
        name="Focal Length",
        description="As printed on the lens",
        subtype="DISTANCE_CAMERA",
        default=50.0,
        min=0.1,
        soft_max=600.0,
    )
    sensor_mm: bpy.props.FloatProperty(
        name="Sensor Width",
        description="The sensor's longer side; 36 mm where the focal length is a 35 mm equivalent",
        subtype="DISTANCE_CAMERA",
        default=36.0,
        min=1.0,
        soft_max=70.0,
    )

    def invoke(self, context, event):
        from ..handles import lens

        rig = self.rig(context)
        self.focal = lens.focal_of(rig)
        self.focal_mm = self.focal / lens.longer_side(rig) * self.sensor_mm
        self.fov = lens.field_of_view(rig)
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "mode")
        for name in {"mm": ("focal_mm", "sensor_mm"), "fov": ("fov",), "focal": ("focal",)}.get(self.mode, ()):
            layout.prop(self, name)

    def run(self, context):
        from ..handles import lens, watch

        rig = self.rig(context)
        up, known = None, {**lens.lens_of(rig), "source": "set", "evidence": [], "fov_interval_deg": None, "text": None}
        if self.mode == "auto":
            focal, found = lens.lens_by_rule(rig)
            up, known = found.gravity.up, found.details(lens.size_of(rig))
        elif self.mode == "mm":
            focal = lens.focal_from_mm(self.focal_mm, self.sensor_mm, lens.longer_side(rig))
        elif self.mode == "fov":
            focal = lens.longer_side(rig) / (2 * math.tan(self.fov / 2))
        else:
            focal = self.focal
        for other in lens.set_camera(context.scene, rig, focal, up, known):
            watch.refresh(other)


CLASSES = (SAM3DB_OT_set_lens,)
