"""Photos of a made-up person from cameras around them, as `sam3db views` leaves them, with the truth known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import POSE, SCALE, Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.views.joint import in_view
from native_runtime.takes.views.summary import write_summary
from tests.support.bodies import toy_body

Array = NDArray[np.float64]

SIZES = ((320, 240), (240, 320), (400, 300))
FOCALS = (300.0, 340.0, 420.0)
TURNS = (0.0, 70.0, -110.0)
"""Degrees about the vertical by which each camera is carried around the person."""
UP = (0.05, -0.96, -0.27)
"""Against gravity for the first camera, which looks down and is rolled a little."""
NAMES = ("front", "side", "back")


def views_body() -> Body:
    """A made-up body that turns as a whole with its root, so that all cameras can see the same."""
    body = toy_body(name="seen", keypoints_on_joints=True)
    return replace(body, skin_indices=np.maximum(body.skin_indices, 1))


def intrinsics_of(number: int) -> Array:
    """(3, 3) px of a camera, whose principal point is not in the middle."""
    width, height = SIZES[number]
    focal = FOCALS[number]
    return np.array([[focal, 0, width / 2 - 4.0], [0, focal, height / 2 + 6.0], [0, 0, 1]])


def person(body: Body, seed: int = 3) -> PlacedState:
    """Somebody before the first camera."""
    rng = np.random.default_rng(seed)
    parameters = np.zeros(204)
    parameters[3:6] = rng.uniform(-0.3, 0.3, 3)
    parameters[POSE] = rng.uniform(-0.2, 0.2, 130)
    parameters[SCALE] = rng.uniform(-0.05, 0.05, 68)
    return PlacedState(
        parameters,
        rng.normal(0, 0.3, body.identity_count),
        np.zeros(body.expression_count),
        np.array([0.1, 1.0, 4.0]),
    )


def extrinsics(number: int) -> tuple[Array, Array]:
    """Rotation (3, 3) and translation (3,) m of a camera in the first one's axes: all look at the same place."""
    if number == 0:
        return np.eye(3), np.zeros(3)
    turn = rotation_vector_to_matrix(np.array([0.06 * number, np.radians(TURNS[number]), 0.04 * number]))
    middle = np.array([0.1, 0.0, 4.0])
    return turn, np.array([0.05 * number, -0.02 * number, 4.0 + 0.3 * number]) - turn @ middle


def seen(body: Body, state: PlacedState, number: int, one_pose: bool = True) -> Estimate:
    """A person before a camera, from where the first one sees them in a state."""
    there = in_view(body, state, *extrinsics(number))
    about = {"photos": [f"{name}.png" for name in NAMES], "number": number, "one_pose": one_pose}
    return Estimate.from_state(
        body,
        there,
        intrinsics_of(number),
        image_size=np.array(SIZES[number]),
        bbox=np.array([20.0, 20.0, 200.0, 220.0]),
        engine="landmarks",
        photo=f"{NAMES[number]}.png",
        details={"views": about, "lens": {"up": list(UP if number == 0 else extrinsics(number)[0] @ UP)}},
    )


def write_views(body: Body, folder: Path, one_pose: bool = True, photos: Path | None = None) -> Path:
    """Photos, estimates and the summary in a folder; returns the summary.

    Args:
        photos: where the photos lie; None for beside the summary.
    """
    pictures = photos or folder
    for place in (folder, pictures):
        place.mkdir(parents=True, exist_ok=True)
    views = []
    for number, name in enumerate(NAMES):
        width, height = SIZES[number]
        grain = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
        cv2.imwrite(str(pictures / f"{name}.png"), grain)
        state = person(body)
        if not one_pose:
            state.model_parameters[POSE] = person(body, 10 + number).model_parameters[POSE]
        estimate = seen(body, state, number, one_pose)
        estimate.save(folder / f"{name}_person0")
        about = {
            "photo": f"{name}.png",
            "person": 0,
            "estimate": f"{name}_person0.npz",
            "picture": None,
            "point_error_px": 1.25 + number,
            "camera_doubted": number == 2,
        }
        views.append(about | ({"camera": f"cam{number}"} if one_pose else {}))
    return write_summary(
        folder / f"{NAMES[0]}_views.json",
        {"body_name": body.name, "body_hash": body.hash, "one_pose": one_pose, "calibrated": one_pose, "views": views},
    )
