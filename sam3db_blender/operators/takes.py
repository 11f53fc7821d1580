"""File > Import > Video, and Take: characters that move as the people of a video did."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.bounds import PICTURE_ENDINGS
from native_runtime.errors import Sam3dbError, UsageError

from .. import places
from ..app_handlers import redraw
from ..properties.import_options import converted
from ..properties.takes import TakeImportOptions, TakeSettings, options_of
from .long_job import CancelOperator
from .modal_job import ModalJobOperator
from .polls import ObjectModePoll

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.takes.request import TakeRequest

    from ..jobs.long import JobSlot
    from ..jobs.worker import Job
    from ..takes.build import TakeOptions, TakeScene

#: What the file browser shows; a picture stands for the folder that it lies in.
VIDEO_FILTER = ";".join(
    f"*.{ending}" for ending in ("mp4", "mov", "m4v", "avi", "mkv", "webm", "mts", "mpg", "mpeg", *PICTURE_ENDINGS)
)


class SAM3DB_TakeState(TakeSettings, bpy.types.PropertyGroup):
    """The panel's settings; engine, people, body and lens are those of the import of photos."""


def _slot() -> "JobSlot[Any]":
    from ..jobs.takes import slot

    return slot


class TakeImporter:
    """A mix-in for operators that bring takes into the scene."""

    def bring(
        self, context: bpy.types.Context, files: "list[Path]", options: "TakeOptions"
    ) -> "set[OperatorReturnItems]":
        """Builds the characters; what the operator is to return."""
        from ..handles.views import show_textures
        from ..remedies import in_words
        from ..scene.textured import texture_of
        from .importing import add_takes

        try:
            made = add_takes(context, files, options)
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        except Exception as error:
            traceback.print_exc()
            self.report({"ERROR"}, f"Building the characters failed: {error}")
            return {"CANCELLED"}
        _look_through(context, made.built.camera)
        if any(texture_of(character.mesh) is not None for character in made.built.characters):
            show_textures(context)
        for note in made.notes:
            self.report({"WARNING"}, note)
        self.report({"INFO"}, in_short(made))
        return {"FINISHED"}


class SAM3DB_OT_import_take(  # type: ignore[misc]
    ObjectModePoll, TakeImporter, TakeImportOptions, bpy.types.Operator, ImportHelper
):
    """Make characters that move as the people of a video did, from take files, in front of the video's camera"""

    bl_idname = "sam3db.import_take"
    bl_label = "Take"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ".npz"
    filter_glob: bpy.props.StringProperty(default="*_take.npz", options={"HIDDEN"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    footage: bpy.props.StringProperty(
        name="Footage",
        description="The video or the folder of pictures to show behind the camera; if empty, it is looked for beside "
        "the take",
        options={"SKIP_SAVE"},
    )
    light: bpy.props.BoolProperty(
        name="Light and Floor", description="Add lights and a floor that catches the characters' shadows", default=True
    )
    controls: bpy.props.BoolProperty(
        name="Controls",
        description="Give the characters control rigs, which then carry the keys; without, the bones do",
        default=True,
    )

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        chosen = [Path(bpy.path.abspath(self.directory)) / entry.name for entry in self.files if entry.name]
        files = chosen or [Path(bpy.path.abspath(self.filepath))]
        footage = Path(bpy.path.abspath(self.footage)) if self.footage else None
        controls = self.controls and places.wants_controls()
        return self.bring(context, files, options_of(self, footage, controls, self.light))


class SAM3DB_OT_import_video(  # type: ignore[misc]
    TakeImporter, ModalJobOperator, TakeImportOptions, bpy.types.Operator, ImportHelper
):
    """Make characters that move as the people of a video do, with the engine and lens of 'Character from Photo'"""

    bl_idname = "sam3db.import_video"
    bl_label = "Video"
    bl_options = {"UNDO"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default=VIDEO_FILTER, options={"HIDDEN"})
    out: bpy.props.StringProperty(
        name="Results",
        description="The folder of the take files; empty for a folder beside the video",
        options={"SKIP_SAVE"},
    )
    first: bpy.props.IntProperty(
        name="First Frame", description="The first frame to read, counted from 0", min=0, options={"SKIP_SAVE"}
    )
    last: bpy.props.IntProperty(
        name="Last Frame", description="The last frame to read; 0 for all", min=0, options={"SKIP_SAVE"}
    )

    _options: Any = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _slot().busy:
            cls.poll_message_set("Another video is being read")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.pipeline.decoding import encode

        from ..remedies import in_words

        imported = context.window_manager.sam3db
        try:
            footage = footage_at(Path(bpy.path.abspath(self.filepath)))
            request = take_request(footage, self, imported)
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        controls = imported.controls and places.wants_controls()
        shown = None if request.turn else footage  # Blender shows a video as its file has it
        self._options = options_of(self, shown, controls, imported.light)
        return self.begin(context, _slot().start(request.do, encode(request)))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        # minutes go by, in which Esc is pressed for other things: only the panel's button cancels
        return super().modal(context, event) if event.type == "TIMER" else {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator, as another file is opened: the work goes on, and leaves its files."""
        self.leave(context)

    def tell(self, context: bpy.types.Context, job: "Job") -> None:
        redraw("VIEW_3D")  # whose panel shows the progress

    def finish(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        """Builds the characters of a job that went well."""
        from ..jobs.takes import TakeJob

        job = self._job
        assert isinstance(job, TakeJob)
        assert self._options is not None
        _slot().step()  # ends the worker
        if job.state != "done":
            self.report({"INFO" if job.state == "cancelled" else "ERROR"}, job.summary)
            return {"CANCELLED"}
        for note in job.notes:
            self.report({"WARNING"}, note)
        if context.mode != "OBJECT":
            self.report({"WARNING"}, "The video is read: go to Object Mode, and use 'Import Take'")
            return {"CANCELLED"}
        return self.bring(context, job.files, self._options)


def take_request(footage: Path, settings: Any, options: Any) -> "TakeRequest":
    """What the worker is asked for.

    Args:
        settings: ``out``, ``first`` and ``last``; options: of the import of photos.

    Raises:
        Sam3dbError: there is no such video, no frame is chosen, or what the engine needs cannot be brought together.
    """
    from native_runtime.pipeline.decoding import gather
    from native_runtime.takes.correction import prompts_beside
    from native_runtime.takes.request import TakeRequest
    from native_runtime.takes.run import stem_of

    if settings.last and settings.last < settings.first:
        raise UsageError(
            f"The last frame to read ({settings.last}) comes before the first one ({settings.first}): choose a later "
            "last frame, or 0 for all."
        )
    out = Path(bpy.path.abspath(settings.out)) if settings.out else footage.with_name(f"{footage.stem} takes")
    given = converted(options, places.models_folder())
    said = prompts_beside(stem_of(footage, out))
    return gather(
        TakeRequest,
        options,
        footage=footage,
        out=out,
        range=(settings.first, settings.last + 1 if settings.last else None),
        prompts=said if said.exists() else None,
        **{**given, "turn": 0 if given["turn"] == "auto" else given["turn"]},
    )


def footage_at(path: Path) -> Path:
    """The footage that somebody means who chose a file: a video itself, or the folder of a picture.

    Raises:
        UsageError: there is none.
    """
    if not path.name or not path.exists():
        raise UsageError(f"Choose a video, or a picture of a folder of them; '{path}' does not exist.")
    is_picture = path.is_file() and path.suffix.lower().lstrip(".") in PICTURE_ENDINGS
    return path.parent if is_picture else path


class SAM3DB_OT_cancel_video(CancelOperator, bpy.types.Operator):
    """Cancel the reading of the video; the scene stays as it is, and frames that were read are kept"""

    bl_idname = "sam3db.cancel_video"
    slot = staticmethod(_slot)
    idle = "No video is being read"


def _look_through(context: bpy.types.Context, camera: bpy.types.Object) -> None:
    """Has a 3D view look through a camera; in the background there is none."""
    from ..handles.views import view_for

    view = None if bpy.app.background else view_for(context)
    looking = None if view is None else view.space.region_3d
    if view is None or looking is None:
        return
    if view.space.use_local_camera:
        view.space.camera = camera
    looking.view_perspective = "CAMERA"
    looking.view_camera_zoom, looking.view_camera_offset = 0.0, (0.0, 0.0)
    view.area.tag_redraw()


def in_short(made: "TakeScene") -> str:
    """What was made, in one line."""
    count, frames = len(made.built.characters), made.motion.frames
    people = "1 character" if count == 1 else f"{count} characters"
    return f"Made {people} with animation from frame {frames.start} to {frames.stop - 1}"


CLASSES = (SAM3DB_TakeState, SAM3DB_OT_import_take, SAM3DB_OT_import_video, SAM3DB_OT_cancel_video)


def attach() -> None:
    """Hangs the state on the window manager: it belongs to the session, not to the file."""
    bpy.types.WindowManager.sam3db_takes = bpy.props.PointerProperty(type=SAM3DB_TakeState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes it away again."""
    del bpy.types.WindowManager.sam3db_takes
