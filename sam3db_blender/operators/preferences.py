"""The extension's preferences as they were at first."""

from typing import TYPE_CHECKING, Any

import bpy

from .. import places
from ..properties.defaults import take_defaults

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

#: Where somebody's models lie is no matter of taste: without it, they would be gone for the extension.
_KEPT = {"models_folder"}


class SAM3DB_OT_reset_preferences(bpy.types.Operator):
    """Set this extension's preferences to what they were at first; models and the folder that they lie in stay"""

    bl_idname = "sam3db.reset_preferences"
    bl_label = "Reset to Defaults"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return places.preferences() is not None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        settings: Any = places.preferences()
        for name in own_names(settings) - _KEPT:
            settings.property_unset(name)
        take_defaults(context.window_manager, settings)
        context.preferences.is_dirty = True
        self.report({"INFO"}, "The extension's preferences are as at first")
        return {"FINISHED"}


def own_names(settings: Any) -> set[str]:
    """The names of what the extension keeps in its preferences."""
    known = {prop.identifier for prop in settings.bl_rna.properties if not prop.is_readonly}
    return known - {prop.identifier for prop in bpy.types.AddonPreferences.bl_rna.properties}


CLASSES = (SAM3DB_OT_reset_preferences,)
