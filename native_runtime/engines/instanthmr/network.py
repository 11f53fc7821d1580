"""InstantHMR's ONNX file as it was released, of whatever size and input, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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

    def answers(self, pictures: Sequence[Numbers], conditions: Sequence[Numbers]) -> list[Answer]:
        """What it says of people. On a processor, several are computed side by side, each on a thread of its own: the
        network's many small layers leave threads waiting for each other.

        Args:
            pictures: (3, size, size) each, see ``crop``.
            conditions: (3,) each.

        Raises:
            ModelError: there is not enough memory.
        """
        count, threads = len(pictures), default_threads()
        beside = count > 1 and threads > 1 and self._on_one_thread is not None
        together = self.batch or (1 if beside else max(count, 1))
        parts = [slice(start, start + together) for start in range(0, count, together)]
        if not beside or len(parts) == 1:
            answers = [self._answers(self._network, pictures[part], conditions[part], together) for part in parts]
        else:
            network = self._single
            with ThreadPoolExecutor(min(threads, len(parts))) as pool:
                tasks = [
                    pool.submit(self._answers, network, pictures[part], conditions[part], together) for part in parts
                ]
                answers = [task.result() for task in tasks]
        return [answer for some in answers for answer in some]

    @cached_property
    def _single(self) -> Network:
        assert self._on_one_thread is not None
        return self._on_one_thread()

    def _answers(
        self, network: Network, pictures: Sequence[Numbers], conditions: Sequence[Numbers], together: int
    ) -> list[Answer]:
        """Of as many people as are computed at once, or fewer: a fixed number is filled up with nobody."""
        some, count = (np.stack(pictures), np.stack(conditions)), len(pictures)
        full = [np.pad(values, [(0, together - count)] + [(0, 0)] * (values.ndim - 1)) for values in some]
        return self._run(network, full[0], full[1])[:count]

    def _run(self, network: Network, pictures: Numbers, conditions: Numbers) -> list[Answer]:
        types = network.input_types
        inputs = {
            self._picture: pictures.astype(types[self._picture], copy=False),
            self._condition: conditions.astype(types[self._condition], copy=False),
        }
        out = {
            name: np.asarray(values, np.float64).reshape(len(pictures), *_OUTPUTS[name])
            for name, values in network.run(self._outputs, **inputs).items()
        }
        points = out.get("joints_2d", [None] * len(pictures))
        return [Answer(*numbers) for numbers in zip(out["mhr_params"], out["shape_params"], out["cam_trans"], points)]
