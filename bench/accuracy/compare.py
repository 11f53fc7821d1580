"""One estimate, and what the networks alone say, against the truth of one person."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS, HAND_POINTS, PersonLandmarks
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body

from . import angles, likeness, metrics
from .finding import Figure2D
from .judge import Judge
from .truth import Person, Truth

Array = NDArray[np.float64]

PARTS: dict[str, tuple[str, ...]] = {
    "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    "torso": ("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    "arms": ("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    "legs": ("left_knee", "right_knee", "left_ankle", "right_ankle"),
    "feet": ("left_heel", "right_heel", "left_foot_index", "right_foot_index"),
}
"""The 21 body points that are scored: those that BlazePose and the body both have, without the hands."""

POINTS = tuple(name for names in PARTS.values() for name in names)
SCORED = [BODY_POINTS.index(name) for name in POINTS]
"""Where they stand among the 33."""
_PART_OF = np.array([part for part, names in PARTS.items() for _ in names])
_HIPS = [BODY_POINTS.index("left_hip"), BODY_POINTS.index("right_hip")]
_SIDES = ("left", "right")
_WRIST = 0


def landmark_columns(body: Body) -> tuple[list[int], dict[str, list[int]]]:
    """Where the 33 points of BlazePose and the 21 of each hand stand among the body's landmarks."""
    names = list(body.landmark_names)
    points = [names.index(f"blazepose_{k:02d}") for k in range(len(BODY_POINTS))]
    hands = {side: [names.index(f"{side}_hand_{k}") for k in range(len(HAND_POINTS))] for side in _SIDES}
    return points, hands


def distance_between(truth: Person, found: PersonLandmarks, body: Body, scene: Truth) -> float:
    """How unlike a true and a found person are: mean distance of body points in the frame, in true box diagonals.

    Of an estimate's landmarks in the photo only those within the frame count, so that cut people can be matched.
    """
    points, _ = landmark_columns(body)
    places = truth.landmarks[points][SCORED]
    inside = scene.inside(places)
    if inside.sum() < 3:
        return float("inf")
    pixels = scene.pixels(places)[inside]
    size = max(float(np.linalg.norm(np.ptp(scene.pixels(np.asarray(truth.vertices, np.float64)), axis=0))), 1.0)
    return float(np.mean(np.linalg.norm(found.points_2d[SCORED][inside] - pixels, axis=1)) / size)


def figure_in(scene: Truth, person: Person, body: Body) -> Figure2D:
    """A true person's scored points in the picture."""
    points, _ = landmark_columns(body)
    places = person.landmarks[points][SCORED]
    size = float(np.linalg.norm(np.ptp(scene.pixels(np.asarray(person.vertices, np.float64)), axis=0)))
    return Figure2D(scene.pixels(places), scene.inside(places), max(size, 1.0))


def places_in_photo(body: Body, found: PersonLandmarks | None, estimate: Estimate | None) -> Array:
    """(P, 2) px of a found person's scored points: as the networks saw them, or as the estimate has them."""
    if found is not None:
        return np.asarray(found.points_2d, np.float64)[SCORED]
    if estimate is None:
        return np.full((len(SCORED), 2), np.inf)
    points, _ = landmark_columns(body)
    pose = body.pose(estimate.model_parameters)
    vertices = body.vertices(estimate.model_parameters, estimate.identity, estimate.expression)
    places = mhr_to_camera(body.landmarks(pose, vertices), estimate.camera_translation)
    return project(places[points][SCORED], estimate.intrinsics)


def compare(
    judge: Judge, scene: Truth, person: Person, estimate: Estimate, found: PersonLandmarks | None
) -> dict[str, Any]:
    """All measures of one person.

    Args:
        judge: what is known about the set's body.
        found: what the networks saw, or None where the engine has none: then there is no baseline.

    Returns:
        Numbers by name; ``fit`` and ``networks`` hold those that both have. Distances in mm, ``iou``, ``pck`` shares.
    """
    body = judge.body
    points, hands = landmark_columns(body)
    pose = body.pose(estimate.model_parameters)
    vertices = body.vertices(estimate.model_parameters, estimate.identity, estimate.expression)
    guessed = mhr_to_camera(body.landmarks(pose, vertices), estimate.camera_translation)
    true = person.landmarks
    result: dict[str, Any] = {"fit": _body_errors(true[points], guessed[points])}
    result["fit"] |= _hand_errors(true, {side: guessed[columns] for side, columns in hands.items()}, hands)
    if found is not None:
        result["networks"] = _body_errors(true[points], np.asarray(found.points_3d, np.float64))
        seen = {side: getattr(found, f"{side}_hand") for side in _SIDES}
        result["hands_found"] = [side for side in _SIDES if seen[side] is not None]
        given = {side: np.asarray(hand.points_3d, np.float64) for side, hand in seen.items() if hand is not None}
        result["networks"] |= _hand_errors(true, given, hands)

    surface = np.asarray(person.vertices, np.float64)
    guess = np.asarray(estimate.vertices, np.float64)
    pelvis, other = true[points][_HIPS].mean(axis=0), guessed[points][_HIPS].mean(axis=0)
    result["pve"] = float(metrics.distances(guess - other, surface - pelvis).mean())
    result["pa_pve"] = float(metrics.distances(metrics.aligned(guess, surface), surface).mean())
    result["mhr70"] = float(metrics.distances(estimate.keypoints_3d - other, person.keypoints - pelvis).mean())

    columns = np.array(points)[SCORED]
    inside = scene.inside(true[columns])
    pixels = scene.pixels(true[columns])
    unit = metrics.head_size(scene.pixels(surface[judge.head]))
    box = float(np.ptp(scene.pixels(surface), axis=0).max())
    drawn = {"fit": project(guessed[columns], estimate.intrinsics)}
    if found is not None:
        drawn["networks"] = np.asarray(found.points_2d)[SCORED]
    for source, places in drawn.items():
        result[source]["pck"] = metrics.pck(places[inside], pixels[inside], unit)
        result[source]["pck_box"] = metrics.pck(places[inside], pixels[inside], box, 0.05)
    result["iou"] = metrics.mask_overlap(
        silhouette(body, scene.pixels(surface), scene.size),
        silhouette(body, project(guess, estimate.intrinsics), scene.size),
    )
    result["place_mm"] = float(np.linalg.norm(other - pelvis) * metrics.MM)
    result["depth_share"] = float(abs(other[2] - pelvis[2]) / pelvis[2])
    result["depth_ratio"] = float(other[2] / pelvis[2])
    return result | _posture(judge, person, estimate) | _likeness(judge, scene, person, estimate)


def _posture(judge: Judge, person: Person, estimate: Estimate) -> dict[str, Any]:
    """Hinges (degrees, estimate less truth), limbs that are not seen at all, and parts within each other (mm)."""
    body, names = judge.body, list(judge.body.landmark_names)
    true, guess = angles.segments_of(body, person.joints), angles.segments_of(body, estimate.joints)
    hinges: dict[str, dict[str, float]] = {}
    for hinge in angles.HINGES:
        hinges[hinge] = {
            side: float(angles.flexion(guess, side, hinge) - angles.flexion(true, side, hinge)) for side in angles.SIDES
        }
    unseen = []
    for limb, ends in (("leg", ("knee", "ankle")), ("arm", ("elbow", "wrist"))):
        for side, word in angles.SIDES.items():
            columns = [names.index(f"blazepose_{BODY_POINTS.index(f'{word}_{end}'):02d}") for end in ends]
            if person.seen[columns].any():
                continue
            parts = angles.HINGES["knee" if limb == "leg" else "elbow"]
            away = [angles.angle_between(guess[f"{side}_{part}"], true[f"{side}_{part}"]) for part in parts]
            entry: dict[str, Any] = {"limb": f"{side}_{limb}", "degrees": float(np.mean(away))}
            for key, segments in (("odd", guess), ("odd_truth", true)):
                entry[key] = [] if judge.ranges is None else judge.ranges.beyond(segments, side, limb)
            unseen.append(entry)
    result: dict[str, Any] = {"hinges": hinges, "unseen_limbs": unseen}
    if judge.coarse is not None:
        coarse = judge.coarse.body
        arrays = estimate.model_parameters, estimate.identity, estimate.expression
        own = judge.coarse.within_itself(coarse.vertices(*arrays) / CM_PER_M)
        result |= {"overlap": own.depth * metrics.MM, "overlap_parts": [own.first, own.second]}
        result["overlap_truth"] = judge.coarse.within_itself(person.surface_of(coarse)).depth * metrics.MM
    return result


def _likeness(judge: Judge, scene: Truth, person: Person, estimate: Estimate) -> dict[str, Any]:
    """Sex, size, lens and the way up."""
    gender = likeness.gender_of(judge.body, estimate.identity)
    true, guess = (likeness.field_of_view(k, scene.size) for k in (scene.intrinsics, estimate.intrinsics))
    up = likeness.told_up(estimate.details)
    tilt = float("nan")
    if up is not None and np.isfinite(scene.ground).all():
        tilt = angles.angle_between(up, scene.ground[:3])
    return {
        "gender": gender,
        "sex_said": likeness.sex_said(gender),
        "size_ratio": likeness.size_ratio(judge.body, estimate.joints, person.joints),
        "fov_error": abs(guess - true),
        "focal_ratio": float(estimate.intrinsics[0, 0] / scene.intrinsics[0, 0]),
        "focal_sigma": likeness.told_sigma(estimate.details),
        "up_degrees": tilt,
    }


def _body_errors(true: Array, guess: Array) -> dict[str, Any]:
    """MPJPE from the middle of the hips, PA-MPJPE, and both by part, of BlazePose's 33 points (33, 3) m."""
    root = metrics.rooted(true, true[_HIPS].mean(axis=0))[SCORED]
    other = metrics.rooted(guess, guess[_HIPS].mean(axis=0))[SCORED]
    plain = metrics.distances(other, root)
    best = metrics.distances(metrics.aligned(other, root), root)
    return {
        "mpjpe": float(plain.mean()),
        "pa_mpjpe": float(best.mean()),
        "parts": {part: float(plain[part == _PART_OF].mean()) for part in PARTS},
        "pa_parts": {part: float(best[part == _PART_OF].mean()) for part in PARTS},
    }


def _hand_errors(true: Array, guess: dict[str, Array], hands: dict[str, list[int]]) -> dict[str, Any]:
    """Of each hand in ``guess`` (21, 3) m: the mean error from the wrist, and after the best alignment."""
    result: dict[str, Any] = {"hands": {}, "pa_hands": {}}
    for side, points in guess.items():
        target = true[hands[side]]
        plain = metrics.distances(points - points[_WRIST], target - target[_WRIST])
        result["hands"][side] = float(plain[1:].mean())
        result["pa_hands"][side] = float(metrics.distances(metrics.aligned(points, target), target).mean())
    return result


def silhouette(body: Body, pixels: Array, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) pixels covered by a mesh whose vertices fall on ``pixels`` (V, 2), at half resolution.

    Vertices behind the camera (NaN) leave their triangles out.
    """
    width, height = (size[0] + 1) // 2, (size[1] + 1) // 2
    canvas = np.zeros((height, width), np.uint8)
    corners = pixels[body.triangles] / 2
    corners = corners[np.isfinite(corners).all(axis=(1, 2))]
    # Sixteenths of a pixel, and no number so far off that OpenCV's integers overflow.
    for triangle in np.round(np.clip(corners, -4000, 4000) * 16).astype(np.int32):
        cv2.fillConvexPoly(canvas, triangle, 1, cv2.LINE_8, 4)
    return canvas.astype(bool)
