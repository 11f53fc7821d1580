"""The states of handles: pin, ignore, reset; and which handles are visible."""

import bpy

from native_runtime.errors import Sam3dbError

from ..handles.handles import (
    ALL,
    GROUPS,
    State,
    by_keypoint,
    handles_of,
    rig_of,
    state_of,
)
from .person import PersonOperator, ReportingOperator

_GROUP_ITEMS = (
    (ALL, "All", "All handles of the character"),
    *((key, label, f"The handles of this group: {label}") for key, label in GROUPS.items()),
)


_SAID = {
    State.PREDICTED: "Release the handle to follow the pose",
    State.PINNED: "Hold the joint where the handle is",
    State.IGNORED: "Ignore this joint in the photo",
    State.INCORRECT: "The joint is not where the pose puts it",
}


class HandlesOperator(ReportingOperator):
    """A mix-in for operators that give the selected handles a state, and then infer the pose again."""

    state: State

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.choice import selected_handles

        if not selected_handles(context):
            cls.poll_message_set("Select handles on the photo first")
            return False
        return True

    def chosen(self, context: bpy.types.Context) -> list[bpy.types.Object]:
        """The handles that are meant."""
        from ..handles.choice import selected_handles

        return selected_handles(context)

    def run(self, context: bpy.types.Context) -> None:
        from ..handles import pins, watch
        from ..scene.lookup import require_own
        from ..scene.provenance import character_id

        handles = self.chosen(context)
        rigs = {}
        for handle in handles:
            rig = rig_of(handle)
            if rig is None:
                raise Sam3dbError(f"The character of the handle '{handle.name}' was deleted: delete the handle too.")
            require_own(rig)
            rigs[character_id(rig)] = rig
        for handle in handles:
            pins.set_state(handle, self.state)
        for rig in rigs.values():
            watch.refresh(rig)


class SAM3DB_OT_pin_handles(HandlesOperator, bpy.types.Operator):
    """Hold the selected joints where their handles are, and pose the body accordingly"""

    bl_idname = "sam3db.pin_handles"
    bl_label = "Pin"
    bl_options = {"REGISTER", "UNDO"}
    state = State.PINNED


class SAM3DB_OT_pin_handles_symmetric(HandlesOperator, bpy.types.Operator):
    """Hold the selected joints, and the same on the other side of the body, where their handles are"""

    bl_idname = "sam3db.pin_handles_symmetric"
    bl_label = "Pin Symmetric"
    bl_options = {"REGISTER", "UNDO"}
    state = State.PINNED

    def chosen(self, context):
        from ..handles import pins
        from ..handles.choice import selected_handles

        handles = selected_handles(context)
        others = (pins.symmetric(handle) for handle in handles)
        return handles + [other for other in others if other is not None and other not in handles]


class SAM3DB_OT_unpin_handles(HandlesOperator, bpy.types.Operator):
    """Remove pins and marks of the selected handles; they go back to where the pose puts them"""

    bl_idname = "sam3db.unpin_handles"
    bl_label = "Unpin"
    bl_options = {"REGISTER", "UNDO"}
    state = State.PREDICTED

    @classmethod
    def poll(cls, context):
        from ..handles.choice import selected_handles

        if not super().poll(context):
            return False
        if all(state_of(handle) is State.PREDICTED for handle in selected_handles(context)):
            cls.poll_message_set("None of the selected handles is pinned, ignored or marked as wrong")
            return False
        return True


class SAM3DB_OT_ignore_handles(HandlesOperator, bpy.types.Operator):
    """Ignore the selected joints, for example because they are hidden in the photo"""

    bl_idname = "sam3db.ignore_handles"
    bl_label = "Ignore"
    bl_options = {"REGISTER", "UNDO"}
    state = State.IGNORED


class SAM3DB_OT_mark_handles_wrong(HandlesOperator, bpy.types.Operator):
    """Mark the selected joints as not being where the pose puts them, without placing them"""

    bl_idname = "sam3db.mark_handles_wrong"
    bl_label = "Mark as Wrong"
    bl_options = {"REGISTER", "UNDO"}
    state = State.INCORRECT


class SAM3DB_OT_say_of_keypoint(PersonOperator, bpy.types.Operator):
    """Pin or mark this handle, and pose the body accordingly"""

    bl_idname = "sam3db.say_of_keypoint"
    bl_label = "Handle"
    bl_options = {"INTERNAL", "UNDO"}

    keypoint: bpy.props.IntProperty(name="Handle", description="The handle's number", min=0, max=69)
    state: bpy.props.EnumProperty(
        name="State",
        description="Pinned, ignored, wrong, or following the pose",
        items=[(state.name, state.name.capitalize(), _SAID[state]) for state in State],
    )

    def run(self, context):
        from ..handles import pins, watch

        rig = self.rig(context)
        handle = by_keypoint(rig).get(self.keypoint)
        if handle is None:
            raise Sam3dbError("This handle was deleted: show the handles to make it again.")
        pins.set_state(handle, State[self.state])
        watch.refresh(rig)


class SAM3DB_OT_reset_handles(PersonOperator, bpy.types.Operator):
    """Remove all pins and marks, and pose the person without them"""

    bl_idname = "sam3db.reset_handles"
    bl_label = "Reset Handles"
    bl_options = {"REGISTER", "UNDO"}

    group: bpy.props.EnumProperty(name="Group", description="Which handles are reset", items=_GROUP_ITEMS)

    def run(self, context):
        from ..handles import pins, watch

        rig = self.rig(context)
        pins.reset(rig, None if self.group == ALL else self.group)
        watch.refresh(rig)


class SAM3DB_OT_show_handles(PersonOperator, bpy.types.Operator):
    """Show handles on the photo and activate the tool that drags them, or hide them. Their pins and marks stay"""

    bl_idname = "sam3db.show_handles"
    bl_label = "Show Handles"
    bl_options = {"REGISTER", "UNDO"}

    group: bpy.props.EnumProperty(name="Group", description="Which handles are shown or hidden", items=_GROUP_ITEMS)
    on: bpy.props.BoolProperty(name="Show", description="Show them; otherwise they are hidden", default=True)

    def run(self, context):
        from ..handles.making import ensure_handles
        from ..handles.showing import show
        from ..handles.views import pose_from_photo

        rig, group = self.rig(context), None if self.group == ALL else self.group
        if self.on and (group is None or not handles_of(rig)):
            ensure_handles(rig)
            show(rig, False)
        show(rig, self.on, group)
        if self.on:
            pose_from_photo(context, [rig])


class SAM3DB_OT_select_handle(PersonOperator, bpy.types.Operator):
    """Select this handle on the photo"""

    bl_idname = "sam3db.select_handle"
    bl_label = "Select Handle"
    bl_options = {"REGISTER", "UNDO"}

    keypoint: bpy.props.IntProperty(name="Handle", description="The handle's number", min=0, max=69)

    def run(self, context):
        from ..handles.choice import point_out

        handle = by_keypoint(self.rig(context)).get(self.keypoint)
        if handle is None:
            raise Sam3dbError("This handle was deleted: show the handles to make it again.")
        point_out(context, handle)


class SAM3DB_OT_next_handle(PersonOperator, bpy.types.Operator):
    """Select the handle whose correction would help most"""

    bl_idname = "sam3db.next_handle"
    bl_label = "Next Suggested"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        from ..handles import pins
        from ..handles.people import active_character

        if not super().poll(context):
            return False
        rig = active_character(context)
        if rig is None or pins.next_suggested(rig) is None:
            cls.poll_message_set("No handle stands out: drag any that is in the wrong place, or update from the photo")
            return False
        return True

    def run(self, context):
        from ..handles import pins
        from ..handles.choice import point_out

        handle = pins.next_suggested(self.rig(context))
        if handle is not None:
            point_out(context, handle)


CLASSES = (
    SAM3DB_OT_pin_handles,
    SAM3DB_OT_pin_handles_symmetric,
    SAM3DB_OT_unpin_handles,
    SAM3DB_OT_ignore_handles,
    SAM3DB_OT_mark_handles_wrong,
    SAM3DB_OT_say_of_keypoint,
    SAM3DB_OT_reset_handles,
    SAM3DB_OT_show_handles,
    SAM3DB_OT_select_handle,
    SAM3DB_OT_next_handle,
)
