"""Videos and folders of pictures as rows of frames, one in memory at a time."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PhotoError, UsageError
from native_runtime.files.streams import standard_error_hidden
from native_runtime.image.reading import Photo, read_photo

PICTURES_FPS = 25.0
"""Frames a second of a folder of pictures, which states none."""

_LEAST_FPS, _MOST_FPS = 0.1, 1000.0
"""Rates beyond these are not believed: files without a rate often state the unit of their time stamps (90,000)."""

_UNEVEN = 0.2
"""Frame intervals differ by more than this part of the mean one: the rate varies."""

_UNREADABLE = (
    "If other programs cannot play it either, it was probably not copied completely: copy it again. "
    "Otherwise convert it to MP4 (H.264) or to a folder of pictures."
)

_PICTURE_ENDINGS = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif", ".gif")
)
_TURNS = {0: None, 90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Frame:
    """One picture of the footage.

    Attributes:
        number: counted from 0, over the whole footage.
        time: s from the footage's start.
        photo: the picture, upright.
    """

    number: int
    time: float
    photo: Photo


@dataclass(frozen=True)
class FrameRange:
    """Which frames of the footage are meant.

    Attributes:
        first: number of the first one, counted from 0.
        stop: number behind the last one; None: up to the end.
        every: each how manyth.

    Raises:
        UsageError: no frame can be meant.
    """

    first: int = 0
    stop: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.first < 0 or (self.stop is not None and self.stop <= self.first):
            raise UsageError(f"A range of frames goes from one frame to a later one, not {self.first}:{self.stop}.")
        if self.every < 1:
            raise UsageError(f"Every first, second or later frame can be used, not every {self.every}th.")

    @staticmethod
    def parse(text: str, every: int = 1) -> FrameRange:
        """The range written ``A:B``: frame A up to before frame B, counted from 0; each may be left out.

        Raises:
            UsageError: it is none.
        """
        found = re.fullmatch(r"(\d*):(\d*)", text.strip())
        if found is None:
            raise UsageError(f"A range of frames is written A:B, such as 0:100, not {text!r}.")
        first, stop = found.groups()
        return FrameRange(int(first or 0), int(stop) if stop else None, every)

    def __contains__(self, number: int) -> bool:
        """Whether a frame is meant."""
        if number < self.first or (self.stop is not None and number >= self.stop):
            return False
        return (number - self.first) % self.every == 0

    def is_past(self, number: int) -> bool:
        """Whether neither this frame nor a later one is meant."""
        return self.stop is not None and number >= self.stop

    def numbers(self, count: int) -> range:
        """The frames that are meant of footage of ``count`` frames."""
        return range(self.first, count if self.stop is None else min(self.stop, count), self.every)


class Footage(Protocol):
    """A row of frames.

    Attributes:
        path: of the file or the folder.
        fps: frames a second, the mean where the rate varies.
        frame_count: how many frames it says that it has; reading may end earlier.
        size: (width, height) px, upright.
    """

    @property
    def path(self) -> Path: ...

    @property
    def fps(self) -> float: ...

    @property
    def frame_count(self) -> int: ...

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def notes(self) -> list[str]:
        """What was noticed so far and an artist may want to know."""

    def frames(self, wanted: FrameRange, skip: frozenset[int] = frozenset()) -> Iterator[Frame]:
        """The frames that are meant, in order. Where the footage is damaged they end early, or one is missing, and
        ``notes`` says so.

        Args:
            skip: numbers of frames that are left out, which costs much less than to read them.
        """


def open_footage(path: str | os.PathLike[str], fps: float | None = None, first: int = 0) -> Footage:
    """A video file, or a folder of pictures.

    Args:
        fps: frames a second, where somebody knows better than the file.
        first: the first frame that is wanted.

    Raises:
        PhotoError: there is none, or nothing in it can be read.
        UsageError: the rate is none, or the footage ends before the first frame, as far as it says how long it is.
    """
    footage = _opened(Path(path), fps)
    count = footage.frame_count
    if count and first >= count:
        there = "1 frame (0)" if count == 1 else f"{count} frames (0 to {count - 1})"
        raise UsageError(f"The video has {there}, and the range begins at frame {first}.")
    return footage


def _opened(path: Path, fps: float | None) -> Footage:
    if fps is not None and not (math.isfinite(fps) and _LEAST_FPS <= fps <= _MOST_FPS):
        raise UsageError(f"Footage has between {_LEAST_FPS:g} and {_MOST_FPS:g} frames a second, not {fps:g}.")
    try:
        if path.is_dir():
            return PictureFolder(path, fps)
        if not path.exists():
            raise PhotoError(f"{path}: there is no such file or folder.")
        if not path.is_file():
            raise PhotoError(f"{path}: this is not an ordinary file.")
        if path.stat().st_size == 0:
            raise PhotoError(f"{path}: the file is empty. It was probably not copied completely: copy it again.")
    except OSError as error:
        raise PhotoError(f"{path}: the video cannot be read ({error.strerror or error}).") from error
    return VideoFile(path, fps)


class VideoFile:
    """A video, decoded by OpenCV's own FFmpeg. Sound is ignored.

    Times are those of the file's time stamps, so that a rate that varies is kept, unless ``fps`` is given.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        """Raises:
        PhotoError: it is no video that can be read.
        """
        self.path, self._given = path, fps
        self._notes: list[str] = []
        with standard_error_hidden():
            video = self._open()
            try:
                self.frame_count = max(int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
                stated = float(video.get(cv2.CAP_PROP_FPS))
                self._turn = round(float(video.get(cv2.CAP_PROP_ORIENTATION_META)) / 90) * 90 % 360
                read, picture = video.read()
            finally:
                video.release()
        if not read or picture is None:
            raise PhotoError(f"{path}: no frame of this video can be read. {_UNREADABLE}")
        height, width = _upright(np.asarray(picture, np.uint8), self._turn).shape[:2]
        self.size = width, height
        if fps is None and not _LEAST_FPS <= stated <= _MOST_FPS:
            self._note(f"The video states no usable frame rate; {PICTURES_FPS:g} frames a second are assumed.")
            stated = PICTURES_FPS
        self.fps = fps or stated
        self._by_stamps = fps is None and _LEAST_FPS <= stated <= _MOST_FPS

    @property
    def notes(self) -> list[str]:
        """See ``Footage``."""
        return list(self._notes)

    def frames(self, wanted: FrameRange, skip: frozenset[int] = frozenset()) -> Iterator[Frame]:
        """See ``Footage``. Frames before the range are decoded as well: seeking is inexact in many files."""
        video = self._open()
        number, before, intervals = 0, -math.inf, []
        try:
            while not wanted.is_past(number):
                with standard_error_hidden():
                    going = video.grab()
                    stamp = float(video.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0
                    picture = None
                    if going and number in wanted and number not in skip:
                        going, picture = video.retrieve()
                if not going:
                    break
                time = self._time(number, stamp, before)
                if number:
                    intervals.append(time - before)
                before = time
                if picture is not None:
                    rgb = cv2.cvtColor(_upright(np.asarray(picture, np.uint8), self._turn), cv2.COLOR_BGR2RGB)
                    if rgb.shape[1::-1] != self.size:
                        self._note(f"The picture's size changes at frame {number}; the video was read up to there.")
                        break
                    yield Frame(number, time, Photo(np.asarray(rgb, np.uint8), self.path, knows_up=True))
                number += 1
        finally:
            video.release()
        if not wanted.is_past(number) and number < self.frame_count:
            self._note(
                f"The video ends or is damaged after frame {number - 1}, though it states {self.frame_count} frames. "
                "What could be read was used."
            )
        if self._by_stamps and len(intervals) > 1 and np.ptp(intervals) > _UNEVEN * float(np.mean(intervals)):
            self._note("The frame rate varies; each frame was used at its own time.")

    def _time(self, number: int, stamp: float, before: float) -> float:
        """The frame's time: its stamp, where the stamps are usable, else by the rate."""
        if not self._by_stamps or not math.isfinite(stamp) or (number and stamp <= before):
            return number / self.fps if before < number / self.fps else before + 1.0 / self.fps
        return stamp

    def _open(self) -> cv2.VideoCapture:
        # An absolute path is never taken for an address or for a pattern of numbered pictures.
        name = str(self.path.resolve())
        if re.search(r"%\d*d", name):
            raise PhotoError(f"{self.path}: a video's name may not contain a pattern such as %d. Rename it.")
        with standard_error_hidden():
            video = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        if not video.isOpened():
            raise PhotoError(f"{self.path}: this is not a video that can be read. {_UNREADABLE}")
        video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # not every build turns frames, so none does
        return video

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


class PictureFolder:
    """The pictures of a folder in the order of their names, numbers by value: ``9.png`` comes before ``10.png``."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        """Raises:
        PhotoError: there are no pictures, or the first ones cannot be read.
        """
        self.path = path
        self._notes: list[str] = []
        self._files = sorted(
            (
                file
                for file in path.iterdir()
                if file.suffix.lower() in _PICTURE_ENDINGS and not file.name.startswith(".") and file.is_file()
            ),
            key=lambda file: natural_order(file.name),
        )
        if not self._files:
            raise PhotoError(f"{path}: there are no pictures in this folder.")
        self.frame_count = len(self._files)
        self.size = read_photo(self._files[0]).original_size
        if fps is None:
            self._note(f"A folder of pictures states no frame rate; {PICTURES_FPS:g} frames a second are assumed.")
        self.fps = fps or PICTURES_FPS

    @property
    def notes(self) -> list[str]:
        """See ``Footage``."""
        return list(self._notes)

    def frames(self, wanted: FrameRange, skip: frozenset[int] = frozenset()) -> Iterator[Frame]:
        """See ``Footage``. A picture that cannot be read is left out.

        Raises:
            PhotoError: a picture has another size than the first.
        """
        for number in wanted.numbers(self.frame_count):
            if number in skip:
                continue
            file = self._files[number]
            try:
                photo = read_photo(file)
            except PhotoError as error:
                self._note(f"Frame {number} was left out. {error}")
                continue
            if photo.original_size != self.size:
                raise PhotoError(
                    f"{file}: this picture has {photo.original_size[0]} x {photo.original_size[1]} pixels, but the "
                    f"first one of the folder has {self.size[0]} x {self.size[1]}. Frames of a take are all of one "
                    "size."
                )
            yield Frame(number, number / self.fps, photo)

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def natural_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts names as people do: numbers by value, letters without regard to case."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def _upright(picture: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """A decoded frame as it is to be seen.

    Args:
        turn: degrees clockwise, as the file states.
    """
    code = _TURNS[turn]
    return picture if code is None else np.asarray(cv2.rotate(picture, code), np.uint8)
