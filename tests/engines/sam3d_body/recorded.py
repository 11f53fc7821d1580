"""Networks that give back what was recorded, after checking that they are asked what was asked then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.parity import DECODER_OUTPUTS

Array = NDArray[Any]
SIZE = 512
SAME_PICTURE = 0.1
"""Mean difference in levels: versions of OpenCV round differently (``test_preprocess`` holds crops to the bit)."""


def constants_of(weights: Mapping[str, Array]) -> dict[str, Array]:
    """What a converted model keeps beside its graphs, of a case's weights."""
    constants = {
        name.removeprefix("head_pose."): array
        for name, array in weights.items()
        if name.startswith("head_pose.") and ".proj." not in name
    }
    for kind, suffix in (("body", ""), ("hand", "_hand")):
        parts = [weights[f"init_{what}{suffix}.weight"][0] for what in ("pose", "camera")]
        constants[f"initial_estimate_{kind}"] = np.concatenate(parts)
    return constants


def outputs_of(recording: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """One recorded pass under the decoders' names; a single layer, as intermediate ones were not recorded."""
    out = {name: recording[prefix + old] for name, old in DECODER_OUTPUTS.items() if prefix + old in recording}
    people = len(out["pose_raw"])
    out.setdefault("hand_boxes", np.full((people, 2, 4), 0.5, np.float32))
    out.setdefault("hand_logits", np.zeros((people, 2, 2), np.float32))
    return out | {f"layer_{name}": out[name][None] for name in ("keypoints_2d", "keypoints_3d")}


def packed(outputs: Mapping[str, Array]) -> Array:
    """(B, 522) a previous estimate."""
    return np.concatenate([outputs[name] for name in ("pose_raw", "shape", "scale", "hand", "face", "camera")], axis=1)


@dataclass(frozen=True)
class Item:
    """Stands for the features or the context of one crop."""

    pass_name: str
    row: int
    nbytes: int = 1000


class RecordedNetworks:
    """`Networks` of one recorded pipeline.

    Attributes:
        encoded: pixels of how many crops were encoded.
        passes: how often each decoder was asked, by kind and number of prompts.
    """

    def __init__(self, recording: Mapping[str, Array], constants: Mapping[str, Array]) -> None:
        self._recording = recording
        self.constants = constants
        self.image_size = (SIZE, SIZE)
        height, width = recording["body.out.image_embeddings"].shape[2:]
        self.feature_size = (int(height), int(width))
        self.encoded = 0
        self.passes: Counter[tuple[str, int]] = Counter()
        self._passes = {name: f"{name}.out.mhr" + ("." if name == "body" else "_hand.") for name in self._names}

    @property
    def _names(self) -> list[str]:
        return [name for name in ("body", "lhand", "rhand") if f"{name}.crop_uint8" in self._recording]

    def open(self, graph: str) -> None:
        assert graph in {"encoder", "body_context", "body_decoder", "hand_context", "hand_decoder"}

    def encode(self, crops: NDArray[np.uint8]) -> list[Any]:
        self.encoded += len(crops)
        items = []
        for crop in crops:
            known = {
                Item(name, row): float(np.abs(there.astype(np.int16) - crop).mean())
                for name in self._names
                for row, there in enumerate(self._recording[f"{name}.crop_uint8"])
            }
            nearest = min(known, key=lambda item: known[item])
            assert known[nearest] < SAME_PICTURE, "a crop that was not recorded"
            items.append(nearest)
        return items

    def context(self, kind: str, features: Sequence[Any], rays: Array, mask: Array, mask_score: Array) -> list[Any]:
        assert rays.shape == (len(features), 2, *self.feature_size)
        for item, own_mask, score in zip(features, mask, mask_score, strict=True):
            assert (item.pass_name == "body") == (kind == "body")
            there = self._recording.get(f"{item.pass_name}.batch.mask")
            if there is None:
                assert score == 0
                assert not own_mask.any()
            else:
                np.testing.assert_array_equal(own_mask, there[0, item.row])
                assert score == self._recording[f"{item.pass_name}.batch.mask_score"][0, item.row]
        return list(features)

    def decode(self, kind: str, contexts: Sequence[Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.passes[kind, inputs["keypoints"].shape[1]] += 1
        rows = []
        for place, item in enumerate(contexts):
            assert (item.pass_name == "body") == (kind == "body")
            own = {name: array[place] for name, array in inputs.items()}
            self._check_place(item, own)
            first = outputs_of(self._recording, self._passes[item.pass_name])
            if np.array_equal(own["keypoints"], [[0, 0, -2]]):
                np.testing.assert_array_equal(own["previous"], self.constants[f"initial_estimate_{kind}"])
                answer = first
            else:
                np.testing.assert_allclose(
                    own["keypoints"], self._recording["prompt.keypoints"][item.row], atol=2e-6, rtol=0
                )
                np.testing.assert_array_equal(own["previous"], packed(first)[item.row])
                answer = outputs_of(self._recording, "prompt.out.")
            rows.append({n: (a[:, item.row] if n.startswith("layer_") else a[item.row]) for n, a in answer.items()})
        return {n: np.stack([row[n] for row in rows], axis=1 if n.startswith("layer_") else 0) for n in rows[0]}

    def _check_place(self, item: Item, own: Mapping[str, Array]) -> None:
        batch = f"{item.pass_name}.batch."
        expected = {
            "condition": self._recording[f"{item.pass_name}.out.condition_info"][item.row],
            "bbox_center": self._recording[batch + "bbox_center"][0, item.row],
            "bbox_scale": self._recording[batch + "bbox_scale"][0, item.row, 0],
            "affine": self._recording[batch + "affine_trans"][0, item.row],
            "intrinsics": self._recording[batch + "cam_int"][0],
        }
        for name, value in expected.items():
            np.testing.assert_allclose(own[name], value, rtol=1e-6, atol=1e-6, err_msg=name)
