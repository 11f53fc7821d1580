"""The dense head: it learns in spite of wrong readings, and known points help the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.dataset.dense import COUNT, mirrors
from native_runtime.training.dense.guidance import Guidance
from native_runtime.training.dense.head import CHANNELS, POINTS, DenseHead, Examples, errors, figures, learn
from native_runtime.training.dense.refining import Recipe, refine


@pytest.fixture(scope="module")
def people() -> Examples:
    """Dense points that follow from four numbers that the network sees, and noise that neighbours share; every tenth
    reading is of somebody else.
    """
    rng = np.random.default_rng(5)
    count = 400
    hidden = rng.normal(size=(count, 4))
    turned = hidden * [1, -1, 1, -1]  # in the mirror image
    shows = rng.normal(size=(4, COUNT, 2)) * 0.05
    shows = (shows + (shows[:, mirrors()] * [-1.0, 1.0]) * np.array([1, -1, 1, -1])[:, None, None]) / 2
    shared = np.exp(-(((np.arange(COUNT)[:, None] - np.linspace(0, COUNT, 12)) / 40.0) ** 2))
    noise = rng.normal(size=(count, 12, 2)) * 0.01
    dense = np.einsum("nh,hpk->npk", hidden, shows) + np.einsum("ps,nsk->npk", shared, noise)
    points = np.zeros((count, 2, POINTS, CHANNELS))
    points[:, 0, 0, :4], points[:, 1, 0, :4] = hidden, turned
    points[::10, :, 0, :4] = rng.normal(size=(len(points[::10]), 2, 4))
    return Examples(points, dense, np.full(count, 0.7))


def some(people: Examples, part: slice) -> Examples:
    return people.some(np.isin(np.arange(len(people.height)), np.arange(len(people.height))[part]))


def test_it_learns_and_known_points_help(people: Examples, tmp_path: Path) -> None:
    head = learn(some(people, slice(0, 300)))
    alone, guided = figures(head, some(people, slice(300, 400)))
    assert alone < 2.0  # the noise that nobody can know is 1.7 %, the points themselves spread over 9 %
    assert guided < 0.75 * alone
    head.save(tmp_path / "head.npz")
    again = DenseHead.load(tmp_path / "head.npz")
    assert np.array_equal(again.places(people.points[:3]), head.places(people.points[:3]))


def test_a_network_learns_what_is_not_linear(people: Examples, tmp_path: Path) -> None:
    away = np.abs(people.points[:, 0, 0, 2:3])  # the same in the mirror image
    shows = np.zeros((COUNT, 2))
    shows[:, 1] = 0.1
    bent = Examples(people.points, people.dense + away[..., None] * shows, people.height)
    learnt, aside, others = (some(bent, part) for part in (slice(0, 280), slice(280, 320), slice(320, 400)))
    linear = learn(learnt)
    losses: list[float] = []
    recipe = Recipe(width=48, directions=8, dropout=0.0, steps=250, batch=64, rate=5e-3)
    head = refine(linear, learnt, aside, recipe, lambda step, loss: losses.append(loss))
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 0.2
    before, after = figures(linear, others)[0], figures(head, others)[0]
    assert after < 0.8 * before
    _, told = head.guidance.given(np.zeros((COUNT, 2)), 1.0, [], np.zeros((0, 2)))
    off = np.linalg.norm(errors(head, aside), axis=2)
    assert 0.4 < np.mean(off < told * np.sqrt(2 * np.log(2))) < 0.7  # half of a Gaussian's are
    head.save(tmp_path / "head.npz")
    again = DenseHead.load(tmp_path / "head.npz")
    assert np.array_equal(again.places(others.points), head.places(others.points))
    assert not np.array_equal(again.places(others.points), linear.places(others.points))


def test_conditioning_is_that_of_gaussians(rng: np.random.Generator) -> None:
    root = rng.normal(size=(8, 8))
    guidance, places = Guidance(root @ root.T), rng.normal(size=(4, 2))
    known = places[[1]] + 0.3
    found, spread = guidance.given(places, 2.0, [1], known, deviation=1e-4)
    np.testing.assert_allclose(found[1], known[0], atol=1e-4)
    assert spread[1] < 1e-2 * np.sqrt(np.diag(guidance.covariance)).max()
    covariance = guidance.covariance
    expected = covariance[:, 2:4] @ np.linalg.inv(covariance[2:4, 2:4]) @ np.full(2, 0.3)
    np.testing.assert_allclose((found - places).ravel(), expected, atol=1e-3)
    nothing, wide = guidance.given(places, 2.0, [], np.zeros((0, 2)))
    assert np.array_equal(nothing, places)
    np.testing.assert_allclose(wide, 2.0 * np.sqrt(np.diag(covariance).reshape(4, 2).mean(axis=1)))
