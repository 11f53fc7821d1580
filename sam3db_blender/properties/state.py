"""The panel's settings and what it shows of a running job; they belong to the session, not to the file."""

import bpy

from ..handles.handles import GROUPS
from . import secret
from .import_options import ImportOptions


class SAM3DB_FoundPerson(bpy.types.PropertyGroup):
    """A person in the photo, before there is a character"""

    chosen: bpy.props.BoolProperty(name="Chosen", description="Make a character of this person", default=True)

    @staticmethod
    def key_of(number: int) -> str:
        """Under which the person's picture is kept."""
        return f"found {number}"


class SAM3DB_ImportState(ImportOptions, bpy.types.PropertyGroup):
    """Settings of the next import, progress of the running one, and what the character panel shows."""

    photo: bpy.props.StringProperty(name="Photo", description="The photo to make a character of")
    slider_filter: bpy.props.StringProperty(
        name="Filter", description="Show only sliders whose names contain this text", options={"TEXTEDIT_UPDATE"}
    )
    access_token: secret.token_property()
    found: bpy.props.CollectionProperty(type=SAM3DB_FoundPerson, options={"HIDDEN", "SKIP_SAVE"})
    found_in: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    tool_groups: bpy.props.EnumProperty(
        name="Handles",
        description="Which handles the tool 'Pose from Photo' shows",
        items=[(key, label, f"Show the handles of this group: {label}") for key, label in GROUPS.items()],
        options={"ENUM_FLAG"},
        default=set(GROUPS),
    )
    defaults_taken: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    tool_keypoint: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})
    tool_handle: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    running: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})
    cancel_wanted: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})
    progress: bpy.props.FloatProperty(min=0.0, max=1.0, options={"HIDDEN", "SKIP_SAVE"})
    status: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @property
    def found_key(self) -> str:
        """Identifies the photo and whatever else decides who is found in it, and in which order."""
        from ..jobs.engines import chosen

        return f"{chosen(self.engine)}:{self.photo}"

    @property
    def chosen_numbers(self) -> str:
        """The people who are chosen, as the operator wants them; empty where nobody was looked for in this photo."""
        if self.found_in != self.found_key:
            return ""
        return ",".join(str(number) for number, person in enumerate(self.found) if person.chosen)


CLASSES = (SAM3DB_FoundPerson, SAM3DB_ImportState)


def attach() -> None:
    """Hangs the state on the window manager."""
    bpy.types.WindowManager.sam3db = bpy.props.PointerProperty(type=SAM3DB_ImportState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes it away again."""
    del bpy.types.WindowManager.sam3db
