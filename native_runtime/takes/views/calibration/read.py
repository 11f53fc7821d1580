"""Any calibration file, by its content, and which of its cameras took which photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from native_runtime.errors import FileError, UsageError
from native_runtime.files.system_errors import readable
from native_runtime.takes.views.cameras import ViewCamera

from .colmap import read_colmap
from .easymocap import read_easymocap
from .numbers import MOST_BYTES
from .opencv import read_opencv
from .pose2sim import read_pose2sim
from .qualisys import read_qualisys

KINDS = "Pose2Sim's .toml, Qualisys's .qca.txt, EasyMocap's .yml, OpenCV's .xml, .yml or .json, or COLMAP's text files"


def read_calibration(path: str | os.PathLike[str]) -> list[ViewCamera]:
    """The cameras of a calibration, in the file's order.

    Args:
        path: the file; of EasyMocap ``intri.yml`` or ``extri.yml``, of COLMAP ``cameras.txt`` or ``images.txt``, or the
            folder of both.

    Raises:
        FileError: it cannot be read, or is no calibration.
    """
    file = Path(path)
    try:
        reader = _reader_of(file)
        return reader(file)
    except FileError as error:
        raise FileError(f"The calibration {file} cannot be used: {error}") from error


def text_of(file: Path) -> str:
    """A calibration file's text.

    Raises:
        FileError: it cannot be read, is too large, or is no text.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise FileError("it is too large to be a calibration.")
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError("it is no text.") from error
    except OSError as error:
        raise FileError(str(readable(error))) from error


def _reader_of(file: Path) -> Callable[[Path], list[ViewCamera]]:
    name = file.name.lower()
    if file.is_dir():
        for inside, reader in (("intri.yml", _easymocap), ("cameras.txt", _colmap)):
            if (file / inside).is_file():
                return lambda path: reader(path / inside)
        raise FileError("the folder has neither intri.yml nor cameras.txt.")
    if name in ("intri.yml", "extri.yml"):
        return _easymocap
    if name in ("cameras.txt", "images.txt"):
        return _colmap
    if name.endswith(".toml"):
        return lambda path: read_pose2sim(text_of(path))
    if name.endswith((".qca.txt", ".qca")) or (name.endswith(".xml") and "<calibration" in text_of(file)[:2000]):
        return lambda path: read_qualisys(text_of(path))
    if name.endswith((".xml", ".yml", ".yaml", ".json")):
        return lambda path: read_opencv(text_of(path))
    raise FileError(f"its name says no kind that is known: {KINDS}.")


def _easymocap(path: Path) -> list[ViewCamera]:
    return read_easymocap(text_of(path.with_name("intri.yml")), text_of(path.with_name("extri.yml")))


def _colmap(path: Path) -> list[ViewCamera]:
    return read_colmap(text_of(path.with_name("cameras.txt")), text_of(path.with_name("images.txt")))


def cameras_of(
    cameras: Sequence[ViewCamera], photos: Sequence[str], chosen: Sequence[str] | None = None
) -> list[ViewCamera]:
    """The camera of each photo: those that were chosen by name; else those whose names the photos' names contain, each
    its own; else by order, where there are as many cameras as photos.

    Raises:
        UsageError: it cannot be told.
    """
    names = {camera.name: camera for camera in cameras}
    if chosen is not None:
        unknown = next((name for name in chosen if name not in names), None)
        if unknown is not None:
            raise UsageError(f"The calibration has no camera {unknown!r}; it has {', '.join(map(repr, names))}.")
        if len(set(chosen)) != len(chosen):
            raise UsageError("Each camera took one of the photos: a name is given twice.")
        return [names[name] for name in chosen]
    named = [[camera for camera in cameras if camera.name.lower() in Path(photo).name.lower()] for photo in photos]
    longest = [max(found, key=lambda camera: len(camera.name), default=None) for found in named]
    told = [camera for camera in longest if camera is not None]
    if len(told) == len(photos) and len({camera.name for camera in told}) == len(photos):
        return told
    if len(cameras) == len(photos):
        return list(cameras)
    raise UsageError(
        f"It cannot be told which camera took which photo: there are {len(photos)} photos, and the calibration has "
        f"{', '.join(map(repr, names))}. Name the cameras in the photos' order."
    )
