"""Libraries for graphics cards: a dialog with sizes and licences; a test of what is fastest."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from .. import places
from .long_job import CancelOperator, LongJobOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.gpu_support.sets import WheelSet

    from ..jobs.long import JobSlot

#: px at the usual size of the interface, and characters that fit into it.
_WIDTH, _LINE = 560, 94
_OCCUPIED = "Wait until the running job about graphics cards has ended"

# Blender keeps no texts of items that a function makes.
_ITEMS: list[tuple[str, str, str]] = []


def _kinds(self: object, context: object) -> list[tuple[str, str, str]]:
    from native_runtime.gpu_support.sets import offered

    _ITEMS[:] = [(one.kind.name, one.kind.title, f"For {one.kind.cards}") for one in offered()]
    return _ITEMS or [("NONE", "None", "There is nothing for this computer")]


def _slot() -> "JobSlot[Any]":
    from ..jobs.gpu import slot

    return slot


class _GpuJobOperator(LongJobOperator):
    slot = staticmethod(_slot)
    panel = "Graphics Cards"
    occupied = _OCCUPIED


class _Install(_GpuJobOperator):
    """What the operators that install share."""

    kind: bpy.props.EnumProperty(
        name="For", description="Which libraries: that depends on the card", items=_kinds, options={"SKIP_SAVE"}
    )
    accepted: bpy.props.BoolProperty(
        name="Accept the Licenses",
        description="Whoever installs it becomes a licensee of those who made it",
        options={"SKIP_SAVE"},
    )
    address: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def chosen(self) -> "WheelSet | None":
        """The libraries that are chosen; None where there are none for this computer."""
        from native_runtime.gpu_support.sets import offered

        return next((one for one in offered() if one.kind.name == self.kind), None)

    def objection(self) -> str:
        """Why nothing can be installed; empty where it can."""
        if self.chosen() is None:
            return "There are no libraries for graphics cards for this computer"
        return "" if self.accepted else "Read the licenses, and tick that you accept them"

    def install(self, *files: Path) -> "set[OperatorReturnItems]":
        """Starts the job."""
        from native_runtime.pipeline.requests import InstallGpuRequest

        from ..jobs.worker import stop_worker

        made = self.chosen()
        assert made is not None
        request = InstallGpuRequest(
            folder=places.gpu_folder(),
            name=made.kind.name,
            accepted=tuple(terms.key for terms in made.kind.terms),
            files=files,
            address=self.address or None,
        )
        stop_worker()  # on Windows, it would hold the files that are replaced
        return self.start(request)


class SAM3DB_OT_install_gpu(_Install, bpy.types.Operator):
    """See what there is for this computer's graphics card, read the licenses, and install it"""

    bl_idname = "sam3db.install_gpu"
    bl_label = "Install GPU Support"
    bl_options = {"INTERNAL"}

    source: bpy.props.EnumProperty(
        name="From",
        description="Where its files come from",
        items=(
            ("INDEX", "Package Index", "Download it from pypi.org, by exact files and hashes"),
            ("FILES", "Files", "Choose the files, which you fetched on another computer"),
        ),
        options={"SKIP_SAVE"},
    )
    complaint: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        from native_runtime.gpu_support.sets import offered, recommended

        from ..files import gpu

        fits = recommended({card.vendor for card in gpu.search.cards or ()}, offered())
        if fits is not None and not self.properties.is_property_set("kind"):
            self.kind = fits.kind.name
        return context.window_manager.invoke_props_dialog(
            self, width=_WIDTH, title="Install GPU Support", confirm_text="Install"
        )

    def check(self, context: bpy.types.Context) -> bool:
        if not self.objection():
            self.complaint = ""
        return True

    def draw(self, context: bpy.types.Context) -> None:
        draw_dialog(self.layout, self, context)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs import online

        own = self.source == "FILES"
        complaint = self.objection() or ("" if own else online.refusal("choose files that you have"))
        if complaint:
            return self._again(complaint)
        if not own:
            return self.install()
        if bpy.app.background:
            self.report({"ERROR"}, "Files are given to sam3db.install_gpu_files")
            return {"CANCELLED"}
        bpy.ops.sam3db.install_gpu_files("INVOKE_DEFAULT", kind=self.kind, accepted=True)
        return {"FINISHED"}

    def _again(self, complaint: str) -> "set[OperatorReturnItems]":
        """Says what is missing; where there is a window, in the dialog, with everything as it was."""
        if bpy.app.background:
            self.report({"ERROR"}, complaint)
            return {"CANCELLED"}
        said = {"source": self.source, "accepted": self.accepted} | ({"kind": self.kind} if self.chosen() else {})
        bpy.ops.sam3db.install_gpu("INVOKE_DEFAULT", complaint=complaint, **said)
        return {"CANCELLED"}


class SAM3DB_OT_install_gpu_files(_Install, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Install libraries for graphics cards from files that you have; needs no network"""

    bl_idname = "sam3db.install_gpu_files"
    bl_label = "Install GPU Support"
    bl_options = {"INTERNAL"}

    filename_ext = ".whl"
    filter_glob: bpy.props.StringProperty(default="*.whl", options={"HIDDEN"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})

    def draw(self, context: bpy.types.Context) -> None:
        from ..layout_text import draw_lines

        made = self.chosen()
        if made is not None:
            column = self.layout.column(align=True)
            column.label(text=f"All of these {len(made.wheels)}:")
            for wheel in made.wheels:
                draw_lines(column, wheel.file, 34, "FILE")

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        complaint = self.objection()
        if complaint:
            self.report({"ERROR"}, complaint)
            return {"CANCELLED"}
        folder = Path(bpy.path.abspath(self.directory))
        names = [file.name for file in self.files if file.name]
        return self.install(*([folder / name for name in names] or [Path(bpy.path.abspath(self.filepath))]))


class SAM3DB_OT_copy_gpu_addresses(bpy.types.Operator):
    """Copy the addresses of all files that are needed, to fetch them with a browser on another computer"""

    bl_idname = "sam3db.copy_gpu_addresses"
    bl_label = "Copy Addresses"
    bl_options = {"INTERNAL"}

    kind: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.gpu_support.install import addresses
        from native_runtime.gpu_support.sets import offered

        found = next((one for one in offered() if one.kind.name == self.kind), None)
        if found is None:
            return {"CANCELLED"}
        context.window_manager.clipboard = "\n".join(addresses(found))
        self.report({"INFO"}, f"{len(found.wheels)} addresses copied")
        return {"FINISHED"}


class SAM3DB_OT_remove_gpu(_GpuJobOperator, bpy.types.Operator):
    """Remove the libraries for graphics cards, and what was downloaded of them; the processor computes again"""

    bl_idname = "sam3db.remove_gpu"
    bl_label = "Remove GPU Support"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.pipeline.requests import RemoveGpuRequest

        from ..jobs.worker import stop_worker

        stop_worker()
        return self.start(RemoveGpuRequest(folder=places.gpu_folder()))


class SAM3DB_OT_test_gpu(_GpuJobOperator, bpy.types.Operator):
    """Time the networks on everything that can compute them here, and choose what is fastest. Takes about a minute"""

    bl_idname = "sam3db.test_gpu"
    bl_label = "Test and Choose"

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.pipeline.requests import TimeProvidersRequest

        from ..files import gpu

        gpu.search.forget()
        return self.start(TimeProvidersRequest(folder=places.gpu_folder(), models=places.models_folder()))


class SAM3DB_OT_copy_gpu_table(bpy.types.Operator):
    """Copy cards, drivers, providers and times as a table, to paste into a bug report; it names no folder of yours"""

    bl_idname = "sam3db.copy_gpu_table"
    bl_label = "Copy for a Bug Report"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..files import gpu

        if gpu.last_times() is None:
            cls.poll_message_set("Test first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..files import gpu

        times = gpu.last_times()
        context.window_manager.clipboard = str((times or {}).get("table", ""))
        self.report({"INFO"}, "Copied")
        return {"FINISHED"}


class SAM3DB_OT_cancel_gpu(CancelOperator, bpy.types.Operator):
    """Cancel; what was downloaded is kept, and what was installed before stays as it was"""

    bl_idname = "sam3db.cancel_gpu"
    slot = staticmethod(_slot)
    idle = "Nothing is being done about graphics cards"


def draw_dialog(layout: Any, choice: _Install, context: bpy.types.Context) -> None:
    """Draws what is installed, how large it is, from where, and under which licenses."""
    from ..jobs import online
    from ..layout_text import draw_lines

    if choice.complaint:
        column = layout.column(align=True)
        column.alert = True
        draw_lines(column, choice.complaint, _LINE, "ERROR")
    made = choice.chosen()
    if made is None:
        draw_lines(layout, choice.objection() + ". The processor computes.", _LINE, "INFO")
        return
    layout.row().prop(choice, "kind", expand=True)
    column = layout.column(align=True)
    draw_lines(column, f"For {made.kind.cards}.", _LINE, "OUTLINER_OB_LIGHTPROBE")
    sizes = f"{made.size / 1e6:.0f} MB to download, about {made.disk_bytes / 1e6:.0f} MB on the disk."
    draw_lines(column, sizes, _LINE, "DISK_DRIVE")
    draw_lines(column, f"Tried by this project: {made.kind.tried}.", _LINE, "INFO")
    layout.separator(type="LINE")
    row = layout.row()
    row.prop(choice, "source", expand=True)
    if choice.source == "FILES":
        row.operator("sam3db.copy_gpu_addresses", icon="COPYDOWN").kind = made.kind.name
        draw_lines(layout.column(align=True), f"'Install' asks for all {len(made.wheels)} files.", _LINE, "FILE_FOLDER")
    elif online.refusal(""):
        column = layout.column(align=True)
        if bpy.app.online_access_override:
            draw_lines(column, online.refusal("choose files that you have"), _LINE, "ERROR")
        else:
            draw_lines(column, "Blender may not use the network yet; this is Blender's own setting:", _LINE, "ERROR")
            column.prop(context.preferences.system, "use_online_access")
    layout.separator(type="LINE")
    column = layout.column(align=True)
    for terms in made.kind.terms:
        column.operator("wm.url_open", text=terms.title, icon="URL").url = terms.url
    if any(terms.proprietary for terms in made.kind.terms):
        owner = "NVIDIA" if made.kind.name == "cuda" else "Microsoft"
        text = f"{owner}'s libraries are not free software. This extension has none: you fetch them yourself."
        draw_lines(layout.column(align=True), text, _LINE, "INFO")
    layout.prop(choice, "accepted", text="I have read and accept these licenses")


CLASSES = (
    SAM3DB_OT_install_gpu,
    SAM3DB_OT_install_gpu_files,
    SAM3DB_OT_copy_gpu_addresses,
    SAM3DB_OT_remove_gpu,
    SAM3DB_OT_test_gpu,
    SAM3DB_OT_copy_gpu_table,
    SAM3DB_OT_cancel_gpu,
)
