"""The loop from a dragged handle to the new pose.

When a handle has changed, the loop only notes its character. On the next tick of a timer it looks what has
become of the handles. When a drag has ended, the handles that were moved are pinned and the worker is
asked; when it has answered, the character takes the new pose, and one undo step is made. During the drag, and until the
answer is there, the limb follows its handle by a quick solve of our own (``limb_preview``).

All that decides is in the scene: a handle that does not lie where it was last settled was moved. So our own changes,
which settle what they move, ask for nothing, and after undoing, reopening or deleting there is nothing out of step.

A drag leaves two steps in Blender's history: its own, and the pose that follows from it; so does an operator that
needs a new pose. In the first the character's pose is pending (``pending``). Whoever undoes from the second to
there, or redoes to there, is taken one step farther, so that one key press undoes a drag. Where something else was done
before the answer came, undoing stops at such a step, which is requested again.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from native_runtime.errors import Sam3dbError

from .handles import handles_of, keypoint_of, moved, place

if TYPE_CHECKING:
    import bpy

    from ..jobs.photo import AnswerJob
    from ..jobs.worker import Client
    from .tasks import Status, Task

#: Seconds without a change after which one that is no drag counts as made: a number being scrubbed is one change.
QUIET_S = 0.03
UNDO_STEP = "Pose from Handles"


Direction = Literal["undo", "redo"]


class Window(Protocol):
    """What the loop, and the cleaning up after deletions, need of Blender's window."""

    def dragging(self) -> bool:
        """Whether the artist is in the middle of moving something."""

    def push_undo(self, message: str) -> None:
        """Ends an undo step."""

    def step(self, direction: Direction) -> bool:
        """Goes one step through the history; whether there was one."""


class Loop:
    """Keeps characters in step with their handles.

    Args:
        window: of Blender, or a test's.
        client: makes a line to the worker.
        clock: seconds.
    """

    def __init__(
        self, window: Window, client: Callable[[], Client], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._window, self._client, self._clock = window, client, clock
        self._tasks: dict[str, Task] = {}
        self._direction: Direction | None = None
        self._dragging = False
        self._left: Mapping[str, int] = {}

    # --- what Blender and the artist report ---

    def mark(self, character: str) -> None:
        """Notes that a handle of a character has changed; does nothing else, as Blender is in an update."""
        self._task(character).changed = self._clock()

    def ask(self, character: str) -> None:
        """Has the pose inferred again, whether or not a handle was moved.

        Whoever does so ends an undo step, or leaves it to the operator that they are.
        """
        from ..scene.lookup import may_change, rig_with
        from . import pending

        rig = rig_with(character)
        if rig is not None and may_change(rig):
            pending.request(rig)
        self._task(character).wanted = True

    def expect(self, character: str, job: AnswerJob) -> None:
        """Has the pose that a job under way brings taken over, as if it had been asked for. What is asked meanwhile,
        because a handle was moved, counts in its place. As ``ask`` for undo steps.
        """
        self.ask(character)
        self._task(character).given = job

    def cancel(self, character: str) -> None:
        """Gives up what is under way for a character; a later answer counts for nothing. As ``ask`` for undo steps."""
        from ..scene.lookup import may_change, rig_with
        from . import pending
        from .limb_preview import take_off

        rig = rig_with(character)
        if self._tasks.pop(character, None) is not None and rig is not None and may_change(rig):
            take_off(rig)
            pending.take_up(rig)
            pending.end(rig)

    def forget(self) -> None:
        """Gives up everything: the file was closed, or is another now."""
        self._tasks.clear()
        self._direction = None

    def leaving(self, ended: Mapping[str, int]) -> None:
        """The artist is about to undo or redo.

        Args:
            ended: how many requests of each have ended, by character.
        """
        self._left = ended

    def travelled(self, direction: Direction, unanswered: Mapping[str, int]) -> None:
        """The artist has undone or redone; answers under way belong to what was.

        Args:
            unanswered: the characters with a pending pose, and how many requests of each have ended.
        """
        seconds = {character: task.seconds for character, task in self._tasks.items()}
        self.forget()
        for character, last in seconds.items():
            self._task(character).seconds = last
        for character, ended in unanswered.items():
            self.mark(character)
            if direction == "redo" or self._left.get(character, 0) > ended:
                self._direction = direction

    def status(self, character: str) -> Status:
        """How things stand for a character."""
        from .tasks import Status, Task

        task = self._tasks.get(character, Task())
        if task.job is not None:
            return Status("waiting", task.job.status, task.seconds)
        if task.wanted or task.answer is not None:
            return Status("waiting", "Posing", task.seconds)
        if task.error:
            return Status("error", task.error, task.seconds)
        return Status("idle", "", task.seconds)

    def statuses(self) -> dict[str, Status]:
        """How things stand for all characters that something was done about."""
        return {character: self.status(character) for character in self._tasks}

    # --- what the timer does ---

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return self._direction is not None or any(not task.rests for task in self._tasks.values())

    @property
    def urgent(self) -> bool:
        """Whether the next tick should come as soon as the window has seen to the artist."""
        if self._dragging:
            return any(task.preview is not None and task.place is None for task in self._tasks.values())
        return any(task.answer is not None for task in self._tasks.values())

    def tick(self) -> None:
        """Does what is due."""
        from ..remedies import in_words

        if self._direction is not None and not self._travel_on():
            return
        self._dragging = dragging = self._window.dragging()
        for character, task in list(self._tasks.items()):
            if self._tasks.get(character) is not task:
                continue
            try:
                if dragging:
                    self._preview(character, task)
                else:
                    self._settle(character, task)
                    self._conclude(character, task)
                self._hear(character, task, dragging)
            except Sam3dbError as error:
                self._fail(character, task, in_words(error), dragging)
            except Exception as error:
                # a timer that raises is never called again
                traceback.print_exc()
                self._fail(character, task, f"The pose could not be updated ({error}).", dragging)

    def _travel_on(self) -> bool:
        """Leaves a step in which a pose is pending; whether the loop may continue."""
        from ..scene.lookup import rig_with
        from . import pending

        direction, self._direction = self._direction, None
        assert direction is not None
        if self._window.step(direction):
            return False  # ``travelled`` was called, and looks again
        if direction == "undo":
            # the oldest step there is: what was moved stays so, without asking
            for character, task in self._tasks.items():
                rig = rig_with(character)
                if rig is not None:
                    pending.take_up(rig)
                task.changed = None
        return True

    def _preview(self, character: str, task: Task) -> None:
        """In the middle of a drag of one handle: lets its limb follow."""
        from ..scene.lookup import may_change, rig_with
        from ..scene.provenance import read_origin
        from .limb_preview import LimbPreview, get_ready

        rig = rig_with(character) if task.changed is not None else None
        if rig is None or not may_change(rig):
            return
        in_hand = [handle for handle in handles_of(rig) if moved(handle)]
        if len(in_hand) != 1:
            return
        (handle,) = in_hand
        if task.reading is None:
            task.reading = get_ready(read_origin(rig).details["body_name"])
        if task.reading.is_alive():
            return
        if task.preview is None or task.preview.keypoint != keypoint_of(handle):
            task.preview, task.place = LimbPreview(rig, handle), None
        elif not task.preview.prepared:
            task.preview.prepare()
        elif task.place != place(handle):
            task.place = place(handle)
            task.preview.show(rig, task.place)

    def _settle(self, character: str, task: Task) -> None:
        """Asks for what has become of a drag. The preview stays until the answer is there, but is not part of the
        question.
        """
        from ..jobs.photo import PoseJob
        from ..scene.bodies import read_ahead
        from ..scene.lookup import rig_with
        from ..scene.provenance import read_origin
        from . import pending
        from .limb_preview import lay_on, take_off
        from .question import question_for

        if not task.wanted and (task.changed is None or self._clock() - task.changed < QUIET_S):
            return
        rig = rig_with(character)
        if rig is None:
            self._tasks.pop(character, None)
            return
        task.changed, task.preview = None, None
        shown = take_off(rig)
        given, task.given = task.given, None
        if any(moved(handle) for handle in handles_of(rig)):
            given = None
        found = pending.take_up(rig)
        if found or task.wanted:
            task.wanted, task.answer, task.texture = False, None, None
            self._send(task, given or PoseJob(self._client(), question_for(rig)))
            lay_on(rig, shown)
            read_ahead(read_origin(rig).details["body_name"])

    def _conclude(self, character: str, task: Task) -> None:
        """Takes an answer over, unless something was moved since that is still to be asked about."""
        from native_runtime.texture.files import EncodedTexture

        from ..scene.bodies import body_mesh, body_of
        from ..scene.lookup import rig_with
        from ..scene.textured import put_on
        from ..wearables.dressing import adapt
        from .limb_preview import take_off
        from .session import apply_answer

        answer = task.answer
        if answer is None or task.changed is not None:
            return
        texture, task.answer, task.texture = task.texture, None, None
        rig = rig_with(character)
        if rig is not None:
            take_off(rig)
            apply_answer(rig, answer)
            if texture is not None:
                put_on(rig, EncodedTexture.read(texture))
                adapt(rig, body_mesh(rig), body_of(rig))
            self._end(rig)

    def _hear(self, character: str, task: Task, dragging: bool) -> None:
        """Reads an answer that has come; what is done with it is the next tick's business, for that takes a while."""
        from native_runtime.engines.estimate import Estimate

        from ..scene.lookup import rig_with

        if task.job is None or not task.job.poll():
            return
        job, task.job = task.job, None
        if job.state == "done" and job.estimate is not None:
            task.seconds = self._clock() - task.asked
            task.error, task.repeated = "", False
            task.answer, task.texture = Estimate.load(job.estimate), job.texture
        elif job.state == "failed":
            if job.kind == "WorkerError" and not task.repeated:
                task.repeated = task.wanted = True
            else:
                raise Sam3dbError(job.error)
        elif not dragging:
            self._end(rig_with(character))

    def _end(self, rig: bpy.types.Object | None) -> None:
        """A question has come to its end: so has the undo step."""
        from ..scene.lookup import may_change
        from . import pending
        from .limb_preview import take_off

        if rig is not None and may_change(rig):
            take_off(rig)
            pending.end(rig)
            self._window.push_undo(UNDO_STEP)

    def _send(self, task: Task, job: AnswerJob) -> None:
        task.job, task.asked = job, self._clock()

    def _fail(self, character: str, task: Task, text: str, dragging: bool) -> None:
        from ..scene.lookup import rig_with

        task.job, task.given, task.answer, task.wanted = None, None, None, False
        task.changed, task.repeated = None, False
        task.error = text
        if not dragging:
            self._end(rig_with(character))

    def _task(self, character: str) -> Task:
        from .tasks import Task

        return self._tasks.setdefault(character, Task())
