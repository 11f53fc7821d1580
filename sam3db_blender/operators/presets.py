"""Reset, randomise, copy, blend, symmetrise, and settings in files."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from native_runtime.errors import Sam3dbError

from .character import CharacterOperator, PartOptions, other_character, put_on

if TYPE_CHECKING:
    from native_runtime.characters.preset_library import Kind

_FILTER = "*.json"


# Lists that are asked for when they are needed: reading the library takes longer than Blender's start should.
# Blender keeps no reference to the texts of such a list.
@cache
def _items(kind: "Kind") -> tuple[tuple[str, str, str], ...]:
    from native_runtime.characters.preset_library import library

    return tuple((preset.key, preset.name, preset.description) for preset in library(kind))


def _bodies(self: object, context: "bpy.types.Context | None") -> tuple[tuple[str, str, str], ...]:
    return _items("bodies")


def _poses(self: object, context: "bpy.types.Context | None") -> tuple[tuple[str, str, str], ...]:
    return _items("poses")


class SAM3DB_OT_apply_body_preset(CharacterOperator, bpy.types.Operator):
    """Give the character the skeleton and the shape of a body that comes with the extension; pose and face stay"""

    bl_idname = "sam3db.apply_body_preset"
    bl_label = "Apply Body Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: bpy.props.EnumProperty(name="Body", description="The body that the character gets", items=_bodies)

    @classmethod
    def description(cls, context, properties):
        from native_runtime.characters.preset_library import preset_named

        return preset_named("bodies", properties.preset).description

    def run(self, context, rig, body):
        from native_runtime.characters.preset_library import UPWARDS, preset_named, with_body

        from ..rig.pose import read_settings
        from ..scene.readback import floor_below

        _, up = floor_below(rig) or (None, UPWARDS)
        settings, notes = with_body(body, read_settings(rig, body), preset_named("bodies", self.preset), up)
        put_on(rig, body, settings)
        for note in notes:
            self.report({"WARNING"}, note)


class SAM3DB_OT_apply_pose_preset(CharacterOperator, bpy.types.Operator):
    """Pose the character, keeping its place and heading; skeleton, shape and face stay"""

    bl_idname = "sam3db.apply_pose_preset"
    bl_label = "Apply Pose Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: bpy.props.EnumProperty(name="Pose", description="The pose that the character takes", items=_poses)
    mirror: bpy.props.BoolProperty(name="Mirror", description="Exchange left and right", default=False)

    @classmethod
    def description(cls, context, properties):
        from native_runtime.characters.preset_library import preset_named

        return preset_named("poses", properties.preset).description

    def run(self, context, rig, body):
        from native_runtime.characters.preset_library import UPWARDS, preset_named, with_pose

        from ..rig.pose import read_settings
        from ..scene.readback import floor_below

        preset, settings = preset_named("poses", self.preset), read_settings(rig, body)
        floor, up = floor_below(rig) or (None, UPWARDS)
        put_on(rig, body, with_pose(body, settings, preset, self.mirror, floor, up))


class SAM3DB_OT_reset_character(CharacterOperator, PartOptions, bpy.types.Operator):
    """Reset parts of the character to the body's rest pose, skeleton, shape or face"""

    bl_idname = "sam3db.reset_character"
    bl_label = "Reset Character"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from native_runtime.characters import presets

        from ..rig.pose import read_settings

        put_on(rig, body, presets.reset(body, read_settings(rig, body), self.chosen))


class SAM3DB_OT_randomise_character(CharacterOperator, PartOptions, bpy.types.Operator):
    """Give the character random proportions, shape, face or pose within the limits of the body"""

    bl_idname = "sam3db.randomise_character"
    bl_label = "Randomize Character"
    bl_options = {"REGISTER", "UNDO"}

    seed: bpy.props.IntProperty(name="Seed", description="Each number gives a different character", default=1, min=0)
    amount: bpy.props.FloatProperty(
        name="Amount",
        description="How much of the range is used",
        default=0.7,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )

    def run(self, context, rig, body):
        import numpy as np

        from native_runtime.characters import presets

        from ..rig.pose import read_settings

        rng = np.random.default_rng(self.seed)
        put_on(rig, body, presets.randomise(body, read_settings(rig, body), self.chosen, rng, self.amount))


class SAM3DB_OT_symmetrise_character(CharacterOperator, PartOptions, bpy.types.Operator):
    """Make both sides of the character the same"""

    bl_idname = "sam3db.symmetrise_character"
    bl_label = "Symmetrize Character"
    bl_options = {"REGISTER", "UNDO"}

    side: bpy.props.EnumProperty(
        name="Keep",
        description="The side that both will look like; the character's own",
        items=(("left", "Left Side", "Copy left to right"), ("right", "Right Side", "Copy right to left")),
    )
    straighten: bpy.props.BoolProperty(
        name="Straighten", description="Also remove lean and twist from spine, neck and head", default=False
    )

    def run(self, context, rig, body):
        from native_runtime.characters import presets

        from ..rig.pose import read_settings

        settings = presets.symmetrise(body, read_settings(rig, body), self.chosen, self.side, self.straighten)
        put_on(rig, body, settings)


class SAM3DB_OT_copy_character(CharacterOperator, PartOptions, bpy.types.Operator):
    """Copy parts of another selected character to the active one"""

    bl_idname = "sam3db.copy_character"
    bl_label = "Copy from Selected Character"
    bl_options = {"REGISTER", "UNDO"}

    place: bpy.props.BoolProperty(name="Location", description="Also copy the place of the root bone", default=False)

    def run(self, context, rig, body):
        from native_runtime.characters.exchange import transfer

        from ..rig.pose import read_settings
        from ..scene.bodies import body_of

        other = other_character(context, rig)
        other_body = body_of(other)
        settings, notes = transfer(
            body, read_settings(rig, body), other_body, read_settings(other, other_body), self.chosen, self.place
        )
        put_on(rig, body, settings)
        for note in notes:
            self.report({"WARNING"}, note)


class SAM3DB_OT_blend_characters(CharacterOperator, PartOptions, bpy.types.Operator):
    """Blend the active character with another selected one"""

    bl_idname = "sam3db.blend_characters"
    bl_label = "Blend with Selected Character"
    bl_options = {"REGISTER", "UNDO"}

    share: bpy.props.FloatProperty(
        name="Factor",
        description="0 keeps the active character, 1 makes it like the other; values beyond exaggerate",
        default=0.5,
        soft_min=0.0,
        soft_max=1.0,
        min=-1.0,
        max=2.0,
    )

    def run(self, context, rig, body):
        from native_runtime.characters import presets
        from native_runtime.characters.exchange import transfer

        from ..rig.pose import read_settings
        from ..scene.bodies import body_of

        other = other_character(context, rig)
        other_body = body_of(other)
        own = read_settings(rig, body)
        goal, notes = transfer(body, own, other_body, read_settings(other, other_body), self.chosen)
        put_on(rig, body, presets.blend(body, own, goal, self.share, self.chosen))
        for note in notes:
            self.report({"WARNING"}, note)


class SAM3DB_OT_save_settings(CharacterOperator, PartOptions, bpy.types.Operator, ExportHelper):  # type: ignore[misc]
    """Save parts of the character as a JSON file that other characters can load"""

    bl_idname = "sam3db.save_settings"
    bl_label = "Save Character Settings"
    only_reads = True

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default=_FILTER, options={"HIDDEN"})

    def run(self, context, rig, body):
        from native_runtime.characters.exchange import save_settings

        from ..rig.pose import read_settings

        if not self.chosen:
            raise Sam3dbError("Choose at least one part to save.")
        path = Path(bpy.path.abspath(self.filepath))
        save_settings(path, body, read_settings(rig, body), self.chosen)
        self.report({"INFO"}, f"Saved {path.name}")


class SAM3DB_OT_load_settings(CharacterOperator, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Load a JSON file with settings into the character"""

    bl_idname = "sam3db.load_settings"
    bl_label = "Load Character Settings"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default=_FILTER, options={"HIDDEN"})
    place: bpy.props.BoolProperty(name="Location", description="Also copy the place of the root bone", default=False)

    def run(self, context, rig, body):
        from native_runtime.characters.exchange import load_settings

        from ..rig.pose import read_settings

        path = Path(bpy.path.abspath(self.filepath))
        settings, notes = load_settings(path, body, read_settings(rig, body), self.place)
        put_on(rig, body, settings)
        for note in notes:
            self.report({"WARNING"}, note)


class SAM3DB_OT_settle_pose(CharacterOperator, bpy.types.Operator):
    """Apply what constraints, IK and the spine's sliders do to the bones, as far as MHR's parameters allow"""

    bl_idname = "sam3db.settle_pose"
    bl_label = "Apply Visual Pose"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..rig.pose import read_settings

        put_on(rig, body, read_settings(rig, body))


class SAM3DB_OT_save_estimate(CharacterOperator, bpy.types.Operator, ExportHelper):  # type: ignore[misc]
    """Save the character's current state as an estimate: a .npz with all numbers, and a readable .json"""

    bl_idname = "sam3db.save_estimate"
    bl_label = "Save Estimate"
    only_reads = True

    filename_ext = ".npz"
    filter_glob: bpy.props.StringProperty(default="*.npz", options={"HIDDEN"})

    def run(self, context, rig, body):
        from ..scene.readback import estimate_of

        path = Path(bpy.path.abspath(self.filepath))
        try:
            estimate_of(rig, body).save(path.with_suffix(""))
        except OSError as error:
            raise Sam3dbError(f"Cannot write {path}: {error.strerror or error}.") from error
        self.report({"INFO"}, f"Saved {path.name}")


CLASSES = (
    SAM3DB_OT_apply_body_preset,
    SAM3DB_OT_apply_pose_preset,
    SAM3DB_OT_reset_character,
    SAM3DB_OT_randomise_character,
    SAM3DB_OT_symmetrise_character,
    SAM3DB_OT_copy_character,
    SAM3DB_OT_blend_characters,
    SAM3DB_OT_save_settings,
    SAM3DB_OT_load_settings,
    SAM3DB_OT_settle_pose,
    SAM3DB_OT_save_estimate,
)
