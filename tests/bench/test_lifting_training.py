"""What the map of ``detection.lifting`` learns from people whose depth the network compresses in a known way."""

from __future__ import annotations

import numpy as np

from bench.lifting.training import Example, fit
from native_runtime.camera import project
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.lifting import SEGMENTS

INTRINSICS = np.array([[900.0, 0, 320], [0, 900, 320], [0, 0, 1]])
HIPS = [BODY_POINTS.index("left_hip"), BODY_POINTS.index("right_hip")]


def skeleton(rng: np.random.Generator) -> np.ndarray:
    """(33, 3) m: bones of fixed lengths that point anywhere about their usual way."""
    points = rng.normal(size=(33, 3)) * 0.01

    def set_off(name: str, parent: str, way: tuple[float, float, float]) -> None:
        bone = np.array(way) + rng.normal(size=3) * 0.6 * np.linalg.norm(way)
        bone *= np.linalg.norm(way) / np.linalg.norm(bone)
        points[BODY_POINTS.index(name)] = points[BODY_POINTS.index(parent)] + bone

    set_off("right_hip", "left_hip", (-0.2, 0.0, 0.0))
    for side, x in (("left", 0.05), ("right", -0.05)):
        set_off(f"{side}_shoulder", f"{side}_hip", (x, -0.5, 0.0))
        set_off(f"{side}_elbow", f"{side}_shoulder", (x, 0.3, 0.0))
        set_off(f"{side}_wrist", f"{side}_elbow", (0.0, 0.26, -0.05))
        set_off(f"{side}_knee", f"{side}_hip", (x, 0.4, -0.1))
        set_off(f"{side}_ankle", f"{side}_knee", (0.0, 0.4, 0.1))
        set_off(f"{side}_heel", f"{side}_ankle", (0.0, 0.05, 0.05))
        set_off(f"{side}_foot_index", f"{side}_heel", (x, 0.0, -0.2))
        set_off(f"{side}_ear", f"{side}_shoulder", (-x, -0.2, 0.0))
    set_off("nose", "left_ear", (-0.07, 0.0, -0.1))
    return points


def example(rng: np.random.Generator, noise: float) -> Example:
    """Somebody seen by a network whose depth is 0.64 of the true one and off by a part of what is hidden."""
    true = skeleton(rng) + [0, 0, 4.0]
    visibility = rng.uniform(0.2, 1.0, 33)
    space = true - true[HIPS].mean(axis=0)
    space[:, 2] = 0.64 * space[:, 2] + noise * (1 - visibility) * rng.normal(size=33)
    person = PersonLandmarks(
        bbox=np.array([270.0, 270, 370, 370]), score=1.0, points_2d=project(true, INTRINSICS), points_3d=space,
        visibility=visibility, presence=np.ones(33), mask=np.ones((4, 4), np.float32),
        mask_from_photo=np.eye(3)[:2],
    )  # fmt: skip
    return Example.of(person, true, INTRINSICS)


def depth_error(noise: float) -> tuple[float, float]:
    """Mean error of the depths of unit vectors on people not learnt from: the network's and the map's."""
    rng = np.random.default_rng(0)
    found = fit([example(rng, noise) for _ in range(400)], ridge=0.1)
    fresh = [example(rng, noise) for _ in range(60)]
    true, raw = (np.array([getattr(one, name) for one in fresh])[..., 2] for name in ("vectors", "raw"))
    lifted = np.array([found.upright(one.sight).vectors for one in fresh])[..., 2]
    return float(np.abs(raw - true).mean()), float(np.abs(lifted - true).mean())


def test_compressed_depth_is_put_right() -> None:
    raw, lifted = depth_error(noise=0.0)
    assert lifted < raw


def test_spreads_are_as_large_as_the_errors_and_larger_for_hidden_points() -> None:
    rng = np.random.default_rng(1)
    found = fit([example(rng, 0.3) for _ in range(500)])
    fresh = [example(rng, 0.3) for _ in range(150)]
    lifted = [found.upright(one.sight) for one in fresh]
    errors = np.array([a.vectors - b.vectors for a, b in zip(lifted, fresh)])
    sigmas = np.array([one.vector_sigmas for one in lifted])
    assert errors.shape == (150, len(SEGMENTS), 3)
    assert 0.85 < float((errors / sigmas).std()) < 1.2
    hidden = np.array([[min(one.sight.visibility)] for one in fresh])
    assert hidden.min() < 0.4  # the examples do hide points
    assert sigmas[..., 2].mean() > sigmas[..., 0].mean()
