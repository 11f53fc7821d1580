"""Files that appear completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from native_runtime.files.moving import replace


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """An empty file beside ``target``, which replaces it when the block ends well and disappears when it fails.

    Raises:
        OSError: the file cannot be made, or cannot replace ``target`` (on Windows: another program keeps it open).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~umask())  # mkstemp makes files private
        replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> Path:
    """Write ``data`` to a temporary file beside ``path`` and rename it. Returns ``path``."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
    return path


def umask() -> int:
    """The permissions that new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
