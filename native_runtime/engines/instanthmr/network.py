"""InstantHMR's ONNX file as it was released, of whatever size and input, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.onnx.providers import CPU
from native_runtime.onnx.sessions import Network, default_threads, open_network

Array = NDArray[np.float64]
Numbers = NDArray[np.float32]

_OUTPUTS = {"mhr_params": (204,), "shape_params": (45,), "cam_trans": (3,), "joints_2d": (70, 2)}
"""What is used, with the shapes for one person. Some releases also answer `joints_3d`, which follows from these."""

_OPTIONAL = ("joints_2d",)
_USUAL_SIZE = 224


@dataclass(frozen=True)
class Answer:
    """What the network says of a person.

    Attributes:
        model_parameters: (204,) MHR's, as they come.
        shape: (45,) coefficients of MHR's own body.
        translation: (3,) m, camera axes: where MHR's origin lies before the camera that the network assumes.
        points: (70, 2) MHR-70 keypoints, from -1 to 1 over the crop; None where it says nothing of them.
    """

    model_parameters: Array
    shape: Array
    translation: Array
    points: Array | None


class Division(NamedTuple):
    """How people are computed.

    Attributes:
        parts: which are computed at once.
        beside: how many parts at the same time.
    """

    parts: tuple[slice, ...]
    beside: int


class HmrNetwork:
    """The network, open.

    Attributes:
        size: px, of its square picture.
        wants_focal: whether its conditions are angles, for which it must know the focal length.
        batch: how many people it computes at once; None for any number.
        provider: ONNX Runtime's name of what computes it.
    """

    def __init__(self, network: Network, on_one_thread: Callable[[], Network] | None = None) -> None:
        """Prepare the network.

        Args:
            network: the file, open.
            on_one_thread: opens it again for a single thread; None where people are better computed in a batch.

        Raises:
            ModelError: the file is another network.
        """
        self._network, self._on_one_thread = network, on_one_thread
        self._opened: Network | None = None
        self._lock = Lock()
        self.provider = network.provider
        shapes = network.input_shapes
        pictures = [name for name, shape in shapes.items() if len(shape) == 4 and shape[1] == 3]
        conditions = [name for name, shape in shapes.items() if len(shape) == 2 and shape[1] == 3]
        missing = [name for name in _OUTPUTS if name not in network.output_names and name not in _OPTIONAL]
        if len(shapes) != 2 or len(pictures) != 1 or len(conditions) != 1 or missing:
            raise ModelError(
                f"{network.path.name} is not a network of InstantHMR: that takes a picture (N, 3, h, w) and a "
                f"condition (N, 3), and answers {', '.join(name for name in _OUTPUTS if name not in _OPTIONAL)}."
            )
        self._picture, self._condition = pictures[0], conditions[0]
        self._outputs = [name for name in _OUTPUTS if name in network.output_names]
        count, _, height, width = shapes[self._picture]
        said = network.metadata.get("image_size", "")
        self.size = width or height or (int(said) if said.isdecimal() else _USUAL_SIZE)
        if height not in (None, self.size):
            raise ModelError(f"{network.path.name} wants pictures of {width} x {height} pixels, which are not square.")
        self.batch = count
        self.wants_focal = network.metadata.get("cliff_focal", "").strip().lower() in ("true", "1", "yes")

    @staticmethod
    def open(path: Path, providers: Sequence[str] | None = None) -> HmrNetwork:
        """Open the file on the best provider that works.

        Raises:
            ModelError: it cannot be opened, or is another network.
        """
        network = open_network(path, providers)
        if network.provider != CPU:
            return HmrNetwork(network)
        return HmrNetwork(network, lambda: open_network(path, ("cpu",), threads=1))

    def division(self, people: int) -> Division:
        """How people are best computed. On a processor they go side by side, each on a thread of its own: the network's
        many small layers leave threads waiting for each other.
        """
        threads = default_threads()
        beside = people > 1 and threads > 1 and self._on_one_thread is not None
        together = self.batch or (1 if beside else max(people, 1))
        parts = [slice(start, min(start + together, people)) for start in range(0, people, together)]
        return Division(tuple(parts), min(threads, len(parts)) if beside else 1)

    def answers(self, pictures: Sequence[Numbers], conditions: Sequence[Numbers], beside: bool = False) -> list[Answer]:
        """What it says of the people of a part of a division.

        Args:
            pictures: (3, size, size) each, see ``crop``.
            conditions: (3,) each.
            beside: whether other parts are computed at the same time.

        Raises:
            ModelError: there is not enough memory, or the answers have other sizes.
        """
        some, count = (np.stack(pictures), np.stack(conditions)), len(pictures)
        nobody = (self.batch or count) - count
        full = [np.pad(values, [(0, nobody)] + [(0, 0)] * (values.ndim - 1)) for values in some]
        return self._run(self._single if beside else self._network, full[0], full[1])[:count]

    @property
    def _single(self) -> Network:
        with self._lock:
            if self._opened is None:
                assert self._on_one_thread is not None
                self._opened = self._on_one_thread()
            return self._opened

    def _run(self, network: Network, pictures: Numbers, conditions: Numbers) -> list[Answer]:
        types = network.input_types
        inputs = {
            self._picture: pictures.astype(types[self._picture], copy=False),
            self._condition: conditions.astype(types[self._condition], copy=False),
        }
        try:
            out = {
                name: np.asarray(values, np.float64).reshape(len(pictures), *_OUTPUTS[name])
                for name, values in network.run(self._outputs, **inputs).items()
            }
        except ValueError as error:
            text = f"{network.path.name} is not a network of InstantHMR: its answers have other sizes."
            raise ModelError(text) from error
        points = out.get("joints_2d", [None] * len(pictures))
        return [Answer(*numbers) for numbers in zip(out["mhr_params"], out["shape_params"], out["cam_trans"], points)]
