"""All networks together: a photo in, the people's boxes or landmarks out."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import facing, hands, pose, sightings
from native_runtime.detection.beside import Beside
from native_runtime.detection.crops import Picture
from native_runtime.detection.faces import FaceNetworks, read_face
from native_runtime.detection.finder import find_people, find_people_in
from native_runtime.detection.landmarks import BODY_POINTS, FaceReading, HandLandmarks, PersonLandmarks, SecondOpinion
from native_runtime.detection.pose import PoseReading
from native_runtime.detection.second_opinion import consult
from native_runtime.errors import PhotoError
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, default_threads, open_network

Array = NDArray[Any]

_FACE_NETWORKS = ("face_detection", "face_sex", "face_age")
_FACE_MESH = "face_landmark"


class LandmarkNetworks:
    """BlazePose and MediaPipe's hands over whole photos. Networks are opened when first needed and stay open."""

    def __init__(
        self,
        models_dir: str | os.PathLike[str] | None = None,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        parallel: bool = False,
    ) -> None:
        """`models_dir`: see `models.store`; `providers`, `threads`: see `onnx.sessions.open_network`.

        Args:
            parallel: whether people are followed by two networks at a time.
        """
        self._models = models_dir
        self._providers = providers
        self._threads = threads
        self._parallel = parallel

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

    @cached_property
    def sees_faces(self) -> bool:
        """Whether the networks of the face are installed: older models folders lack them."""
        return all(store.lists_network(name, self._models) for name in _FACE_NETWORKS)

    @cached_property
    def face_networks(self) -> FaceNetworks | None:
        """The networks of the face; None where they are not installed."""
        if not self.sees_faces:
            return None
        detection, sex, age = map(self._open, _FACE_NETWORKS)
        mesh = self._open(_FACE_MESH) if store.lists_network(_FACE_MESH, self._models) else None
        return FaceNetworks(detection, sex, age, mesh)

    @cached_property
    def _left_out(self) -> frozenset[str]:
        return store.left_out(self._models)

    @cached_property
    def _movenet_thunder(self) -> Network | None:
        """None where the build could not get it, and the models' notes say so."""
        return None if "movenet_thunder" in self._left_out else self._open("movenet_thunder")

    @cached_property
    def _movenet_multipose(self) -> Network | None:
        """As `_movenet_thunder`."""
        return None if "movenet_multipose" in self._left_out else self._open("movenet_multipose")

    def warm_up(self) -> None:
        """Open all networks now rather than with the first photo."""
        for name in (
            "_pose_detection", "_pose_landmark", "_palm_detection", "_hand_landmark",
            "_movenet_thunder", "_movenet_multipose", "face_networks",
        ):  # fmt: skip
            getattr(self, name)

    def people(self, rgb: NDArray[np.uint8], with_hands: bool = True) -> list[PersonLandmarks]:
        """Everybody in the photo `rgb` (H, W, 3) uint8, largest first; nobody: an empty list.

        Args:
            with_hands: whether to look at their hands and faces as well, which takes most of the time.

        Raises:
            PhotoError: the array is not a colour picture of 8 bits.
            ModelError: a network is missing, damaged or cannot be run.
        """
        picture, readings = self._find(rgb)
        people = [self._person(picture, reading, second, with_hands) for reading, second in readings]
        return sorted(people, key=lambda person: -_area(person.bbox))

    def people_in(self, rgb: NDArray[np.uint8], boxes: Array, with_hands: bool = True) -> list[PersonLandmarks | None]:
        """Whoever fills each of the boxes ((N, 4) x0 y0 x1 y1 px of `rgb`), in their order; None where nobody is seen.
        Errors as `people`.
        """
        picture = _picture(rgb)
        readings = find_people_in(self._pose_detection, self._pose_landmark, picture, boxes)
        found = iter(self._faced(picture, [reading for reading in readings if reading is not None]))
        return [None if reading is None else self._person(picture, *next(found), with_hands) for reading in readings]

    def follow(self, rgb: NDArray[np.uint8], people: Sequence[PersonLandmarks]) -> list[PersonLandmarks | None]:
        """People in the next picture of a video, in their order; None for who is lost. Errors as `people`.

        Nobody is searched for: bodies and hands are looked for where they were, so that only the networks of their
        points run. A hand that is lost stays so, and what is known of faces stays, until somebody looks again
        (`people_in`).

        Args:
            people: as they were seen in the picture before, of the same size.
        """
        networks, picture = self._following, _picture(rgb)
        return networks._follow(picture, people)

    def _follow(self, picture: Picture, people: Sequence[PersonLandmarks]) -> list[PersonLandmarks | None]:
        beside = self._beside
        followed: list[PersonLandmarks | None] = [None] * len(people)
        seen = [
            (place, reading)
            for place, person in enumerate(people)
            if person.window is not None
            and (reading := pose.follow(self._pose_landmark, picture, person.window, beside)) is not None
        ]
        readings = [reading for _, reading in seen]
        known = [people[place] for place, _ in seen]

        def hands_of(person: PersonLandmarks, reading: PoseReading) -> tuple[HandLandmarks | None, ...]:
            return self._followed_hands(picture, person, reading.points, reading.crop.size)

        begun = [beside.begin(partial(hands_of, *pair)) for pair in zip(known, readings)]
        consulted = self._consulted(picture, readings, [person.second for person in known])
        for (place, first), wait, before, (reading, second) in zip(seen, begun, known, consulted):
            if second is not None and facing.contradict(reading, second):
                reading = facing.continued(reading, before.points_2d)
            left, right = wait() if reading is first else hands_of(before, reading)
            person = self._person(picture, reading, second, with_hands=False)
            followed[place] = replace(person, left_hand=left, right_hand=right, face=_remembered(before.face))
        return followed

    @cached_property
    def _following(self) -> LandmarkNetworks:
        """The networks for following people: two run at a time, so that each leaves a core to the other. Elsewhere than
        on the processor they are the same as for photos."""
        cores = self._threads or default_threads()
        if cores == 1 or not self._pose_landmark.on_processor:
            return self
        return LandmarkNetworks(self._models, self._providers, cores - 1, parallel=True)

    @cached_property
    def _beside(self) -> Beside:
        return Beside(self._parallel)

    def glance(self, rgb: NDArray[np.uint8]) -> Array:
        """(N, 4) x0 y0 x1 y1 px, where MoveNet MultiPose sees people: quick, and less sure than `people`. Where
        the network is not installed, as `boxes`. Errors as `people`.
        """
        if self._movenet_multipose is None:
            return self.boxes(rgb)
        seen = sightings.find(self._movenet_multipose, _picture(rgb))
        boxes = [np.concatenate([one.corners.min(axis=0), one.corners.max(axis=0)]) for one in seen]
        return np.array(boxes).reshape(-1, 4)

    def with_hands(self, rgb: NDArray[np.uint8], person: PersonLandmarks) -> PersonLandmarks:
        """A person who was found without looking at their hands and face in `rgb` (H, W, 3) uint8, with them. Errors as
        `people`.
        """
        # the mask shows the window that the person was seen through
        window = pose.INPUT_SIZE / math.sqrt(abs(float(np.linalg.det(person.mask_from_photo[:, :2]))))
        picture = _picture(rgb)
        left, right = self._hands(picture, person.points_2d, window)
        return replace(person, left_hand=left, right_hand=right, face=self._face(picture, person.points_2d))

    def boxes(self, rgb: NDArray[np.uint8]) -> Array:
        """(N, 4) x0 y0 x1 y1 px: the same people, found without looking at their hands. Errors as `people`."""
        picture, readings = self._find(rgb)
        boxes = [_bounding_box(reading, picture) for reading, _ in readings]
        return np.array(sorted(boxes, key=lambda box: -_area(box))).reshape(-1, 4)

    def _find(self, rgb: NDArray[np.uint8]) -> tuple[Picture, list[tuple[PoseReading, SecondOpinion | None]]]:
        picture = _picture(rgb)
        readings = find_people(self._pose_detection, self._pose_landmark, self._movenet_multipose, picture)
        return picture, self._faced(picture, readings)

    def _faced(self, picture: Picture, readings: list[PoseReading]) -> list[tuple[PoseReading, SecondOpinion | None]]:
        """As `_consulted`; whom MoveNet sees the other way round faces as the face says."""
        return [
            (
                facing.settled(reading, self._face(picture, reading.points))
                if second is not None and self.sees_faces and facing.contradict(reading, second)
                else reading,
                second,
            )
            for reading, second in self._consulted(picture, readings)
        ]

    def _consulted(
        self, picture: Picture, readings: list[PoseReading], known: Sequence[SecondOpinion | None] = ()
    ) -> list[tuple[PoseReading, SecondOpinion | None]]:
        """The readings with a second opinion each, some of them read again for it.

        Args:
            known: the second opinions of the picture before.
        """
        if self._movenet_thunder is None:
            return [(reading, None) for reading in readings]
        boxes = [_bounding_box(reading, picture) for reading in readings]
        return [*consult(self._movenet_thunder, self._pose_landmark, picture, readings, boxes, known)]

    def _person(
        self, picture: Picture, reading: PoseReading, second: SecondOpinion | None, with_hands: bool
    ) -> PersonLandmarks:
        """Add the hands, and say what lies outside the photo."""
        points = reading.points
        left, right = self._hands(picture, points, reading.crop.size) if with_hands else (None, None)
        # The network guesses beyond the border as if it saw something there.
        inside = picture.contains(points)
        mask_from_photo = reading.crop.pixels_from_photo(pose.INPUT_SIZE)
        return PersonLandmarks(
            bbox=_bounding_box(reading, picture),
            score=reading.score,
            points_2d=points,
            points_3d=reading.world,
            visibility=reading.visibility * inside,
            presence=reading.presence * inside,
            mask=reading.mask,
            mask_from_photo=mask_from_photo,
            left_hand=left,
            right_hand=right,
            second=None if second is None else SecondOpinion(second.points, second.scores),
            face=self._face(picture, points) if with_hands else None,
            window=reading.next_crop,
            glimpses=reading.glimpses,
        )

    def _face(self, picture: Picture, points: Array) -> FaceReading | None:
        """The face of a person with `points` (33, 2) photo px."""
        return None if self.face_networks is None else read_face(self.face_networks, picture, points)

    def _hands(
        self, picture: Picture, points: Array, window: float
    ) -> tuple[HandLandmarks | None, HandLandmarks | None]:
        """The hands of a person with `points` (33, 2) who was seen through a window of that side, photo px."""
        left, right = (
            hands.read_hand(self._palm_detection, self._hand_landmark, picture, points, side, window)
            for side in ("left", "right")
        )
        left, right = hands.drop_shared_hand(left, right)
        return left, right

    def _followed_hands(
        self, picture: Picture, known: PersonLandmarks, points: Array, window: float
    ) -> tuple[HandLandmarks | None, ...]:
        """The hands that somebody had in the picture before; the other arguments as for `_hands`."""
        left, right = (
            None
            if hand is None
            else hands.follow_hand(
                self._hand_landmark,
                picture,
                hand,
                known.points_2d[BODY_POINTS.index(f"{hand.side}_wrist")],
                points,
                window,
            )
            for hand in (known.left_hand, known.right_hand)
        )
        return hands.drop_shared_hand(left, right)


def _remembered(face: FaceReading | None) -> FaceReading | None:
    """What stays known of a face in the next picture: not where its points are."""
    return None if face is None else replace(face, mesh=None)


def _picture(rgb: NDArray[np.uint8]) -> Picture:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise PhotoError(
            f"A picture of shape (height, width, 3) and type uint8 is needed, not {rgb.shape} {rgb.dtype}."
        )
    return Picture(rgb)


def _area(box: Array) -> float:
    return float(np.prod(box[2:] - box[:2]))


def _bounding_box(reading: PoseReading, picture: Picture) -> Array:
    """(4,) x0 y0 x1 y1 px around the mask and the visible points, within the photo."""
    seen = reading.points[picture.contains(reading.points) & (reading.visibility > 0.3)]
    box = pose.mask_box(reading)
    around = np.concatenate([box[np.isfinite(box)].reshape(-1, 2), seen])
    if not len(around):
        around = reading.points
    limits = np.array([picture.width - 1, picture.height - 1])
    return np.concatenate([np.clip(around.min(axis=0), 0, limits), np.clip(around.max(axis=0), 0, limits)])
