"""What the active person wears: chosen by kind, or as their photo shows it."""

from typing import TYPE_CHECKING

import bpy

from .character import CharacterOperator

if TYPE_CHECKING:
    from native_runtime.mhr import Body

NOTHING = "none"
"""The style of a kind where none is worn."""

# Blender keeps no reference to the texts of a dynamic list
_items: dict[str, list[tuple[str, str, str]]] = {}


def _styles(self: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    from native_runtime.wearables import wardrobe

    kind = str(getattr(self, "kind", ""))
    styles = wardrobe.STYLES.get(kind, {})
    _items[kind] = [
        (NOTHING, "None", "Take it off"),
        *((name, style.title, f"Wear {style.title.lower()}") for name, style in styles.items()),
    ]
    return _items[kind]


class SAM3DB_OT_wear(CharacterOperator, bpy.types.Operator):
    """Choose what the person wears of this kind. A mesh that was edited stays in the file, hidden"""

    bl_idname = "sam3db.wear"
    bl_label = "Wear"
    bl_options = {"REGISTER", "UNDO"}

    kind: bpy.props.StringProperty(name="Kind", options={"HIDDEN"})
    style: bpy.props.EnumProperty(name="Style", description="Which of its kind", items=_styles)

    def run(self, context: bpy.types.Context, rig: bpy.types.Object, body: "Body"):
        from ..scene.bodies import body_mesh
        from ..wearables import dressing

        if self.style == NOTHING:
            notes = dressing.remove(rig, self.kind)
        else:
            notes = dressing.wear(rig, body_mesh(rig), body, dressing.choice_of(rig, self.kind, self.style))
        for note in notes:
            self.report({"INFO"}, note)


class SAM3DB_OT_wear_from_photo(CharacterOperator, bpy.types.Operator):
    """Wear what the photo tells of, and underwear without a texture; edited meshes and other choices stay"""

    bl_idname = "sam3db.wear_from_photo"
    bl_label = "From Photo"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context, rig: bpy.types.Object, body: "Body"):
        from ..scene.bodies import body_mesh
        from ..wearables import dressing

        for note in dressing.dress_again(rig, body_mesh(rig), body):
            self.report({"INFO"}, note)


CLASSES = (SAM3DB_OT_wear, SAM3DB_OT_wear_from_photo)
