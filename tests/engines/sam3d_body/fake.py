"""Networks without weights: they answer by what they are shown, and obey prompts, so that mix-ups show."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.hands import HandCriteria

Array = NDArray[Any]
SIZE = 64
TRUSTING = HandCriteria(wrist_angle=4.0, box_side=0.0, reach=10.0, wrist_distance=100.0)
"""Believes any hand."""
LAYERS = 3


@dataclass(frozen=True)
class Seen:
    """Features or a context: a fingerprint of what was shown."""

    digest: int
    nbytes: int = 1000


class FakeNetworks:
    """`Networks` whose answers are noise that depends on the crop, the mask, the previous estimate and nothing else.

    A prompted keypoint lands where the prompt says; prompts without a place, and their number, change the noise.

    Attributes:
        encoded: crops so far.
        asked, previous: prompts (P, 3) and previous estimate (522,) of each decoded row, by kind of decoder.
        runs: calls of each method.
        shown: sides of the crops that were encoded, of the rays and of the masks, px or cells.
        affines: of each decoded row.
    """

    image_size = (SIZE, SIZE)
    feature_size = (SIZE // 16, SIZE // 16)

    def __init__(self, constants: Mapping[str, Array]) -> None:
        self.constants = constants
        self.encoded = 0
        self.asked: dict[str, list[Array]] = {"body": [], "hand": []}
        self.previous: dict[str, list[Array]] = {"body": [], "hand": []}
        self.runs: Counter[str] = Counter()
        self.shown: set[tuple[str, int]] = set()
        self.affines: list[Array] = []

    def open(self, graph: str) -> None:
        assert graph in {"encoder", "body_context", "body_decoder", "hand_context", "hand_decoder"}

    def encode(self, crops: NDArray[np.uint8]) -> list[Any]:
        self.runs["encode"] += 1
        self.encoded += len(crops)
        self.shown.add(("crop", crops.shape[1]))
        return [Seen(zlib.crc32(crop.tobytes())) for crop in crops]

    def arrays_of(self, features: Any) -> dict[str, Array]:
        return {"features": np.array([features.digest])}

    def from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        if arrays["features"].shape != (1,):
            raise ValueError("no features")
        return Seen(int(arrays["features"][0]))

    def context(self, kind: str, features: Sequence[Any], rays: Array, mask: Array, mask_score: Array) -> list[Any]:
        self.runs[f"{kind}_context"] += 1
        assert len(features) == len(rays) == len(mask) == len(mask_score)
        self.shown |= {("rays", rays.shape[3]), ("mask", mask.shape[3])}
        return [
            Seen(zlib.crc32(np.packbits(own > 0).tobytes() + kind.encode(), seen.digest)) if score else seen
            for seen, own, score in zip(features, mask, mask_score)
        ]

    def decode(self, kind: str, contexts: Sequence[Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.runs[f"{kind}_decoder"] += 1
        assert {len(array) for array in inputs.values()} == {len(contexts)}
        rows = [self._row(kind, seen, {n: a[i] for n, a in inputs.items()}) for i, seen in enumerate(contexts)]
        return {n: np.stack([row[n] for row in rows], axis=1 if n.startswith("layer_") else 0) for n in rows[0]}

    def _row(self, kind: str, seen: Seen, own: Mapping[str, Array]) -> dict[str, Array]:
        prompts = own["keypoints"]
        self.asked[kind].append(prompts)
        self.previous[kind].append(own["previous"])
        labels = sorted(prompts[:, 2].tolist())
        random = np.random.default_rng([seen.digest, zlib.crc32(repr((kind, labels)).encode())])
        out = {
            name: (0.1 * random.standard_normal(shape) + np.abs(own["previous"]).mean()).astype(np.float32)
            for name, shape in _SHAPES.items()
        }
        out["face"] = np.zeros(72, np.float32)
        out["model_parameters"][:3] = 0
        out["camera_translation"] = np.array([0.1, 0.0, 3.0], np.float32)
        out["joint_rotations"] = np.broadcast_to(np.eye(3, dtype=np.float32), (127, 3, 3))
        out["hand_boxes"] = np.array([[0.7, 0.5, 0.2, 0.2], [0.3, 0.5, 0.2, 0.25]], np.float32)
        places = random.uniform(0.2, 0.8, (70, 2))
        for x, y, label in prompts:
            if label >= 0:
                places[int(label)] = x, y
        affine = own["affine"]
        self.affines.append(affine)
        out["keypoints_2d"] = ((places * SIZE - affine[:, 2]) / affine[0, 0]).astype(np.float32)
        for name in ("keypoints_2d", "keypoints_3d"):
            steps = random.standard_normal((LAYERS, *out[name].shape)) * np.linspace(1, 0, LAYERS)[:, None, None]
            out[f"layer_{name}"] = (out[name] + steps).astype(np.float32)
        return out


_SHAPES: dict[str, tuple[int, ...]] = {
    "pose_raw": (266,),
    "global_rotation": (3,),
    "body_pose": (133,),
    "shape": (45,),
    "scale": (28,),
    "hand": (108,),
    "camera": (3,),
    "keypoints_3d": (70, 3),
    "model_parameters": (204,),
    "joint_coordinates": (127, 3),
    "hand_logits": (2, 2),
}
