"""The five networks of a converted model, opened when first needed.

Between encoder, contexts and decoders nothing leaves the device on which it was computed, as far as ONNX Runtime
allows: the engine passes on `Tensors`, one for each person or hand, and does not look into them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError, Remedy
from native_runtime.models import manifest
from native_runtime.onnx.device_array import DeviceArray, concatenate
from native_runtime.onnx.sessions import Network, open_network

from .memory import Sized

Array = NDArray[Any]
Kind = Literal["body", "hand"]

_CONSTANTS = "constants.npz"


class Networks(Protocol):
    """What the engine asks of its networks. Lists have one entry for each of N people or hands.

    Attributes:
        image_size: (width, height) px of a crop, which is square.
        feature_size: (h, w) of the feature map.
        constants: ``constants.npz`` of the converted model, by official names.
    """

    image_size: tuple[int, int]
    feature_size: tuple[int, int]
    constants: Mapping[str, Array]

    def open(self, graph: str) -> None:
        """Make a graph ("encoder", "body_context", "body_decoder", ...) ready, if it is not: large ones take long."""

    def encode(self, crops: NDArray[np.uint8]) -> list[Sized]:
        """Features of crops (N, size, size, 3)."""

    def arrays_of(self, features: Sized) -> dict[str, Array]:
        """One crop's features by name, to be stored."""

    def from_arrays(self, arrays: Mapping[str, Array]) -> Sized:
        """The features that `arrays_of` gave.

        Raises:
            ValueError: they are no features of this encoder.
        """

    def context(
        self, kind: Kind, features: Sequence[Sized], rays: Array, mask: Array, mask_score: Array
    ) -> list[Sized]:
        """What a decoder looks at: features with rays (N, 2, h, w), masks (N, 1, size, size) and mask scores (N,)."""

    def decode(self, kind: Kind, contexts: Sequence[Sized], inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """A decoder's outputs, by name, for ``keypoints`` (N, P, 3), ``previous`` (N, 522) and where the crops lie."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """One person's named tensors, each with a first axis of length 1, where they were computed."""

    values: dict[str, DeviceArray]

    @property
    def nbytes(self) -> int:
        """Bytes of all together."""
        return sum(int(np.prod(value.shape)) * value.dtype.itemsize for value in self.values.values())

    @staticmethod
    def split(values: dict[str, DeviceArray]) -> list[Sized]:
        """The rows of several people apart, so that each can be let go alone."""
        count = len(next(iter(values.values())))
        if count == 1:
            return [Tensors(values)]
        return [Tensors({name: _own(value[row]) for name, value in values.items()}) for row in range(count)]

    @staticmethod
    def join(parts: Sequence[Any]) -> dict[str, DeviceArray]:
        """The rows of several people as one batch."""
        return {name: concatenate([part.values[name] for part in parts]) for name in parts[0].values}


def _own(row: DeviceArray) -> DeviceArray:
    """The row without the rest of its batch."""
    array = row.numpy()
    return DeviceArray(array if array.base is None else array.copy())


class OnnxNetworks:
    """`Networks` of a converted model's folder.

    Attributes:
        folder: where it lies.
        runs: how often each graph was run, and on how many people or hands in all: {"encoder": (runs, crops), ...}.
    """

    def __init__(self, folder: Path, providers: Sequence[str] | None = None, threads: int | None = None) -> None:
        """`folder`: of ``store.sam3d_body_dir``; `providers`, `threads`: see ``onnx.sessions.open_network``.

        Raises:
            ModelError: the model is of another version, or damaged.
        """
        self.folder = folder
        facts = manifest.read(folder)
        try:
            self.image_size = _pair(facts["image_size"])
            self.feature_size = _pair(facts["feature_size"])
            with np.load(folder / _CONSTANTS, allow_pickle=False) as archive:
                self.constants: Mapping[str, Array] = {name: archive[name] for name in archive.files}
        except (OSError, ArithmeticError, LookupError, TypeError, ValueError, BadZipFile) as error:
            raise ModelError(
                f"The converted model in {folder} is damaged ({error}).", Remedy.CONVERT_CHECKPOINT
            ) from error
        self.runs: dict[str, tuple[int, int]] = {}
        self._network = cache(lambda graph: open_network(folder / f"{graph}.onnx", providers, threads))

    def open(self, graph: str) -> None:
        """See `Networks`."""
        self._network(graph)

    def encode(self, crops: NDArray[np.uint8]) -> list[Sized]:
        """See `Networks`."""
        return Tensors.split(self._counted("encoder", len(crops)).run_on_device(crops=crops))

    def arrays_of(self, features: Sized) -> dict[str, Array]:
        """See `Networks`."""
        assert isinstance(features, Tensors)
        return {name: value.numpy() for name, value in features.values.items()}

    def from_arrays(self, arrays: Mapping[str, Array]) -> Sized:
        """See `Networks`."""
        for array in arrays.values():
            if array.ndim != 4 or array.shape[0] != 1 or not np.isfinite(array).all():
                raise ValueError(f"an array of {array.shape} is not the features of a crop")
        return Tensors({name: DeviceArray(np.ascontiguousarray(array)) for name, array in arrays.items()})

    @property
    def encoder(self) -> str:
        """Identifies the encoder by the hashes of its files."""
        files = manifest.read(self.folder)["files"]
        return " ".join(str(files[name]["sha256"]) for name in sorted(files) if name.startswith("encoder."))

    def context(
        self, kind: Kind, features: Sequence[Sized], rays: Array, mask: Array, mask_score: Array
    ) -> list[Sized]:
        """See `Networks`."""
        network = self._counted(f"{kind}_context", len(features))
        return Tensors.split(
            network.run_on_device(**Tensors.join(features), rays=rays, mask=mask, mask_score=mask_score)
        )

    def decode(self, kind: Kind, contexts: Sequence[Sized], inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """See `Networks`."""
        return self._counted(f"{kind}_decoder", len(contexts)).run(**Tensors.join(contexts), **inputs)

    def _counted(self, graph: str, count: int) -> Network:
        runs, total = self.runs.get(graph, (0, 0))
        self.runs[graph] = runs + 1, total + count
        return self._network(graph)


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return int(first), int(second)
