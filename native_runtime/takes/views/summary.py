"""What is said of all views of a body together: NAME_views.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError, NewerFormatError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.files.system_errors import readable

FORMAT = Format("sam3db-views")


def write_summary(path: Path, content: dict[str, Any]) -> Path:
    """Write a summary; it appears whole or not at all."""
    text = json.dumps({"format": str(FORMAT)} | content, indent=1, ensure_ascii=False, allow_nan=False)
    return write_atomically(path, (text + "\n").encode())


def read_summary(path: str | Path) -> dict[str, Any]:
    """Read what ``write_summary`` wrote.

    Raises:
        ModelError: it is missing, damaged or something else.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = FORMAT.parsed(Path(path).read_bytes(), path)
        if not isinstance(content, dict) or not isinstance(content.get("views"), list):
            raise ValueError("it names no views")
    except NewerFormatError:
        raise
    except OSError as error:
        raise ModelError(str(readable(error))) from error
    except ValueError as error:
        raise ModelError(f"{path} is no usable summary of views ({error}).") from error
    return content
