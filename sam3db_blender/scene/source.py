"""The photo of a character as a file: where it was, beside the .blend, or out of the .blend itself."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of

from .camera import camera_of
from .photo import CONTENT, OVERLAY, PATH

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """A file that shows the photo.

    Attributes:
        path: the file.
        scale: (2,) its pixels per pixel of the original photo along x and y: 1 unless the .blend holds fewer.
    """

    path: Path
    scale: tuple[float, float] = (1.0, 1.0)

    def pixels(self, original: ArrayLike) -> Array:
        """Pixels (..., 2) of the original photo as pixels of the file; a pixel's centre is a whole number in both."""
        return (np.asarray(original, dtype=np.float64) + 0.5) * self.scale - 0.5


def photo_of(rig: bpy.types.Object, image_size: tuple[int, int], view: int = 0) -> Source:
    """The photo of a character.

    The file that it was made of is used where it is still as it was; then a file of that name beside the .blend; then
    the copy that the .blend carries, written into Blender's temporary folder.

    Args:
        image_size: width, height of the original photo.
        view: the photo's number, where the character has several.

    Raises:
        Sam3dbError: there is no such image any more, or it cannot be written.
    """
    image = image_of(rig, view)
    path, content = str(image.get(PATH, "")), str(image.get(CONTENT, ""))
    if path and content:
        beside = bpy.path.abspath(f"//{Path(path).name}", library=image.library)
        for candidate in (path, beside):
            if _content(candidate) == content:
                return Source(Path(candidate))
    return _unpacked(image, image_size)


def image_of(rig: bpy.types.Object, view: int = 0) -> bpy.types.Image:
    """The image that shows a character's photo, that of a view, behind its camera.

    Raises:
        Sam3dbError: there is none any more.
    """
    image = image_before(camera_of(rig, view))
    if image is None:
        raise Sam3dbError(
            f"The photo of '{rig.name}' is no longer in its camera's background: import the photo again, or undo its "
            "removal."
        )
    return image


def image_before(camera: bpy.types.Object) -> bpy.types.Image | None:
    """The image that shows the photo of a camera; None where there is none."""
    backgrounds = getattr(camera.data, "background_images", ())
    images = [background.image for background in backgrounds if background.image is not None]
    photos = (image for image in images if image.get(OVERLAY) is None)
    return next((image for image in photos if image.packed_file is not None or image.get(PATH)), None)


def _unpacked(image: bpy.types.Image, image_size: tuple[int, int]) -> Source:
    """The copy within the .blend as a file, written once a session."""
    if image.packed_file is None:
        raise Sam3dbError(f"The photo {image.get(PATH)} is missing or was changed, and the .blend has no copy of it.")
    data = bytes(image.packed_file.data)
    path = Path(bpy.app.tempdir) / f"photo-{len(data)}-{zlib.crc32(data):08x}.jpg"
    if not path.is_file():
        try:
            write_atomically(path, data)
        except OSError as error:
            raise Sam3dbError(f"The photo cannot be written to {path} ({error.strerror or error}).") from error
    width, height = image.size
    return Source(path, (width / image_size[0], height / image_size[1]))


def _content(path: str) -> str:
    """The hash of a file's content; empty where there is none. Remembered while size and time of change stay."""
    try:
        status = os.stat(path)
        return _hash(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=16)
def _hash(path: str, size: int, changed: int) -> str:
    return sha256_of(Path(path))
