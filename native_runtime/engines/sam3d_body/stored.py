"""The encoder's features of the last photos on disk, so that a photo that is opened again costs no encoder.

One file a crop, named after what was encoded: the encoder, the photo's pixels, and where the crop lies. They are
exact: the numbers of the network as they were, so that an estimate made of them is the same to the bit. A crop that
lies within a fiftieth of a pixel of a stored one is that one: a camera that went through single precision moves the
crops of hands by less. Files that cannot be read are passed over and removed; those used longest ago go when all take
too much room.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError, NewerFormatError
from native_runtime.files.formats import Format
from native_runtime.mhr.bodyfile import write_arrays

Array = NDArray[Any]

FORMAT = Format("sam3db-features")
LIMIT_BYTES = 500_000_000
"""About thirty people with the released models; each takes 5 MB for the body and for each hand."""

_SAME_PX = 0.02
_ABOUT = "about"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A square part of a picture.

    Attributes:
        x, y: px, its centre; side: px.
    """

    x: float
    y: float
    side: float

    def is_near(self, other: Place) -> bool:
        """Whether both show the same pixels."""
        return max(abs(self.x - other.x), abs(self.y - other.y), abs(self.side - other.side)) < _SAME_PX


class StoredFeatures:
    """Features on disk, by picture and place.

    Args:
        folder: of the files; it may not exist.
        encoder: identifies the network that makes them.
        limit: bytes of all files together.
    """

    def __init__(self, folder: Path, encoder: str, limit: int = LIMIT_BYTES) -> None:
        self._folder, self._encoder, self._limit = folder, encoder, limit

    def picture(self, pixels: NDArray[np.uint8], mirrored: bool, size: int) -> str:
        """What identifies a picture (H, W, 3), or its mirror image, to this encoder in crops of ``size`` px."""
        digest = hashlib.sha256(f"{self._encoder} {pixels.shape} {mirrored} {size}".encode())
        digest.update(np.ascontiguousarray(pixels).data)
        return digest.hexdigest()[:32]

    def get(self, picture: str, place: Place) -> dict[str, Array] | None:
        """The named features of a part of a picture; None where they are not stored, or cannot be read."""
        for path in self._folder.glob(f"{picture}_*.npz"):
            where = _place_of(path)
            if where is not None and where.is_near(place):
                try:
                    found = read_features(path)
                except NewerFormatError as error:
                    _log.info("%s", error)
                except ModelError as error:
                    _log.warning("Stored features are damaged and were removed: %s", error)
                    with suppress(OSError):
                        path.unlink()
                else:
                    with suppress(OSError):
                        os.utime(path)  # it is in use
                    return found
        return None

    def put(self, picture: str, place: Place, features: Mapping[str, Array]) -> None:
        """Store the features of a part of a picture. Where that fails, it is logged: they are only a convenience."""
        path = self._folder / f"{picture}_{place.x:.3f}_{place.y:.3f}_{place.side:.3f}.npz"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = json.dumps({"format": str(FORMAT), "encoder": self._encoder})
            write_arrays(path, {_ABOUT: np.array(about), **features})
            self._make_room(path)
        except OSError as error:
            _log.warning("Features of a photo could not be stored in %s (%s).", self._folder, error.strerror or error)

    def _make_room(self, newest: Path) -> None:
        files = [(path.stat(), path) for path in self._folder.glob("*.npz")]
        total = sum(facts.st_size for facts, _ in files)
        for facts, path in sorted(files, key=lambda entry: entry[0].st_mtime_ns):
            if total <= self._limit:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= facts.st_size


def read_features(path: Path) -> dict[str, Array]:
    """Read a file of features.

    Raises:
        NewerFormatError: a newer version of the program wrote it.
        ModelError: it cannot be read, is damaged, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            FORMAT.parsed(str(archive[_ABOUT]), path)
            return {name: archive[name] for name in archive.files if name != _ABOUT}
    except NewerFormatError:
        raise
    except Exception as error:  # zipfile and numpy raise many kinds for damaged files
        raise ModelError(f"{path} holds no usable features ({error}).") from error


def _place_of(path: Path) -> Place | None:
    try:
        return Place(*(float(number) for number in path.stem.split("_")[1:]))
    except (TypeError, ValueError):
        return None
