"""Keypoints of a take, placed on its footage on the frame that is shown: the take is fitted again around it."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from ..app_handlers import redraw
from .draw_mask import looks_through_photo
from .modal_job import ModalJobOperator
from .person import PersonPoll, person_of, reported

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..takes.pins import Pinned
    from ..takes.refit import Refitted

#: px at the usual size of the user interface: how near to a spot the mouse must be, and how far it goes for a drag.
_REACH, _THRESHOLD = 10.0, 3.0
_HELP = "Drag a joint to where it is in the picture  |  X: ignore it  |  Backspace: forget  |  Esc: cancel"
_SAYINGS = (
    ("PLACE", "Place", "The joint lies at this place of the picture"),
    ("IGNORE", "Ignore", "What was seen of the joint on this frame does not count"),
    ("FORGET", "Forget", "Nothing is said of the joint on this frame any more"),
)
#: Bones that a message names.
_NAMED = 4


class _TakePoll(PersonPoll):
    """A mix-in for operators that need a character of a take."""

    @classmethod
    def poll(cls, context):
        from ..takes.record import PROPERTY

        if not super().poll(context):
            return False
        if person_of(context).get(PROPERTY) is None:
            cls.poll_message_set("The active character was not made of a video")
            return False
        return True


class SAM3DB_OT_correct_take(_TakePoll, ModalJobOperator, bpy.types.Operator):
    """Fit the take again around a frame, with a joint placed, ignored or forgotten there; Esc cancels"""

    bl_idname = "sam3db.correct_take"
    bl_label = "Correct Take"
    bl_options = {"UNDO"}

    # Blender remembers what it was called with, unless it is told not to
    keypoint: bpy.props.StringProperty(
        name="Joint", description="Its name in MHR-70, such as left_wrist", options={"SKIP_SAVE"}
    )
    place: bpy.props.FloatVectorProperty(
        name="Place", description="Pixels of the video", size=2, default=(0.0, 0.0), options={"SKIP_SAVE"}
    )
    saying: bpy.props.EnumProperty(
        name="Saying", description="What is said of the joint", items=_SAYINGS, options={"SKIP_SAVE"}
    )
    frame: bpy.props.IntProperty(
        name="Frame",
        description="The video's number of the frame, from 0; -1 for the one that is shown",
        default=-1,
        options={"SKIP_SAVE"},
    )

    _character = ""

    def execute(self, context) -> "set[OperatorReturnItems]":
        return reported(self, lambda: self._ask(context))

    def _ask(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.prompts.prompt import keypoint_names

        from ..jobs.takes import CorrectionJob
        from ..jobs.worker import worker
        from ..scene.lookup import require_own
        from ..scene.provenance import character_id
        from ..takes.pins import pinned_on, record_of_take, request_for, with_saying
        from ..takes.refit import require_keys

        rig = person_of(context)
        require_own(rig)
        require_keys(rig)
        if self.keypoint not in keypoint_names():
            raise Sam3dbError(f"There is no joint '{self.keypoint}'.")
        record, frame = record_of_take(rig), self.frame
        if frame < 0:
            assert context.scene is not None
            frame = pinned_on(rig, context.scene.frame_current).frame
        prompts = with_saying(record, frame, keypoint_names().index(self.keypoint), self.saying, self.place)
        self._character = character_id(rig)
        return self.begin(context, CorrectionJob(worker(), request_for(rig, record, prompts)))

    def finish(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        """Changes the keys as the worker has answered."""
        return reported(self, lambda: self._take_over(context))

    def _take_over(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.takes.take import Take

        from ..jobs.takes import CorrectionJob
        from ..scene.bodies import body_of
        from ..scene.lookup import rig_with
        from ..takes.pins import missed, record_of_take
        from ..takes.refit import follow_refit

        job, rig, scene = self._job, rig_with(self._character), context.scene
        assert isinstance(job, CorrectionJob)
        if job.state != "done" or job.take is None or job.before is None:
            self.report(
                {"INFO" if job.state == "cancelled" else "ERROR"}, job.error or "Cancelled; nothing was changed"
            )
            return {"CANCELLED"}
        if rig is None or scene is None:
            raise Sam3dbError("The character is gone.")
        before, after = Take.load(job.before), Take.load(job.take)
        record = record_of_take(rig)
        done = follow_refit(rig, body_of(rig), record, before, after)
        scene.frame_set(scene.frame_current)
        redraw("VIEW_3D")
        for note in missed(after, record.prompts):
            self.report({"WARNING"}, note)
        self.report({"INFO"}, in_short(done))
        return {"FINISHED"}


def in_short(done: "Refitted") -> str:
    """What became of the keys, in one line."""
    if not done.frames:
        return "The take is as it was"
    spans = ", ".join(f"{frames.start} to {frames.stop - 1}" for frames in done.frames)
    said = f"Frames {spans} were fitted again"
    if done.overruled:
        said += f"; there your corrections of {_some(done.overruled)} gave way"
    if done.kept:
        said += f"; those of {_some(done.kept)} stay"
    return said


def _some(bones: "tuple[str, ...]") -> str:
    more = f" and {len(bones) - _NAMED} more" if len(bones) > _NAMED else ""
    return ", ".join(bones[:_NAMED]) + more


class SAM3DB_OT_pin_joint(_TakePoll, bpy.types.Operator):
    """Choose a joint on this frame of the video and drag it to where it is: the motion around follows"""

    bl_idname = "sam3db.pin_joint"
    bl_label = "Pin Joint"
    bl_options = {"REGISTER"}

    _drawing: object = None
    _character = ""
    _shown: "int | None" = None
    _frame = -1
    _hovered: "int | None" = None
    _dragged: Any = None
    _spots: Any = None
    _said: "dict[int, tuple[Any, ...]]"
    _world: Any
    _area: "bpy.types.Area"
    _region: "bpy.types.Region"
    _space: "bpy.types.SpaceView3D"

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if not looks_through_photo(context):
            cls.poll_message_set("Look through the video's camera first (Numpad 0)")
            return False
        return True

    def invoke(self, context, event) -> "set[OperatorReturnItems]":
        return reported(self, lambda: self._start(context))

    def _start(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..scene.lookup import require_own
        from ..scene.provenance import character_id
        from ..takes.refit import require_keys

        rig = person_of(context)
        require_own(rig)
        require_keys(rig)
        self._character, self._hovered, self._dragged = character_id(rig), None, None
        self._look(context)
        area, space = context.area, context.space_data
        assert area is not None
        assert isinstance(space, bpy.types.SpaceView3D)
        self._area, self._space = area, space
        self._region = next(region for region in area.regions if region.type == "WINDOW")
        self._drawing = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        context.workspace.status_text_set(_HELP)
        operator: Any = self
        context.window_manager.modal_handler_add(operator)
        area.tag_redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> "set[OperatorReturnItems]":
        import numpy as np

        mouse = np.array([event.mouse_x - self._region.x, event.mouse_y - self._region.y], np.float64)
        pressed = event.value == "PRESS"
        if event.type in ("ESC", "RIGHTMOUSE") and pressed:
            if self._dragged is None:
                self._leave(context)
                return {"CANCELLED"}
            self._dragged = None
        elif event.type == "MOUSEMOVE":
            self._move(context, mouse)
        elif event.type == "LEFTMOUSE" and pressed and self._hovered is not None:
            self._dragged = mouse
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._dragged is not None:
            self._dragged = mouse
            return self._let_go(context)
        elif event.type in ("X", "BACK_SPACE") and pressed and self._hovered is not None:
            return self._say(context, "IGNORE" if event.type == "X" else "FORGET", (0.0, 0.0))
        else:
            return {"PASS_THROUGH"}  # the view may be moved, and another frame be shown
        self._area.tag_redraw()
        return {"PASS_THROUGH"} if event.type == "MOUSEMOVE" and self._dragged is None else {"RUNNING_MODAL"}

    def cancel(self, context) -> None:
        """Blender ends the operator itself."""
        self._leave(context)

    def _move(self, context: bpy.types.Context, mouse: Any) -> None:
        if self._dragged is not None:
            self._dragged = mouse
        else:
            scale = context.preferences.system.ui_scale
            self._hovered = self._spots.at(mouse, _REACH * scale)

    def _let_go(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        import numpy as np

        from ..handles.lens_lines import pixel_at
        from ..scene.lookup import rig_with

        assert self._hovered is not None
        scale = context.preferences.system.ui_scale
        home, rig = self._spots.centres[self._spots.keypoints.index(self._hovered)], rig_with(self._character)
        pixel = None if rig is None else pixel_at(rig, self._region, self._space.region_3d, self._dragged)
        if pixel is None or np.linalg.norm(self._dragged - home) < _THRESHOLD * scale:
            self._dragged = None
            self._area.tag_redraw()
            return {"RUNNING_MODAL"}
        return self._say(context, "PLACE", pixel)

    def _say(self, context: bpy.types.Context, saying: str, place: Any) -> "set[OperatorReturnItems]":
        """Ends here, and goes on with what was said."""
        from native_runtime.prompts.prompt import keypoint_names

        self._leave(context)
        assert self._hovered is not None
        name = keypoint_names()[self._hovered]
        with suppress(RuntimeError):  # which it has reported itself
            bpy.ops.sam3db.correct_take(
                "EXEC_DEFAULT", keypoint=name, place=tuple(place), saying=saying, frame=self._frame
            )
        return {"FINISHED"}

    def _look(self, context: bpy.types.Context) -> None:
        """Looks where the keypoints are on the frame that is shown."""
        from ..scene.bodies import body_of
        from ..scene.lookup import rig_with
        from ..takes.pins import keypoints_in_world, pinned_on

        rig, scene = rig_with(self._character), context.scene
        if rig is None or scene is None:
            raise Sam3dbError("The character is gone.")
        pinned: Pinned = pinned_on(rig, scene.frame_current)
        self._said, self._world, self._shown = pinned.said, keypoints_in_world(rig, body_of(rig)), scene.frame_current
        self._frame = pinned.frame

    def _draw(self) -> None:
        import numpy as np

        from ..handles.keypoint_drawing import draw_spots
        from ..remedies import in_words
        from ..takes.pins import spots_in

        context = bpy.context
        if context.area != self._area or context.scene is None:
            return
        if context.scene.frame_current != self._shown:
            try:
                self._look(context)
            except Sam3dbError as error:
                self._said, self._world, self._shown = {}, np.zeros((0, 3)), context.scene.frame_current
                context.workspace.status_text_set(in_words(error))
        scale = context.preferences.system.ui_scale
        view = self._space.region_3d
        self._spots = spots_in(self._region, view, self._world, scale, {*self._said, self._hovered})
        draw_spots(self._region, self._spots, self._said, self._hovered, self._dragged)

    def _leave(self, context: bpy.types.Context) -> None:
        if self._drawing is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._drawing, "WINDOW")
            self._drawing = None
        context.workspace.status_text_set(None)
        self._area.tag_redraw()


CLASSES = (SAM3DB_OT_correct_take, SAM3DB_OT_pin_joint)
