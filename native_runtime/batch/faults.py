"""Errors of one photo, as the manifest stores them; and the one that ends a whole run."""

from __future__ import annotations

from pathlib import Path

from native_runtime.batch.record import Fault
from native_runtime.errors import DiskFullError, NoPersonError, PhotoError
from native_runtime.files.disks import free_bytes
from native_runtime.files.system_errors import DENIED, DISK_FULL
from native_runtime.process.payload import ErrorPayload

OWN = (PhotoError.__name__, NoPersonError.__name__)
"""Faults that lie in the photo: the same photo under the same settings would give them again."""
# A disk with less room than this takes no character.
_LEAST_BYTES = 4 << 20
# To be raised when photos are understood that were not before: those that failed are then tried again, once.
_SKILL = 2


def fault_of(error: BaseException, photo: Path, fingerprint: str = "") -> Fault:
    """What went wrong with one photo; the fingerprint is kept where trying again would be in vain (`hopeless_mark`)."""
    failure = ErrorPayload.from_exception(error)
    text = failure.text.removeprefix(f"{photo}: ")  # whoever reads it knows the photo
    return Fault(failure.kind, text, hopeless_mark(fingerprint) if failure.kind in OWN and fingerprint else "")


def hopeless_mark(fingerprint: str) -> str:
    """What a fault says that lies in the photo: what would fail again, as long as the program knows no better."""
    return f"{_SKILL}/{fingerprint}"


def is_disk_full(error: BaseException | None, folder: Path) -> bool:
    """Whether an error, or one behind it, says that the disk is full; or the disk itself does."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return True
        if isinstance(error, OSError) and error.errno in DENIED:  # disks that are only read have no room either
            return False
        error = error.__cause__ or error.__context__
    return disk_is_full(folder)


def disk_is_full(folder: Path) -> bool:
    """Whether there is no space left for another character."""
    return free_bytes(folder) < _LEAST_BYTES


def disk_full(
    folder: Path, then: str = "start the same batch again, which continues where this one stopped"
) -> DiskFullError:
    """The error that ends the run.

    Args:
        then: what to do when there is room again.
    """
    return DiskFullError(
        f"The disk of {folder} is full. Finished results are kept, and no file is incomplete: free some space and "
        f"{then}."
    )
