"""Randomness by name: what is drawn for a sample depends on the training's seed, the step and the sample alone.

So a training that is resumed, or that is shared among processes, draws what one that ran through in one process would.
"""

from __future__ import annotations

import hashlib

import torch


def generator(*names: int | str) -> torch.Generator:
    """A generator (CPU) that is always the same for the same names."""
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def shuffled(count: int, *names: int | str) -> list[int]:
    """0 .. count - 1 in an order that is always the same for the same names."""
    return [int(index) for index in torch.randperm(count, generator=generator(*names))]
