"""How tall characters stand, for the panel: it only draws, so bodies are read in the background when needed."""

from __future__ import annotations

import threading

import bpy
import numpy as np

from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.stature import Stature
from native_runtime.errors import Sam3dbError

from ..app_handlers import ensure_timer, redraw, stop_timer
from ..rig.properties import read_sliders
from ..scene.bodies import installed_body, read_ahead
from ..scene.provenance import read_origin

_POLL_S = 0.1
_MEASURING = "measure a body"

#: What is known of bodies by their names; None where a body cannot be read.
_known: dict[str, tuple[RigMap, Stature] | None] = {}
_reading: dict[str, threading.Thread] = {}
_measured: dict[str, tuple[RigMap, Stature]] = {}


def height_of(rig: bpy.types.Object) -> float | None:
    """How tall a character stands, cm; None until its body was read, or where it cannot be."""
    name = str(read_origin(rig).details["body_name"])
    if name not in _known:
        _ask_for(name)
        return None
    known = _known[name]
    if known is None:
        return None
    try:
        return measured(rig, *known)
    except Sam3dbError:  # a slider was removed
        return None


def measured(rig: bpy.types.Object, rig_map: RigMap, stature: Stature) -> float:
    """How tall a character stands by its sliders, cm.

    Raises:
        Sam3dbError: it lacks one of them.
    """
    skeleton = rig_map.section("skeleton")
    parameters = np.zeros(stature.by_parameter.shape[1])
    parameters[[slider.index for slider in skeleton]] = read_sliders(rig, skeleton)
    return stature.height(parameters, read_sliders(rig, rig_map.section("shape")))


def detach() -> None:
    """Leaves nothing behind."""
    stop_timer(_take_over)
    _reading.clear()
    _measured.clear()
    _known.clear()


def _ask_for(name: str) -> None:
    if name in _reading or bpy.app.background:
        return
    _reading[name] = read_ahead(name)
    ensure_timer(_take_over, _POLL_S)


def _take_over() -> float | None:
    """Takes over what has been read; when to look again."""
    for name, thread in list(_reading.items()):
        if thread.is_alive():
            continue
        if thread.name != _MEASURING and _measures(name):
            continue
        del _reading[name]
        _known[name] = _measured.pop(name, None)
        redraw("VIEW_3D")
    return _POLL_S if _reading else None


def _measures(name: str) -> bool:
    """Has a body measured aside that was read; False where it cannot be."""
    try:
        body = installed_body(name)
    except Sam3dbError:
        return False

    def measure() -> None:
        _measured[name] = RigMap.of(body), Stature.of(body)

    _reading[name] = threading.Thread(target=measure, name=_MEASURING, daemon=True)
    _reading[name].start()
    return True
