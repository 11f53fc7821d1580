"""A training of the tiny network as ``torchrun`` starts it: python -m tests.training.two_processes BODY FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from native_runtime.mhr import Body
from native_runtime.training.processes import processes
from native_runtime.training.trainer import train

from .tiny import few_steps, objective, tiny_branch, tiny_people


def main(body: str, folder: str) -> None:
    torch.set_num_threads(1)
    branch = tiny_branch(Body.load(body))
    with processes() as own:
        train(branch, objective(), tiny_people(branch, 8), few_steps(), Path(folder), own)


if __name__ == "__main__":
    main(*sys.argv[1:])
