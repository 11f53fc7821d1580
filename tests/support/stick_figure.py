"""A person of 70 keypoints for tests that need plausible places and no body: standing, arms half raised."""

from __future__ import annotations

import numpy as np

from native_runtime.camera import project
from native_runtime.fitting.evidence import Silhouette
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.prompts.quality import Prediction
from native_runtime.prompts.quality.anatomy import bones, mirrors

INTRINSICS = np.array([[1000.0, 0.0, 320.0], [0.0, 1000.0, 240.0], [0.0, 0.0, 1.0]])
SIZE = (640, 480)
NAMES = list(keypoint_names())

_LEFT = {
    "eye": (0.03, -0.68, -0.08), "ear": (0.07, -0.66, 0.0), "shoulder": (0.18, -0.45, 0.0),
    "acromion": (0.19, -0.48, 0.0), "elbow": (0.40, -0.28, 0.02), "olecranon": (0.41, -0.26, 0.04),
    "cubital_fossa": (0.39, -0.29, -0.02), "wrist": (0.58, -0.45, -0.06), "hip": (0.1, 0.05, 0.0),
    "knee": (0.14, 0.47, -0.03), "ankle": (0.17, 0.88, 0.02), "heel": (0.17, 0.94, 0.06),
    "big_toe": (0.19, 0.95, -0.14), "small_toe": (0.24, 0.95, -0.10),
}  # fmt: skip
_MIDDLE = {"nose": (0.0, -0.65, -0.11), "neck": (0.0, -0.50, 0.0)}
_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")


def figure() -> np.ndarray:
    """(70, 3) m, camera axes, four metres away; facing the camera, so the person's left is to the right."""
    points = np.zeros((70, 3))
    for name, place in _MIDDLE.items():
        points[NAMES.index(name)] = place
    for name, place in _LEFT.items():
        points[NAMES.index(f"left_{name}")] = place
    wrist = np.array(_LEFT["wrist"])
    for spread, finger in enumerate(_FINGERS):
        way = np.array([0.5, -0.8, -0.1]) + np.array([0.12, 0.08, 0.0]) * (spread - 2)
        for step, end in enumerate(("_third_joint", "2", "3", "4")):
            points[NAMES.index(f"left_{finger}{end}")] = wrist + way / np.linalg.norm(way) * (0.08 + 0.025 * step)
    for index, other in enumerate(mirrors()):
        if NAMES[index].startswith("right_"):
            points[index] = points[other] * [-1, 1, 1]
    return points + [0.0, -0.1, 4.0]


def swung_arm(points: np.ndarray, angle: float) -> np.ndarray:
    """The same with the whole left arm turned about the shoulder in the plane of the photo."""
    arm = [
        i for i, name in enumerate(NAMES)
        if name.startswith("left_") and any(p in name for p in ("elbow", "olecr", "cubit", "wrist", "finger", "thumb"))
    ]  # fmt: skip
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shoulder = points[NAMES.index("left_shoulder"), :2]
    moved = points.copy()
    moved[arm, :2] = shoulder + (points[arm, :2] - shoulder) @ turn.T
    return moved


COARSE = 4
"""Photo px per cell of the mask."""


def outline(points: np.ndarray, radius: float = 0.06) -> Silhouette:
    """What the figure covers: every bone as a stroke, and the trunk."""
    flat = project(points, INTRINSICS)
    strokes = [(a, b) for a, b, _ in bones() if "finger" not in NAMES[a]]
    sides = ("left", "right")
    strokes += [(NAMES.index(f"{s}_shoulder"), NAMES.index(f"{o}_hip")) for s in sides for o in sides]
    grid = COARSE * np.stack(np.meshgrid(np.arange(SIZE[0] // COARSE), np.arange(SIZE[1] // COARSE)), axis=-1)
    mask = np.zeros(grid.shape[:2], np.float32)
    reach = radius * INTRINSICS[0, 0] / points[:, 2].mean()
    for a, b in strokes:
        way = flat[b] - flat[a]
        along = np.clip(((grid - flat[a]) @ way) / max(way @ way, 1e-9), 0, 1)
        mask[np.linalg.norm(grid - flat[a] - along[..., None] * way, axis=-1) < reach] = 1.0
    return Silhouette(mask, np.array([[1 / COARSE, 0, 0], [0, 1 / COARSE, 0]]))


def predicted(points: np.ndarray, silhouette: Silhouette | None = None, **rest: np.ndarray) -> Prediction:
    """A prediction of these points."""
    return Prediction(project(points, INTRINSICS), points, INTRINSICS, silhouette=silhouette, **rest)
