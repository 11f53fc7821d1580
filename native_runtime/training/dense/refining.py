"""Teaching the network that adds to the linear map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from native_runtime.dataset.dense import mirrors

from .guidance import Guidance
from .head import DenseHead, Examples, errors, guidance_of, standard
from .residual import Residual

Array = NDArray[np.float64]

_SMALL = 0.01
"""Of people who are missed by more than this, in heights, further improvement counts less."""
_SMOOTH = 1e-6
_SCALE = 0.1
"""Of the last layer's steps: directions have unit length, and what is left is small."""


@dataclass(frozen=True)
class Recipe:
    """How large the network is, and how long and how fast it learns."""

    width: int = 320
    directions: int = 96
    dropout: float = 0.1
    steps: int = 3000
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    seed: int = 0


def refine(
    head: DenseHead,
    learnt: Examples,
    aside: Examples,
    recipe: Recipe | None = None,
    tell: Callable[[int, float], None] = lambda step, loss: None,
) -> DenseHead:
    """The linear ``head`` with a network that learnt from ``learnt``. How errors go together is measured there too, as
    it takes many people; how large they are, on ``aside``, from whom neither learnt.

    Over people, the logarithm of the mean distance in heights is minimised, so that wrong readings count little.
    """
    recipe = recipe or Recipe()
    given = np.concatenate([standard(learnt.points[:, look], head.mean, head.deviation) for look in (0, 1)])
    wanted = np.concatenate([learnt.dense, learnt.dense[:, mirrors()] * [-1.0, 1.0]]).reshape(len(given), -1)
    left = wanted - given @ head.weights
    height = np.concatenate([learnt.height, learnt.height])
    directions = torch.from_numpy(
        np.ascontiguousarray(_directions(left / height[:, None], recipe.directions), np.float32)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = _network(given.shape[1] - 1, recipe)
        numbers, target, tall = (torch.from_numpy(a.astype(np.float32)) for a in (given[:, :-1], left, height))
        optimiser = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps)
        for step in range(recipe.steps):
            rows = torch.randint(len(numbers), (recipe.batch,))
            off = (target[rows] - _SCALE * network(numbers[rows]) @ directions) / tall[rows, None]
            away = (off.view(len(rows), -1, 2).square().sum(dim=2) + _SMOOTH).sqrt().mean(dim=1)
            loss = torch.log(away + _SMALL).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            tell(step, loss.item())
    refined = replace(head, residual=_frozen(network, directions))
    typical, here = (float(np.median(np.linalg.norm(errors(refined, who), axis=2))) for who in (aside, learnt))
    return replace(refined, guidance=Guidance(guidance_of(refined, learnt).covariance * (typical / here) ** 2))


def _directions(left: Array, count: int) -> Array:
    """(count, 595 * 2) in which people (N, 595 * 2) depart most; those who depart by much weigh less."""
    away = np.linalg.norm(left.reshape(len(left), -1, 2), axis=2).mean(axis=1)
    scaled = left / (away + _SMALL)[:, None]
    _, vectors = np.linalg.eigh(scaled.T @ scaled)
    return np.asarray(vectors[:, ::-1][:, :count].T)


def _network(numbers: int, recipe: Recipe) -> nn.Sequential:
    last = nn.Linear(recipe.width, recipe.directions)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(numbers, recipe.width), nn.SiLU(), nn.Dropout(recipe.dropout),
        nn.Linear(recipe.width, recipe.width), nn.SiLU(), nn.Dropout(recipe.dropout), last,
    )  # fmt: skip


def _frozen(network: nn.Sequential, directions: torch.Tensor) -> Residual:
    """The same in NumPy, with the directions multiplied into the last layer."""
    arrays = [p.detach().double().numpy() for layer in network for p in layer.parameters()]
    first, first_bias, second, second_bias, last, last_bias = (a.T for a in arrays)
    basis = _SCALE * directions.double().numpy()
    return Residual(first, first_bias, second, second_bias, last @ basis, last_bias @ basis)
