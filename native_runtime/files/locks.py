"""The operating system's own locks on files: they go when their process does, however it ends, so none is ever stale.

Standard library only.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import BinaryIO

# What systems say when somebody else holds a lock.
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class HeldError(Exception):
    """Somebody else holds the lock."""


def lock(path: Path, shared: bool = False) -> BinaryIO:
    """Hold the file `path`, which is made if need be, until what is returned is closed.

    The file must stay: removing one that somebody else has just opened would give two of them a lock each.

    Args:
        shared: whether others that share it may hold it, too. Not on Windows, where such locks hold nothing.

    Raises:
        HeldError: somebody else holds it.
        OSError: it cannot be made or locked.
    """
    file = path.open("a+b")
    try:
        _take(file, shared)
    except OSError as error:
        file.close()
        if error.errno in _HELD:
            raise HeldError(str(path)) from error
        raise
    return file


if sys.platform == "win32":
    import msvcrt

    # Python has no shared locks on Windows: there, who shares a lock and who wants it alone do not notice each other.
    def _take(file: BinaryIO, shared: bool) -> None:
        if not shared:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: BinaryIO, shared: bool) -> None:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
