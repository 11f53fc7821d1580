"""One training in several processes, started by ``torchrun``; everything also works in one, without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Processes:
    """Which process this is.

    Attributes:
        rank, count: this one's number, and how many there are.
        device: what it computes on.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes files."""
        return self.rank == 0

    def share(self, items: list[int]) -> list[int]:
        """Its part of a batch."""
        return items[self.rank :: self.count]

    def distributed(self, module: nn.Module) -> nn.Module:
        """The module with gradients that are averaged over all processes."""
        if self.count == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, find_unused_parameters=True)


@contextmanager
def processes() -> Iterator[Processes]:
    """The processes of this training: those of ``torchrun``'s environment, or this one alone. With CUDA each has the
    card of its local rank, and NCCL in between; otherwise the processor, and gloo.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if count == 1:
        yield Processes(0, 1, device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(distributed.get_rank(), count, device)
    finally:
        distributed.destroy_process_group()
