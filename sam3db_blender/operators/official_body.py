"""Installing MHR's official bodies: by download, or from files that the user has."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from .long_job import CancelOperator, LongJobOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..jobs.long import JobSlot

_LEVELS = (
    ("USUAL", "All but the Finest", "Levels 1 to 6; the finest has 73,639 vertices, for close-ups on film"),
    ("ALL", "All", "Levels 0 to 6"),
)


def _slot() -> "JobSlot[Any]":
    from ..jobs.bodies import slot

    return slot


class BodyOperator(LongJobOperator):
    """What the operators share."""

    slot = staticmethod(_slot)
    panel = "Models"
    occupied = "Bodies are already being imported"

    levels: bpy.props.EnumProperty(name="Levels", description="Which levels of detail to make", items=_LEVELS)

    def run(self, kind: type, **given: Any) -> "set[OperatorReturnItems]":
        """Starts a job on the chosen levels."""
        from native_runtime.pipeline.decoding import gather

        from ..files import bodies

        levels = "all" if self.levels == "ALL" else None
        return self.start(gather(kind, self, models=bodies.import_folder(), levels=levels, **given))


class SAM3DB_OT_download_official_body(BodyOperator, bpy.types.Operator):
    """Fetches and installs MHR's official bodies."""

    bl_idname = "sam3db.download_official_body"
    bl_label = "Download Official Bodies"
    bl_description = (
        "Fetch MHR's official bodies from github.com (by Meta Platforms, Apache-2.0 license, about 199 MB) and install "
        "them; an interrupted download continues where it stopped"
    )
    instead = "import the files by hand"

    address: bpy.props.StringProperty(
        name="Address", description="Address of the archive; change it to use a mirror. Empty for Meta's own"
    )
    again: bpy.props.BoolProperty(
        name="Look for a Newer Release",
        description="Ask the server even if the archive was downloaded before",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        from native_runtime.build.official_release import URL

        self.address = self.address or URL
        return context.window_manager.invoke_props_dialog(self, width=460)

    def draw(self, context: bpy.types.Context) -> None:
        from ..files import bodies
        from ..jobs.bodies import SOURCE

        layout = self.layout
        layout.label(text=SOURCE)
        layout.label(text=f"To: {bodies.import_folder()}")
        layout.use_property_split = True
        layout.prop(self, "levels")
        layout.prop(self, "again")
        layout.prop(self, "address")

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.build.official_release import URL
        from native_runtime.pipeline.requests import DownloadOfficialRequest

        return self.run(DownloadOfficialRequest, url=self.address or URL)


class SAM3DB_OT_import_official_body(BodyOperator, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Install MHR's official bodies from the release's assets.zip, its unpacked folder, or mhr_model.pt"""

    bl_idname = "sam3db.import_official_body"
    bl_label = "Import Official Bodies"

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default="*.zip;*.fbx;*.model;*.pt", options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.pipeline.requests import ImportOfficialRequest

        source = Path(bpy.path.abspath(self.filepath))
        # The rig's definition stands for the folder that it lies in; a folder alone is chosen by entering it.
        if source.suffix.lower() == ".model":
            source = source.parent
        return self.run(ImportOfficialRequest, source=source)


class SAM3DB_OT_cancel_body_import(CancelOperator, bpy.types.Operator):
    """Cancel installing bodies; what was downloaded is kept, and the next download continues from there"""

    bl_idname = "sam3db.cancel_body_import"
    slot = staticmethod(_slot)
    idle = "No bodies are being imported"


CLASSES = (SAM3DB_OT_download_official_body, SAM3DB_OT_import_official_body, SAM3DB_OT_cancel_body_import)
