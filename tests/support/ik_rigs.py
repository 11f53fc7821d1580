"""Rigs with FK and IK limbs as other add-ons name them, for tests: their names, switches and constraints, and no more.

As in those rigs, targets and poles follow other bones by constraints or parents, feet have targets that lie flat, and a
property of a bone drives which chain is shown.
"""

from __future__ import annotations

from typing import Any, Literal

import bpy
import numpy as np
from mathutils import Matrix, Vector

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body

from .armatures import build_armature, relaid

Make = Literal["cloudrig", "autorig_pro"]
_POLE_AWAY = 0.45


def ik_rig(body: Body, make: Make, poles: bool = True) -> bpy.types.Object:
    """A rig in the open scene that is at rest as the body is, with its knees a little bent.

    Args:
        poles: otherwise the first bones of the IK chains turn limbs about their lines.
    """
    content = load_json("control_rigs", f"{make}.json")
    names = {joint: given[0] for joint, given in content["bones"].items()}
    for limb in content["limbs"]:
        names |= {joint: given[0] for joint, given in zip(limb["joints"], limb["chain"])}
    parameters = np.zeros(len(body.parameter_names))
    for side in "lr":
        parameters[body.parameter_index(f"{side}_knee_bend")] = 0.2
    known = {joint: name for joint, name in names.items() if joint in body.joint_names}
    rig = build_armature(relaid(body, body.joint_parameters(parameters), known), "Studio Rig")
    bpy.ops.object.mode_set(mode="EDIT")
    edit = rig.data.edit_bones
    limbs = [_Limb(limb, make, poles) for limb in content["limbs"]]
    for limb in limbs:
        limb.bones(edit)
    if make == "cloudrig":
        bone = edit.new("Properties")
        bone.head, bone.tail = (0.0, 0.5, 0.0), (0.0, 0.5, 0.1)
    bpy.ops.object.mode_set(mode="OBJECT")
    for limb in limbs:
        limb.constraints(rig)
    bpy.context.view_layer.update()
    return rig


class _Limb:
    """One limb of a rig that is being built."""

    def __init__(self, content: dict[str, Any], make: Make, poles: bool) -> None:
        self.make, self.poles = make, poles
        self.upper, self.lower, self.end = (given[0] for given in content["chain"])
        self.target, self.pole, self.shown = content["target"][0], content["pole"][0], content["shown"][0]
        self.switch, self.is_leg = content["switches"][0], "leg" in content["name"]
        self.first = f"MCH-{self.upper}" if poles else content["swivel"][0]
        self.after, self.rest = content["after"], content["rest"][:1]
        self.angle = 0.0

    def bones(self, edit: Any) -> None:
        upper, lower, end = edit[self.upper], edit[self.lower], edit[self.end]
        upper.tail, lower.tail = lower.head, end.head
        chain = [self._copy(edit, upper, self.first), self._copy(edit, lower, f"MCH-{self.lower}")]
        chain[0].parent, chain[1].parent = upper.parent, chain[0]
        shown = [self._copy(edit, upper, f"SHOWN-{self.upper}"), self._copy(edit, lower, self.shown),
                 self._copy(edit, end, f"SHOWN-{self.end}")]  # fmt: skip
        shown[0].parent, shown[1].parent = upper.parent, shown[0]
        target = self._copy(edit, end, self.target)
        if self.is_leg:  # flat, toes ahead
            target.matrix = Matrix.LocRotScale(end.head, Matrix.Rotation(np.pi, 3, "Z"), None)
        if self.poles:
            bend = self._bend(upper, lower, end)
            pole = edit.new(self.pole)
            pole.head = lower.head + _POLE_AWAY * bend
            pole.tail = pole.head + 0.1 * bend
            if self.make == "cloudrig":
                pole.parent = target
            self.angle = _pole_angle(upper, lower, pole.head)
        for pair in self.after:
            if pair["like"][0] in edit:
                self._copy(edit, edit[pair["like"][0]], pair["control"][0]).parent = target
        for name in self.rest:
            self._copy(edit, end, name).parent = target

    def constraints(self, rig: bpy.types.Object) -> None:
        bones = rig.pose.bones
        chain: Any = bones[f"MCH-{self.lower}"].constraints.new("IK")
        chain.target, chain.subtarget, chain.chain_count, chain.iterations = rig, self.target, 2, 200
        if self.poles:
            chain.pole_target, chain.pole_subtarget, chain.pole_angle = rig, self.pole, self.angle
        if self.make == "autorig_pro":
            for name, owner in ((self.target, "c_root_master.x"), (self.pole, self.target)):
                follows: Any = bones[name].constraints.new("CHILD_OF")
                follows.target, follows.subtarget = rig, owner
                follows.inverse_matrix = (rig.matrix_world @ rig.data.bones[owner].matrix_local).inverted()
        name, holder = self.switch["property"][0], (self.switch["bone"] or ["Properties"])[0]
        bones[holder][name] = 1.0 - self.switch["ik"]
        for shown, fk, ik in (
            (f"SHOWN-{self.upper}", self.upper, self.first),
            (self.shown, self.lower, f"MCH-{self.lower}"),
            (f"SHOWN-{self.end}", self.end, None),
        ):
            self._copies(rig, shown, fk, holder, name, 1.0 - self.switch["ik"])
            if ik is not None:
                self._copies(rig, shown, ik, holder, name, self.switch["ik"])
        turned: Any = bones[f"SHOWN-{self.end}"].constraints.new("CHILD_OF")
        turned.target, turned.subtarget = rig, self.target
        turned.inverse_matrix = rig.data.bones[self.target].matrix_local.inverted()
        self._drive(turned, rig, holder, name, self.switch["ik"])

    def _copies(self, rig: bpy.types.Object, bone: str, other: str, holder: str, name: str, value: float) -> None:
        copy: Any = rig.pose.bones[bone].constraints.new("COPY_TRANSFORMS")
        copy.target, copy.subtarget = rig, other
        self._drive(copy, rig, holder, name, value)

    @staticmethod
    def _drive(constraint: Any, rig: bpy.types.Object, holder: str, name: str, value: float) -> None:
        driver = constraint.driver_add("influence").driver
        variable = driver.variables.new()
        variable.name = "v"
        variable.targets[0].id = rig
        variable.targets[0].data_path = f'pose.bones["{holder}"]["{name}"]'
        driver.expression = "v" if value else "1 - v"

    @staticmethod
    def _copy(edit: Any, bone: Any, name: str) -> Any:
        made = edit.new(name)
        made.head, made.tail, made.roll = bone.head, bone.tail, bone.roll
        return made

    @staticmethod
    def _bend(upper: Any, lower: Any, end: Any) -> Vector:
        line = (end.head - upper.head).normalized()
        bend = lower.head - upper.head
        return (bend - line * bend.dot(line)).normalized()


def _pole_angle(upper: Any, lower: Any, pole: Vector) -> float:
    """The angle of an IK constraint with which a chain at rest stays there."""
    normal = (lower.tail - upper.head).cross(pole - upper.head)
    across = normal.cross(upper.vector)
    angle = upper.x_axis.angle(across)
    return float(-angle if upper.x_axis.cross(across).angle(upper.vector) < 1.0 else angle)
