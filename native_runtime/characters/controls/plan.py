"""The parts of a control rig as plain data, which ``sam3db_blender.controls`` makes in Blender."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The version of the control rigs that are made now, which a control rig keeps.
#: 1: the first. 2: the twist of limbs (``twists``), and limbs that straighten softly.
VERSION = 2
#: The first version whose channels mean what they mean now, so that it can be posed as it is.
POSED_SINCE = 1

#: What a bone is to an artist; everything but ``mechanism`` is shown.
Kind = Literal["fk", "ik", "pole", "master", "detail", "mechanism"]
#: (factor, index of a model parameter that is a slider)
Term = tuple[float, int]


@dataclass(frozen=True)
class ControlBone:
    """A bone of the control rig.

    Attributes:
        name: its name.
        parent: the bone above it; empty for the first.
        rest: (4, 4) rest matrix in armature space, m, Blender axes, rigid.
        length: m.
        rotation_mode: Blender's.
        kind: what it is for.
        group: the bone collection.
        turns: the rotation axes that an artist may turn.
        moves: whether an artist may move it.
        joint: the MHR joint whose angles its channels hold; empty where they hold something else.
    """

    name: str
    parent: str
    rest: Array
    length: float
    rotation_mode: str = "YZX"
    kind: Kind = "mechanism"
    group: str = ""
    turns: frozenset[int] = frozenset()
    moves: bool = False
    joint: str = ""

    @property
    def side(self) -> str:
        """``L``, ``R`` or empty."""
        return self.name[-1] if self.name.endswith((".L", ".R")) else ""


@dataclass(frozen=True)
class Variable:
    """An input of an expression.

    Attributes:
        name: in the expression.
        kind: ``channel``: a number of a bone (``bone``, ``path``); ``distance``: between the heads of two bones, in
            world units; ``scale``: of a bone, in the world; ``rotation``: the component ``path`` (w, x, y, z) of a
            bone's quaternion beneath its parent, with constraints; ``switch``: the property ``path``.
    """

    name: str
    kind: Literal["channel", "distance", "scale", "rotation", "switch"]
    bone: str = ""
    path: str = ""


@dataclass(frozen=True)
class Drive:
    """A number of a bone that follows others: ``expression`` of ``variables``, or ``constant`` + a sum over sliders."""

    bone: str
    path: str
    axis: int
    expression: str = ""
    variables: tuple[Variable, ...] = ()
    constant: float = 0.0
    terms: tuple[Term, ...] = ()
    power_of_two: bool = False


@dataclass(frozen=True)
class Tie:
    """A constraint of a bone.

    Attributes:
        bone: the one that has it.
        kind: Blender's type of constraint.
        target: the bone of the control rig that it goes by.
        settings: further properties of the constraint.
        influence: an expression of ``variables``; empty for the whole.
        sums: properties of the constraint that follow sliders, and the terms of each.
    """

    bone: str
    kind: str
    target: str
    settings: dict[str, Any] = field(default_factory=dict)
    influence: str = ""
    variables: tuple[Variable, ...] = ()
    sums: dict[str, tuple[Term, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Switch:
    """A custom property of the control rig's object."""

    name: str
    value: float
    description: str
    low: float = 0.0
    high: float = 1.0
    whole: bool = False


@dataclass(frozen=True)
class Limb:
    """An arm or a leg.

    Attributes:
        name: ``arm`` or ``leg``.
        side: ``L`` or ``R``.
        joints: of MHR: the upper one, the lower one, and the one at the end.
        bend: the sense, +-1, in which the lower joint turns when the limb bends.
    """

    name: str
    side: str
    joints: tuple[str, str, str]
    bend: float

    def part(self, name: str) -> str:
        """The name of a bone of this limb's mechanism."""
        return f"MCH-{self.name}_{name}.{self.side}"

    @property
    def fk(self) -> tuple[str, str, str]:
        """The FK controls, from above."""
        words = ("upper_arm", "forearm", "hand") if self.name == "arm" else ("thigh", "shin", "foot")
        return tuple(f"{word}_fk.{self.side}" for word in words)  # type: ignore[return-value]

    @property
    def tip(self) -> str:
        """The joint that IK puts where it is to be. A foot turns in two joints, of which the ankle is the one that a
        longer foot moves.
        """
        return self.joints[2] if self.name == "arm" else f"{self.side.lower()}_talocrural"

    @property
    def target(self) -> str:
        """The IK control."""
        return f"{'hand' if self.name == 'arm' else 'foot'}_ik.{self.side}"

    @property
    def pole(self) -> str:
        """The control that says where the limb bends to."""
        return f"{'elbow' if self.name == 'arm' else 'knee'}_pole.{self.side}"

    @property
    def switch(self) -> str:
        """The property that chooses between FK (0) and IK (1)."""
        return f"{self.name}_ik.{self.side}"

    @property
    def ends(self) -> tuple[str, ...]:
        """The controls behind hand or foot that FK and IK share, but which the foot's roll under IK turns too."""
        if self.name == "arm":
            return ()
        return tuple(f"{word}.{self.side}" for word in ("foot_tilt", "foot_arch", "toe", "foot_roll", "foot_tip"))

    def controls(self, ik: bool) -> tuple[str, ...]:
        """The controls that an artist moves in FK, or in IK."""
        return (self.target, self.pole, *self.ends) if ik else (*self.fk, *self.ends)

    @property
    def kept(self) -> tuple[str, ...]:
        """The bones of the mechanism that keep what the controls have no channels for."""
        return (*(self.part(word) for word in ("p", "reach", "lower_ik")), f"MCH-talus.{self.side}")

    @property
    def stretch(self) -> str:
        """The property that lets the limb stretch under IK."""
        return f"{self.name}_stretch.{self.side}"

    @property
    def soft(self) -> str:
        """The property that lets the limb straighten softly under IK."""
        return f"{self.name}_soft.{self.side}"


@dataclass
class ControlPlan:
    """All of a control rig.

    Attributes:
        bones: a parent stands before its children.
        drives, ties, switches: what connects them. The ties of one bone are in the order of their evaluation.
        follow: MHR bones, and the bone that each follows.
        twists: of MHR bones whose twist others share, the bone whose first location holds that twist, radians.
        anchors: of controls that can follow several bones, these bones, in the order of their switch's numbers.
        limbs: what the limbs' mechanisms need to be set to a pose.
    """

    bones: list[ControlBone] = field(default_factory=list)
    drives: list[Drive] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    follow: dict[str, str] = field(default_factory=dict)
    twists: dict[str, str] = field(default_factory=dict)
    anchors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limbs: list[Limb] = field(default_factory=list)

    def bone(self, name: str) -> ControlBone:
        """A bone by its name."""
        return next(bone for bone in self.bones if bone.name == name)

    # what ``rig.armature.add_bones`` takes

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(bone.name for bone in self.bones)

    @property
    def parents(self) -> NDArray[np.int32]:
        index = {name: i for i, name in enumerate(self.names)}
        return np.array([index.get(bone.parent, -1) for bone in self.bones], dtype=np.int32)

    @property
    def rest(self) -> Array:
        return np.stack([bone.rest for bone in self.bones])

    @property
    def lengths(self) -> Array:
        return np.array([bone.length for bone in self.bones])
