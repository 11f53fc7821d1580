"""Teaching the project's own network: the truth that it is held to, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.detection.crops import Crop
from native_runtime.detection.lifting import POINTS, SEGMENTS
from tests.support.glimpsed import person

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from native_runtime.compact.inputs import inputs_of_glimpses  # noqa: E402
from native_runtime.errors import UsageError  # noqa: E402
from native_runtime.training.compact.export import export  # noqa: E402
from native_runtime.training.compact.making import checked, recipe_of, sound  # noqa: E402
from native_runtime.training.compact.model import CompactNetwork  # noqa: E402
from native_runtime.training.compact.reading import Readings, stance_of  # noqa: E402
from native_runtime.training.compact.train import Recipe, answer, calibrate, train  # noqa: E402

LENS = np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]])


def readings(count: int = 24) -> Readings:
    """People whose depth follows from one feature, so that it can be learnt from the picture alone."""
    rows = []
    for seed in range(count):
        who = person(seed, angle=0.0)
        seen = who.glimpses
        assert seen is not None
        rng = np.random.default_rng(seed)
        truth = np.column_stack([seen.world[0, :, :2], 2.0 + rng.uniform(-0.3, 0.3, 33)])
        seen.coarse[:, :, :33] = (truth[:, 2] - 2.0)[None, None] * 4
        inputs = inputs_of_glimpses(seen, who.second, 900.0, {})
        box = np.array([100.0, 60, 540, 560])
        told = [stance_of(truth, LENS, seen.window, box, flipped) for flipped in (False, True)]
        flat, vectors, places = (np.array(column, np.float32) for column in zip(*told, strict=True))
        own = inputs.points[..., :2] + 0.5
        rows.append((inputs.points, inputs.view, seen.coarse, seen.fine, own + 0.01 + 0 * flat, vectors, places,
                     f"clip/{seed % 6}", seed % 4 == 0))  # fmt: skip
    return Readings(*(np.array(column) for column in zip(*rows, strict=True)))


def test_what_is_true_in_a_window_is_what_the_camera_sees() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform([-0.5, -0.9, 2.8], [0.5, 0.9, 3.4], (33, 3))
    window, box = Crop(330.0, 250.0, 500.0, 0.4), np.array([100.0, 60, 540, 460])
    flat, vectors, places = stance_of(truth, LENS, window, box, False)
    np.testing.assert_allclose(window.from_fractions(flat), project(truth, LENS), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0)
    start, end = (POINTS.index(name) for name in SEGMENTS[6])
    difference = places[end] - places[start]
    np.testing.assert_allclose(vectors[6], difference / np.linalg.norm(difference), atol=1e-9)
    # lengths in space do not change with the axes
    apart = np.linalg.norm(places[0] - places[5])
    first, second = truth[0], truth[11]
    np.testing.assert_allclose(apart, np.linalg.norm(first - second), atol=1e-9)


def test_the_mirrored_truth_is_the_truth_of_the_mirrored_person() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform([-0.5, -0.9, 2.8], [0.5, 0.9, 3.4], (33, 3))
    lens = LENS.copy()
    lens[0, 2] = 319.5
    window, box = Crop(330.0, 250.0, 500.0, 0.4), np.array([100.0, 60, 540, 460])
    from native_runtime.detection.pose import MIRRORED

    reflected = (truth * [-1, 1, 1])[MIRRORED]
    other = Crop(639 - window.x, window.y, window.size, -window.angle)
    mirrored_box = np.array([639 - box[2], box[1], 639 - box[0], box[3]])
    for mine, its in zip(
        stance_of(truth, lens, window, box, True), stance_of(reflected, lens, other, mirrored_box, False), strict=True
    ):
        np.testing.assert_allclose(mine, its, atol=1e-9)


def test_it_learns_what_only_the_picture_shows_and_is_exported_as_it_is(tmp_path: Path) -> None:
    found = readings()
    own = np.flatnonzero(~found.held_out)
    recipe = Recipe(width=32, layers=1, steps=120, batch=16, dropout=0.0, no_features=0.0, average=0.9, rate=4e-3)
    network = train(found, own, recipe)
    start = CompactNetwork(32, 1, dropout=0.0).eval()
    after, before = answer(network, found, own).report(), answer(start, found, own).report()
    assert after["places_mm"] < 0.6 * before["places_mm"]
    assert after["points_permille"] < after["points_permille_before"]
    path = tmp_path / "compact.onnx"
    assert export(network, path) < 0.02
    assert path.stat().st_size > 10_000


def test_the_same_seed_gives_the_same_weights() -> None:
    found, recipe = readings(8), Recipe(width=16, heads=2, layers=1, steps=3, batch=4)
    first, second = (train(found, np.arange(8), recipe).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_calibrated_deviations_hold_what_they_say() -> None:
    found = readings(40)
    people = np.arange(40)
    network = train(found, people, Recipe(width=16, heads=2, layers=1, steps=20, batch=8))
    calibrate(network, found, people)
    off = np.abs(answer(network, found, people).in_deviations)
    assert 0.75 < np.mean(off < 1.2816) < 0.85  # the normal distribution's 80 %


def test_whole_poses_are_kept_for_the_deviations() -> None:
    poses = np.array([f"clip/{k % 50}" + (" + other" if k % 2 else "") for k in range(400)])
    kept = checked(poses)
    assert 0 < kept.sum() < 200
    for name in {str(pose).split(" + ")[0] for pose in poses}:
        mine = np.array([str(pose).split(" + ")[0] == name for pose in poses])
        assert len(set(kept[mine].tolist())) == 1


def test_whoever_was_taken_for_somebody_else_teaches_nothing() -> None:
    found = readings(4)
    found.true_points[1] += 0.3
    assert sound(found).tolist() == [True, False, True, True]


@pytest.mark.parametrize("choice", ["depth=3", "width=wide", "width"])
def test_a_recipe_says_what_it_does_not_know(choice: str) -> None:
    with pytest.raises(UsageError, match=r"recipe|value"):
        recipe_of([choice])
    assert recipe_of(["width=64", "sloppy=[0.1, 0.2]"]).sloppy == (0.1, 0.2)
