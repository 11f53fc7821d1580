"""Single-shot detection as MediaPipe's detectors do it: fixed anchors, decoding, and weighted suppression.

Sources: MediaPipe's SsdAnchorsCalculator, TensorsToDetectionsCalculator and NonMaxSuppressionCalculator (Apache-2.0),
with the options of its modules pose_detection and palm_detection. All coordinates are fractions 0..1 of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def anchor_centres(input_size: int, strides: Sequence[int]) -> Array:
    """The centres (N, 2) of the anchors, two for each cell and layer; layers of one stride share their cells.

    The boxes of these networks are relative to anchors of size 1, so that a centre is all there is.
    """
    layers = []
    for stride in sorted(set(strides)):
        cells = -(-input_size // stride)
        line = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        layers.append(np.repeat(grid, 2 * list(strides).count(stride), axis=0))
    return np.concatenate(layers)


def decode(
    boxes: Array, scores: Array, anchors: Array, input_size: int, threshold: float
) -> tuple[Array, Array, Array]:
    """Turn a network's raw output into detections.

    Args:
        boxes: (N, 4 + 2 K) raw: centre x y, width, height, K points x y; in input pixels, relative to the anchors.
        scores: (N,) raw logits.
        anchors: (N, 2) fractions.
        input_size: side of the network's input in pixels.
        threshold: detections of a lower probability are left out.

    Returns:
        boxes (M, 4) as x0 y0 x1 y1, points (M, K, 2), probabilities (M,).
    """
    probabilities = 1.0 / (1.0 + np.exp(-np.clip(scores.astype(float), -100.0, 100.0)))
    kept = np.flatnonzero(probabilities >= threshold)
    raw = boxes[kept].astype(float) / input_size
    centres = raw[:, :2] + anchors[kept]
    halves = raw[:, 2:4] / 2
    points = raw[:, 4:].reshape(len(kept), raw.shape[1] // 2 - 2, 2) + anchors[kept][:, None]
    return np.concatenate([centres - halves, centres + halves], axis=1), points, probabilities[kept]


def overlap(box: Array, boxes: Array) -> Array:
    """Intersection over union of `box` (4,) with `boxes` (M, 4), as x0 y0 x1 y1: (M,)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1)
    union = max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0) + areas - common
    return np.asarray(common / np.maximum(union, 1e-12))


def weighted_suppression(
    boxes: Array, points: Array, probabilities: Array, least_overlap: float
) -> tuple[Array, Array, Array]:
    """Merge detections that overlap the best one by more than `least_overlap`: positions are averaged by probability.

    Arguments and results as `decode` returns them; the probability of a merged detection is the best one's.
    """
    order = np.argsort(-probabilities, kind="stable")
    merged_boxes, merged_points, merged_probabilities = [], [], []
    while len(order):
        best = order[0]
        together = overlap(boxes[best], boxes[order]) > least_overlap
        together[0] = True
        group = order[together]
        weights = probabilities[group] / probabilities[group].sum()
        merged_boxes.append(weights @ boxes[group])
        merged_points.append(np.tensordot(weights, points[group], axes=1))
        merged_probabilities.append(probabilities[best])
        order = order[~together]
    count = len(merged_probabilities)
    return (
        np.array(merged_boxes).reshape(count, 4),
        np.array(merged_points).reshape(count, *points.shape[1:]),
        np.array(merged_probabilities),
    )
