"""What a builder answers when something fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.batch.faults import is_disk_full
from native_runtime.errors import DiskFullError
from native_runtime.process.payload import ErrorPayload


def described(error: Exception, folder: Path) -> dict[str, Any]:
    """The payload of an error that came up while files were written to a folder."""
    if is_disk_full(error, folder):
        error = DiskFullError(f"The disk of {folder} is full.")
    return ErrorPayload.from_exception(error).to_json()
