"""A decoder's output for each of several people (or hands)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LAYERS_FIRST = ("layer_keypoints_2d", "layer_keypoints_3d")
"""The decoder's outputs whose first axis is its layers, and the second the people."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """B predictions of one decoder pass. Indexing with a slice or an array gives a selection.

    Attributes:
        pose_raw: (B, 266) global rotation (6) and body pose (260) in continuous form.
        global_rotation: (B, 3) rad.
        body_pose: (B, 133); shape: (B, 45); scale: (B, 28); hand: (B, 108) left, right; face: (B, 72) zeros.
        camera: (B, 3) the camera head's own numbers.
        camera_translation: (B, 3) m.
        keypoints_3d: (B, 70, 3) m, camera axes, without the camera's translation.
        keypoints_2d: (B, 70, 2) px of the photo that was cut.
        model_parameters: (B, 204).
        joint_rotations: (B, 127, 3, 3) global, MHR's axes.
        joint_coordinates: (B, 127, 3) m, camera axes, without the camera's translation.
        hand_boxes: (B, 2, 4) left, right: centre x, y, width, height, 0..1 of the crop.
        hand_logits: (B, 2, 2).
        layer_keypoints_2d, layer_keypoints_3d: (B, L, 70, 2), (B, L, 70, 3) after each layer; the last are final.
    """

    pose_raw: Array
    global_rotation: Array
    body_pose: Array
    shape: Array
    scale: Array
    hand: Array
    face: Array
    camera: Array
    camera_translation: Array
    keypoints_3d: Array
    keypoints_2d: Array
    model_parameters: Array
    joint_rotations: Array
    joint_coordinates: Array
    hand_boxes: Array
    hand_logits: Array
    layer_keypoints_2d: Array
    layer_keypoints_3d: Array

    @staticmethod
    def of(outputs: Mapping[str, Array]) -> Prediction:
        """A decoder's outputs by their names."""
        return Prediction(
            **{
                name: np.swapaxes(outputs[name], 0, 1) if name in _LAYERS_FIRST else outputs[name]
                for name in (field.name for field in fields(Prediction))
            }
        )

    @staticmethod
    def join(parts: Sequence[Prediction]) -> Prediction:
        """All of several, in order."""
        return Prediction(
            *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Prediction))
        )

    def __len__(self) -> int:
        return len(self.pose_raw)

    def __getitem__(self, which: slice | Array) -> Prediction:
        return Prediction(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def as_previous(self) -> NDArray[np.float32]:
        """(B, 522): the estimate as a decoder takes it as a previous one."""
        parts = (self.pose_raw, self.shape, self.scale, self.hand, self.face, self.camera)
        return np.concatenate(parts, axis=1, dtype=np.float32)
