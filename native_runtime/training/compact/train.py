"""The training of ``compact``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from native_runtime.detection.lifting import POINTS, mirrored_points, mirrored_segments
from native_runtime.detection.pose import MIRRORED
from native_runtime.evaluation.alignment import aligned, distances

from .model import CompactNetwork, Told
from .reading import Readings

Array = NDArray[np.float64]
Say = Callable[[str], None]

_FLIP = np.array([-1.0, 1.0, 1.0])
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")


@dataclass(frozen=True)
class Recipe:
    """How it is trained.

    Attributes:
        width, layers, heads, dropout, detail: see ``CompactNetwork``.
        steps, batch: of the training; a step goes over so many looks.
        rate: of learning, at its highest; it rises over the first steps and falls as a cosine to 0.
        decay: of the weights (Loshchilov and Hutter 2019, "Decoupled weight decay").
        average: share of the averaged weights that stays in each step.
        places, points: what a metre, and a side of the window, count beside a unit vector.
        face: what places on the face count.
        spread: what the likelihood of the standard deviations counts.
        evenness: poses are drawn by the number of their pictures to the power of 1 - this.
        focal: standard deviation of the logarithm of what is added to the lens.
        no_lens, no_down, no_second: shares of looks without the lens, the photo's direction, the second network.
        noise: standard deviations that are added to the points' own channels, scaled; and to features.
        no_features: share of looks that see points only.
        prompted: share of looks with places from an artist; up to three, most often where the network is off most.
        sloppy: share of those that are off, by a normal distribution of this many sides of the window.
        seed: of all choices.
    """

    width: int = 96
    layers: int = 2
    heads: int = 4
    dropout: float = 0.15
    detail: int = 32
    steps: int = 5500
    batch: int = 64
    rate: float = 1.5e-3
    decay: float = 0.05
    average: float = 0.998
    places: float = 3.0
    points: float = 6.0
    face: float = 0.5
    spread: float = 0.1
    evenness: float = 0.5
    focal: float = 0.15
    no_lens: float = 0.2
    no_down: float = 0.3
    no_second: float = 0.1
    noise: float = 0.1
    no_features: float = 0.15
    prompted: float = 0.4
    sloppy: tuple[float, float] = (0.3, 0.02)
    seed: int = 0

    def text(self) -> str:
        """JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Looks:
    """Readings as tensors, a row for each look."""

    points: Tensor
    view: Tensor
    coarse: Tensor
    fine: Tensor
    true_points: Tensor
    vectors: Tensor
    places: Tensor

    @staticmethod
    def of(readings: Readings, people: NDArray[np.int64]) -> Looks:
        """Of some people: the plain and the mirrored look of each, one after the other."""

        def rows(values: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values[people])).flatten(0, 1)

        return Looks(
            rows(readings.points), rows(readings.view), rows(readings.coarse), rows(readings.fine),
            rows(readings.true_points), rows(readings.vectors), rows(readings.places),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.points)

    def inputs(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """What the network sees of some looks."""
        return (
            self.points[chosen].clone(), self.view[chosen].clone(), self.coarse[chosen].float(),
            self.fine[chosen].float(),
        )  # fmt: skip


def train(
    readings: Readings, people: NDArray[np.int64], recipe: Recipe, say: Say = lambda line: None
) -> CompactNetwork:
    """The network that is learnt from some people, with averaged weights, in evaluation mode."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    looks = Looks.of(readings, people)
    network = CompactNetwork(recipe.width, recipe.layers, recipe.heads, recipe.dropout, recipe.detail)
    _normalise(network, looks)
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    )
    optimiser = torch.optim.AdamW(network.parameters(), recipe.rate, (0.9, 0.98), weight_decay=recipe.decay)
    weights = torch.tensor([recipe.face if name in _FACE else 1.0 for name in POINTS])
    chances = _chances(readings.pose[people], recipe.evenness)
    network.train()
    for step in range(recipe.steps):
        rate = recipe.rate * min(1.0, (step + 1) / 200) * 0.5 * (1.0 + math.cos(math.pi * step / recipe.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        drawn = np.minimum(np.searchsorted(chances, rng.random(recipe.batch)), len(people) - 1)
        chosen = torch.from_numpy(2 * drawn + rng.integers(0, 2, recipe.batch))
        points, view, coarse, fine = looks.inputs(chosen)
        _disturb(points, view, looks.true_points[chosen], recipe)
        scale = network.get_buffer("point_scale")
        points[..., :10] += recipe.noise * torch.randn_like(points[..., :10]) * scale[:, :10]
        blind = torch.rand(recipe.batch) < recipe.no_features
        told = network(points, view, coarse, fine, blind)
        flat = looks.true_points[chosen] - (points[..., :2] + 0.5)
        loss = objective(told, looks.vectors[chosen], looks.places[chosen], flat, weights, recipe)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(network)
        if (step + 1) % 500 == 0:
            say(f"step {step + 1}: {loss.item():.4f}")
    found: CompactNetwork = averaged.module
    return found.eval()


def objective(told: Told, vectors: Tensor, places: Tensor, points: Tensor, weights: Tensor, recipe: Recipe) -> Tensor:
    """The mean length of the errors, whose minimum is a spatial median, and the likelihood of the remaining ones under
    normal distributions.

    Args:
        points: (B, 33, 2) by how much the landmark network's are off; those far beyond the window do not count.
        weights: (21,) of places.
    """
    turned, moved, drawn = told.vectors - vectors, told.places - places, told.points - points
    near = (points.norm(dim=2) < _ASTRAY).float()
    flat = (drawn.norm(dim=2) * near).mean() + recipe.spread * 0.1 * _unlikely(drawn, told.point_logs, near[..., None])
    lengths = turned.norm(dim=2).mean() + recipe.places * (moved.norm(dim=2) * weights).mean() / weights.mean()
    unlikely = _unlikely(turned, told.vector_logs) + _unlikely(moved, told.place_logs)
    return lengths + recipe.points * flat + recipe.spread * unlikely


_ASTRAY = 0.5
"""Sides of the window."""


def _unlikely(error: Tensor, logs: Tensor, counted: Tensor | float = 1.0) -> Tensor:
    return ((0.5 * (error.detach() / logs.exp()).square() + logs) * counted).mean()


def _normalise(network: CompactNetwork, looks: Looks) -> None:
    with torch.no_grad():
        network.get_buffer("point_mean").copy_(looks.points.mean(0))
        scale = looks.points.std(0).clamp(min=0.02)
        scale[:, 14:] = torch.tensor([0.05, 0.05, 1.0])  # prompts: there are none in the readings
        network.get_buffer("point_scale").copy_(scale)
        some = slice(0, len(looks), max(1, len(looks) // 4000))
        for name, values in (("coarse", looks.coarse[some].float()), ("fine", looks.fine[some].float())):
            network.get_buffer(f"{name}_mean").copy_(values.mean((0, 1)))
            network.get_buffer(f"{name}_scale").copy_(values.std((0, 1)) + 1e-3)


def _chances(poses: NDArray[np.str_], evenness: float) -> Array:
    """(n,) cumulated chances of people: each pose about equally often, the more so the larger `evenness`."""
    _, inverse, counts = np.unique(poses, return_inverse=True, return_counts=True)
    chances = 1.0 / counts[inverse] ** evenness
    return np.asarray(np.cumsum(chances / chances.sum()))


def _disturb(points: Tensor, view: Tensor, true_points: Tensor, recipe: Recipe) -> None:
    """What is unknown or wrong in use: the lens, the photo's direction, the second network; and what artists say."""
    count = len(points)
    view[:, 0] += recipe.focal * torch.randn(count)
    view[torch.rand(count) < recipe.no_lens, :2] = 0.0
    view[torch.rand(count) < recipe.no_down, 2:] = 0.0
    points[torch.rand(count) < recipe.no_second, :, 10:14] = 0.0
    off = true_points - (points[..., :2] + 0.5)
    share, size = recipe.sloppy
    said = off + size * torch.randn_like(off) * (torch.rand(count, 1, 1) < share)
    inside = ((true_points > -0.2) & (true_points < 1.2)).all(dim=2)
    for number in range(3):
        worst = (off.norm(dim=2) * inside + 1e-3 * torch.rand(count, off.shape[1])).argmax(dim=1)
        chosen = torch.where(torch.rand(count) < 0.6, worst, torch.randint(0, off.shape[1], (count,)))
        rows = torch.nonzero((torch.rand(count) < recipe.prompted / (1 + number)) & inside[torch.arange(count), chosen])
        rows = rows.flatten()
        points[rows, chosen[rows], 14:16] = said[rows, chosen[rows]]
        points[rows, chosen[rows], 16] = 1.0


@dataclass(frozen=True)
class Answered:
    """Answers of P people, both looks averaged, and the truth; errors in standard deviations of single looks, of
    vectors and places (2 P, 40, 3) and of points (2 P, 33, 2); lengths of points' errors (2 P, 33), told and before.
    """

    vectors: Array
    places: Array
    true_vectors: Array
    true_places: Array
    in_deviations: Array
    points_in_deviations: Array
    points_off: Array
    points_off_before: Array

    def report(self) -> dict[str, float]:
        """Mean errors: degrees of directions and of those of arms and legs, mm of places, and mm after alignment."""
        unit = self.vectors / np.maximum(np.linalg.norm(self.vectors, axis=2, keepdims=True), 1e-9)
        angles = np.degrees(np.arccos(np.clip((unit * self.true_vectors).sum(axis=2), -1.0, 1.0)))
        return {
            "degrees": float(angles.mean()),
            "limbs_degrees": float(angles[:, 2:16].mean()),
            "places_mm": float(1000 * np.linalg.norm(self.places - self.true_places, axis=2).mean()),
            "aligned_mm": float(np.mean([distances(aligned(a, b), b) for a, b in zip(self.places, self.true_places)])),
            "in_deviations": float(np.sqrt(np.mean(self.in_deviations**2))),
            "points_permille": float(1000 * self.points_off.mean()),
            "points_permille_before": float(1000 * self.points_off_before.mean()),
        }


def answer(network: CompactNetwork, readings: Readings, people: NDArray[np.int64]) -> Answered:
    """What the network says of some people."""
    looks = Looks.of(readings, people)
    told = []
    with torch.no_grad():
        for start in range(0, len(looks), 512):
            told.append(network(*looks.inputs(torch.arange(start, min(start + 512, len(looks))))))
    vectors, vector_logs, places, place_logs, flat, flat_logs = (
        torch.cat(part).numpy() for part in zip(*told, strict=True)
    )
    before = (looks.true_points - (looks.points[..., :2] + 0.5)).numpy()
    partners, signs = mirrored_segments()
    off = np.concatenate([vectors - looks.vectors.numpy(), places - looks.places.numpy()], axis=1)
    deviations = np.exp(np.concatenate([vector_logs, place_logs], axis=1))
    return Answered(
        (vectors[::2] + (vectors[1::2] * _FLIP * signs[:, None])[:, partners]) / 2,
        (places[::2] + (places[1::2] * _FLIP)[:, mirrored_points()]) / 2,
        looks.vectors.numpy()[::2], looks.places.numpy()[::2], off / deviations,
        (flat - before) / np.exp(flat_logs), np.linalg.norm(flat - before, axis=2), np.linalg.norm(before, axis=2),
    )  # fmt: skip


def calibrate(network: CompactNetwork, readings: Readings, people: NDArray[np.int64], held: float = 0.8) -> None:
    """Make standard deviations so large that they hold this share of people who were not learnt from: for each
    component of each vector, place and point a factor, the same on both sides. Tails do not spoil it.
    """
    found = answer(network, readings, people)
    partners, _ = mirrored_segments()
    order = [*partners, *(len(partners) + number for number in mirrored_points())]
    for name, off, other in (
        ("calibration", found.in_deviations, order),
        ("point_calibration", found.points_in_deviations, MIRRORED),
    ):
        both = np.abs(np.concatenate([off, off[:, other]]))
        factors = np.quantile(both, held, axis=0) / NormalDist().inv_cdf(0.5 + held / 2)
        with torch.no_grad():
            network.get_buffer(name).add_(torch.tensor(np.log(np.maximum(factors, 0.1)), dtype=torch.float32))
