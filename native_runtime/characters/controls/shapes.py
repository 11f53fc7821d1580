"""How controls look: wire shapes scaled to the body, colours by side and kind, and the groups they are shown in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender

from .making import control_plan
from .plan import ControlBone

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Point = tuple[float, float, float]
Shape = Literal["circle", "square", "cube", "ball", "root", "arc", "diamond", "fan", "pad"]

_ROUND = 32
#: The groups in the order in which they are listed, and whether they are shown at first.
GROUPS: tuple[tuple[str, bool], ...] = (
    ("Root", True),
    ("Torso", True),
    ("Head", True),
    ("Face", True),
    ("Face Details", False),
    ("Arm IK.L", False),
    ("Arm FK.L", True),
    ("Arm IK.R", False),
    ("Arm FK.R", True),
    ("Fingers.L", True),
    ("Finger Joints.L", False),
    ("Fingers.R", True),
    ("Finger Joints.R", False),
    ("Leg IK.L", False),
    ("Leg FK.L", True),
    ("Leg IK.R", False),
    ("Leg FK.R", True),
    ("Foot.L", True),
    ("Foot Details.L", False),
    ("Foot.R", True),
    ("Foot Details.R", False),
    ("Mechanism", False),
)
#: Colours (r, g, b) by side: the middle yellow, the left blue, the right red; what is grabbed first (IK, masters) is
#: brighter, details are paler. All stand out from the dark grey of Blender's viewport.
_FK_COLOURS = {"": (1.0, 0.8, 0.2), "L": (0.35, 0.75, 1.0), "R": (1.0, 0.45, 0.4)}
_IK_COLOURS = {"": (1.0, 0.95, 0.45), "L": (0.3, 1.0, 0.95), "R": (1.0, 0.55, 0.85)}
_DETAIL_COLOURS = {"": (0.75, 0.8, 0.5), "L": (0.6, 0.75, 0.9), "R": (0.9, 0.65, 0.6)}
#: Widths of lines by kind, px: what is grabbed first is drawn strongest.
_WIDTH, _WIDTHS = 2.0, {"ik": 3.0, "master": 2.5, "pole": 2.5, "detail": 1.5}


@dataclass(frozen=True)
class Look:
    """How one control looks.

    Attributes:
        shape: which of ``outline``.
        scale: (3,) m, along the bone's own axes.
        offset: (3,) m, from the bone's head along its own axes.
        colour: (3,) r, g, b.
        width: of its lines, px.
    """

    shape: Shape
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    colour: tuple[float, float, float]
    width: float


def looks(body: Body) -> dict[str, Look]:
    """The looks of all controls that are shown, by name."""
    plan = control_plan(body)
    sizes = _Sizes(body)
    return {bone.name: sizes.look(bone) for bone in plan.bones if bone.kind != "mechanism"}


class _Sizes:
    """The surface of the body about each joint at rest."""

    def __init__(self, body: Body) -> None:
        self.points = mhr_to_blender(np.asarray(body.rest_vertices, dtype=np.float64))
        names = [str(name) for name in body.joint_names]
        main = body.skin_indices[np.arange(len(body.skin_indices)), body.skin_weights.argmax(axis=1)]
        # helpers that share a limb's twist hold its surface
        owner = np.array(
            [names.index(name.split("_twist")[0]) if name.endswith("_proc") else i for i, name in enumerate(names)]
        )
        self.names, self.main, self.parents = names, owner[main], body.joint_parents.tolist()
        plan = control_plan(body)
        self.joint = {control: joint for joint, control in plan.follow.items()}
        for limb in plan.limbs:
            self.joint |= dict(zip(limb.fk, limb.joints))
            low = limb.side.lower()
            self.joint[limb.fk[2]] = f"{low}_wrist" if limb.name == "arm" else f"{low}_talocrural"
        self.height = float(np.ptp(self.points[:, 2]))

    def radius(self, bone: ControlBone, joint: str, least: float) -> float:
        """How far the surface of a joint reaches from a bone's y axis, m."""
        own = self.points[self.main == self.names.index(joint)] if joint in self.names else self.points[:0]
        if len(own) < 4:
            return least
        local = (own - bone.rest[:3, 3]) @ bone.rest[:3, :3]
        return max(least, float(np.quantile(np.hypot(local[:, 0], local[:, 2]), 0.9)))

    def box(self, bone: ControlBone, joint: str, unit: float) -> tuple[Point, Point]:
        """Half the size of a box about what hangs on a joint, but the thumb, along a bone's axes; and its middle, m."""
        if joint in self.names:
            number = self.names.index(joint)
            mine = {number}
            for i, parent in enumerate(self.parents):
                if parent in mine and "thumb" not in self.names[i]:
                    mine.add(i)
            local = (self.points[np.isin(self.main, list(mine))] - bone.rest[:3, 3]) @ bone.rest[:3, :3]
            if len(local) >= 4:
                low, high = local.min(axis=0) - 0.01 * unit, local.max(axis=0) + 0.01 * unit
                half, middle = (high - low) / 2, (high + low) / 2
                return (half[0], half[1], half[2]), (middle[0], middle[1], middle[2])
        return (0.05 * unit, 0.09 * unit, 0.035 * unit), (0.0, 0.09 * unit, 0.0)

    def look(self, bone: ControlBone) -> Look:
        shape, scale, offset = self._form(bone)
        ik = bone.kind in ("ik", "pole", "master")
        colours = _DETAIL_COLOURS if bone.kind == "detail" else _IK_COLOURS if ik else _FK_COLOURS
        return Look(shape, scale, offset, colours[bone.side], _WIDTHS.get(bone.kind, _WIDTH))

    def _form(self, bone: ControlBone) -> tuple[Shape, tuple[float, float, float], tuple[float, float, float]]:
        name, unit, middle = bone.name.removesuffix(f".{bone.side}"), self.height / 1.75, (0.0, bone.length / 2, 0.0)
        joint = self.joint.get(bone.name, "")
        fixed: dict[str, tuple[Shape, tuple[float, float, float], tuple[float, float, float]]] = {
            # the root's bone points up: its circle lies on the floor
            "root": ("root", (0.42 * unit,) * 3, (0.0, 0.0, 0.0)),
            "hips": ("square", (0.22 * unit, 1.0, 0.18 * unit), (0.0, 0.0, 0.0)),
            "chest": ("square", (0.2 * unit, 1.0, 0.17 * unit), (0.0, 0.15 * unit, 0.0)),
            "head": ("circle", (0.125 * unit, 1.0, 0.14 * unit), (0.0, 0.19 * unit, 0.0)),
            "jaw": ("arc", (0.035 * unit,) * 3, (0.0, bone.length * 1.25, 0.0)),
            "eyes": ("square", (0.11 * unit, 1.0, 0.04 * unit), (0.0, 0.0, 0.0)),
            "eye_target": ("circle", (0.022 * unit,) * 3, (0.0, 0.0, 0.0)),
            "eye": ("circle", (0.012 * unit,) * 3, (0.0, bone.length * 1.2, 0.0)),
            "hand_ik": ("cube", *self.box(bone, f"{bone.side.lower()}_wrist", unit)),
            "foot_ik": ("pad", (0.07 * unit, 0.17 * unit, 1.0), (0.0, -0.07 * unit, -float(bone.rest[2, 3]))),
            "foot_roll": ("arc", (0.05 * unit,) * 3, (0.0, 0.0, 0.0)),
            "foot_tip": ("ball", (0.014 * unit,) * 3, (0.0, 0.0, 0.0)),
            "elbow_pole": ("diamond", (0.03 * unit,) * 3, (0.0, 0.0, 0.0)),
            "knee_pole": ("diamond", (0.035 * unit,) * 3, (0.0, 0.0, 0.0)),
            "fingers": ("fan", (0.05 * unit, 0.05 * unit, 0.05 * unit), (0.0, 0.0, -0.02 * unit)),
            "shoulder": ("arc", (0.06 * unit,) * 3, (0.0, bone.length * 0.8, 0.0)),
            "foot_tilt": ("circle", (0.05 * unit,) * 3, middle),
            "foot_arch": ("circle", (0.05 * unit,) * 3, middle),
        }
        if name in fixed:
            return fixed[name]
        if name.startswith(("f_", "thumb")) and bone.kind == "master":
            return "fan", (0.012 * unit, 0.022 * unit, 0.012 * unit), (0.0, 0.0, 0.0)
        if bone.group.startswith("Finger Joints") or name.startswith("tongue"):
            return "circle", (self.radius(bone, bone.joint, 0.008 * unit) * 1.15,) * 3, middle
        wide = self.radius(bone, joint, 0.03 * unit) * 1.2
        return "circle", (wide,) * 3, middle


@cache
def outline(shape: Shape) -> tuple[Array, NDArray[np.int32]]:
    """The points (N, 3) and edges (E, 2) of a shape of size 1 about its origin; it faces along y, as bones do."""
    turn = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    ring = np.stack([np.cos(turn), np.zeros(_ROUND), np.sin(turn)], axis=1)
    if shape == "circle":
        return _closed(ring)
    if shape == "ball":
        return _joined([_closed(ring), _closed(ring[:, [1, 0, 2]]), _closed(ring[:, [0, 2, 1]])])
    if shape == "square":
        return _closed(_rounded(0.35))
    if shape == "pad":
        return _closed(_rounded(0.7)[:, [0, 2, 1]])
    if shape == "cube":
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
        edges = [(i, j) for i in range(8) for j in range(i + 1, 8) if np.abs(corners[i] - corners[j]).sum() == 2]
        return corners, np.array(edges, dtype=np.int32)
    if shape == "diamond":
        points = np.array([[1, 0, 0], [0, 0, 1], [-1, 0, 0], [0, 0, -1], [0, 1, 0], [0, -1, 0]], dtype=np.float64)
        edges = [(0, 1), (1, 2), (2, 3), (3, 0), *((i, k) for i in range(4) for k in (4, 5))]
        return points, np.array(edges, dtype=np.int32)
    if shape == "root":
        arrows = []
        for k in range(4):
            c, s = np.cos(k * np.pi / 2), np.sin(k * np.pi / 2)
            tip = np.array([[-0.12, 0, 1.02], [-0.12, 0, 1.12], [-0.24, 0, 1.12], [0, 0, 1.36], [0.24, 0, 1.12]])
            tip = np.concatenate([tip, [[0.12, 0, 1.12], [0.12, 0, 1.02]]])
            arrows.append(_open(tip @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])))
        return _joined([_closed(ring), *arrows])
    if shape == "arc":
        half = np.linspace(-0.35 * np.pi, 0.35 * np.pi, _ROUND // 2)
        bow = np.stack([np.sin(half), np.cos(half), np.zeros(len(half))], axis=1)
        ends = np.array([[0.12, 0.0, 0.0], [-0.12, 0.0, 0.0]])
        heads = [
            _open(np.array([bow[0], bow[0] + (0.02, 0.22, 0)])),
            _open(np.array([bow[0], bow[0] + (0.22, 0.0, 0)])),
            _open(np.array([bow[-1], bow[-1] + (-0.02, 0.22, 0)])),
            _open(np.array([bow[-1], bow[-1] + (-0.22, 0.0, 0)])),
        ]
        return _joined([_open(bow), *heads, _open(np.array([ends[0], ends[1]]))])
    bent = np.linspace(0, 0.6 * np.pi, _ROUND // 2)  # fan: what curls
    bow = np.stack([np.zeros(len(bent)), np.sin(bent), 1 - np.cos(bent)], axis=1)
    sides = [_open(bow + (x, 0.0, 0.0)) for x in (-0.4, 0.4)]
    ties = [_open(np.array([bow[i] + (-0.4, 0, 0), bow[i] + (0.4, 0, 0)])) for i in (0, -1)]
    return _joined([*sides, *ties])


def _rounded(radius: float) -> Array:
    """(N, 3) a square of half size 1 in x and z with round corners."""
    steps = np.linspace(0, np.pi / 2, _ROUND // 4)
    points = []
    for k, (x, z) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        turn = steps + k * np.pi / 2
        corner = np.stack([np.cos(turn), np.zeros(len(turn)), np.sin(turn)], axis=1) * radius
        points.append(corner + np.array([x, 0, z]) * (1 - radius))
    return np.concatenate(points)


def _closed(points: Array) -> tuple[Array, NDArray[np.int32]]:
    count = len(points)
    first = np.arange(count)
    return points, np.stack([first, (first + 1) % count], axis=1).astype(np.int32)


def _open(points: Array) -> tuple[Array, NDArray[np.int32]]:
    first = np.arange(len(points) - 1)
    return points, np.stack([first, first + 1], axis=1).astype(np.int32)


def _joined(parts: list[tuple[Array, NDArray[np.int32]]]) -> tuple[Array, NDArray[np.int32]]:
    points, edges, count = [], [], 0
    for own, lines in parts:
        points.append(own)
        edges.append(lines + count)
        count += len(own)
    return np.concatenate(points), np.concatenate(edges)
