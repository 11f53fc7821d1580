"""Live pose correctives: after a pose edit the corrections follow automatically, without making the viewport stutter.

Blender reports every change (``depsgraph_update_post``); the handler only notes which character it was. A timer then
updates that character's corrective shape key when the pose has been quiet for a moment, or, while it is being dragged,
as often as costs no more than a share of the time. What costs 15 ms is so done some 15 times a second, what costs
60 ms four times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from native_runtime.errors import Sam3dbError

from ..app_handlers import Handlers, ensure_timer, listen, stop_listening

if TYPE_CHECKING:
    import numpy as np

#: The custom property of the rig that says so; it is saved with the file.
PROPERTY = "sam3db_live_correctives"
_TICK_S = 0.04


class Throttle:
    """When to do costly work that many small changes ask for.

    Args:
        quiet: seconds without a change after which the work is done at once.
        share: the part of the time that the work may take while changes go on.
    """

    def __init__(self, quiet: float = 0.12, share: float = 0.25) -> None:
        self.quiet, self.share = quiet, share
        self._changed: float | None = None
        self._done, self._cost = float("-inf"), 0.0

    def mark(self, now: float) -> None:
        """Something changed."""
        self._changed = now

    def due(self, now: float) -> bool:
        """Whether the work should be done now."""
        if self._changed is None:
            return False
        return now - self._changed >= self.quiet or now - self._done >= self._cost / self.share

    def finished(self, now: float, cost: float) -> None:
        """The work was done and took ``cost`` seconds."""
        self._changed, self._done, self._cost = None, now, cost


class LiveCorrectives:
    """Keeps the corrections of the characters that want it up to date."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._throttles: dict[str, Throttle] = {}
        self._poses: dict[str, np.ndarray] = {}
        self.problems: dict[str, str] = {}

    def mark(self, rig: bpy.types.Object) -> None:
        """Notes that a rig has changed; does nothing else, for it is called within Blender's own updates."""
        self._throttles.setdefault(rig.name, Throttle()).mark(self._clock())

    def tick(self) -> int:
        """Updates the characters whose time has come; returns how many."""
        from ..remedies import in_words

        count = 0
        for name, throttle in list(self._throttles.items()):
            if not throttle.due(self._clock()):
                continue
            rig: bpy.types.Object | None = bpy.data.objects.get(name)
            if rig is None or not is_live(rig):
                self.forget(name)
                continue
            start = self._clock()
            try:
                count += self.update(rig)
            except Sam3dbError as error:
                rig[PROPERTY] = False
                self.problems[name] = in_words(error)
            end = self._clock()
            throttle.finished(end, end - start)
        return count

    def update(self, rig: bpy.types.Object) -> bool:
        """Brings one character's corrections to its pose; False where the pose is still the same."""
        import numpy as np

        from native_runtime.characters.corrections import corrections

        from ..rig.correctives import correct_worn, write_correction
        from ..rig.pose import read_joint_parameters
        from .bodies import body_mesh, body_of

        body = body_of(rig, exact=True)
        pose = read_joint_parameters(rig, body)
        before = self._poses.get(rig.name)
        if before is not None and np.array_equal(before, pose):
            return False
        mesh = body_mesh(rig)
        write_correction(mesh, corrections(body, pose))
        correct_worn(rig, mesh)
        self._poses[rig.name] = pose
        return True

    def forget(self, name: str | None = None) -> None:
        """Drops what is known of one rig, or of all."""
        for table in (self._throttles, self._poses, self.problems):
            entries: dict[str, Any] = table
            if name is None:
                entries.clear()
            else:
                entries.pop(name, None)


live = LiveCorrectives()


def is_live(rig: bpy.types.Object) -> bool:
    """Whether a character's corrections follow its pose."""
    from .provenance import is_character

    return is_character(rig) and bool(rig.get(PROPERTY, False))


def switch(rig: bpy.types.Object, on: bool) -> None:
    """Starts or stops following; starting updates at once.

    Raises:
        Sam3dbError: the body has no correctives, is not installed or is another build, or they follow by drivers.
    """
    from ..rig.correctives import require_free
    from .bodies import body_mesh

    live.forget(rig.name)
    if on:
        require_free(body_mesh(rig))
        live.update(rig)
    rig[PROPERTY] = on
    _ensure_timer()


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    for update in depsgraph.updates:
        if not (update.is_updated_geometry or update.is_updated_transform):
            continue
        block = update.id
        if not isinstance(block, bpy.types.Object) or block.type != "ARMATURE":
            continue
        rig = block.original
        if rig is not None and is_live(rig):
            live.mark(rig)


@persistent
def _on_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    for rig in _live_rigs():
        live.mark(rig)


@persistent
def _on_load(*_: Any) -> None:
    live.forget()
    _ensure_timer()


@persistent
def _on_undo(*_: Any) -> None:
    # shape keys may be older than the poses remembered here
    live.forget()
    for rig in _live_rigs():
        live.mark(rig)


def _live_rigs() -> list[bpy.types.Object]:
    return [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and is_live(obj)]


def _tick() -> float | None:
    live.tick()
    return _TICK_S if _live_rigs() else None


def _ensure_timer() -> None:
    if _live_rigs():
        ensure_timer(_tick, _TICK_S)


def _handlers() -> Handlers:
    handlers = bpy.app.handlers
    return (
        (handlers.depsgraph_update_post, _on_update),
        (handlers.frame_change_post, _on_frame),
        (handlers.load_post, _on_load),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
    )


def attach() -> None:
    """Starts to listen to Blender."""
    listen(_handlers())
    # While an add-on is being switched on Blender shows it no data. The first tick looks whether there is work, and
    # ends if not.
    ensure_timer(_tick, _TICK_S)


def detach() -> None:
    """Stops it."""
    stop_listening(_handlers(), _tick)
    live.forget()
