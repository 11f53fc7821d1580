"""A limb that follows its handle while that is dragged, ahead of the engine's answer.

The quick solve (``native_runtime.fitting.live``) turns a few bones, which do not follow the character's controls
meanwhile. What they were before stands in a custom property
of the rig, so that everything that looks at the character can have the preview taken off first, also after undoing and
opening files: a preview is never taken for work of the artist's. A bone that the artist has turned since is theirs.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.rig_map import RigMap
from native_runtime.errors import Sam3dbError
from native_runtime.fitting.live import LiveDrag
from native_runtime.fitting.pins import Pin
from native_runtime.mhr.state import BodyState, PlacedState
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.takes.views.joint import in_view

from ..rig.arrays import take
from ..rig.followed import followed, hold
from ..rig.pose import take_over
from ..scene.bodies import body_of, installed_body
from ..scene.camera import camera_of
from ..scene.readback import current_state, units_of
from ..scene.viewpoints import from_first, view_of, viewpoint_of
from .handles import keypoint_of, place
from .pins import pinned

Array = NDArray[np.float64]
Turns = dict[str, list[list[float]]]

#: The custom property: bone -> its angles before and in the preview, radians; under "" the rig's location, world units.
PROPERTY = "sam3db_preview"
_RIG = ""
#: Radians and world units: smaller differences are the rounding of single precision.
_SAME = 1e-6
#: Camera axes (x right, y down, z forward) to those of a Blender camera.
_TO_BLENDER_CAMERA = np.array([1.0, -1.0, -1.0])


def get_ready(body_name: str) -> threading.Thread:
    """Begins to read a body, and what previews need to know of it, aside, so that a drag need not wait for it."""
    thread = threading.Thread(target=_get_ready, args=(body_name,), name="get previews ready", daemon=True)
    thread.start()
    return thread


def _get_ready(body_name: str) -> None:
    with contextlib.suppress(Sam3dbError):  # the answer will say so
        body = installed_body(body_name)
        RigMap.of(body)
        eye = np.array([[1000.0, 0.0, 500.0], [0.0, 1000.0, 500.0], [0.0, 0.0, 1.0]])
        rest = BodyState.neutral(body)
        placed = PlacedState(rest.model_parameters, rest.identity, rest.expression, np.array([0.0, 1.0, 5.0]))
        LiveDrag(body, eye, placed, keypoint_names()[0])


class LimbPreview:
    """The preview of one dragged handle: made when the drag begins, then prepared, then shown as often as it moves.
    Each takes a few milliseconds, and is for an event of its own.
    """

    def __init__(self, rig: bpy.types.Object, handle: bpy.types.Object) -> None:
        """Looks at the character.

        Raises:
            Sam3dbError: the body is not installed, or the camera was deleted.
        """
        self.keypoint = keypoint_of(handle)
        self._body = body_of(rig)
        state, view = current_state(rig, self._body, scaled=True), view_of(handle)
        self._to_view = from_first(rig, view) if view else None
        others = [pin for pin in pinned(rig) if pin != handle]
        self._drag: LiveDrag | None = None
        self._intrinsics, self._state = viewpoint_of(rig, view).intrinsics, state
        self._pins = [Pin(keypoint_names()[keypoint_of(pin)], np.array(place(pin))) for pin in others]
        self._channels = RigMap.of(self._body).channels
        self._angles = self._angles_of(state.model_parameters)
        if followed(rig) is not None:  # the preview turns the rig's own bones, which stand elsewhere under controls
            take_over(rig, self._body)
        self._bones = take(rig.pose.bones, "rotation_euler", 3).astype(np.float64)
        self._turned: set[int] = set()
        self._location = np.array(rig.location, dtype=np.float64)
        axes = np.array(camera_of(rig).matrix_world.normalized(), dtype=np.float64)[:3, :3]
        self._axes = axes * _TO_BLENDER_CAMERA * units_of(rig)

    @property
    def prepared(self) -> bool:
        """Whether it can be shown."""
        return self._drag is not None

    def prepare(self) -> LiveDrag:
        """Sets the solver up, once."""
        if self._drag is None:
            self._drag = LiveDrag(
                self._body,
                self._intrinsics,
                self._state if self._to_view is None else in_view(self._body, self._state, *self._to_view),
                keypoint_names()[self.keypoint],
                self._pins,
            )
        return self._drag

    def show(self, rig: bpy.types.Object, pixel: ArrayLike) -> None:
        """Poses the limb for its handle at a pixel (2,) of the photo."""
        state = self.prepare().to(np.asarray(pixel, dtype=np.float64)).state
        if self._to_view is not None:
            rotation, translation = self._to_view
            state = in_view(self._body, state, rotation.T, -rotation.T @ translation)
        turned = self._angles_of(state.model_parameters) - self._angles
        known = laid(rig)
        if not known:
            hold(rig, False)
        self._turned |= set(np.flatnonzero(np.abs(turned).max(axis=1) > _SAME).tolist())
        for number in self._turned:
            bone: Any = rig.pose.bones[number]
            if bone.rotation_mode == self._channels.rotation_modes[number]:
                before = known.get(bone.name, [list(bone.rotation_euler)])[0]
                bone.rotation_euler = (self._bones[number] + turned[number]).tolist()
                known[bone.name] = [before, list(bone.rotation_euler)]
        moved = self._axes @ (state.camera_translation - self._state.camera_translation)
        if np.abs(moved).max() > _SAME and rig.parent is None:
            place: Any = rig.location
            before = known.get(_RIG, [list(place)])[0]
            place[:] = (self._location + moved).tolist()
            known[_RIG] = [before, list(place)]
        rig[PROPERTY] = json.dumps(known)

    def _angles_of(self, parameters: Array) -> Array:
        """(J, 3) the angles of the bones."""
        return self._channels.channels(self._body.joint_parameters(parameters)).rotation


def laid(rig: bpy.types.Object) -> Turns:
    """The preview that a rig shows now; empty where it shows none."""
    text = rig.get(PROPERTY)
    turns: Turns = json.loads(text) if text else {}
    return turns


def take_off(rig: bpy.types.Object) -> Turns:
    """Puts back what the preview has turned, and what of it may be laid on again."""
    turns = laid(rig)
    if turns:
        hold(rig, True)
    if PROPERTY in rig.keys():  # noqa: SIM118 (Blender's stubs know no other way)
        del rig[PROPERTY]
    return {name: turn for name, turn in turns.items() if _swap(rig, name, turn[1], turn[0])}


def lay_on(rig: bpy.types.Object, turns: Mapping[str, list[list[float]]]) -> None:
    """Shows a preview again that was taken off."""
    shown = {name: turn for name, turn in turns.items() if _swap(rig, name, turn[0], turn[1])}
    if shown:
        rig[PROPERTY] = json.dumps(shown)
        hold(rig, False)


def _swap(rig: bpy.types.Object, name: str, expected: list[float], other: list[float]) -> bool:
    """Turns a bone, or moves the rig, unless it stands otherwise than expected; whether it was done."""
    holder: Any = rig if name == _RIG else rig.pose.bones.get(name)
    attribute = "location" if name == _RIG else "rotation_euler"
    if holder is None or np.abs(np.subtract(getattr(holder, attribute), expected)).max() > _SAME:
        return False
    setattr(holder, attribute, other)
    return True
