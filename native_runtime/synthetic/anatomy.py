"""Where on the body a vertex lies: limbs, distances along them, and smooth fields that clothes, hair and brows end at.

All of it is measured once, on the body at rest without any shape, in centimetres and MHR's axes. A *field* is a number
per vertex, in about centimetres, above zero inside and below zero outside, so that its zero line is a smooth hem.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

Array = NDArray[np.float64]

_FAR = 100.0
_GROUPS = {
    "head": ("c_head", "c_jaw", "c_teeth", "c_tongue", "l_eye", "r_eye"),
    "neck": ("c_neck",),
    "torso": ("root", "body_world", "c_spine", "l_clavicle", "r_clavicle"),
    **{f"{s}_upper_arm": (f"{s}_uparm",) for s in "lr"},
    **{f"{s}_forearm": (f"{s}_lowarm", f"{s}_wrist_twist") for s in "lr"},
    **{f"{s}_hand": (f"{s}_wrist", f"{s}_thumb", f"{s}_index", f"{s}_middle", f"{s}_ring", f"{s}_pinky") for s in "lr"},
    **{f"{s}_thigh": (f"{s}_upleg",) for s in "lr"},
    **{f"{s}_shin": (f"{s}_lowleg",) for s in "lr"},
    **{f"{s}_foot": tuple(f"{s}_{p}" for p in ("foot", "talocrural", "subtalar", "transverse", "ball")) for s in "lr"},
}  # fmt: skip
"""Beginnings of joint names; the longest that fits decides."""


class Anatomy:
    """Measures of one body."""

    def __init__(self, body: Body) -> None:
        self.body = body
        zero = np.zeros(len(body.parameter_names))
        self.pose = body.pose(zero)
        self.rest: Array = np.asarray(body.vertices(zero), np.float64)
        self.keypoints = dict(zip(body.keypoint_names, body.keypoints(self.pose, self.rest)))

    def joint(self, name: str) -> Array:
        """(3,) cm of a joint at rest."""
        place: Array = self.pose.translations[self.body.joint_index(name)]
        return place

    @cached_property
    def faces(self) -> list[NDArray[np.int32]]:
        """The polygons as index arrays."""
        return np.split(self.body.face_vertices, np.cumsum(self.body.face_sizes)[:-1])

    @cached_property
    def group(self) -> NDArray[np.str_]:
        """(V,) the name of the group that moves a vertex most."""
        names = list(_GROUPS)
        of_joint = []
        for joint in self.body.joint_names:
            fits = [(len(start), g) for g, starts in _GROUPS.items() for start in starts if joint.startswith(start)]
            of_joint.append(names.index(max(fits)[1]))
        columns = np.asarray(of_joint)[self.body.skin_indices]
        totals = np.zeros((self.body.vertex_count, len(names)))
        np.add.at(totals, (np.arange(len(totals))[:, None], columns), self.body.skin_weights)
        return np.asarray(names)[totals.argmax(axis=1)]

    @cached_property
    def skin(self) -> NDArray[np.bool_]:
        """(V,) whether a vertex belongs to the outer surface (not to eyes, teeth or tongue)."""
        inner = [n in ("mouth", "eyes", "iris", "pupil", "teeth", "tongue", "lashes") for n in self.body.material_names]
        outside = np.zeros(self.body.vertex_count, bool)
        outside[
            self.body.face_vertices[np.repeat(~np.array(inner)[self.body.face_materials], self.body.face_sizes)]
        ] = True
        return outside

    def _along(self, parts: tuple[str, str], joints: tuple[str, str, str]) -> tuple[Array, float]:
        """(V,) cm along a limb of two bones from its first joint (NaN off the limb), and the limb's length."""
        places = [self.joint(name) for name in joints]
        result, start = np.full(len(self.rest), np.nan), 0.0
        for part, a, b in zip(parts, places[:-1], places[1:]):
            length = float(np.linalg.norm(b - a))
            mine = self.group == part
            result[mine] = start + (self.rest[mine] - a) @ ((b - a) / length)
            start += length
        return result, start

    def sleeves(self, share: float) -> Array:
        """(V,) field that ends each arm at ``share`` of its length from shoulder to wrist; far inside elsewhere."""
        field = np.full(len(self.rest), _FAR)
        for side in "lr":
            along, length = self._along(
                (f"{side}_upper_arm", f"{side}_forearm"), (f"{side}_uparm", f"{side}_lowarm", f"{side}_wrist")
            )
            field = np.where(np.isnan(along), field, share * length - np.nan_to_num(along))
            field[self.group == f"{side}_hand"] = (share - 1) * length - 1.0
        return field

    def legs(self, share: float) -> Array:
        """(V,) field that ends each leg at ``share`` of its length from hip to ankle; far inside elsewhere."""
        field = np.full(len(self.rest), _FAR)
        for side in "lr":
            along, length = self._along(
                (f"{side}_thigh", f"{side}_shin"), (f"{side}_upleg", f"{side}_lowleg", f"{side}_foot")
            )
            field = np.where(np.isnan(along), field, share * length - np.nan_to_num(along))
            # The shin's line goes on through the foot, so that a hem near the ankle stays one line.
            ankle, knee = self.joint(f"{side}_foot"), self.joint(f"{side}_lowleg")
            foot = self.group == f"{side}_foot"
            below = (self.rest[foot] - ankle) @ ((ankle - knee) / np.linalg.norm(ankle - knee))
            field[foot] = (share - 1) * length - below
        return field

    def _is(self, *groups: str) -> NDArray[np.bool_]:
        return np.isin(self.group, groups)

    def shirt(self, sleeve: float, hem: float, neckline: float) -> Array:
        """(V,) field of a shirt.

        Args:
            sleeve: share of the arm; below zero for a top without sleeves.
            hem: cm above the root joint's height (below it where negative).
            neckline: cm that the front of the neck is cut down.
        """
        x, y, z = self.rest.T
        collar = self.joint("c_neck")[1] + 1.5
        front = np.clip((z - self.joint("c_neck")[2] + 3.0) / 6.0, 0.0, 1.0)
        top = collar - y - neckline * front * np.exp(-((x / (5.0 + neckline / 2)) ** 2)) - 2.0 * front
        bottom = y - (self.joint("root")[1] + hem)
        limbs = self._is(*(f"{s}_{p}" for s in "lr" for p in ("upper_arm", "forearm", "hand")))
        field = np.where(limbs, _FAR, np.minimum(top, bottom))
        field = np.minimum(field, self.sleeves(sleeve))
        if sleeve < 0:  # shoulder straps end beside the neck, not where the arm's joint happens to be
            strap = 13.5 - np.abs(x) + np.clip((125.0 - y) * 0.6, 0.0, 12.0)
            field = np.minimum(field, np.where(y > 110.0, strap, _FAR))
        field[self._is("head")] = -_FAR
        field[self._is("l_shin", "r_shin", "l_foot", "r_foot")] = -_FAR
        return self._outer(field)

    def trousers(self, leg: float, waist: float) -> Array:
        """(V,) field of trousers: ``leg`` as a share of the leg, ``waist`` in cm above the root joint's height."""
        field = np.minimum(self.legs(leg), self.joint("root")[1] + waist - self.rest[:, 1])
        arms = [f"{s}_{p}" for s in "lr" for p in ("upper_arm", "forearm", "hand")]
        field[self._is("head", "neck", *arms)] = -_FAR
        return self._outer(field)

    def socks(self, height: float) -> Array:
        """(V,) field of socks that end ``height`` cm above the ankles."""
        return self._outer(np.where(self._is("l_foot", "r_foot"), _FAR, height - self.legs(1.0)) * 1.0)

    def scalp(self, forehead: float = 5.2, nape: float = -5.5) -> Array:
        """(V,) field of where hair grows: heights of the hair line over the eyes in front and behind, cm."""
        eye = (self.joint("l_eye") + self.joint("r_eye")) / 2
        ear = self.keypoints["left_ear"]
        x, y, z = self.rest.T
        middle = (eye[2] + ear[2]) / 2 - 3.0
        angle = np.degrees(np.arctan2(np.abs(x), z - middle))
        line = np.interp(
            angle,
            [0, 25, 45, 58, 66, 90, 112, 140, 180],
            [forehead, forehead, forehead - 1.2, 2.0, -1.0, 1.2, -2.5, nape, nape],
        )
        field = y - (eye[1] + line)
        away_from_ear = np.linalg.norm((self.rest - ear * [1, 1, 1]) * [1, 0.75, 1], axis=1)
        other = np.linalg.norm((self.rest - ear * [-1, 1, 1]) * [1, 0.75, 1], axis=1)
        field = np.minimum(field, np.minimum(away_from_ear, other) - 2.4)
        field[~self._is("head", "neck")] = -_FAR
        return self._outer(field)

    def brows(self, thickness: float = 0.42) -> Array:
        """(V,) field of the eyebrows."""
        eye = (self.joint("l_eye") + self.joint("r_eye")) / 2
        x, y, z = self.rest.T
        across = np.abs(x) - 1.1  # cm from a brow's inner end
        arch = 1.75 + 0.55 * np.sin(np.clip(across / 4.2, 0.0, 1.0) * 2.4) - 0.12 * np.clip(across, 0, 4.2)
        half = thickness * np.clip(1.15 - across / 5.5, 0.2, 1.0)
        field = half - np.abs(y - eye[1] - arch)
        field = np.minimum(field, np.minimum(across, 4.3 - across))
        field[(z < eye[2] - 2.5) | ~self._is("head")] = -_FAR
        return self._outer(field)

    def beard(self) -> Array:
        """(V,) field of chin, jaw and upper lip."""
        eye, nose = (self.joint("l_eye") + self.joint("r_eye")) / 2, self.keypoints["nose"]
        x, y, z = self.rest.T
        jaw = np.minimum(nose[1] - 1.4 - y - 0.012 * (np.abs(x) - 2.0).clip(0) ** 2, z - (eye[2] - 8.5))
        cheek = nose[1] - 1.2 - y - 0.55 * (4.6 - np.abs(x)).clip(0.0, 2.2) + 0.9
        field = np.minimum(jaw, cheek)
        field = np.minimum(field, y - (self.joint("c_neck")[1] + 3.0))
        field[~self._is("head", "neck")] = -_FAR
        return self._outer(field)

    def _outer(self, field: Array) -> Array:
        return np.where(self.skin, field, -_FAR)

    def normals(self, vertices: Array) -> Array:
        """(V, 3) unit vertex normals of posed vertices (V, 3), weighted by area."""
        triangles = self.body.triangles
        a, b, c = (vertices[triangles[:, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        normals = np.zeros_like(vertices)
        for k in range(3):
            np.add.at(normals, triangles[:, k], cross)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
