"""All networks of the engine together: a photo in, the people's landmarks out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.landmarks import detector, hands, pose
from native_runtime.engines.landmarks.crops import Crop, Picture
from native_runtime.engines.landmarks.detector import Candidate, Scene
from native_runtime.engines.landmarks.people import PersonLandmarks
from native_runtime.engines.landmarks.pose import PoseReading
from native_runtime.errors import PhotoError
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network

Array = NDArray[Any]

# What the detector must be sure of before the landmark network is asked; the latter decides.
_CANDIDATE_SCORE = 0.35
_PERSON_SCORE = 0.5
_MEAN_VISIBILITY = 0.2
# The least share of the window that the person's mask covers, and of the mask that belongs to nobody found before.
_MASK_COVER = 0.02
_MASK_NEW = 0.5
# Two readings are one person if their points are closer than this fraction of their windows' sizes.
_SAME_DISTANCE = 0.06
# More people than this are not read: a photo of a crowd is not meant for this.
_MOST_PEOPLE = 32


class LandmarkNetworks:
    """BlazePose and MediaPipe's hands over whole photos. Networks are opened when first needed and stay open."""

    def __init__(
        self,
        models_dir: str | os.PathLike[str] | None = None,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        """`models_dir`: see `models.store`; `providers`, `threads`: see `onnx.sessions.open_network`."""
        self._models = models_dir
        self._providers = providers
        self._threads = threads

    def _open(self, name: str) -> Network:
        return open_network(store.network_path(name, self._models), self._providers, self._threads)

    @cached_property
    def _pose_detection(self) -> Network:
        return self._open("pose_detection")

    @cached_property
    def _pose_landmark(self) -> Network:
        return self._open("pose_landmark")

    @cached_property
    def _palm_detection(self) -> Network:
        return self._open("palm_detection")

    @cached_property
    def _hand_landmark(self) -> Network:
        return self._open("hand_landmark")

    def warm_up(self) -> None:
        """Open all networks now rather than with the first photo."""
        for network in (self._pose_detection, self._pose_landmark, self._palm_detection, self._hand_landmark):
            assert network is not None

    def people(self, rgb: NDArray[np.uint8]) -> list[PersonLandmarks]:
        """Everybody in the photo `rgb` (H, W, 3) uint8, largest first; nobody: an empty list.

        Raises:
            PhotoError: the array is not a colour picture of 8 bits.
            ModelError: a network is missing, damaged or cannot be run.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise PhotoError(f"A picture of shape (height, width, 3) and type uint8 is needed, not {rgb.shape} {rgb.dtype}.")
        picture = Picture(rgb)
        people = [self._finish(picture, reading) for reading in self._find(picture)]
        return sorted(people, key=lambda p: -float(np.prod(p.bbox[2:] - p.bbox[:2])))

    # --- finding ---------------------------------------------------------------------------------------------------

    def _find(self, picture: Picture) -> list[PoseReading]:
        scene = Scene(picture)
        found: list[PoseReading] = []
        for level in detector.LEVELS:
            self._search(picture, scene, list(detector.windows(picture.width, picture.height, level)), found)
        # Somebody upside down or lying: the detector only knows people who are more or less upright.
        turned = [w.turned(a) for a in (np.pi, np.pi / 2, -np.pi / 2) for w in detector.windows(picture.width, picture.height, 0)]
        if not found:
            turned += [w.turned(a) for a in (np.pi, np.pi / 2, -np.pi / 2) for w in detector.windows(picture.width, picture.height, 1)]
        self._search(picture, scene, turned, found)
        return found

    def _search(self, picture: Picture, scene: Scene, windows: list[Crop], found: list[PoseReading]) -> None:
        """Add to `found` whoever can be seen through `windows`; look again where somebody was found and painted over."""
        pending = windows
        refused: list[Crop] = []
        while pending and len(found) < _MOST_PEOPLE:
            candidates: list[tuple[Candidate, Crop]] = []
            for window in pending:
                if scene.free_share(window) > 0.2 or window is windows[0]:
                    candidates += [(c, window) for c in scene.detect(self._pose_detection, window, _CANDIDATE_SCORE)]
            candidates.sort(key=lambda pair: -pair[0].score)
            again: list[Crop] = []
            for candidate, window in candidates:
                if any(_similar(candidate.crop, crop) for crop in refused):
                    continue
                reading = self._verify(picture, candidate.crop, found)
                refused.append(candidate.crop)
                if DEBUG: print('cand', candidate, 'window', window, 'ok' if reading else 'no')
                if reading is not None:
                    found.append(reading)
                    scene.erase(reading.mask, reading.crop.pixels_from_photo(pose.INPUT_SIZE))
                    again += [w for w in windows if _touch(w, reading.crop)]
            pending = list(dict.fromkeys(again))

    def _verify(self, picture: Picture, crop: Crop, found: list[PoseReading]) -> PoseReading | None:
        """The reading of the person at `crop`, or None if there is none, or only one who was found before."""
        reading = pose.read_person(self._pose_landmark, picture, crop)
        if DEBUG: print('   score %.2f vis %.2f mask %.3f'%(reading.score,reading.visibility.mean(), (reading.mask>.5).mean()), [_is_same(reading,o) for o in found])
        if reading.score < _PERSON_SCORE or any(_is_same(reading, other) for other in found):
            return None
        mirrored = pose.read_pose(self._pose_landmark, picture, reading.crop, mirrored=True)
        reading = pose.average(reading, mirrored)
        if DEBUG: print('     mirrored score %.2f vis %.2f mask %.3f in %.2f'%(reading.score,reading.visibility.mean(), (reading.mask>.5).mean(),(reading.visibility*_inside(reading.points,picture)).mean()))
        if reading.score < _PERSON_SCORE or (reading.visibility * _inside(reading.points, picture)).mean() < _MEAN_VISIBILITY:
            return None
        if float((reading.mask > 0.5).mean()) < _MASK_COVER:
            return None
        return reading

    # --- reading ---------------------------------------------------------------------------------------------------

    def _finish(self, picture: Picture, reading: PoseReading) -> PersonLandmarks:
        """Add the hands, and say what lies outside the photo."""
        points = reading.points
        left, right = hands.drop_shared_hand(
            *(
                hands.read_hand(self._palm_detection, self._hand_landmark, picture, points, side, reading.crop.size)
                for side in ("left", "right")
            )
        )
        # The network guesses beyond the border as if it saw something there.
        inside = _inside(points, picture)
        mask_from_photo = reading.crop.pixels_from_photo(pose.INPUT_SIZE)
        return PersonLandmarks(
            bbox=_bounding_box(reading, inside, picture),
            score=reading.score,
            points_2d=points,
            points_3d=reading.world,
            visibility=reading.visibility * inside,
            presence=reading.presence * inside,
            mask=reading.mask,
            mask_from_photo=mask_from_photo,
            left_hand=left,
            right_hand=right,
        )


DEBUG = False


def _inside(points: Array, picture: Picture) -> Array:
    """(K,) bool: which of the (K, 2) px points lie within the photo."""
    return np.asarray(np.all((points > -0.5) & (points < (picture.width - 0.5, picture.height - 0.5)), axis=1))


def _similar(a: Crop, b: Crop) -> bool:
    """Whether two windows would show the landmark network much the same."""
    reach = max(a.size, b.size)
    near = np.hypot(a.x - b.x, a.y - b.y) < 0.12 * reach
    turn = abs(np.angle(np.exp(1j * (a.angle - b.angle))))
    return bool(near and max(a.size, b.size) < 1.4 * min(a.size, b.size) and turn < 0.5)


def _touch(window: Crop, other: Crop) -> bool:
    """Whether the square window comes near the person seen through `other`."""
    return max(abs(window.x - other.x), abs(window.y - other.y)) < (window.size + other.size) / 2


def _is_same(a: PoseReading, b: PoseReading) -> bool:
    """Whether two readings are of one person: their points agree, or `a`'s mask lies mostly within `b`'s."""
    weights = np.minimum(a.visibility, b.visibility) + 1e-3
    distance = np.hypot(*(a.points - b.points).T)
    if weights @ distance / weights.sum() < _SAME_DISTANCE * max(a.crop.size, b.crop.size):
        return True
    size = pose.INPUT_SIZE
    a_from_b = a.crop.pixels_from_photo(size) @ np.vstack([b.crop.photo_from_pixels(size), [0.0, 0.0, 1.0]])
    other = cv2.warpAffine(b.mask, a_from_b, (size, size), flags=cv2.INTER_LINEAR) > 0.5
    own = a.mask > 0.5
    return bool((own & other).sum() > (1 - _MASK_NEW) * max(own.sum(), 1))


def _bounding_box(reading: PoseReading, inside: Array, picture: Picture) -> Array:
    """(4,) x0 y0 x1 y1 px around the mask and the visible points, within the photo."""
    rows, columns = np.nonzero(reading.mask > 0.5)
    pixels = np.column_stack([columns, rows]).astype(float)
    seen = reading.points[inside & (reading.visibility > 0.3)]
    around = np.concatenate([reading.crop.from_fractions((pixels + 0.5) / pose.INPUT_SIZE), seen])
    if not len(around):
        around = reading.points
    limits = np.array([picture.width - 1, picture.height - 1])
    return np.concatenate([np.clip(around.min(axis=0), 0, limits), np.clip(around.max(axis=0), 0, limits)])
