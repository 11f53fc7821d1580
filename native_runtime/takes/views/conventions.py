"""What a network calls a joint, against the body's own point of that name.

A network's shoulder, elbow or toe is where those who labelled its pictures clicked: beside the body's point, by the
same way for everybody. In one photo the pose and the lengths absorb it. Of several photos of one moment it does harm:
a shift along the view of one camera is one across the view of another, and the cameras turn to make up for it.

The shifts are means over rendered people whose bodies are known (``bench.views``, seed 21, ten people in three views
each), the left and the right one taken together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA
from native_runtime.engines.point_names import body_point
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.evidence_terms import points_of
from native_runtime.fitting.hold import main_joints
from native_runtime.fitting.problem import SeenPoints, project
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]

_SHIFTS = {
    "shoulder": (-0.024, 0.0, -0.003),
    "elbow": (-0.008, 0.0125, 0.0015),
    "wrist": (-0.002, 0.0, -0.003),
    "hip": (-0.002, -0.018, -0.002),
    "knee": (-0.0145, 0.0, -0.004),
    "ankle": (-0.0215, 0.002, 0.0065),
    "heel": (-0.0125, 0.0105, -0.004),
    "foot_index": (0.0165, -0.0005, 0.007),
}
"""(3,) m from the body's point of the left side to the network's, in the axes of the joint that moves the point; of the
right side, whose joints' axes all point the other way, the opposite."""


def without_shifts(body: Body, evidence: Evidence, state: PlacedState, intrinsics: Array) -> Evidence:
    """Evidence whose points are the body's own: each is moved by as much as its shift is seen in the photo.

    Args:
        body: the body.
        evidence: as networks see it; what a person placed stays.
        state: about where the body stands.
        intrinsics: (3, 3) px.
    """
    shifts: dict[str | None, Array] = {
        point: sign * np.array(shift)
        for part, shift in _SHIFTS.items()
        for side, sign in (("left", 1.0), ("right", -1.0))
        if (point := body_point(body, f"{side}_{part}")) in body.landmark_names
    }
    names = tuple(name for name in dict.fromkeys(evidence.points.names) if name in shifts)
    if not names:
        return evidence
    points = points_of(body, names)
    pose = body.pose(state.model_parameters)
    places = SeenPoints(points).camera(pose, state)
    turns = MHR_TO_CAMERA @ pose.rotations[main_joints(points)]
    moved = places + np.einsum("nab,nb->na", turns, np.array([shifts[name] for name in names]))
    apart = dict(zip(names, project(moved, intrinsics) - project(places, intrinsics), strict=True))
    seen = evidence.points
    off = [
        np.zeros(2) if trusted else apart.get(name, np.zeros(2))
        for name, trusted in zip(seen.names, seen.trusted, strict=True)
    ]
    return replace(evidence, points=replace(seen, positions=seen.positions - np.array(off).reshape(-1, 2)))
