"""How tall characters stand, and their other measures, for the panel: it only draws, so bodies are read and measured in
the background when needed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from ..app_handlers import ensure_timer, redraw, stop_timer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.characters.measures.measurer import Measurer
    from native_runtime.characters.rig_map import RigMap
    from native_runtime.characters.stature import Stature
    from native_runtime.mhr import Body

    Array = NDArray[np.float64]

_POLL_S = 0.1
_MEASURING = "measure a body"
_TAPE = "measure a character"


@dataclass
class _Known:
    """What is known of a body.

    Attributes:
        rig_map, stature: of it.
        body: it, for measuring.
        of_ages: the keys of the sliders that belong to ages alone.
        measurer: made when measures are shown first.
    """

    rig_map: RigMap
    stature: Stature
    body: Body
    of_ages: tuple[str, ...]
    measurer: Measurer | None = None


@dataclass
class _Taken:
    """A character's measures, for the numbers that it had then, and the work that renews them."""

    numbers: bytes = b""
    values: Mapping[str, float] = field(default_factory=dict)
    work: threading.Thread | None = None


#: What is known of bodies by their names; None where a body cannot be read.
_known: dict[str, tuple[_Known, ...] | None] = {}
_reading: dict[str, threading.Thread] = {}
_measured: dict[str, tuple[_Known, ...]] = {}
#: Of characters, by the identity of their record.
_taken: dict[str, _Taken] = {}


def height_of(rig: bpy.types.Object) -> float | None:
    """How tall a character stands, cm; None until its body was read, or where it cannot be."""
    known = _known_of(rig)
    if known is None:
        return None
    try:
        return measured(rig, known.rig_map, known.stature)
    except Sam3dbError:  # a slider was removed
        return None


def measures_of(rig: bpy.types.Object) -> Mapping[str, float]:
    """A character's measures, cm, as they were taken last; empty until they are.

    Where its sliders have moved since, they are taken again aside, and the panel is drawn again.
    """
    from ..scene.provenance import read_origin

    known = _known_of(rig)
    if known is None:
        return {}
    try:
        parameters, identity = _numbers(rig, known.rig_map, len(known.body.parameter_names))
    except Sam3dbError:
        return {}
    taken = _taken.setdefault(read_origin(rig).id, _Taken())
    numbers = parameters.tobytes() + identity.tobytes()
    if numbers != taken.numbers and taken.work is None and not bpy.app.background:
        taken.work = threading.Thread(
            target=_take, args=(taken, known, parameters, identity, numbers), name=_TAPE, daemon=True
        )
        taken.work.start()
        ensure_timer(_take_over, _POLL_S)
    return taken.values


def measured(rig: bpy.types.Object, rig_map: RigMap, stature: Stature) -> float:
    """How tall a character stands by its sliders, cm.

    Raises:
        Sam3dbError: it lacks one of them.
    """
    return stature.height(*_numbers(rig, rig_map, stature.by_parameter.shape[1]))


def detach() -> None:
    """Leaves nothing behind."""
    stop_timer(_take_over)
    for found in (_reading, _measured, _known, _taken):
        found.clear()  # type: ignore[attr-defined]


def _numbers(rig: bpy.types.Object, rig_map: RigMap, count: int) -> tuple[Array, Array]:
    """The (count,) model parameters, all 0 but those of the skeleton, and the coefficients, by the sliders."""
    import numpy as np

    from ..rig.properties import read_sliders

    skeleton = rig_map.section("skeleton")
    parameters = np.zeros(count)
    parameters[[slider.index for slider in skeleton]] = read_sliders(rig, skeleton)
    return parameters, read_sliders(rig, rig_map.section("shape"))


def _known_of(rig: bpy.types.Object) -> _Known | None:
    """What is known of a character's body; begins to read it where nothing is known yet."""
    from ..scene.provenance import read_origin

    name = str(read_origin(rig).details["body_name"])
    if name not in _known:
        _ask_for(name)
        return None
    variants = _known[name]
    if not variants:
        return None
    of_ages = variants[0].of_ages
    aged = not of_ages or any(rig.get(key) is not None for key in of_ages)
    return variants[0] if aged else variants[-1]


def _take(taken: _Taken, known: _Known, parameters: Array, identity: Array, numbers: bytes) -> None:
    """Takes a character's measures; away from Blender's own thread."""
    from native_runtime.characters.measures.measurer import Measurer

    if known.measurer is None:
        known.measurer = Measurer(known.body)
    taken.values = known.measurer.measured(parameters, identity).values
    taken.numbers = numbers


def _ask_for(name: str) -> None:
    from ..scene.bodies import measured_level, read_ahead

    if name in _reading or bpy.app.background:
        return
    _reading[name] = read_ahead(measured_level(name))
    ensure_timer(_take_over, _POLL_S)


def _take_over() -> float | None:
    """Takes over what has been read and measured; when to look again."""
    for name, thread in list(_reading.items()):
        if thread.is_alive():
            continue
        if thread.name != _MEASURING and _measures(name):
            continue
        del _reading[name]
        _known[name] = _measured.pop(name, None)
        redraw("VIEW_3D")
    for taken in _taken.values():
        if taken.work is not None and not taken.work.is_alive():
            taken.work = None
            redraw("VIEW_3D")
    busy = _reading or any(taken.work is not None for taken in _taken.values())
    return _POLL_S if busy else None


def _measures(name: str) -> bool:
    """Has a body measured aside that was read; False where it cannot be."""
    from native_runtime.characters.rig_map import RigMap
    from native_runtime.characters.sliders import identity_sliders
    from native_runtime.characters.stature import Stature

    from ..scene.bodies import installed_body, measured_level

    try:
        body = installed_body(measured_level(name))
    except Sam3dbError:
        return False

    def measure() -> None:
        of_ages = tuple(slider.key for slider in identity_sliders(body) if not body.ageless[slider.index])
        variants = (body,) if body.ageless.all() else (body, body.without_ages())
        _measured[name] = tuple(_Known(RigMap.of(one), Stature.of(one), one, of_ages) for one in variants)

    _reading[name] = threading.Thread(target=measure, name=_MEASURING, daemon=True)
    _reading[name].start()
    return True
