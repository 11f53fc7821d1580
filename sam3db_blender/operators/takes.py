"""File > Import > Take: characters that move as the people of a video did."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from .. import places
from ..properties.takes import TakeImportOptions, TakeSettings, options_of
from ..remedies import in_words
from ..takes.build import TakeScene
from .importing import add_takes

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..takes.build import TakeOptions


class SAM3DB_TakeState(TakeSettings, bpy.types.PropertyGroup):
    """The panel's settings; engine, people, body and lens are those of the import of photos."""


class TakeImporter:
    """A mix-in for operators that bring takes into the scene."""

    def bring(
        self, context: bpy.types.Context, files: "list[Path]", options: "TakeOptions"
    ) -> "set[OperatorReturnItems]":
        """Builds the characters; what the operator is to return."""
        try:
            made = add_takes(context, files, options)
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        except Exception as error:
            traceback.print_exc()
            self.report({"ERROR"}, f"Building the characters failed: {error}")
            return {"CANCELLED"}
        for note in made.notes:
            self.report({"WARNING"}, note)
        self.report({"INFO"}, in_short(made))
        return {"FINISHED"}


class SAM3DB_OT_import_take(TakeImporter, TakeImportOptions, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
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
    )
    light: bpy.props.BoolProperty(
        name="Light and Floor", description="Add lights and a floor that catches the characters' shadows", default=True
    )
    controls: bpy.props.BoolProperty(
        name="Controls",
        description="Give the characters control rigs, which then carry the keys; without, the bones do",
        default=True,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        chosen = [Path(bpy.path.abspath(self.directory)) / entry.name for entry in self.files if entry.name]
        files = chosen or [Path(bpy.path.abspath(self.filepath))]
        footage = Path(bpy.path.abspath(self.footage)) if self.footage else None
        controls = self.controls and places.wants_controls()
        return self.bring(context, files, options_of(self, footage, controls, self.light))


def in_short(made: TakeScene) -> str:
    """What was made, in one line."""
    count, frames = len(made.built.characters), made.motion.frames
    people = "1 character" if count == 1 else f"{count} characters"
    return f"Made {people} with animation from frame {frames.start} to {frames.stop - 1}"


CLASSES = (SAM3DB_TakeState, SAM3DB_OT_import_take)


def attach() -> None:
    """Hangs the state on the window manager: it belongs to the session, not to the file."""
    bpy.types.WindowManager.sam3db_takes = bpy.props.PointerProperty(type=SAM3DB_TakeState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes it away again."""
    del bpy.types.WindowManager.sam3db_takes
