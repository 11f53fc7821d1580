"""The disk on which a path lies, whether or not the path exists yet."""

from __future__ import annotations

import shutil
from pathlib import Path


def nearest_existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def free_bytes(path: Path) -> int:
    """The bytes that are free on the disk of a path, which need not exist.

    Raises:
        OSError: the disk does not answer.
    """
    return shutil.disk_usage(nearest_existing(path)).free
