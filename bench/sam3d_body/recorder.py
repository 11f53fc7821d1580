"""Listens to the engine's networks: which passes ran, on what, with what result, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.memory import Sized
from native_runtime.engines.sam3d_body.networks import Kind, Networks, Tensors

Array = NDArray[Any]

IMAGE_INPUTS = ("rays", "mask", "mask_score")
PROMPT_INPUTS = ("keypoints", "previous", "condition", "bbox_center", "bbox_scale", "affine", "intrinsics")


@dataclass(frozen=True)
class Pass:
    """One call of a decoder.

    Attributes:
        kind: "body" or "hand".
        crops: numbers of the crops that it looked at.
        inputs: `IMAGE_INPUTS` of its context and `PROMPT_INPUTS`.
        outputs: by name.
    """

    kind: str
    crops: tuple[int, ...]
    inputs: dict[str, Array]
    outputs: dict[str, Array]


@dataclass
class Record:
    """All that the networks were asked.

    Attributes:
        crops: (N, size, size, 3) uint8, in the order of encoding.
        features: (N, C, h, w) float32.
        passes: of the decoders, in order.
        seconds: of each call, by graph.
    """

    crops: list[Array] = field(default_factory=list)
    features: list[Array] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it as one `.npz`."""
        arrays: dict[str, Array] = {"crops": np.stack(self.crops), "features": np.stack(self.features)}
        for number, one in enumerate(self.passes):
            arrays[f"{number}/kind"], arrays[f"{number}/crops"] = np.array(one.kind), np.array(one.crops)
            arrays |= {f"{number}/in/{name}": array for name, array in one.inputs.items()}
            arrays |= {f"{number}/out/{name}": array for name, array in one.outputs.items()}
        np.savez(path, **arrays)

    @staticmethod
    def load(path: Path) -> Record:
        """Read it again, without the seconds."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}

        def part(prefix: str) -> dict[str, Array]:
            return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}

        count = sum(name.endswith("/kind") for name in arrays)
        passes = [
            Pass(str(own["kind"]), tuple(own["crops"].tolist()), part(f"{number}/in/"), part(f"{number}/out/"))
            for number, own in ((number, part(f"{number}/")) for number in range(count))
        ]
        return Record(list(arrays["crops"]), list(arrays["features"]), passes)


class Recorder:
    """`Networks` that pass everything on to others and note it. Results come to the host, as noting needs them."""

    def __init__(self, networks: Networks) -> None:
        self.image_size, self.feature_size = networks.image_size, networks.feature_size
        self.constants = networks.constants
        self.record = Record()
        self._networks = networks
        # What the networks gave out, kept so that no other thing can get the same identity.
        self._features: dict[int, tuple[Sized, int]] = {}
        self._contexts: dict[int, tuple[Sized, int, dict[str, Array]]] = {}

    def open(self, graph: str) -> None:
        """See `Networks`."""
        self._networks.open(graph)

    def encode(self, crops: NDArray[np.uint8]) -> list[Sized]:
        """See `Networks`."""
        found = self._timed("encoder", lambda: self._networks.encode(crops))
        for crop, features in zip(crops, found, strict=True):
            assert isinstance(features, Tensors)
            self._features[id(features)] = features, len(self.record.crops)
            self.record.crops.append(crop)
            self.record.features.append(features.values["features"].numpy()[0].astype(np.float32))
        return found

    def context(
        self, kind: Kind, features: Sequence[Sized], rays: Array, mask: Array, mask_score: Array
    ) -> list[Sized]:
        """See `Networks`."""
        found = self._timed(f"{kind}_context", lambda: self._networks.context(kind, features, rays, mask, mask_score))
        for row, (context, source) in enumerate(zip(found, features, strict=True)):
            place = slice(row, row + 1)
            inputs = {"rays": rays[place], "mask": mask[place], "mask_score": mask_score[place]}
            self._contexts[id(context)] = context, self._features[id(source)][1], inputs
        return found

    def decode(self, kind: Kind, contexts: Sequence[Sized], inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """See `Networks`."""
        outputs = self._timed(f"{kind}_decoder", lambda: self._networks.decode(kind, contexts, inputs))
        seen = [self._contexts[id(context)] for context in contexts]
        image = {name: np.concatenate([own[name] for _, _, own in seen]) for name in IMAGE_INPUTS}
        prompts = {name: np.asarray(inputs[name], np.float32) for name in PROMPT_INPUTS}
        crops = tuple(crop for _, crop, _ in seen)
        self.record.passes.append(Pass(kind, crops, image | prompts, dict(outputs)))
        return outputs

    def _timed(self, graph: str, call: Any) -> Any:
        start = time.perf_counter()
        found = call()
        self.record.seconds.setdefault(graph, []).append(time.perf_counter() - start)
        return found
