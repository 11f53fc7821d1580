"""File > Import > Character from Photo."""

import platform
import traceback
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from .. import places
from ..properties.defaults import fill_in
from ..properties.import_options import PHOTO_FILTER, ImportOptions, to_request
from .browsing import PictureBrowser
from .modal_job import ModalJobOperator
from .polls import PhotoImportPoll

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..jobs.photo import ImportJob
    from ..jobs.worker import Job


class SAM3DB_OT_import_character(  # type: ignore[misc]
    PhotoImportPoll, ModalJobOperator, ImportOptions, PictureBrowser, bpy.types.Operator, ImportHelper
):
    """Make a posed, skinned character from a person in a photo, in front of a camera that matches the photo"""

    bl_idname = "sam3db.import_character"
    bl_label = "Character from Photo"
    bl_options = {"UNDO"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default=PHOTO_FILTER, options={"HIDDEN"})

    numbers: bpy.props.StringProperty(
        name="Numbers",
        description="Numbers of the people to make characters of, separated by commas; empty to follow 'People'",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    box: bpy.props.StringProperty(
        name="Box",
        description="Where the person is, as x0,y0,x1,y1 in pixels of the photo; empty to look for people",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    _job: Any = None

    def invoke(self, context, event):
        fill_in(self)
        return super().invoke(context, event)

    def draw(self, context: bpy.types.Context) -> None:
        """Draws nothing: beside the file browser, ``ui.import_options`` does."""

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.pipeline.boxes import read_box

        from ..jobs.photo import ImportJob
        from ..jobs.worker import worker
        from ..remedies import in_words

        try:
            request = to_request(self, Path(bpy.path.abspath(self.filepath)), places.models_folder())
            if self.numbers:
                request = replace(request, persons=tuple(map(int, self.numbers.split(","))))
            if self.box:
                request = replace(request, boxes=(read_box(self.box),), persons="all")
        except ValueError as error:
            return self._fail(str(error), "")
        except Sam3dbError as error:
            return self._fail(in_words(error), "")
        if not bpy.app.background:
            state = context.window_manager.sam3db
            state.running, state.cancel_wanted = True, False
            request = replace(request, steps=True)
        return self.begin(context, ImportJob(worker(), request))

    def finish(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        """Reports how the job went; builds the characters where it went well, or of what it has brought so far."""
        from ..files.recent_photos import remember
        from ..handles import watch
        from ..handles.views import begin_posing, show_textures
        from ..jobs.photo import LastStep
        from ..remedies import in_words

        job = self._job
        assert job is not None
        if job.state == "cancelled":
            self.report({"INFO"}, "Cancelled; nothing was changed")
            return {"CANCELLED"}
        if job.state == "failed":
            return self._fail(job.error, job.detail)
        from .importing import add_to_scene

        try:
            controls = self.controls and places.wants_controls()
            people = job.estimates or job.early
            built = add_to_scene(context, job.request, people, self.light, controls, job.textures, self.worn)
        except Sam3dbError as error:
            return self._fail(in_words(error), traceback.format_exc())
        except Exception as error:
            return self._fail(f"Building the character failed ({error}).", traceback.format_exc())
        rigs = [character.rig for character in built.characters]
        begin_posing(context, rigs)
        if job.request.texture:
            show_textures(context)
        if job.state == "running":
            for place, rig in enumerate(rigs):
                watch.expect(rig, LastStep(job, place))
        for warning in job.warnings:
            self.report({"WARNING"}, warning)
        photo = Path(job.request.photo)
        remember(photo)
        count = len(built.characters)
        more = "; the hands follow" if job.state == "running" else ""
        self.report({"INFO"}, f"Made {count} character{'s' if count > 1 else ''} from {photo.name}{more}")
        return {"FINISHED"}

    def _fail(self, text: str, detail: str) -> "set[OperatorReturnItems]":
        """One line for the artist, the whole story for a log file, which the help menu opens."""
        log = write_log(text, detail, self._job)
        if detail:
            print(f"{text}\nDetails: {log}")  # noqa: T201  # Blender's console
        self.report({"ERROR"}, text)
        return {"CANCELLED"}

    def enough(self, context: bpy.types.Context, job: "Job") -> bool:
        """Whether there are rougher estimates, with which the artist can begin; the last ones are awaited meanwhile."""
        from ..jobs.photo import ImportJob

        return job.state == "running" and isinstance(job, ImportJob) and bool(job.early)

    def given_up(self, context: bpy.types.Context) -> bool:
        return bool(context.window_manager.sam3db.cancel_wanted)

    def tell(self, context: bpy.types.Context, job: "Job") -> None:
        state = context.window_manager.sam3db
        state.progress, state.status = job.progress, job.status
        super().tell(context, job)

    def leave(self, context: bpy.types.Context) -> None:
        super().leave(context)
        context.window_manager.sam3db.running = False


class SAM3DB_OT_cancel_import(bpy.types.Operator):
    """Cancel the running import; the scene stays as it is"""

    bl_idname = "sam3db.cancel_import"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.window_manager.sam3db.running:
            cls.poll_message_set("Nothing is being imported")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        context.window_manager.sam3db.cancel_wanted = True
        return {"FINISHED"}


def write_log(text: str, detail: str, job: "ImportJob | None") -> Path:
    """Appends an account of a failure to the extension's log; returns the file."""
    from native_runtime import __version__

    path = places.user_folder("logs") / "import.log"
    lines = [
        f"--- {datetime.now().astimezone().isoformat(timespec='seconds')}",
        f"extension {__version__}, Blender {bpy.app.version_string}, {platform.platform()}",
        f"request: {job.request if job is not None else 'none'}",
        text,
        detail,
        "",
    ]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


CLASSES = (SAM3DB_OT_import_character, SAM3DB_OT_cancel_import)
