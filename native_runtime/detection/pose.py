"""BlazePose's landmark network: from a window of the photo to a person's points, and on to a better window.

Sources: MediaPipe's modules pose_landmark and pose_detection (Apache-2.0): decoding, regions of interest, refinement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.beside import Beside
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.landmarks import BODY_POINTS, Glimpses
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

INPUT_SIZE = 256
BODY_COUNT = len(BODY_POINTS)
# Two further points that the network was trained for: the middle of the hips, and a point straight above it (in the
# person's own sense) on the circle that holds the whole body.
_CENTRE, _RADIUS = 33, 34
_POINT_COUNT = 39
# MediaPipe's margin around that circle.
_MARGIN = 1.25

_HEATMAP_KERNEL = 7
_HEATMAP_CONFIDENCE = 0.5

_SHOULDERS = (BODY_POINTS.index("left_shoulder"), BODY_POINTS.index("right_shoulder"))
_HIPS = (BODY_POINTS.index("left_hip"), BODY_POINTS.index("right_hip"))
# A torso shorter than this fraction of the window is foreshortened and does not say which way the person is turned.
_SHORTEST_TORSO = 0.12

# A window that moves by less than this (of its side, of its size, in radians) is as good as the one before.
_STABLE_SHIFT, _STABLE_GROWTH, _STABLE_TURN = 0.015, 0.03, 0.05

# The same for somebody who is followed from picture to picture of a video: the next one's window is this one's anyway.
_FOLLOWED_SHIFT, _FOLLOWED_GROWTH, _FOLLOWED_TURN = 0.08, 0.2, 0.35

# Names of outputs: what the network has made of the picture before it names points, in coarse and in finer cells.
_COARSE, _FINE = "coarse_features", "fine_features"

# Below this probability somebody who is followed is lost.
_FOLLOWED_SCORE = 0.5

# Below this probability the person went out of sight, and the next window would be made up.
_LOST = 0.1

# A mirrored reading that puts a point this far (fractions of the window) from the plain one makes it doubtful.
_MIRROR_TOLERANCE = 0.06


def _mirror_order() -> list[int]:
    def partner(name: str) -> str:
        if "left" in name:
            return name.replace("left", "right")
        return name.replace("right", "left")

    return [BODY_POINTS.index(partner(name)) for name in BODY_POINTS]


MIRRORED = _mirror_order()
"""For each point the one of the other side."""


@dataclass(frozen=True)
class PoseReading:
    """What the network says about one window."""

    crop: Crop
    score: float
    """The probability that a person is in the window."""
    fractions: Array
    """(33, 2) of the window, edge to edge."""
    next_crop: Crop
    """The window that shows this person best, according to this reading."""
    world: Array
    """(33, 3) m, x right and y down in the photo, z forward; origin mid hip."""
    visibility: Array
    """(33,) 0..1"""
    presence: Array
    """(33,) 0..1"""
    mask: Array
    """(256, 256) float32 0..1, in the window's pixels."""
    glimpses: Glimpses | None = None
    """The network's own words; None where it does not give its features."""

    @property
    def points(self) -> Array:
        """(33, 2) photo px."""
        return self.crop.from_fractions(self.fractions)

    @property
    def quality(self) -> float:
        """How much of a person this reading shows: for choosing among readings of the same person."""
        return self.score * float(self.visibility.mean())


def crop_around(centre: Array, top: Array) -> Crop:
    """The window for a person whose mid hip is `centre` and whose circle ends at `top` ((2,) photo px each)."""
    radius = float(np.hypot(*(top - centre)))
    return Crop(float(centre[0]), float(centre[1]), 2 * radius * _MARGIN, upright_angle(centre, top))


def read_on(network: Network, picture: Picture, first: PoseReading, passes: int = 3) -> PoseReading:
    """Go on from the `first` reading of a person: up to `passes` more, each through the window the last one asks for.

    Ends when the window is stable. Returns the best reading: on a person cut by the frame, later ones can be worse.
    """
    best = reading = first
    for _ in range(passes):
        if reading.score < _LOST or is_stable(reading.crop, reading.next_crop):
            break
        reading = read_pose(network, picture, reading.next_crop)
        if reading.quality >= best.quality * 0.95:  # later windows fit better where both see as much
            best = reading
    return best


def follow(network: Network, picture: Picture, window: Crop, beside: Beside) -> PoseReading | None:
    """The reading of somebody who was seen through about this window in the picture before; None where they are lost.

    The network runs twice, plain and mirrored, and once more where the person has moved far. MediaPipe's video mode
    follows by the last reading's window as well (modules/pose_landmark, "pose_rect_from_landmarks").

    Args:
        beside: reads the mirrored window at the same time.
    """
    mirrored = beside.begin(lambda: read_pose(network, picture, window, mirrored=True))
    reading = read_pose(network, picture, window)
    if reading.score < _FOLLOWED_SCORE:
        return None
    if not is_stable(window, reading.next_crop, _FOLLOWED_SHIFT, _FOLLOWED_GROWTH, _FOLLOWED_TURN):
        again = read_pose(network, picture, reading.next_crop)
        if again.quality >= reading.quality * 0.95:
            reading = again
    turned = mirrored() if reading.crop is window else read_pose(network, picture, reading.crop, mirrored=True)
    both = average(reading, turned)
    return both if both.score >= _FOLLOWED_SCORE else None


def read_pose(
    network: Network, picture: Picture, crop: Crop, mirrored: bool = False, border: int = cv2.BORDER_REPLICATE
) -> PoseReading:
    """Run the network once on `crop`; `mirrored` shows it the mirrored window and turns the result back.

    `border`: what it sees beyond the photo. MediaPipe continues the border's colours.
    """
    window = picture.sample(crop, INPUT_SIZE, border).astype(np.float32) / 255.0
    if mirrored:
        window = np.ascontiguousarray(window[:, ::-1])
    output = network.run(image=window[None])
    raw = output["landmarks"].reshape(_POINT_COUNT, 5).astype(float)
    fractions = refine(raw[:, :2] / INPUT_SIZE, output["heatmap"][0])
    world = output["world"].reshape(_POINT_COUNT, 3)[:BODY_COUNT].astype(float)
    visibility, presence = sigmoid(raw[:BODY_COUNT, 3:5].T)
    mask = sigmoid(output["mask"][0, ..., 0]).astype(np.float32)
    body = fractions[:BODY_COUNT]
    glimpses = None
    if _COARSE in output and _FINE in output:
        glimpses = Glimpses(
            crop,
            np.array([mirrored]),
            body[None],
            raw[None, :BODY_COUNT, 2] / INPUT_SIZE,
            world[None].copy(),
            np.stack([visibility, presence], axis=-1)[None],
            output[_COARSE].reshape(1, -1, output[_COARSE].shape[-1]).astype(np.float16),
            _at(output[_FINE][0], body)[None].astype(np.float16),
        )
    centre, top = fractions[_CENTRE], fractions[_RADIUS]
    if mirrored:
        flip = np.array([-1.0, 1.0])
        body, centre, top = (np.array([1.0, 0.0]) + flip * values for values in (body[MIRRORED], centre, top))
        world = world[MIRRORED] * (-1.0, 1.0, 1.0)
        visibility, presence = visibility[MIRRORED], presence[MIRRORED]
        mask = np.ascontiguousarray(mask[:, ::-1])
    world[:, :2] = world[:, :2] @ crop.axes.T
    return PoseReading(
        crop,
        float(output["presence"][0, 0]),
        body,
        _next_crop(crop, body, centre, top),
        world,
        visibility,
        presence,
        mask,
        glimpses,
    )


def average(plain: PoseReading, mirrored: PoseReading) -> PoseReading:
    """The mean of a plain and a mirrored reading of the same window: their errors are largely independent.

    Where the two disagree on a point (left and right confused, an occluded limb), the plain reading stands and the
    point's visibility falls with the distance.
    """
    distance = np.hypot(*(plain.fractions - mirrored.fractions).T)
    agreement = np.exp(-((distance / _MIRROR_TOLERANCE) ** 2))
    share = (0.5 * agreement)[:, None]
    return replace(
        plain,
        score=(plain.score + mirrored.score) / 2,
        fractions=plain.fractions * (1 - share) + mirrored.fractions * share,
        world=plain.world * (1 - share) + mirrored.world * share,
        visibility=(plain.visibility + mirrored.visibility) / 2 * agreement,
        presence=(plain.presence + mirrored.presence) / 2,
        mask=(plain.mask + mirrored.mask) / 2,
        glimpses=_both(plain.glimpses, mirrored.glimpses),
    )


def _both(plain: Glimpses | None, mirrored: Glimpses | None) -> Glimpses | None:
    if plain is None or mirrored is None:
        return plain or mirrored
    own, others = ([getattr(g, field.name) for field in fields(Glimpses)] for g in (plain, mirrored))
    return Glimpses(plain.window, *(np.concatenate(pair) for pair in zip(own[1:], others[1:], strict=True)))


def _at(features: Array, fractions: Array) -> Array:
    """(K, channels) features (h, w, channels) at (K, 2) fractions of the window, between cells in proportion."""
    limits = np.array(features.shape[1::-1]) - 1
    places = np.clip(fractions * (limits + 1) - 0.5, 0.0, limits)
    first = np.minimum(places.astype(int), limits - 1)
    (right, down), (columns, rows) = (places - first).T[..., None], first.T
    above, below = (
        features[row, columns] * (1 - right) + features[row, columns + 1] * right for row in (rows, rows + 1)
    )
    return np.asarray(above * (1 - down) + below * down)


def refine(fractions: Array, heatmap: Array) -> Array:
    """Move each point to the centre of mass of its heatmap nearby, where the heatmap is confident.

    The regression sees the whole body and is robust; the heatmap sees the pixels and is precise. Cell i of n stands for
    the fraction i / n: so the network was trained (checked: only then do mirrored pictures give mirrored points).

    Args:
        fractions: (K, 2) of the window.
        heatmap: (h, w, K) logits.
    """
    height, width = heatmap.shape[:2]
    reach = (_HEATMAP_KERNEL - 1) // 2
    offsets = np.arange(-reach, reach + 1)
    cells = np.floor(fractions * (width, height)).astype(int)
    inside = np.flatnonzero(((cells >= 0) & (cells < (width, height))).all(axis=1))
    columns, rows = (cells[inside, axis, None] + offsets for axis in (0, 1))
    patches = heatmap[
        np.clip(rows, 0, height - 1)[:, :, None], np.clip(columns, 0, width - 1)[:, None, :], inside[:, None, None]
    ]
    patches = sigmoid(patches.astype(float))
    patches *= ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    sure = patches.max(axis=(1, 2), initial=0.0) >= _HEATMAP_CONFIDENCE
    patches, columns, rows = patches[sure], columns[sure], rows[sure]
    total = patches.sum(axis=(1, 2))
    refined = fractions.copy()
    refined[inside[sure], 0] = np.einsum("kyx,kx->k", patches, columns) / total / width
    refined[inside[sure], 1] = np.einsum("kyx,ky->k", patches, rows) / total / height
    return refined


def mask_box(reading: PoseReading) -> Array:
    """(4,) x0 y0 x1 y1 photo px around the person's mask; not a number where there is none."""
    rows, columns = np.nonzero(reading.mask > 0.5)
    if not len(rows):
        return np.full(4, np.nan)
    pixels = np.column_stack([columns, rows])
    points = reading.crop.from_fractions((pixels + 0.5) / INPUT_SIZE)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def middle_of_shoulders(reading: PoseReading) -> Array:
    """(2,) photo px."""
    return np.asarray(reading.points[list(_SHOULDERS)].mean(axis=0))


def _next_crop(crop: Crop, body: Array, centre: Array, top: Array) -> Crop:
    """The window around the network's circle, turned so that the torso stands upright.

    MediaPipe takes the turn from the circle's top alone, which lags behind on bent people and needs many passes.
    """
    following = crop_around(crop.from_fractions(centre), crop.from_fractions(top))
    hips, shoulders = body[list(_HIPS)].mean(axis=0), body[list(_SHOULDERS)].mean(axis=0)
    if np.hypot(*(shoulders - hips)) > _SHORTEST_TORSO:
        angle = upright_angle(crop.from_fractions(hips), crop.from_fractions(shoulders))
        following = replace(following, angle=angle)
    return following


def is_stable(
    before: Crop,
    after: Crop,
    shift: float = _STABLE_SHIFT,
    growth: float = _STABLE_GROWTH,
    turned: float = _STABLE_TURN,
) -> bool:
    """Whether a window shows a person as well as the one that its reading asks for.

    Args:
        shift: parts of the window's side that the other may lie away.
        growth: logarithm of the factor by which it may be larger or smaller.
        turned: radians by which it may be turned.
    """
    turn = abs(math.remainder(after.angle - before.angle, 2 * math.pi))
    return (
        math.hypot(after.x - before.x, after.y - before.y) < shift * before.size
        and abs(math.log(after.size / before.size)) < growth
        and turn < turned
    )


def sigmoid(values: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -80.0, 80.0))))
