"""What is said of a file of a data set that cannot be read."""

from __future__ import annotations

from native_runtime.errors import FileError
from native_runtime.files.reasons import reason


def unreadable(name: str, what: str, error: BaseException) -> FileError:
    """The error for a file that should be ``what`` ("a sequence of 3DPW"), and what to do."""
    return FileError(
        f"{name} cannot be read as {what} ({reason(error)}). docs/evaluation.md says which file each layout is read "
        "from; get a damaged one again."
    )
