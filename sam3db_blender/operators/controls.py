"""The character's controls: added and removed, switched between FK and IK, selected, shown and locked."""

from pathlib import Path
from typing import Any

import bpy

from native_runtime.errors import Sam3dbError

from .. import compat
from .character import CharacterOperator, put_on

_EVERYTHING = "all"


def _controls(rig: bpy.types.Object) -> bpy.types.Object:
    from ..rig.control_pose import controls_of
    from ..rig.shared_controls import own_controls

    own_controls(rig)
    controls = controls_of(rig)
    if controls is None:
        raise Sam3dbError(f"'{rig.name}' has no controls: add them first.")
    return controls


class _NeedsControls(CharacterOperator):
    """A mix-in for operators on a character's controls."""

    @classmethod
    def poll(cls, context):
        from ..handles.people import active_character
        from ..rig.control_pose import controls_of

        rig = active_character(context)
        if rig is None or controls_of(rig) is None:
            cls.poll_message_set("The character has no controls")
            return False
        return True


class SAM3DB_OT_add_controls(CharacterOperator, bpy.types.Operator):
    """Give the character controls with FK and IK, in the pose in which it stands"""

    bl_idname = "sam3db.add_controls"
    bl_label = "Add Controls"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..controls.build import build_controls
        from ..scene.lookup import require_own

        require_own(rig)
        controls = build_controls(rig, body)
        _activate(context, controls)


class SAM3DB_OT_remove_controls(_NeedsControls, bpy.types.Operator):
    """Take the controls away; pose and animation stay, on the character's own bones"""

    bl_idname = "sam3db.remove_controls"
    bl_label = "Remove Controls"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..controls.build import remove_controls
        from ..scene.lookup import require_own

        require_own(rig)
        _activate(context, None)
        remove_controls(rig, body)
        _activate(context, rig)


class SAM3DB_OT_update_controls(_NeedsControls, bpy.types.Operator):
    """Bring controls that an earlier version made up to the present one; pose, keys and additions stay"""

    bl_idname = "sam3db.update_controls"
    bl_label = "Update Controls"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from ..controls.renewal import renew_controls
        from ..scene.lookup import require_own

        require_own(rig)
        controls = _controls(rig)
        if renew_controls(rig, body):
            self.report({"INFO"}, f"'{controls.name}' is up to date now")
        else:
            self.report({"INFO"}, f"'{controls.name}' was up to date")


class SAM3DB_OT_snap_controls(_NeedsControls, bpy.types.Operator):
    """Put FK or IK where the limb stands and switch to it; nothing moves"""

    bl_idname = "sam3db.snap_controls"
    bl_label = "Snap"
    bl_options = {"REGISTER", "UNDO"}

    limb: bpy.props.StringProperty(
        name="Limb", description="The limb's switch, such as arm_ik.L; 'all' for all", default=_EVERYTHING
    )
    to: bpy.props.EnumProperty(
        name="To",
        description="What poses the limb afterwards",
        items=(("FK", "FK", "Rotations of its parts"), ("IK", "IK", "A hand or a foot that stays where it is put")),
        default="IK",
    )
    frames: bpy.props.BoolProperty(
        name="Scene's Frames", description="On every frame of the scene's range, with keys", default=False
    )

    def run(self, context, rig, body):
        from ..controls.snapping import limbs_of, snap, snap_frames
        from ..scene.lookup import require_own

        controls = _controls(rig)
        require_own(controls)
        limbs = limbs_of(body, () if self.limb == _EVERYTHING else (self.limb,))
        if not limbs:
            raise Sam3dbError(f"There is no limb with the switch '{self.limb}'.")
        ik = self.to == "IK"
        if self.frames:
            count = snap_frames(rig, body, limbs, ik, range(context.scene.frame_start, context.scene.frame_end + 1))
            self.report({"INFO"}, f"Keyed {self.to} on {count} frames")
        else:
            snap(rig, body, limbs, ik)
        collections: Any = controls.data.collections
        for limb in limbs:
            group = "Arm" if limb.name == "arm" else "Leg"
            for kind in ("FK", "IK"):
                shown = collections.get(f"{group} {kind}.{limb.side}")
                if shown is not None:
                    shown.is_visible = kind == self.to


class SAM3DB_OT_mirror_pose(CharacterOperator, bpy.types.Operator):
    """Exchange left and right of the pose; skeleton, shape and face stay"""

    bl_idname = "sam3db.mirror_pose"
    bl_label = "Mirror Pose"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from native_runtime.characters import presets

        from ..rig.pose import read_settings
        from ..scene.lookup import require_own

        require_own(rig)
        settings = read_settings(rig, body)
        turned = presets.mirrored(body, settings)
        put_on(rig, body, presets.copy(body, settings, turned, {"pose"}))


class SAM3DB_OT_select_controls(_NeedsControls, bpy.types.Operator):
    """Select the controls of this group; with Shift, in addition to those selected"""

    bl_idname = "sam3db.select_controls"
    bl_label = "Select Controls"
    bl_options = {"REGISTER", "UNDO"}

    group: bpy.props.StringProperty(name="Group", description="The bone collection")
    extend: bpy.props.BoolProperty(name="Extend", description="Keep what is selected", default=False)

    def invoke(self, context, event):
        self.extend = event.shift
        return self.execute(context)

    def run(self, context, rig, body):
        controls = _controls(rig)
        group = controls.data.collections.get(self.group)
        if group is None:
            raise Sam3dbError(f"There is no group '{self.group}'.")
        _activate(context, controls)
        names = {bone.name for bone in group.bones}
        for bone in controls.pose.bones:
            if bone.name in names or not self.extend:
                compat.select_bone(bone, bone.name in names and not bone.bone.hide_select)
        group.is_visible = True


class SAM3DB_OT_lock_controls(_NeedsControls, bpy.types.Operator):
    """Lock the controls of this group against being selected, or unlock them"""

    bl_idname = "sam3db.lock_controls"
    bl_label = "Lock Controls"
    bl_options = {"REGISTER", "UNDO"}

    group: bpy.props.StringProperty(name="Group", description="The bone collection")

    def run(self, context, rig, body):
        group = _controls(rig).data.collections.get(self.group)
        if group is None:
            raise Sam3dbError(f"There is no group '{self.group}'.")
        locked = any(not bone.hide_select for bone in group.bones)
        for bone in group.bones:
            bone.hide_select = locked


class SAM3DB_OT_make_pose_assets(_NeedsControls, bpy.types.Operator):
    """Make Pose Assets of the poses that come with the extension, for this character's controls, in this file"""

    bl_idname = "sam3db.make_pose_assets"
    bl_label = "Make Pose Assets"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context, rig, body):
        from native_runtime.characters.preset_library import UPWARDS

        from ..controls.asset_catalogue import ensure_catalogue
        from ..controls.pose_assets import make_pose_assets
        from ..scene.readback import floor_below

        floor, up = floor_below(rig) or (None, UPWARDS)
        made = make_pose_assets(rig, body, floor, up)
        if bpy.data.filepath:
            ensure_catalogue(Path(bpy.data.filepath))
            self.report({"INFO"}, f"Made {len(made)} Pose Assets: Asset Browser > Characters > Poses")
        else:
            self.report({"WARNING"}, f"Made {len(made)} Pose Assets. Save the file and press again for a catalogue")


def _activate(context: bpy.types.Context, controls: bpy.types.Object | None) -> None:
    """Leaves an armature alone selected and active, in pose mode where there is a window; None for object mode only."""
    layer = context.view_layer
    if layer.objects.active is not None and layer.objects.active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    if controls is None or controls.name not in layer.objects:
        return
    for obj in layer.objects:
        obj.select_set(obj == controls)
    layer.objects.active = controls
    if controls_of_parent(controls):
        bpy.ops.object.mode_set(mode="POSE")


def controls_of_parent(obj: bpy.types.Object) -> bool:
    """Whether an object is the control rig of its parent."""
    from ..rig.control_pose import controls_of

    return obj.parent is not None and obj.parent.pose is not None and controls_of(obj.parent) == obj


CLASSES = (
    SAM3DB_OT_add_controls,
    SAM3DB_OT_remove_controls,
    SAM3DB_OT_update_controls,
    SAM3DB_OT_snap_controls,
    SAM3DB_OT_mirror_pose,
    SAM3DB_OT_select_controls,
    SAM3DB_OT_lock_controls,
    SAM3DB_OT_make_pose_assets,
)
