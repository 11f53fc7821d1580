"""Whose pose is inferred, how, and when."""

import bpy

from native_runtime.bounds import REFINE
from native_runtime.errors import Sam3dbError

from ..handles.sex import AUTOMATIC, TITLES, choose
from .person import PersonOperator, ReportingOperator


class SAM3DB_OT_pick_person(ReportingOperator, bpy.types.Operator):
    """Work on this person: show their handles, and view through the camera of their photo"""

    bl_idname = "sam3db.pick_person"
    bl_label = "Pick Person"
    bl_options = {"REGISTER", "UNDO"}

    character: bpy.props.StringProperty(name="Character", description="The id of the person's character")

    def run(self, context):
        from ..handles.people import activate
        from ..handles.views import pose_from_photo
        from ..scene.lookup import rig_with

        rig = rig_with(self.character)
        if rig is None or context.scene not in rig.users_scene:
            raise Sam3dbError("This person's character is no longer in the scene.")
        activate(context, rig)
        pose_from_photo(context, [rig])


class SAM3DB_OT_infer_again(PersonOperator, bpy.types.Operator):
    """Pose the person again from the photo, the pinned handles and the mask"""

    bl_idname = "sam3db.infer_again"
    bl_label = "Update from Photo"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..handles import watch

        watch.refresh(self.rig(context))


class SAM3DB_OT_cancel_pose(PersonOperator, bpy.types.Operator):
    """Stop waiting for the pose; the character stays as it is"""

    bl_idname = "sam3db.cancel_pose"
    bl_label = "Cancel"
    bl_options = {"INTERNAL", "UNDO"}

    def run(self, context):
        from ..handles import watch
        from ..handles.session import is_rough
        from ..scene.provenance import read_origin

        rig = self.rig(context)
        watch.cancel(rig)
        rough = is_rough(read_origin(rig))
        if rough:
            self.report({"INFO"}, f"The {rough} stay rough; 'Update from Photo' refines them")


class SAM3DB_OT_use_inference(PersonOperator, bpy.types.Operator):
    """Discard what you changed by hand here, and use what the photo gives instead"""

    bl_idname = "sam3db.use_inference"
    bl_label = "Use Inference"
    bl_options = {"REGISTER", "UNDO"}

    group: bpy.props.StringProperty(name="Group", description="Which part of the character")

    def run(self, context):
        from ..handles import watch
        from ..handles.session import give_up_edits

        rig = self.rig(context)
        give_up_edits(rig, self.group)
        watch.refresh(rig)


class SAM3DB_OT_discard_edits(PersonOperator, bpy.types.Operator):
    """Discard everything that you changed by hand on bones, sliders and place, and use what the photo gives instead"""

    bl_idname = "sam3db.discard_edits"
    bl_label = "Discard My Edits"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..handles import watch
        from ..handles.session import give_up_edits

        rig = self.rig(context)
        give_up_edits(rig)
        watch.refresh(rig)


class SAM3DB_OT_go_back(PersonOperator, bpy.types.Operator):
    """Restore this earlier estimate: pose, shape, sliders, edits and pins. The current state is kept in the list"""

    bl_idname = "sam3db.go_back"
    bl_label = "Go Back"
    bl_options = {"REGISTER", "UNDO"}

    when: bpy.props.StringProperty(name="Time", description="When it was made, in seconds since 1970")

    def run(self, context):
        from ..handles import watch
        from ..handles.session import go_back

        rig = self.rig(context)
        try:
            when = float(self.when)
        except ValueError as error:
            raise Sam3dbError("Choose an estimate in the list to go back to.") from error
        if watch.status(rig).state == "waiting":
            watch.cancel(rig)
        self.report({"INFO"}, f"Back to '{go_back(rig, when)}'")


class SAM3DB_OT_snap_to_handles(PersonOperator, bpy.types.Operator):
    """Move the body exactly onto pinned handles, from the next update on; SAM 3D Body alone leaves small gaps"""

    bl_idname = "sam3db.snap_to_handles"
    bl_label = "Snap to Handles"
    bl_options = {"REGISTER", "UNDO"}

    on: bpy.props.BoolProperty(name="Snap", description="Close remaining gaps from now on", default=True)

    def run(self, context):
        from ..handles.session import SNAP

        self.rig(context)[SNAP] = self.on


class SAM3DB_OT_pose_whole_body(PersonOperator, bpy.types.Operator):
    """Pose the whole body again from the pinned handles, and not only their limbs; your own edits stay"""

    bl_idname = "sam3db.pose_whole_body"
    bl_label = "Pose Whole Body"
    bl_options = {"REGISTER", "UNDO"}

    on: bpy.props.BoolProperty(name="Whole Body", description="From now on, with every drag", default=True)

    def run(self, context):
        from ..handles import watch
        from ..handles.pins import pinned
        from ..handles.session import WHOLE_BODY

        rig = self.rig(context)
        rig[WHOLE_BODY] = self.on
        if pinned(rig):
            watch.refresh(rig)
        elif self.on:
            self.report({"INFO"}, "The whole body follows from the first pinned handle on")


class SAM3DB_OT_refine_to_photo(PersonOperator, bpy.types.Operator):
    """Bring the engine's answer onto what is seen in the photo, from the next update on; 0 leaves it as it is"""

    bl_idname = "sam3db.refine_to_photo"
    bl_label = "Refine to Photo"
    bl_options = {"REGISTER", "UNDO"}

    strength: bpy.props.FloatProperty(
        name="Strength", description="How much the photo counts", subtype="FACTOR", default=REFINE, min=0.0, max=1.0
    )

    def run(self, context):
        from ..handles.session import STRENGTH

        self.rig(context)[STRENGTH] = self.strength


_SEX_TEXTS = {
    AUTOMATIC: "As the face says; where it says nothing clear, the body stays neutral",
    "female": "The body of a woman",
    "male": "The body of a man",
    "neutral": "Neither: a body without breasts, between both",
}


class SAM3DB_OT_choose_sex(PersonOperator, bpy.types.Operator):
    """Choose the sex that the body shows. The shape is fitted to the photo again; every inference keeps the choice"""

    bl_idname = "sam3db.choose_sex"
    bl_label = "Sex"
    bl_options = {"REGISTER", "UNDO"}

    sex: bpy.props.EnumProperty(
        name="Sex",
        description="What the body's shape shows",
        items=[(key, title, _SEX_TEXTS[key]) for key, title in TITLES.items()],
        default=AUTOMATIC,
    )

    @classmethod
    def description(cls, context, properties):
        return f"{_SEX_TEXTS[properties.sex]}. The shape is fitted to the photo again; every inference keeps the choice"

    def run(self, context):
        from ..handles import watch
        from ..handles.question import question_for

        rig = self.rig(context)
        choose(rig, self.sex)
        try:
            question_for(rig, remember=False)
        except Sam3dbError as error:  # without the photo the sliders are all that can follow
            self.report({"INFO"}, f"Only the sliders of sex were set: {error}")
        else:
            watch.refresh(rig)


CLASSES = (
    SAM3DB_OT_pick_person,
    SAM3DB_OT_infer_again,
    SAM3DB_OT_cancel_pose,
    SAM3DB_OT_use_inference,
    SAM3DB_OT_discard_edits,
    SAM3DB_OT_go_back,
    SAM3DB_OT_snap_to_handles,
    SAM3DB_OT_pose_whole_body,
    SAM3DB_OT_refine_to_photo,
    SAM3DB_OT_choose_sex,
)
