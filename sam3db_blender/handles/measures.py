"""Height and measures of a character, typed by an artist: an edit by hand, in which the picture stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER
from native_runtime.characters.measures.definitions import BY_KEY, STATURE
from native_runtime.characters.measures.height import of_height
from native_runtime.characters.measures.measurer import Measurer
from native_runtime.characters.measures.typed import Missed, with_measures

from ..scene import edits
from ..scene.bodies import body_of, fitting, installed_body, measured_level
from ..scene.provenance import read_origin
from ..scene.readback import place_before_camera
from .pins import prompts
from .session import stand_by_hand

if TYPE_CHECKING:
    import bpy

    from native_runtime.characters.state import CharacterState
    from native_runtime.mhr import Body

CM_PER_INCH = 2.54
_WORTH_A_WORD = 1.0
"""Cm by which the soles must rise or sink to be spoken of."""


@lru_cache(maxsize=2)
def measurer_of(body: Body) -> Measurer:
    """What measures characters of a body; made once."""
    return Measurer(body)


def measurer_for(rig: bpy.types.Object) -> Measurer:
    """What measures a character: the finest installed level of detail of its body, so that switching levels changes
    nothing.

    Raises:
        ModelError: its body is not installed.
    """
    name = str(read_origin(rig).details["body_name"])
    return measurer_of(fitting(rig, installed_body(measured_level(name))))


def state_of(rig: bpy.types.Object, body: Body) -> CharacterState:
    """What a character is now."""
    memory = edits.notice(rig, body, prompts(rig))
    return memory.slots.state(memory.applied)


def values_of(rig: bpy.types.Object) -> Mapping[str, float]:
    """A character's measures, cm.

    Raises:
        Sam3dbError: its body is not installed, or lacks a slider.
    """
    state = state_of(rig, body_of(rig))
    return measurer_for(rig).measured(state.model_parameters, state.identity).values


def set_height(rig: bpy.types.Object, height: float) -> list[str]:
    """Makes a character so tall (cm), and moves it along the view, so that it stays on its photo; the pose stays.

    Returns:
        what the artist should know of it.

    Raises:
        UsageError: a height that nobody has.
        Sam3dbError: the camera is gone, or the character cannot be changed.
    """
    body, measurer = body_of(rig), measurer_for(rig)
    before = state_of(rig, body)
    after, solved = of_height(measurer, before, read_origin(rig).arrays["intrinsics"], height)
    stand_by_hand(rig, body, after)
    soles = [_soles(rig, body, state) for state in (before, after)]
    rise = soles[1] - soles[0]
    notes = [_missed(one) for one in solved.missed]
    if abs(rise) >= _WORTH_A_WORD:
        way = "higher" if rise > 0 else "lower"
        notes.append(
            f"The person moved along the view to stay on the photo; the soles are {abs(rise):.0f} cm {way} now."
        )
    return notes


def set_measure(rig: bpy.types.Object, key: str, value: float, keep_height: bool = True) -> list[str]:
    """Gives a character a measure (cm); the rest stays as near as can be, and the pose and the place stay.

    Args:
        key: of ``characters.measures.definitions``.
        keep_height: whether the height stays exactly what it is.

    Returns:
        what the artist should know of it.

    Raises:
        UsageError: a value that nobody has.
        Sam3dbError: the camera is gone, or the character cannot be changed.
    """
    if key == STATURE.key:
        return set_height(rig, value)
    body, measurer = body_of(rig), measurer_for(rig)
    state = state_of(rig, body)
    held = [STATURE.key] if keep_height else []
    solved = with_measures(measurer, state.model_parameters, state.identity, {key: value}, held)
    stand_by_hand(rig, body, replace(state, model_parameters=solved.parameters, identity=solved.identity))
    return [_missed(one) for one in solved.missed]


def _missed(one: Missed) -> str:
    label = BY_KEY[one.key].label
    return f"{label} cannot be {one.wanted:.1f} cm from here: it is {one.nearest:.1f} cm now, as near as it can be."


def _soles(rig: bpy.types.Object, body: Body, state: CharacterState) -> float:
    """How high the lowest point of a state is in the world, cm of the person."""
    vertices: NDArray[np.float32] = body.vertices(state.model_parameters, state.identity)
    place = place_before_camera(rig, state.camera_translation)
    scale = float(np.linalg.norm(place[:3, 0]))
    return float(((vertices @ MHR_TO_BLENDER.T) @ (place[2, :3] / scale)).min() + 100.0 * place[2, 3] / scale)
