"""MoveNet MultiPose: everybody in a picture of any size at once, each with the 17 points of COCO.

The network (Google's movenet/multipose/lightning, version 1, Apache-2.0) is a CenterNet (Zhou et al., Objects as
Points, arXiv 1904.07850, section 4.2): one map says where people's middles are; at a middle, others say how large the
person's box is and where their points are about; the points are then moved to the peak nearby of a heatmap of their
kind. It was published with a decoder that keeps six people and searches peaks as far away for a small person as for a
large one. This one reads the maps themselves: any number of people, and a search as wide as the person is large.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import COCO_POINTS
from native_runtime.errors import ModelError, Remedy
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

HEAD, SHOULDERS, HIPS, ANKLES = [0, 1, 2, 3, 4], [5, 6], [11, 12], [15, 16]
"""Where some of COCO's points are in their order."""

MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
"""COCO's points with left and right exchanged."""

STRIDE = 32
"""The sides of a picture must be multiples of this (px)."""

MAPS = ("centers", "box_sizes", "box_offsets", "heatmaps", "displacements", "offsets")
"""The network's outputs that are read."""

SURE = 0.15
"""The confidence from which a point counts as seen."""

_CELL = 4  # px of the picture a cell of the maps
# A middle is the largest value within a window of this many cells.
_PEAK_WINDOW = 5
# How far from where it is expected a point's peak is searched: the standard deviation of a Gaussian weight, as a
# fraction of the longer side of the person's box, and in cells at least.
_REACH, _LEAST_REACH = 0.08, 1.5
# Two people's points of a kind that are nearer to each other than this (cells) are one point, which is one person's.
_SHARED = 1.5
# Two middles whose expected points are nearer than this, on average, as a fraction of the larger box, are one person.
_SAME_PERSON = 0.07
# The length of the trunk in widths of the shoulders, and the least one as a fraction of the box's diagonal.
_TRUNK_PER_SHOULDERS, _LEAST_TRUNK = 1.3, 0.15
# A head is certain with so many points of this confidence.
_SURE_HEAD, _HEAD_POINTS = 0.25, 3
_DOUBT = 3  # points
# In the mirrored picture, points lie at width - 0.5 - x: half way between the centres of pixels and their edges.
_PIXEL_OFFSET = 0.25


@dataclass(frozen=True, eq=False)
class Sighting:
    """A person as MultiPose sees them."""

    points: Array
    """(17, 2) px, COCO's order (`COCO_POINTS`). Those that are not seen lie where they are expected."""
    confidences: Array
    """(17,) 0..1: that a point is seen. Below `SURE` it is not."""
    corners: Array
    """(4, 2) px: the corners of the person's box, which is upright in the picture that the network saw."""
    centre_score: float
    """The network's probability that a person's middle is here, 0..1."""
    grain: float = float(_CELL)
    """The side of a cell of the network's maps, px: points are not much finer than that."""

    @property
    def seen(self) -> Array:
        """(17,) bool."""
        return np.asarray(self.confidences > SURE)

    @property
    def strength(self) -> float:
        """How clearly somebody is seen, 0..1: the certainty of the middle and that of the points that are seen."""
        seen = self.confidences[self.seen]
        # as if some more points had not been seen: the mean of a few is an accident
        return float(np.sqrt(self.centre_score * seen.sum() / (len(seen) + _DOUBT)))

    @property
    def box(self) -> Array:
        """(4,) x0 y0 x1 y1 px around the corners."""
        return np.concatenate([self.corners.min(axis=0), self.corners.max(axis=0)])

    @property
    def height(self) -> float:
        """The longer side of the box, px."""
        sides = np.hypot(*(self.corners - np.roll(self.corners, 1, axis=0)).T)
        return float(sides.max())

    @property
    def size(self) -> float:
        """The length of the trunk, px, from what is seen of it; bounded from below by the box."""
        lengths = [_LEAST_TRUNK * float(np.hypot(*(self.corners[2] - self.corners[0])))]
        shoulders, hips = self.points[SHOULDERS], self.points[HIPS]
        if self.seen[SHOULDERS + HIPS].all():
            lengths.append(float(np.hypot(*(shoulders.mean(axis=0) - hips.mean(axis=0)))))
        if self.seen[SHOULDERS].all():
            lengths.append(_TRUNK_PER_SHOULDERS * float(np.hypot(*(shoulders[1] - shoulders[0]))))
        return max(lengths)

    @property
    def has_head(self) -> bool:
        """Whether it is certain where the head is."""
        return bool((self.confidences[HEAD] > _SURE_HEAD).sum() >= _HEAD_POINTS)

    @property
    def head(self) -> Array:
        """(2,) px: the middle of the points of the head that are seen."""
        return np.asarray(self.points[HEAD][self.seen[HEAD]].mean(axis=0))

    @property
    def neck(self) -> float:
        """The distance of the head from the middle of the shoulders, px."""
        return float(np.hypot(*(self.head - self.points[SHOULDERS].mean(axis=0))))

    def head_only(self) -> Sighting:
        """The same person with nothing but the head seen."""
        return replace(self, confidences=np.where(np.isin(np.arange(len(COCO_POINTS)), HEAD), self.confidences, 0.0))

    def mapped(self, matrix: Array) -> Sighting:
        """The same person after an affine map (2, 3) of the picture."""
        points, corners = (values @ matrix[:, :2].T + matrix[:, 2] for values in (self.points, self.corners))
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        return replace(self, points=points, corners=corners, grain=scale * self.grain)


def see(network: Network, pixels: NDArray[np.uint8], least_score: float) -> list[Sighting]:
    """Everybody in `pixels` ((H, W, 3) uint8 RGB, sides multiples of `STRIDE`), most certain first; px of the picture.

    Args:
        least_score: middles with a lower probability are left out.

    Raises:
        ModelError: the network was built by an earlier version of this program, without its maps.
    """
    if not set(MAPS) <= set(network.output_names):
        raise ModelError(f"{network.path.name} was built by an earlier version of this program.", Remedy.BUILD_MODELS)
    maps = {name: values[0] for name, values in network.run(MAPS, image=pixels[None].astype(np.float32)).items()}
    return decode(maps, least_score)


def decode(maps: dict[str, Array], least_score: float) -> list[Sighting]:
    """People from the network's maps.

    Args:
        maps: "centers" (h, w, 1) logits; "box_sizes" (h, w, 2) and "box_offsets" (h, w, 2) cells, y x; "heatmaps"
            (h, w, 17) logits; "displacements" (h, w, 34) cells, y x of each point from the middle; "offsets"
            (h, w, 34) cells, y x of a point from the cell of its peak. A cell is 4 x 4 px.
        least_score: as for `see`.
    """
    centres = _sigmoid(maps["centers"][..., 0])
    height, width = centres.shape
    peaks = centres >= cv2.dilate(centres, np.ones((_PEAK_WINDOW, _PEAK_WINDOW)))
    rows, columns = np.nonzero(peaks & (centres > least_score))
    order = np.argsort(-centres[rows, columns], kind="stable")
    middles = np.column_stack([rows, columns])[order]
    expected = maps["displacements"][middles[:, 0], middles[:, 1]].reshape(-1, 17, 2) + middles[:, None]
    centre = maps["box_offsets"][middles[:, 0], middles[:, 1]] + middles
    half = np.maximum(maps["box_sizes"][middles[:, 0], middles[:, 1]], 0.0) / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    boxes = np.clip(boxes, 0.0, [height, width, height, width])
    kept = _distinct(expected, boxes)
    middles, expected, boxes = middles[kept], expected[kept], boxes[kept]
    found = [_snapped(maps, *person) for person in zip(expected, boxes)]
    points = np.array([person[0] for person in found]).reshape(-1, 17, 2)
    confidences = np.array([person[1] for person in found]).reshape(-1, 17)
    _share_out(points, confidences, expected, boxes)
    sightings = []
    for middle, at, sure, (top, left, bottom, right) in zip(middles, points, confidences, boxes):
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        score = float(centres[middle[0], middle[1]])
        sightings.append(Sighting(_CELL * at[:, ::-1] - _PIXEL_OFFSET, sure, _CELL * corners - _PIXEL_OFFSET, score))
    return sightings


def _distinct(expected: Array, boxes: Array) -> list[int]:
    """Which of the middles, most certain first, are different people: (P, 17, 2) and (P, 4), cells."""
    sizes = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0), 1.0)
    kept: list[int] = []
    for number in range(len(expected)):
        distances = np.linalg.norm(expected[kept] - expected[number], axis=2).mean(axis=1)
        if not (distances < _SAME_PERSON * np.maximum(sizes[kept], sizes[number])).any():
            kept.append(number)
    return kept


def _snapped(maps: dict[str, Array], expected: Array, box: Array) -> tuple[Array, Array]:
    """A person's points (17, 2) y x in cells, each at the peak of its heatmap near where it is expected within the
    box, and their confidences (17,).
    """
    heatmaps, offsets = maps["heatmaps"], maps["offsets"]
    height, width = heatmaps.shape[:2]
    top, left = np.floor(box[:2]).astype(int)
    bottom, right = np.minimum(np.ceil(box[2:]).astype(int) + 1, (height, width))
    points, confidences = expected.copy(), np.zeros(17)
    if bottom <= top or right <= left:
        return points, confidences
    reach = max(_LEAST_REACH, _REACH * float((box[2:] - box[:2]).max()))
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    weights = np.exp(-((rows[:, None] - expected[:, 0]) ** 2) / (2 * reach**2))[:, None] * np.exp(
        -((columns[:, None] - expected[:, 1]) ** 2) / (2 * reach**2)
    )
    heat = _sigmoid(heatmaps[top:bottom, left:right]) * weights
    best = heat.reshape(-1, 17).argmax(axis=0)
    for point, (row, column) in enumerate(zip(*np.unravel_index(best, heat.shape[:2]))):
        confidences[point] = heat[row, column, point]
        if confidences[point] > SURE:
            cell = np.array([top + row, left + column])
            points[point] = cell + offsets[cell[0], cell[1]].reshape(17, 2)[point]
    return points, confidences


def _share_out(points: Array, confidences: Array, expected: Array, boxes: Array) -> None:
    """Give a point that two people claim to the one who expects it nearer, relative to their size; in place.

    Args:
        points: (P, 17, 2) cells.
        confidences: (P, 17).
        expected: (P, 17, 2) cells.
        boxes: (P, 4) cells.
    """
    sizes = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0), 1.0)
    misses = np.linalg.norm(points - expected, axis=2) / sizes[:, None]
    for point in range(17):
        for person in np.argsort(misses[:, point], kind="stable"):
            if confidences[person, point] <= SURE:
                continue
            near = np.linalg.norm(points[:, point] - points[person, point], axis=1) < _SHARED
            for other in np.flatnonzero(near & (confidences[:, point] > SURE)):
                if other != person:
                    points[other, point] = expected[other, point]
                    confidences[other, point] = 0.0


def _sigmoid(values: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -80.0, 80.0))))
