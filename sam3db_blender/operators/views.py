"""File > Import > Character from Several Photos, and Views: one body from several photos of a person."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from .. import places
from ..properties.defaults import fill_in
from ..properties.import_options import PHOTO_FILTER, ImportOptions, converted
from .browsing import PictureBrowser
from .modal_job import ModalJobOperator
from .person import PersonOperator
from .polls import ObjectModePoll, PhotoImportPoll

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.mhr import Body
    from native_runtime.takes.views.request import ViewsRequest
    from native_runtime.texture.files import TextureFiles

    from ..jobs.worker import Job
    from ..views.build import ViewsScene
    from ..views.files import SeenViews


_MOMENTS = (
    ("DIFFERENT", "Different Moments", "One skeleton and shape, and a pose for each photo"),
    ("SAME", "One Moment", "Also one pose, seen from several places"),
)
_UNITS = (
    ("auto", "Automatic", "Meters, as the calibration's program writes them; of COLMAP unknown"),
    ("m", "Meters", "Lengths are in meters"),
    ("cm", "Centimeters", "Lengths are in centimeters"),
    ("mm", "Millimeters", "Lengths are in millimeters"),
    ("unknown", "Unknown", "Scaled so that the person has the size that people have"),
)


class ViewsImporter:
    """A mix-in for operators that bring a person of several photos into the scene."""

    def bring(
        self,
        context: bpy.types.Context,
        seen: "SeenViews",
        body: "Body",
        light: bool,
        controls: bool,
        texture: "TextureFiles | None" = None,
    ) -> "set[OperatorReturnItems]":
        """Builds the characters; what the operator is to return."""
        from ..handles.views import begin_posing, show_textures
        from .importing import add_views

        made = add_views(context, seen, body, light, controls, texture)
        begin_posing(context, [character.rig for character in made.characters[:1]])
        if texture is not None:
            show_textures(context)
        for warning in dict.fromkeys(text for person in seen.people for text in person.estimate.warnings):
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, in_short(made))
        return {"FINISHED"}

    def tried(
        self, context: bpy.types.Context, work: "Callable[[], set[OperatorReturnItems]]"
    ) -> "set[OperatorReturnItems]":
        """Does the work, in which errors become one line."""
        from ..remedies import in_words

        try:
            return work()
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
        except Exception as error:
            traceback.print_exc()
            self.report({"ERROR"}, f"Building the characters failed: {error}")
        return {"CANCELLED"}


class SAM3DB_OT_import_view_photos(  # type: ignore[misc]
    PhotoImportPoll, ViewsImporter, ModalJobOperator, ImportOptions, PictureBrowser, bpy.types.Operator, ImportHelper
):
    """Make one body from two or more photos of the same person, before the cameras of all of them"""

    bl_idname = "sam3db.import_view_photos"
    bl_label = "Character from Several Photos"
    bl_options = {"UNDO"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default=PHOTO_FILTER, options={"HIDDEN"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    moment: bpy.props.EnumProperty(name="Moment", description="What the photos have in common", items=_MOMENTS)
    calibration: bpy.props.StringProperty(
        name="Calibration",
        description="A file with the cameras of photos of one moment, by Pose2Sim, Qualisys, EasyMocap or OpenCV, or "
        "COLMAP's folder; if empty, the cameras follow from the body",
        options={"SKIP_SAVE"},
    )
    unit: bpy.props.EnumProperty(name="Unit", description="The unit of the calibration's lengths", items=_UNITS)

    _job: Any = None

    def invoke(self, context, event):
        fill_in(self)
        return super().invoke(context, event)

    def draw(self, context: bpy.types.Context) -> None:
        """Draws nothing: beside the file browser, ``ui.views_options`` does."""

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs.views import ViewsJob
        from ..jobs.worker import worker
        from ..remedies import in_words

        try:
            request = views_request(self, [entry.name for entry in self.files if entry.name])
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            state = context.window_manager.sam3db
            state.running, state.cancel_wanted = True, False
        return self.begin(context, ViewsJob(worker(), request))

    def finish(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        """Builds the characters where the job went well."""
        from native_runtime.models.store import load_body

        from ..views.files import read_views_file

        job = self._job
        assert job is not None
        if job.state == "cancelled":
            self.report({"INFO"}, "Cancelled; nothing was changed")
            return {"CANCELLED"}
        if job.state == "failed" or job.summary is None:
            if job.detail:
                print(job.detail)  # noqa: T201  # Blender's console
            self.report({"ERROR"}, job.error)
            return {"CANCELLED"}
        summary, request = job.summary, job.request

        def work() -> "set[OperatorReturnItems]":
            seen = read_views_file(summary, [Path(photo) for photo in request.photos])
            body = load_body(request.body, request.models)
            controls = self.controls and places.wants_controls()
            return self.bring(context, seen, body, self.light, controls, job.texture)

        return self.tried(context, work)

    def given_up(self, context: bpy.types.Context) -> bool:
        return bool(context.window_manager.sam3db.cancel_wanted)

    def tell(self, context: bpy.types.Context, job: "Job") -> None:
        state = context.window_manager.sam3db
        state.progress, state.status = job.progress, job.status
        super().tell(context, job)

    def leave(self, context: bpy.types.Context) -> None:
        super().leave(context)
        context.window_manager.sam3db.running = False


def views_request(options: Any, names: "list[str]") -> "ViewsRequest":
    """What the worker is asked for.

    Args:
        options: the operator.
        names: of the photos, in its directory.

    Raises:
        Sam3dbError: these are no several photos, or what the engine needs cannot be brought together.
    """
    from native_runtime.pipeline.decoding import gather
    from native_runtime.takes.views.request import ViewsRequest

    folder = Path(bpy.path.abspath(options.directory))
    photos = tuple(folder / name for name in sorted(names))
    given = converted(options, places.models_folder())
    known = bool(options.calibration) and options.moment == "SAME"
    return gather(
        ViewsRequest,
        options,
        **{
            **given,
            "photos": photos,
            "people": None,
            "synchronised": options.moment == "SAME",
            "calibration": Path(bpy.path.abspath(options.calibration)) if known else None,
            "unit": options.unit if known and options.unit != "auto" else None,
            "turn": 0 if given["turn"] == "auto" else given["turn"],
        },
    )


class SAM3DB_OT_import_views(  # type: ignore[misc]
    ObjectModePoll, ViewsImporter, bpy.types.Operator, ImportHelper
):
    """Make a character from several photos of one person, before the cameras of all of them, from the files of \
`sam3db views`"""

    bl_idname = "sam3db.import_views"
    bl_label = "Views"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default="*_views.json", options={"HIDDEN"})
    photos: bpy.props.StringProperty(
        name="Photos",
        description="The folder of the photos; if empty, they are looked for beside the file and above it",
        options={"SKIP_SAVE"},
    )
    light: bpy.props.BoolProperty(
        name="Light and Floor", description="Add lights and a floor that catches the character's shadow", default=True
    )
    controls: bpy.props.BoolProperty(
        name="Controls", description="Give characters a control rig with FK and IK", default=True
    )

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..scene.bodies import installed_body
        from ..views.files import read_views_file

        def work() -> "set[OperatorReturnItems]":
            folder = Path(bpy.path.abspath(self.photos)) if self.photos else None
            seen = read_views_file(Path(bpy.path.abspath(self.filepath)), folder=folder)
            controls = self.controls and places.wants_controls()
            return self.bring(context, seen, installed_body(seen.body_name), self.light, controls)

        return self.tried(context, work)


class SAM3DB_OT_share_body(PersonOperator, bpy.types.Operator):
    """Give the characters of the other photos the skeleton and shape of this one, and pose them again"""

    bl_idname = "sam3db.share_body"
    bl_label = "Same Body in All Photos"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        from ..handles import watch
        from ..views.sharing import share_body

        for other in share_body(self.rig(context)):
            watch.refresh(other)


def in_short(made: "ViewsScene") -> str:
    """What was made, in one line."""
    count, cameras = len(made.characters), len(made.cameras)
    people = "1 character" if count == 1 else f"{count} characters of one body"
    return f"Made {people} before the cameras of {cameras} photos"


CLASSES = (SAM3DB_OT_import_view_photos, SAM3DB_OT_import_views, SAM3DB_OT_share_body)
