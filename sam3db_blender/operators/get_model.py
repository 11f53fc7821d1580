"""Getting a model of the shelf: one dialog shows what it gives, its terms and who has it; one job does the rest."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from ..compat import BLEND_RELATIVE
from ..places import preferences
from ..properties import model_choice, secret
from ..properties.model_choice import ModelChoice
from ..properties.terms import SAM3DB_TermsLine
from .long_job import CancelOperator, LongJobOperator
from .model_removal import ModelRemovalOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.models.shelf import ShelfItem

    from ..jobs.long import JobSlot


def _slot() -> "JobSlot[Any]":
    from ..jobs.shelf import slot

    return slot


class InstallOperator(LongJobOperator, ModelChoice):
    """What the operators that install share."""

    slot = staticmethod(_slot)
    panel = "Models"
    occupied = "A model is already being installed"

    service: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def install(self, file: Path | None = None, mhr: Path | None = None) -> "set[OperatorReturnItems]":
        """Starts the job.

        Args:
            file, mhr: what the user has, instead of a download.
        """
        from native_runtime.pipeline.decoding import gather
        from native_runtime.pipeline.requests import InstallModelRequest

        from ..files import sam3d_body
        from ..jobs.sam3d_body import check_slot
        from ..remedies import in_words
        from ..shelf import facts

        source = model_choice.source_of(self)
        try:
            models = sam3d_body.folder_for_worker()
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        check_slot.close()
        request = gather(
            InstallModelRequest,
            item=model_choice.item_of(self).name,
            source=None if source is None else source.key,
            models=models,
            accepted=model_choice.accepted_keys(self),
            token=secret.typed() if source is not None and source.kind == "gated" else None,
            precision=facts.precision_of(self.precision),
            file=file,
            mhr=mhr,
            commercial={model_choice.NO: False, model_choice.YES: True}.get(self.commercial),
            # where the hub's own tools look for the address of a mirror
            service=self.service or os.environ.get("HF_ENDPOINT"),
        )
        return self.start(request)


class SAM3DB_OT_get_model(InstallOperator, bpy.types.Operator):
    """See what a model gives, read its terms, choose where it comes from, and install it"""

    bl_idname = "sam3db.get_model"
    bl_label = "Get a Model"
    bl_options = {"INTERNAL"}

    lines: bpy.props.CollectionProperty(type=SAM3DB_TermsLine, options={"HIDDEN", "SKIP_SAVE"})
    line: bpy.props.IntProperty(
        name="License", description="Its full text; the wheel scrolls", options={"HIDDEN", "SKIP_SAVE"}
    )
    lines_of: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    complaint: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        from ..files import shelf as shelf_files
        from ..shelf import facts
        from .model_dialog import WIDTH, fill_lines

        shelf_files.forget()
        fill_lines(self)
        title = f"Get {facts.family_of(model_choice.item_of(self)).title}"
        return context.window_manager.invoke_props_dialog(self, width=WIDTH, title=title, confirm_text="Install")

    def check(self, context: bpy.types.Context) -> bool:
        from .model_dialog import fill_lines

        fill_lines(self)
        if not model_choice.objection(self):
            self.complaint = ""
        return True

    def draw(self, context: bpy.types.Context) -> None:
        from .model_dialog import draw_dialog

        draw_dialog(self.layout, self, context)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs import online

        source = model_choice.source_of(self)
        own = source is not None and source.kind == "file"
        complaint = model_choice.objection(self) or ("" if own else online.refusal("choose a file that you have"))
        if complaint:
            return self._again(complaint)
        if not own:
            return self.install()
        if bpy.app.background:
            self.report({"ERROR"}, "A file is given to sam3db.install_model_file")
            return {"CANCELLED"}
        bpy.ops.sam3db.install_model_file("INVOKE_DEFAULT", **self._said())
        return {"FINISHED"}

    def _again(self, complaint: str) -> "set[OperatorReturnItems]":
        """Says what is missing; where there is a window, in the dialog, with everything as it was."""
        if bpy.app.background:
            self.report({"ERROR"}, complaint)
            return {"CANCELLED"}
        bpy.ops.sam3db.get_model("INVOKE_DEFAULT", **self._said(), complaint=complaint)
        return {"CANCELLED"}

    def _said(self) -> dict[str, object]:
        names = ("family", "item", "source", "precision", "commercial", "service")
        return {name: getattr(self, name) for name in names} | {"accepted": tuple(self.accepted)}


class SAM3DB_OT_install_model_file(InstallOperator, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Install a model from a file that you have; needs no network"""

    bl_idname = "sam3db.install_model_file"
    bl_label = "Install Model"
    bl_options = {"INTERNAL"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default="*.ckpt;*.safetensors;*.json;*.pt;*.onnx;*.zip", options={"HIDDEN"})
    mhr: bpy.props.StringProperty(
        name="MHR Model",
        description="The file mhr_model.pt or MHR's assets.zip; empty to look beside the checkpoint and in its file",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"} | BLEND_RELATIVE,
    )

    def draw(self, context: bpy.types.Context) -> None:
        from ..files import sam3d_body

        if model_choice.item_of(self).engine == sam3d_body.ENGINE:
            self.layout.use_property_split = True
            self.layout.prop(self, "mhr")

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        complaint = model_choice.objection(self)
        if complaint:
            self.report({"ERROR"}, complaint)
            return {"CANCELLED"}
        self.source = next(source.key for source in model_choice.item_of(self).sources if source.kind == "file")
        file, mhr = (Path(bpy.path.abspath(path)) if path else None for path in (self.filepath, self.mhr))
        return self.install(file, mhr)


class SAM3DB_OT_cancel_get_model(CancelOperator, bpy.types.Operator):
    """Cancel; what was downloaded is kept, and a model that was installed before stays as it was"""

    bl_idname = "sam3db.cancel_get_model"
    slot = staticmethod(_slot)
    idle = "No model is being installed"


class SAM3DB_OT_remove_model_downloads(ModelRemovalOperator, bpy.types.Operator):
    """Delete what was downloaded of a model; if it is installed it stays, but another precision needs a new download"""

    bl_idname = "sam3db.remove_model_downloads"
    bl_label = "Remove Downloaded Files"
    bl_options = {"INTERNAL"}

    def remove(self, item: "ShelfItem", models: Path) -> int:
        from native_runtime.models.shelf.fetch import remove_downloads

        return remove_downloads(item, models)


class SAM3DB_OT_dismiss_model_offer(bpy.types.Operator):
    """Hide this; the panel Models and the preferences offer the same at any time"""

    bl_idname = "sam3db.dismiss_model_offer"
    bl_label = "Hide"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        settings = preferences()
        slot = _slot()
        if slot.job is not None and not slot.busy:
            slot.close()
        if settings is not None:
            settings.offer_models = False
        return {"FINISHED"}


CLASSES = (
    SAM3DB_OT_get_model,
    SAM3DB_OT_install_model_file,
    SAM3DB_OT_cancel_get_model,
    SAM3DB_OT_remove_model_downloads,
    SAM3DB_OT_dismiss_model_offer,
)
