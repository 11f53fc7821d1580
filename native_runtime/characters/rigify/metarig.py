"""Rigify's human metarig on the joints of a character.

Rigify makes a rig out of a *metarig*: bones that lie in the limbs, each with the type of rig to make of it. Here every
bone starts at a joint of MHR, so that a joint turns about the same point in both rigs, and bends about MHR's hinge:
the x axis of elbows, knees, ankles and fingers is that of the MHR bone.

The pelvis is the exception. MHR's ``root`` lies almost on the first joint of the spine, and no bone fits between the
two; the pelvis therefore reaches from below the hip joints up to that joint.

Under Rigify's bones lie *sockets*: one bone for each MHR joint that follows, with the MHR bone's rest frame, called
``MHR-`` and the joint's name. The MHR bones take their rotations from the sockets, and thus need not know how Rigify's
bones lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import MHR_TO_BLENDER, mhr_to_blender
from native_runtime.characters.layout import MIN_LENGTH
from native_runtime.characters.rig_map import RigMap
from native_runtime.mhr.rotations import unit

from .face import PANEL, FacePanel, face_panel

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: How sockets are called: this and the joint's name.
SOCKET = "MHR-"
#: Rigify's own collections have rows of buttons; those without one (row 0) are hidden.
#: (name, row, title on the button, colour set, see ``COLOURS``)
COLLECTIONS: tuple[tuple[str, int, str, int], ...] = (
    ("Face", 1, "", 6),
    ("Expressions", 2, "", 6),
    ("Torso", 4, "", 3),
    ("Torso (FK)", 5, "(FK)", 5),
    ("Torso (Tweak)", 6, "(Tweak)", 4),
    ("Fingers", 8, "", 6),
    ("Fingers (Detail)", 9, "(Detail)", 5),
    ("Arm.L (IK)", 11, "IK.L", 2),
    ("Arm.R (IK)", 11, "IK.R", 2),
    ("Arm.L (FK)", 12, "FK.L", 5),
    ("Arm.R (FK)", 12, "FK.R", 5),
    ("Arm.L (Tweak)", 13, "Tweak.L", 4),
    ("Arm.R (Tweak)", 13, "Tweak.R", 4),
    ("Leg.L (IK)", 15, "IK.L", 2),
    ("Leg.R (IK)", 15, "IK.R", 2),
    ("Leg.L (FK)", 16, "FK.L", 5),
    ("Leg.R (FK)", 16, "FK.R", 5),
    ("Leg.L (Tweak)", 17, "Tweak.L", 4),
    ("Leg.R (Tweak)", 17, "Tweak.R", 4),
    ("Root", 19, "", 1),
    ("MHR", 0, "", 0),
)
#: Colour sets: (name, normal RGB).
COLOURS: tuple[tuple[str, tuple[float, float, float]], ...] = (
    ("Root", (0.44, 0.18, 0.42)),
    ("IK", (0.60, 0.04, 0.04)),
    ("Special", (0.92, 0.72, 0.08)),
    ("Tweak", (0.06, 0.22, 0.56)),
    ("FK", (0.12, 0.55, 0.08)),
    ("Extra", (0.92, 0.30, 0.12)),
)

_SPINE = ("c_spine0", "c_spine1", "c_spine2", "c_spine3")
_FINGERS = ("index", "middle", "ring", "pinky")
#: Joints of the foot, from which the heel, the sole and the tip of the toes are found.
_FOOT = ("foot", "talocrural", "subtalar", "transversetarsal", "ball")


@dataclass(frozen=True)
class MetaBone:
    """A bone of the metarig.

    Attributes:
        name, parent: Rigify's names; no parent: "".
        head, tail: (3,) m, armature space.
        x_axis: (3,) where the bone's x axis is to point, as far as its direction allows.
        connected: whether it starts at its parent's tail and belongs to the parent's chain.
        type: the type of rig to make of it and of the chain behind it; "" for the others.
        parameters: the settings of that type.
        references: for each kind of control (``fk``, ``tweak``) the collection that it goes to.
        collection: of the bone itself.
    """

    name: str
    parent: str
    head: Array
    tail: Array
    x_axis: Array
    connected: bool = False
    type: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    collection: str = "Torso"


@dataclass(frozen=True)
class Socket:
    """A bone with the rest frame of an MHR bone.

    Attributes:
        name: of the bone.
        joint: the MHR joint.
        rest: (4, 4) its rest frame in the standard pose, m, armature space.
        parent: the bone of the metarig, or the socket, under which it lies.
        under: where that is not the bone that Rigify makes of ``parent``: the name of the bone in the generated rig.
        turned: it takes the whole rotation of the bone of this name.
        twisted: it takes the turn about its own y axis of the bone of this name.
    """

    name: str
    joint: str
    rest: Array
    parent: str
    under: str = ""
    turned: str = ""
    twisted: str = ""

    @property
    def is_followed(self) -> bool:
        """Whether the MHR bone follows this bone; otherwise it only helps another socket."""
        return not self.turned


@dataclass(frozen=True)
class Metarig:
    """All bones that Rigify is given.

    Attributes:
        bones: a parent stands before its children.
        sockets: after the bones; a parent stands before its children.
        face: the sliders of the face; their bones are among ``bones``.
    """

    bones: tuple[MetaBone, ...]
    sockets: tuple[Socket, ...]
    face: FacePanel


def standard_pose(body: Body, parameters: ArrayLike) -> Array:
    """The model parameters (204,) of the same skeleton in the standard pose: of ``parameters``, lengths and scales."""
    kept = np.asarray(parameters, dtype=np.float64)
    standing = np.zeros_like(kept)
    for slider in RigMap.of(body).section("skeleton"):
        standing[slider.index] = kept[slider.index]
    return standing


def bone_frames(body: Body, parameters: ArrayLike) -> Array:
    """(127, 4, 4) the rigid frames of the MHR bones under model parameters (204,), m, armature space."""
    pose = body.pose(np.asarray(parameters, dtype=np.float64))
    frames = np.tile(np.eye(4), (len(body.joint_names), 1, 1))
    frames[:, :3, :3] = MHR_TO_BLENDER @ np.asarray(pose.rotations, dtype=np.float64) @ RigMap.of(body).layout.turns
    frames[:, :3, 3] = mhr_to_blender(pose.translations)
    return frames


def metarig_of(body: Body, parameters: ArrayLike, identity: Array | None = None) -> Metarig:
    """The metarig of a character.

    Args:
        parameters: (204,) model parameters; only their lengths and scales count.
        identity: (n_id,) the shape's coefficients: the soles and the heels are found on the surface.
    """
    standing = standard_pose(body, parameters)
    rest = bone_frames(body, standing)
    vertices = mhr_to_blender(body.vertices(standing, identity, correctives=False))
    return _Placer(body, rest, vertices).metarig()


class _Placer:
    """Lays the bones of the metarig on the joints of one character."""

    def __init__(self, body: Body, rest: Array, vertices: Array) -> None:
        self._body, self._rest, self._vertices = body, rest, vertices
        self._index = {name: i for i, name in enumerate(body.joint_names)}
        self._main = np.asarray(body.skin_indices)[
            np.arange(len(vertices)), np.asarray(body.skin_weights).argmax(axis=1)
        ]
        self._bones: list[MetaBone] = []
        self._sockets: list[Socket] = []

    def metarig(self) -> Metarig:
        self._torso()
        for letter, side in (("l", "L"), ("r", "R")):
            self._arm(letter, side)
            self._leg(letter, side)
            self._eye(letter, side)

        face = self._face()
        return Metarig(tuple(self._bones), tuple(self._sockets), face)

    def _face(self) -> FacePanel:
        """The panel of the face, whose bones point up, and forward with their z axes."""
        panel = face_panel(RigMap.of(self._body).section("expression"), self._at("c_head"), self._at("c_head_null"))
        across, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
        raw = {"type": "basic.raw_copy", "collection": "Expressions"}
        self._bone(PANEL, "head", panel.origin, panel.origin + up * panel.track, across, **raw)
        for slider in panel.sliders:
            place = panel.origin + across * slider.place[0] + up * slider.place[1]
            self._bone(slider.bone, PANEL, place, place + up * panel.track / 4, across, **raw)
        return panel

    def _at(self, joint: str) -> Array:
        return np.array(self._rest[self._index[joint], :3, 3])

    def _hinge(self, joint: str) -> Array:
        return np.array(self._rest[self._index[joint], :3, 0])

    def _bone(self, name: str, parent: str, head: Array, tail: Array, x_axis: Array, **more: Any) -> None:
        along = tail - head
        if np.linalg.norm(along) < MIN_LENGTH:
            direction = unit(along)
            tail = head + MIN_LENGTH * (np.array([0.0, 0.0, 1.0]) if direction is None else direction)
        self._bones.append(MetaBone(name, parent, head, tail, x_axis, **more))

    def _socket(self, joint: str, parent: str, **more: Any) -> None:
        self._sockets.append(Socket(SOCKET + joint, joint, self._rest[self._index[joint]], parent, **more))

    def _twist(self, joint: str, above: str, end: str) -> None:
        """Sockets for a joint that has the twist between two others, of which the second takes the rest of a turn."""
        turned = Socket(
            f"{SOCKET}{joint}-turned", joint, self._rest[self._index[joint]], SOCKET + above, turned=SOCKET + end
        )
        self._sockets.append(turned)
        self._socket(joint, SOCKET + above, twisted=turned.name)

    def _torso(self) -> None:
        across = np.array([1.0, 0.0, 0.0])
        waist = self._at(_SPINE[0])
        hips = (self._at("l_upleg") + self._at("r_upleg")) / 2
        # twice as far as the hip joints: a pelvis shorter than that can hardly be grasped
        below = waist + 2.0 * (hips - waist)
        if np.linalg.norm(below - waist) < 0.02:
            below = waist - np.array([0.0, 0.0, 0.1])
        torso = {
            "type": "spines.basic_spine",
            "parameters": {"pivot_pos": 1, "make_fk_controls": True},
            "references": {"tweak": "Torso (Tweak)", "fk": "Torso (FK)"},
        }
        self._bone("spine", "", below, waist, across, **torso)
        self._socket("root", "spine")
        ends = [*_SPINE[1:], "c_neck"]
        for i, (joint, end) in enumerate(zip(_SPINE, ends)):
            above = "spine" if i == 0 else f"spine.{i:03d}"
            name = f"spine.{i + 1:03d}"
            self._bone(name, above, self._at(joint), self._at(end), across, connected=True)
            # Rigify blends the bone above the pivot with the hips, and only the control itself is exact
            self._socket(joint, name, under="spine_fk.001" if i == 0 else "")
        neck = {
            "type": "spines.super_head",
            "parameters": {"connect_chain": True},
            "references": {"tweak": "Torso (Tweak)"},
        }
        self._bone("neck", "spine.004", self._at("c_neck"), self._at("c_head"), across, **neck)
        self._bone("head", "neck", self._at("c_head"), self._at("c_head_null"), across, connected=True)
        self._socket("c_neck", "neck")
        self._socket("c_head", "head")
        self._single("jaw", "head", "c_jaw", "c_jaw_null", widget="jaw", collection="Face")

    def _single(
        self, name: str, parent: str, joint: str, end: str, widget: str = "circle", collection: str = "Torso"
    ) -> None:
        """A control for one joint."""
        along = self._at(end) - self._at(joint)
        self._bone(
            name,
            parent,
            self._at(joint),
            self._at(joint) + along,
            self._hinge(joint),
            type="basic.super_copy",
            parameters={"make_control": True, "make_widget": True, "super_copy_widget_type": widget},
            collection=collection,
        )
        self._socket(joint, name)

    def _eye(self, letter: str, side: str) -> None:
        self._single(f"eye.{side}", "head", f"{letter}_eye", f"{letter}_eye_null", collection="Face")

    def _arm(self, letter: str, side: str) -> None:
        joints = [f"{letter}_{part}" for part in ("uparm", "lowarm", "wrist")]
        self._single(f"shoulder.{side}", "spine.004", f"{letter}_clavicle", joints[0], widget="shoulder")
        limb = {
            "type": "limbs.arm",
            "parameters": {"rotation_axis": "x", "segments": 2, "make_ik_wrist_pivot": False},
            "references": {"fk": f"Arm.{side} (FK)", "tweak": f"Arm.{side} (Tweak)"},
            "collection": f"Arm.{side} (IK)",
        }
        upper, lower, hand = (f"{part}.{side}" for part in ("upper_arm", "forearm", "hand"))
        places = [self._at(joint) for joint in joints]
        knuckles = np.mean([self._at(f"{letter}_{finger}1") for finger in _FINGERS], axis=0)
        inner = {"connected": True, "collection": f"Arm.{side} (IK)"}
        self._bone(upper, f"shoulder.{side}", places[0], places[1], self._hinge(joints[0]), **limb)
        self._bone(lower, upper, places[1], places[2], self._hinge(joints[1]), **inner)
        self._bone(hand, lower, places[2], knuckles, self._hinge(joints[2]), **inner)
        for joint, bone in zip(joints, (upper, lower, hand)):
            self._socket(joint, bone)
        self._twist(f"{letter}_wrist_twist", joints[1], joints[2])
        for finger in _FINGERS:
            self._finger(letter, side, f"f_{finger}", finger, hand)
        self._single(f"thumb.00.{side}", hand, f"{letter}_thumb0", f"{letter}_thumb1", collection="Fingers")
        self._finger(letter, side, "thumb", "thumb", f"thumb.00.{side}")

    def _finger(self, letter: str, side: str, name: str, finger: str, parent: str) -> None:
        joints = [f"{letter}_{finger}{number}" for number in (1, 2, 3)]
        ends = [*joints[1:], f"{letter}_{finger}_null"]
        chain = {
            "type": "limbs.super_finger",
            "parameters": {"primary_rotation_axis": "X"},
            "references": {"tweak": "Fingers (Detail)"},
        }
        for number, (joint, end) in enumerate(zip(joints, ends), start=1):
            bone = f"{name}.{number:02d}.{side}"
            more: dict[str, Any] = {"collection": "Fingers", "connected": number > 1, **(chain if number == 1 else {})}
            self._bone(bone, parent, self._at(joint), self._at(end), self._hinge(joint), **more)
            self._socket(joint, bone)
            parent = bone

    def _leg(self, letter: str, side: str) -> None:
        joints = [f"{letter}_{part}" for part in ("upleg", "lowleg", "talocrural", "ball")]
        thigh, shin, foot, toe = (f"{part}.{side}" for part in ("thigh", "shin", "foot", "toe"))
        limb = {
            "type": "limbs.leg",
            "parameters": {
                "rotation_axis": "x",
                "segments": 2,
                "foot_pivot_type": "ANKLE_TOE",
                "extra_ik_toe": True,
            },
            "references": {"fk": f"Leg.{side} (FK)", "tweak": f"Leg.{side} (Tweak)"},
            "collection": f"Leg.{side} (IK)",
        }
        places = [self._at(joint) for joint in joints]
        tip, heel = self._sole(letter)
        inner = {"connected": True, "collection": f"Leg.{side} (IK)"}
        self._bone(thigh, "spine", places[0], places[1], self._hinge(joints[0]), **limb)
        self._bone(shin, thigh, places[1], places[2], self._hinge(joints[1]), **inner)
        self._bone(foot, shin, places[2], places[3], self._hinge(joints[2]), **inner)
        self._bone(toe, foot, places[3], tip, self._hinge(joints[3]), **inner)
        outer, within = heel
        self._bone(f"heel.02.{side}", foot, outer, within, np.array([0.0, 0.0, 1.0]), collection=f"Leg.{side} (IK)")
        for joint, bone in zip(joints, (thigh, shin, foot, toe)):
            self._socket(joint, bone)
        self._twist(f"{letter}_foot", joints[1], joints[2])

    def _sole(self, letter: str) -> tuple[Array, tuple[Array, Array]]:
        """The tip of the toes, and the two ends of a line across the heel on the ground."""
        ankle, ball = self._at(f"{letter}_talocrural"), self._at(f"{letter}_ball")
        foot = self._vertices[np.isin(self._main, [self._index[f"{letter}_{part}"] for part in _FOOT])]
        forward = unit((ball - ankle) * (1.0, 1.0, 0.0))
        if forward is None:
            forward = np.array([0.0, -1.0, 0.0])
        across = np.cross(forward, [0.0, 0.0, 1.0])
        if not len(foot):
            foot = np.stack([ankle, ball])
        reach, ground = (foot - ankle) @ forward, float(foot[:, 2].min())
        tip = ball + forward * max(float(reach.max() - (ball - ankle) @ forward), 0.02)
        middle = ankle + forward * float(reach.min()) * 0.7
        middle[2] = ground
        half = max(float(np.ptp((foot - ankle) @ across)) / 3, 0.01)
        outward = across if (letter == "l") == (across[0] > 0) else -across
        return tip, (middle - outward * half, middle + outward * half)
