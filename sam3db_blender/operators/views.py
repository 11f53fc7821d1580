"""File > Import > Views: a character made from several photos of one person."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from .. import places
from ..handles.views import begin_posing
from ..remedies import in_words
from ..scene.bodies import installed_body
from ..views.build import ViewsScene
from ..views.files import SeenViews, read_views_file
from .importing import add_views

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.mhr import Body


class ViewsImporter:
    """A mix-in for operators that bring a person of several photos into the scene."""

    def bring(
        self, context: bpy.types.Context, seen: SeenViews, body: "Body", light: bool, controls: bool
    ) -> "set[OperatorReturnItems]":
        """Builds the characters; what the operator is to return."""
        made = add_views(context, seen, body, light, controls)
        begin_posing(context, [character.rig for character in made.characters[:1]])
        for person in seen.people:
            for warning in person.estimate.warnings:
                self.report({"WARNING"}, f"{person.title}: {warning}")
        self.report({"INFO"}, in_short(made))
        return {"FINISHED"}

    def tried(self, context: bpy.types.Context, work) -> "set[OperatorReturnItems]":
        """Does the work, in which errors become one line."""
        try:
            return work()
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
        except Exception as error:
            traceback.print_exc()
            self.report({"ERROR"}, f"Building the characters failed: {error}")
        return {"CANCELLED"}


class SAM3DB_OT_import_views(ViewsImporter, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
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
    )
    light: bpy.props.BoolProperty(
        name="Light and Floor", description="Add lights and a floor that catches the character's shadow", default=True
    )
    controls: bpy.props.BoolProperty(
        name="Controls", description="Give characters a control rig with FK and IK", default=True
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        def work() -> "set[OperatorReturnItems]":
            folder = Path(bpy.path.abspath(self.photos)) if self.photos else None
            seen = read_views_file(Path(bpy.path.abspath(self.filepath)), folder=folder)
            controls = self.controls and places.wants_controls()
            return self.bring(context, seen, installed_body(seen.body_name), self.light, controls)

        return self.tried(context, work)


def in_short(made: ViewsScene) -> str:
    """What was made, in one line."""
    count, cameras = len(made.characters), len(made.cameras)
    people = "1 character" if count == 1 else f"{count} characters of one body"
    return f"Made {people} before the cameras of {cameras} photos"


CLASSES = (SAM3DB_OT_import_views,)
