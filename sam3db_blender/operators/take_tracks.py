"""Who is who in a video: corrections that take effect when it is read again."""

from pathlib import Path

import bpy

from .person import ReportingOperator

_AGAIN = "Make Characters again to see it"


class _OfFile(ReportingOperator):
    """A mix-in for operators on a file of tracks."""

    tracks: bpy.props.StringProperty(name="Tracks", description="The file of who was followed", options={"HIDDEN"})
    person: bpy.props.IntProperty(name="Person", description="The person's number, counted from 1", default=1, min=1)

    def add(self, edit):
        """Writes an edit down."""
        from ..takes.track_edits import add_edit, in_words

        add_edit(Path(self.tracks), edit)
        self.report({"INFO"}, f"{in_words(edit)}: {_AGAIN}")


class SAM3DB_OT_merge_tracks(_OfFile, bpy.types.Operator):
    """Say that two of the people who were followed are one person"""

    bl_idname = "sam3db.merge_tracks"
    bl_label = "Merge"
    bl_options = {"REGISTER"}

    other: bpy.props.IntProperty(name="Other", description="The other's number, counted from 1", default=2, min=1)

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context):
        self.add({"merge": [self.person - 1, self.other - 1]})


class SAM3DB_OT_split_track(_OfFile, bpy.types.Operator):
    """Say that somebody who was followed is another person from a frame of the video on"""

    bl_idname = "sam3db.split_track"
    bl_label = "Split"
    bl_options = {"REGISTER"}

    at: bpy.props.IntProperty(name="Frame", description="The other's first frame in the video, counted from 0", min=0)

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context):
        self.add({"split": self.person - 1, "at": self.at})


class SAM3DB_OT_delete_track(_OfFile, bpy.types.Operator):
    """Leave somebody out who was followed"""

    bl_idname = "sam3db.delete_track"
    bl_label = "Leave Out"
    bl_options = {"REGISTER"}

    def run(self, context):
        self.add({"delete": self.person - 1})


class SAM3DB_OT_undo_track_edit(_OfFile, bpy.types.Operator):
    """Take the last correction of who is who back"""

    bl_idname = "sam3db.undo_track_edit"
    bl_label = "Take Back"
    bl_options = {"REGISTER"}

    def run(self, context):
        from ..takes.track_edits import remove_last_edit

        remove_last_edit(Path(self.tracks))
        self.report({"INFO"}, f"Taken back: {_AGAIN}")


CLASSES = (SAM3DB_OT_merge_tracks, SAM3DB_OT_split_track, SAM3DB_OT_delete_track, SAM3DB_OT_undo_track_edit)
