"""Installing SAM 3D Body: its checkpoint by download, and the conversion of a checkpoint that the user has."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.build.sam3d_body_download import LICENCE, LICENCE_PAGE, LICENCE_POINTS, VARIANTS, remove_sources
from native_runtime.errors import ModelError
from native_runtime.models.hub import SERVICE, Repository
from native_runtime.pipeline.decoding import decode, encode, gather
from native_runtime.pipeline.requests import ConvertSam3dBodyRequest, DownloadSam3dBodyRequest, EngineStatusRequest

from ..compat import BLEND_RELATIVE
from ..files import sam3d_body
from ..jobs.sam3d_body import check_slot, slot
from ..layout_text import draw_lines
from ..places import preferences
from ..properties import secret
from ..remedies import in_words
from .long_job import CancelOperator, LongJobOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

_VARIANTS = (
    ("dinov3", "DINOv3-H+", "The larger of the two released models, and the more accurate one"),
    ("vith", "ViT-H", "The smaller one, a little faster"),
)
_PRECISIONS = (
    (
        "int8",
        "For the Processor (int8)",
        "The image encoder in 8 bits: the smallest and, without a graphics card, the fastest. Joints move slightly",
    ),
    ("fp16", "For Graphics Cards (fp16)", "Half precision: half the size of the exact one; no faster on a processor"),
    ("fp32", "Exact (fp32)", "As in the checkpoint; the largest, and the slowest on a processor"),
)
#: What a converted model takes on the disk, GB, by variant and precision.
ABOUT_GB = {
    "dinov3": {"int8": 1.3, "fp16": 1.9, "fp32": 3.8},
    "vith": {"int8": 1.1, "fp16": 1.5, "fp32": 3.0},
}


class JobOperator(LongJobOperator):
    """What the operators share."""

    slot = slot
    panel = "SAM 3D Body"
    occupied = "SAM 3D Body is already being downloaded or converted"

    def run(self, kind: type, **given: Any) -> "set[OperatorReturnItems]":
        """Starts a job after which an earlier check no longer holds."""
        check_slot.close()
        return self.start(gather(kind, self, **given))


class SAM3DB_OT_download_sam3d_body(JobOperator, bpy.types.Operator):
    """Fetches a released checkpoint of SAM 3D Body."""

    bl_idname = "sam3db.download_sam3d_body"
    bl_label = "Download SAM 3D Body"
    bl_description = (
        "Fetch the released checkpoint of SAM 3D Body from Hugging Face with your own access token, about 2.8 GB; Meta "
        "must have granted you access. An interrupted download continues where it stopped"
    )
    instead = "fetch the files with your browser"

    variant: bpy.props.EnumProperty(name="Model", description="Which of the released models", items=_VARIANTS)
    accepted: bpy.props.BoolProperty(
        name="I have read and accept the SAM License",
        description="Nothing is downloaded without this",
        options={"SKIP_SAVE"},
    )
    service: bpy.props.StringProperty(default=SERVICE, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        return context.window_manager.invoke_props_dialog(self, width=520, confirm_text="Download")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        variant = VARIANTS[self.variant]
        layout.prop(self, "variant", expand=True)
        column = layout.column(align=True)
        draw_lines(column, f"{variant.repository}, about {variant.about_mb / 1000:.1f} GB", 80)
        draw_lines(column, f"To: {sam3d_body.models_folder()}", 80)
        box = layout.box().column(align=True)
        box.label(text=LICENCE, icon="TEXT")
        for point in LICENCE_POINTS:
            draw_lines(box, point, 84, "DOT")
        draw_lines(box, "This is a summary, not legal advice; only the license itself is binding.", 84)
        row = layout.row(align=True)
        row.operator("wm.url_open", text="Read the License", icon="URL").url = LICENCE_PAGE
        row.operator("wm.url_open", text="Ask for Access", icon="URL").url = Repository(variant.repository).page
        layout.prop(self, "accepted")
        layout.prop(context.window_manager.sam3db, "access_token", text="Access Token")
        origin = secret.origin()
        draw_lines(layout, f"Token: {origin}" if origin else "No token yet: HF_TOKEN is not set", 80)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        if not self.accepted:
            self.report({"ERROR"}, f"Read the SAM License first and tick that you accept it: {LICENCE_PAGE}")
            return {"CANCELLED"}
        models = sam3d_body.models_folder()
        return self.run(DownloadSam3dBodyRequest, models=models, token=secret.typed(), licence_accepted=True)


class SAM3DB_OT_convert_sam3d_body(JobOperator, bpy.types.Operator):
    """Convert a checkpoint of SAM 3D Body into the model that runs here; needs no network, and takes a few minutes"""

    bl_idname = "sam3db.convert_sam3d_body"
    bl_label = "Convert SAM 3D Body"

    filepath: bpy.props.StringProperty(
        name="Checkpoint",
        description="The file model.ckpt, ComfyUI's file, one of several slices, or a download's folder or archive",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    mhr: bpy.props.StringProperty(
        name="MHR Model",
        description="The file mhr_model.pt or MHR's assets.zip; empty to look beside the checkpoint and in its file",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"} | BLEND_RELATIVE,
    )
    precision: bpy.props.EnumProperty(
        name="Precision", description="How exact and how large the converted model is", items=_PRECISIONS
    )
    filter_glob: bpy.props.StringProperty(default="*.ckpt;*.safetensors;*.json;*.pt;*.zip", options={"HIDDEN"})
    browse: bpy.props.BoolProperty(
        name="Choose Files", description="Even if there is a download", options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        downloaded = sam3d_body.checkpoints()
        # a file browser that is opened from a dialog would close it
        self.browse = self.browse or not downloaded
        if self.browse:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        self.filepath, self.mhr = str(downloaded[0].checkpoint), str(downloaded[0].mhr)
        return context.window_manager.invoke_props_dialog(self, width=520, confirm_text="Convert")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        width = 36 if self.browse else 80
        layout.use_property_split = True
        if not self.browse:
            draw_lines(layout.column(align=True), f"From: {self.filepath}", width)
        else:
            layout.prop(self, "mhr")
        layout.prop(self, "precision")
        column = layout.column(align=True)
        sizes = " or ".join(f"{sizes[self.precision]} GB ({VARIANTS[key].title})" for key, sizes in ABOUT_GB.items())
        draw_lines(column, f"Takes about {sizes} in {sam3d_body.models_folder()}", width)
        draw_lines(column, "An earlier converted model is replaced if the conversion succeeds.", width)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        if not self.filepath:
            self.report({"ERROR"}, "Choose model.ckpt, or download it first")
            return {"CANCELLED"}
        try:
            models = sam3d_body.folder_for_worker()
        except ModelError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        checkpoint, mhr = (Path(bpy.path.abspath(path)) if path else None for path in (self.filepath, self.mhr))
        return self.run(ConvertSam3dBodyRequest, checkpoint=checkpoint, mhr=mhr, models=models)


class SAM3DB_OT_remove_sam3d_body_checkpoints(JobOperator, bpy.types.Operator):
    """Delete the downloaded checkpoints; a converted model stays, and another precision would need a new download"""

    bl_idname = "sam3db.remove_sam3d_body_checkpoints"
    bl_label = "Remove Downloaded Checkpoints"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        try:
            freed = remove_sources(sam3d_body.models_folder())
        except ModelError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{freed / 1e9:.1f} GB freed")
        return {"FINISHED"}


class SAM3DB_OT_cancel_sam3d_body(CancelOperator, bpy.types.Operator):
    """Cancel; what was downloaded is kept, and an earlier converted model stays as it was"""

    bl_idname = "sam3db.cancel_sam3d_body"
    slot = slot
    idle = "SAM 3D Body is neither being downloaded nor converted"


class SAM3DB_OT_check_sam3d_body(bpy.types.Operator):
    """Test the model in a separate process: whether it runs, on the processor or a graphics card, and why"""

    bl_idname = "sam3db.check_sam3d_body"
    bl_label = "Check SAM 3D Body"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if slot.busy or check_slot.busy:
            cls.poll_message_set("Wait until the running job has ended")
            return False
        if sam3d_body.installed() is None:
            cls.poll_message_set("SAM 3D Body is not installed yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        settings = preferences()
        chosen = None if settings is None else settings.requested_providers()
        known = {"engine": sam3d_body.ENGINE, "models": sam3d_body.models_folder(), "providers": chosen}
        job = check_slot.start(EngineStatusRequest.do, encode(decode(EngineStatusRequest, known)))
        if bpy.app.background:
            check_slot.wait()
            self.report({"INFO" if job.ready else "ERROR"}, job.summary)
            return {"FINISHED" if job.ready else "CANCELLED"}
        return {"FINISHED"}


CLASSES = (
    SAM3DB_OT_download_sam3d_body,
    SAM3DB_OT_convert_sam3d_body,
    SAM3DB_OT_remove_sam3d_body_checkpoints,
    SAM3DB_OT_cancel_sam3d_body,
    SAM3DB_OT_check_sam3d_body,
)
