"""What a training tells while it runs: a line of JSON a report, and curves for TensorBoard where that is installed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "metrics.jsonl"


class Reports:
    """The reports of one training, in a folder of its own."""

    def __init__(self, folder: Path, from_step: int) -> None:
        """``from_step``: reports of later steps are of a run that was broken off, and are dropped."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        kept = [line for line in self._lines() if json.loads(line)["step"] <= from_step]
        self._path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._curves: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._curves = SummaryWriter(str(folder), purge_step=from_step + 1)
        except ImportError:
            pass

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Report numbers after a step; what is not finite is written as null, since JSON has no name for it."""
        shown = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **shown}) + "\n")
        if self._curves is not None:
            for name, number in numbers.items():
                self._curves.add_scalar(name, number, step)

    def close(self) -> None:
        """Write what is still waiting."""
        if self._curves is not None:
            self._curves.close()

    def _lines(self) -> list[str]:
        if not self._path.is_file():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.endswith("}")]  # the last one may have been cut off
