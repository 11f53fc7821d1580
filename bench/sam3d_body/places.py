"""Where a bench's files lie, and what its stages are told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .layouts import place_of

VARIANTS = ("dinov3", "vith")
PRECISIONS = ("fp32", "int8", "fp16")
_BY_EXACTNESS = ("fp32", "fp16", "int8")

STAGES = {
    "weights": "preparation",
    "convert": "preparation",
    "load": "preparation",
    "full": "timing",
    "encoder": "timing",
    "decoders": "timing",
    "encoders": "yardstick",
    "eager": "yardstick",
    "rounding": "rounding",
}
"""The stages in their order, and the module of each; `plan` knows what each needs."""


@dataclass(frozen=True)
class Settings:
    """What one stage works on.

    Attributes:
        work: folder of all files that the bench makes.
        variant: of `VARIANTS`.
        precision: of the converted model.
        provider: short name, as for `native_runtime.onnx.providers`.
        threads: of every network.
        photo: that the full pass looks at.
        repeats: how often short things are timed.
        seed: of the random weights.
        templates: folder of the graphs without weights.
        layout: in which the checkpoint is stored that is converted (`layouts.LAYOUTS`).
        kind: of the random weights (`checkpoint.KINDS`).
    """

    work: str
    variant: str
    precision: str
    provider: str
    threads: int
    photo: str
    repeats: int
    seed: int
    templates: str
    layout: str = "official"
    kind: str = "normal"

    def json(self) -> dict[str, Any]:
        """For the stage's command line."""
        return asdict(self)

    @property
    def folder(self) -> Path:
        """Of the variant."""
        return Path(self.work) / (self.variant if self.kind == "normal" else f"{self.variant}-{self.kind}")

    @property
    def checkpoint(self) -> Path:
        """Under official names; it is always there."""
        return place_of("official", self.folder)

    @property
    def converted_from(self) -> Path:
        """In the layout."""
        return place_of(self.layout, self.folder)

    @property
    def mhr(self) -> Path:
        return self.folder / "mhr_model.pt"

    @property
    def models(self) -> Path:
        """The models folder of the precision; its networks that find people are those of the user's own."""
        return self.folder / (self.precision if self.layout == "official" else f"{self.precision}-{self.layout}")

    @property
    def record(self) -> Path:
        """What the networks were asked in the full pass."""
        return self.folder / f"record-{self.models.name}-{self.provider}.npz"

    @property
    def estimate(self) -> Path:
        """The full pass's keypoints."""
        return self.folder / f"estimate-{self.models.name}-{self.provider}.npz"

    def recorded(self) -> Settings:
        """The same of the most exact precision whose full pass was recorded; itself where none was."""
        exact_first = (replace(self, precision=precision) for precision in _BY_EXACTNESS)
        return next((one for one in exact_first if one.record.is_file()), self)

    @property
    def device(self) -> str:
        """PyTorch's name of where the provider computes."""
        return "cuda" if self.provider == "cuda" else "cpu"
