"""Limbs that are posed by forward kinematics, posed alike by the IK controls of their rig, and keyed there.

Nothing is assumed of how a rig is built but the names of its controls: targets are put where the ends of the limbs are,
with all that constraints add reckoned with; poles are put into the plane in which the limb bends, and where the rig
bends it elsewhere all the same, turned until it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.mhr.rotations import rotation_about
from native_runtime.retarget.control_rigs import ControlRig, IkLimb, Switch, control_rig_of, titles
from native_runtime.retarget.poles import across, bend_direction, turn_about

from ..rig.animated import bone_path, rotation_channel
from .seen import seen_bones

Array = NDArray[np.float64]

#: Of a limb's length: where it bends may be off by so much before its pole is turned; and how often that is tried.
_OFF, _TRIES = 2e-4, 4
#: Of it: by how much a limb must bend for its plane to be seen.
_BENT = 0.01
#: The same by which bends may miss before it is said.
_MISSED = 2e-3
_SAME = 1e-6


def control_rig(armature: bpy.types.Object) -> ControlRig:
    """The IK controls of an armature.

    Raises:
        Sam3dbError: it has none of a make that is known.
    """
    rig = control_rig_of([bone.name for bone in armature.data.bones])
    if rig is None:
        known = ", ".join(titles())
        raise Sam3dbError(
            f"'{armature.name}' has no IK controls that are known (those of {known}): pose its FK bones instead."
        )
    return rig


def ik_paths(armature: bpy.types.Object, rig: ControlRig) -> set[str]:
    """The data paths of all that ``pose_ik`` sets."""
    limbs = [_Limb(armature, limb) for limb in rig.limbs]
    bones = armature.pose.bones
    found = {f'{bone.path_from_id()}["{name}"]' for limb in limbs for bone, name, _ in limb.switches}
    for name in (name for limb in limbs for name in (*limb.moved, *limb.limb.rest)):
        found |= {bone_path(bones[name], path) for path in ("location", rotation_channel(bones[name].rotation_mode))}
    return found


def pose_ik(armature: bpy.types.Object, rig: ControlRig, frame: float | None = None) -> list[str]:
    """Poses limbs by their IK controls as they stand by their FK controls now, and switches them to IK.

    Args:
        frame: to key them at; None for no keys.

    Returns:
        What the artist should know.

    Raises:
        Sam3dbError: a limb has no switch.
    """
    limbs = [_Limb(armature, limb) for limb in rig.limbs]
    stiffened = [name for limb in limbs for name in limb.stiffen()]
    for limb in limbs:
        limb.switch()
        limb.relax()
    _pose(armature, limbs)
    if frame is not None:
        for limb in limbs:
            limb.key(frame)
    missed = [limb.limb.title for limb in limbs if limb.missed > _MISSED * limb.length]
    notes = [_stiff(stiffened)] if stiffened else []
    return notes + [
        f"In IK the {title} cannot take the whole pose: it may be stretched, or its pole limited." for title in missed
    ]


def _stiff(bones: Sequence[str]) -> str:
    named = ", ".join(f"'{name}'" for name in bones)
    return f"IK Stretch of {named} is now 0, so that limbs keep their lengths in IK; set it again to let them stretch."


def _pose(armature: bpy.types.Object, limbs: Sequence[_Limb]) -> None:
    """Poses all limbs on the frame that is shown; each step is seen once for all of them."""
    seen = _matrices(armature, limbs)
    for limb in limbs:
        limb.look(seen)
    _place(armature, {limb.limb.target: limb.end_control() for limb in limbs})
    _place(armature, {name: place for limb in limbs for name, place in limb.guide()})
    for _ in range(_TRIES):
        seen = _matrices(armature, limbs)
        turns = {name: place for limb in limbs for name, place in limb.corrected(seen)}
        if not turns:
            break
        _place(armature, turns)
    _place(armature, {control: limb.like(control, like) for limb in limbs for control, like in limb.limb.after})
    seen = _matrices(armature, limbs)
    for limb in limbs:
        limb.measure(seen)


def _matrices(armature: bpy.types.Object, limbs: Sequence[_Limb]) -> dict[str, Array]:
    """(4, 4) in armature space, as they are seen, of all bones of limbs."""
    seen = seen_bones(armature)
    names = {name for limb in limbs for name in limb.names}
    return {name: np.array(seen[name].matrix, dtype=np.float64) for name in names}


def _place(armature: bpy.types.Object, wanted: Mapping[str, Array]) -> None:
    """Puts bones where they are to be seen (4, 4) in armature space, whatever constraints they have."""
    if not wanted:
        return
    bones = armature.pose.bones
    given = {name: Matrix(place.tolist()) for name, place in wanted.items()}
    for name, place in given.items():
        bones[name].matrix = place
    seen = seen_bones(armature)
    off = {name: seen[name].matrix.copy() for name, place in given.items() if _differ(seen[name].matrix, place)}
    for name, stands in off.items():
        # what a constraint adds stands before: seen = added @ given
        bones[name].matrix = given[name] @ stands.inverted_safe() @ given[name]


def _differ(one: Matrix, other: Matrix) -> bool:
    return float(np.abs(np.array(one) - np.array(other)).max()) > _SAME


class _Limb:
    """A limb of an armature on one frame."""

    def __init__(self, armature: bpy.types.Object, limb: IkLimb) -> None:
        self.limb, self._armature, self.missed = limb, armature, 0.0
        rest = {bone.name: np.array(bone.matrix_local, dtype=np.float64) for bone in armature.data.bones}
        upper, lower, end = (rest[name] for name in limb.chain)
        self._offset = np.linalg.inv(end) @ rest[limb.target]
        self._after = {control: np.linalg.inv(rest[like]) @ rest[control] for control, like in limb.after}
        spans = (lower[:3, 3] - upper[:3, 3], end[:3, 3] - lower[:3, 3])
        self.length = float(sum(np.linalg.norm(span) for span in spans))
        bend = across(spans[0], end[:3, 3] - upper[:3, 3])
        self._reach, self._hint = self.length, bend
        if limb.pole is not None:
            pole = rest[limb.pole][:3, 3]
            self._reach = float(np.linalg.norm(pole - lower[:3, 3]))
            self._hint = across(pole - lower[:3, 3], end[:3, 3] - upper[:3, 3])
        self._hint = np.linalg.inv(upper[:3, :3]) @ self._hint
        self.switches = [found for switch in limb.switches if (found := _holder(armature, switch)) is not None]
        if not self.switches:
            raise Sam3dbError(f"The {limb.title} of '{armature.name}' has no switch between FK and IK.")
        self._posed: dict[str, Array] = {}

    @property
    def names(self) -> list[str]:
        """All bones that are looked at."""
        limb = self.limb
        guides = [name for name in (limb.pole, limb.swivel) if name is not None]
        return [*limb.chain, limb.shown, limb.target, *guides, *(name for pair in limb.after for name in pair)]

    def switch(self) -> None:
        """Switches the limb to IK."""
        for bone, name, value in self.switches:
            now = bone[name]
            bone[name] = type(now)(value) if isinstance(now, (bool, int)) else value
        self._armature.update_tag()

    def relax(self) -> None:
        """Puts what is to be at rest there."""
        for name in self.limb.rest:
            self._armature.pose.bones[name].matrix_basis = Matrix()

    def stiffen(self) -> list[str]:
        """Lets the solver keep the lengths of bones; the names of those that it would have stretched."""
        bones = [self._armature.pose.bones[name] for name in self.limb.stiff]
        loose = [bone for bone in bones if bone.ik_stretch > 0.0]
        for bone in loose:
            bone.ik_stretch = 0.0
        return [bone.name for bone in loose]

    def look(self, seen: Mapping[str, Array]) -> None:
        """Takes in how the limb is posed by forward kinematics."""
        names = {*self.limb.chain, *(like for _, like in self.limb.after)}
        self._posed = {name: seen[name] for name in names}

    def end_control(self) -> Array:
        """(4, 4) where the target's control is to be."""
        return np.asarray(self._posed[self.limb.chain[2]] @ self._offset)

    def like(self, control: str, like: str) -> Array:
        """(4, 4) where a control beyond the end is to be."""
        return np.asarray(self._posed[like] @ self._after[control])

    def guide(self) -> list[tuple[str, Array]]:
        """Where the pole is to be, or else the control that turns the limb."""
        start, middle, end = self._heads()
        upper = self._posed[self.limb.chain[0]]
        if self.limb.pole is not None:
            direction = bend_direction(start, middle, end, upper[:3, :3] @ self._hint)
            return [(self.limb.pole, self._with_head(self.limb.pole, middle + self._reach * direction))]
        return [] if self.limb.swivel is None else [(self.limb.swivel, upper)]

    def corrected(self, seen: Mapping[str, Array]) -> list[tuple[str, Array]]:
        """Where the guide is to be instead, as the limb is seen to bend elsewhere; nothing where it does not."""
        guide = self.limb.pole or self.limb.swivel
        start, middle, end = self._heads()
        line, stands = end - start, seen[self.limb.shown][:3, 3]
        bend = across(middle - start, line)
        if guide is None or np.linalg.norm(stands - middle) < _OFF * self.length:
            return []
        turn = turn_about(line, stands - start, middle - start)
        if np.linalg.norm(bend) < _BENT * self.length or abs(turn) > np.pi / 2:
            return []
        rotation = rotation_about(line / np.linalg.norm(line), turn)
        place = seen[guide].copy()
        if self.limb.pole is not None:
            return [(guide, self._with_head(guide, start + rotation @ (place[:3, 3] - start)))]
        place[:3, :3] = rotation @ place[:3, :3]
        return [(guide, place)]

    def measure(self, seen: Mapping[str, Array]) -> None:
        """Notes how far the bend is from where it should be, in units of the armature."""
        self.missed = float(np.linalg.norm(seen[self.limb.shown][:3, 3] - self._heads()[1]))

    @property
    def moved(self) -> list[str]:
        """The controls that are posed."""
        guide = self.limb.pole or self.limb.swivel
        return [self.limb.target, *([] if guide is None else [guide]), *(control for control, _ in self.limb.after)]

    def key(self, frame: float) -> None:
        """Keys all that was set."""
        bones = self._armature.pose.bones
        for bone, name, _ in self.switches:
            bone.keyframe_insert(f'["{name}"]', frame=frame, group=bone.name)
        for name in (*self.moved, *self.limb.rest):
            bone = bones[name]
            bone.keyframe_insert("location", frame=frame, group=name)
            if name != self.limb.pole:
                bone.keyframe_insert(rotation_channel(bone.rotation_mode), frame=frame, group=name)

    def _heads(self) -> tuple[Array, Array, Array]:
        start, middle, end = (self._posed[name][:3, 3] for name in self.limb.chain)
        return start, middle, end

    def _with_head(self, name: str, head: Array) -> Array:
        """(4, 4) of a bone as it stands, with another place."""
        place = np.array(seen_bones(self._armature)[name].matrix, dtype=np.float64)
        place[:3, 3] = head
        return place


def _holder(armature: bpy.types.Object, switch: Switch) -> tuple[bpy.types.PoseBone, str, float] | None:
    """The bone that has a switch, and the switch's name and value."""
    bones = armature.pose.bones
    among = [bones[name] for name in switch.bones if name in bones] if switch.bones else list(bones)
    return next(
        ((bone, name, switch.value) for name in switch.names for bone in among if bone.get(name) is not None), None
    )
