"""What the operating system says when a file or folder cannot be used, in words that say what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from native_runtime.errors import DiskFullError, FileError, Sam3dbError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NOT_THERE = (errno.ENXIO, errno.EIO, errno.ENODEV, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN)
# Windows: of a path, unless long ones were allowed there.
_LONGEST_PATH = 260
# Windows: another program has the file open.
_SHARING_VIOLATION = (32, 33)


def readable(error: OSError) -> Sam3dbError:
    """The error with a message for people: which file or folder, what is wrong with it, what to do."""
    kind = DiskFullError if error.errno in DISK_FULL else FileError
    return kind(_sentence(error))


def _sentence(error: OSError) -> str:
    place = _place(error)
    if place is None:
        return f"The operating system reported an error: {error.strerror or error}."
    if error.errno in DISK_FULL:
        return f"The disk of {_folder(place)} is full. Free some space and try again."
    if getattr(error, "winerror", None) in _SHARING_VIOLATION or error.errno in (errno.EBUSY, errno.ETXTBSY):
        return f"{place} is in use by another program. Close it there and try again."
    if _is_too_long(place):
        return (
            f"{place}: the path has {len(str(place))} characters, and Windows allows {_LONGEST_PATH - 1}. Choose a "
            "folder with a shorter path (for models: Models Folder in the extension's preferences), or allow long "
            "paths in Windows."
        )
    if error.errno in DENIED:
        return _denied(place, error)
    if error.errno in _NOT_THERE:
        return f"The drive of {place} does not respond ({error.strerror}). Is it still connected?"
    return f"{place}: {_reason(error, place)}"


def _denied(place: Path, error: OSError) -> str:
    if error.errno != errno.EROFS and place.is_file():
        return f"The file {place} may not be read or changed. Change its permissions, or choose another one."
    drive = "is on a drive that is read-only" if error.errno == errno.EROFS else "may not be written to"
    return f"The folder {_folder(place)} {drive}. Choose another folder, or change its permissions."


def _reason(error: OSError, place: Path) -> str:
    reasons = {
        errno.ENOENT: "there is no such file or folder.",
        errno.ENAMETOOLONG: f"the name has {len(os.fsencode(place.name))} bytes, which is too long for this drive. "
        "Choose a shorter one.",
        errno.EISDIR: "this is a folder, but a file is needed. Rename it, or choose another name.",
        errno.ENOTDIR: "a part of this path is a file, not a folder. Choose another folder.",
        errno.EEXIST: "a file of this name already exists. Rename it, or choose another name.",
        errno.EINVAL: "the drive does not allow this name. Choose one without special characters.",
        errno.EILSEQ: "the drive does not allow this name. Choose one without special characters.",
        errno.ENOTEMPTY: "the folder is not empty. Choose another name.",
        errno.EFBIG: "the file is too large for this drive. Choose another drive.",
        errno.EMFILE: "too many files are open. Close other programs and try again.",
        errno.ELOOP: "links form a loop. Choose another path.",
    }
    number = error.errno or 0
    return reasons.get(number, f"the operating system refuses it ({error.strerror or error}). Choose another place.")


def _place(error: OSError) -> Path | None:
    """What the error is about; the file that was to be there, where it is about a rename."""
    named = error.filename2 if error.filename2 is not None else error.filename
    if not isinstance(named, str | bytes | os.PathLike):
        return None
    return Path(os.fsdecode(named))


def _is_too_long(place: Path, system: str = os.name) -> bool:
    return system == "nt" and len(str(place)) >= _LONGEST_PATH


def _folder(place: Path) -> Path:
    return place if _is_folder(place) else place.parent


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError:
        return False
