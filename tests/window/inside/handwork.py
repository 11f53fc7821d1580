"""What an artist does by hand to a character, beside its handles: bones, sliders and the whole rig."""

from __future__ import annotations

import random
from collections.abc import Callable

import bpy
import numpy as np

from .scene import part, rigs

Made = dict[str, np.ndarray]
"""What was done, and how it reads."""

#: A reading may be off by this: angles, coefficients and metres go through single precision and the spine's shares.
_SAME = 2e-3
_STEP = 0.2
_ARM, _LEG = (
    ("shoulder", "elbow", "wrist", "thumb", "finger", "olecranon", "fossa", "acromion"),
    ("hip", "knee", "ankle", "heel", "toe"),
)


#: The controls by which these bones are turned where a character has controls; both turn by the same angles.
_CONTROLS = {"l_lowarm": "forearm_fk.L", "c_head": "head", "c_spine2": "spine.03", "r_upleg": "thigh_fk.R"}


def _handle(rig: bpy.types.Object, bone: str) -> bpy.types.PoseBone:
    """What an artist turns to turn a bone."""
    controls = part("rig.followed").followed(rig)
    return rig.pose.bones[bone] if controls is None else controls.pose.bones[_CONTROLS[bone]]


def _bone(name: str) -> Callable[[bpy.types.Object], np.ndarray]:
    return lambda rig: np.array(_handle(rig, name).rotation_euler)


def _slider(start: str) -> Callable[[bpy.types.Object], np.ndarray]:
    return lambda rig: np.array([rig[_key(rig, start)]])


def _key(rig: bpy.types.Object, start: str) -> str:
    return next(key for key in rig.keys() if key.startswith(start))  # noqa: SIM118


READINGS: dict[str, Callable[[bpy.types.Object], np.ndarray]] = {
    "l_lowarm": _bone("l_lowarm"),
    "c_head": _bone("c_head"),
    "c_spine2": _bone("c_spine2"),
    "r_upleg": _bone("r_upleg"),
    "Body: ": _slider("Body: "),
    "Face: ": _slider("Face: "),
    "Legs: ": _slider("Legs: "),
    "place": lambda rig: np.array(rig.matrix_world @ rig.pose.bones["root"].head),
}
LIMBS = dict.fromkeys(READINGS, "") | {"l_lowarm": "left arm", "c_head": "head", "r_upleg": "right leg"}


def limb_of(keypoint: str) -> str:
    """The limb that a keypoint lies on."""
    side = keypoint.partition("_")[0]
    if any(word in keypoint for word in _ARM):
        return f"{side} arm"
    return f"{side} leg" if any(word in keypoint for word in _LEG) else "head"


def do(rig: bpy.types.Object, name: str, dice: random.Random) -> None:
    """Does one thing by hand."""
    by = dice.choice((-1, 1)) * dice.uniform(_STEP / 2, _STEP)
    if name == "place":
        rig.location.x += by
    elif name.endswith(": "):
        rig[_key(rig, name)] = min(max(rig[_key(rig, name)] + by, -0.5), 0.5)
    else:
        handle = _handle(rig, name)
        handle.rotation_euler[2] += by
        handle.id_data.update_tag()
    rig.update_tag()
    bpy.context.view_layer.update()


def reading(rig: bpy.types.Object, name: str) -> np.ndarray:
    """How it reads now."""
    return READINGS[name](rig)


def stands(rig: bpy.types.Object, name: str, value: np.ndarray) -> bool:
    """Whether it is as it was done."""
    return bool(np.abs(reading(rig, name) - value).max() < _SAME)


def lost(made: dict[str, Made]) -> list[str]:
    """What was done and does not stand."""
    found = []
    for character, done in made.items():
        rig = part("scene.lookup").rig_with(character)
        for name, value in done.items():
            if rig is not None and not stands(rig, name, value):
                found.append(f"the edit '{name}' of '{rig.name}' is lost: {reading(rig, name)} and not {value}")
    return found


# --- errands for tests that work with mouse and keys -----------------------------------------------------------------


def edit(names: list[str]) -> None:
    """Does things by hand to the first character, and ends an undo step."""
    dice = random.Random(3)
    for name in names:
        do(_first(), name, dice)
    bpy.ops.ed.undo_push(message="Edit")


def readings(names: list[str]) -> dict[str, list[float]]:
    """How things read on the first character."""
    return {name: reading(_first(), name).ravel().tolist() for name in names}


def select_rig() -> None:
    """Selects the rig of the first character alone, and shows it."""
    rig = _first()
    rig.hide_viewport = False
    rig.hide_set(False)
    part("handles.people").select(bpy.context, rig)


def blocks() -> dict[str, list[str]]:
    """What there is of the kinds that a character brings, but for the drivers of one at rest, which come and go."""
    kinds, keeps = ("objects", "meshes", "cameras", "collections", "lights"), part("rig.resting").KEEPS
    return {kind: sorted(block.name for block in getattr(bpy.data, kind) if not block.get(keeps)) for kind in kinds}


def _first() -> bpy.types.Object:
    rig = part("scene.lookup").rig_with(next(iter(rigs())))
    assert rig is not None
    return rig
