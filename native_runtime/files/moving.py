"""Renames of files and folders that wait for whoever has them open for a moment.

On Windows a file that another program has open cannot be renamed or replaced, and virus scanners and search indexes
open each new file for a moment. Elsewhere nothing is in the way. Standard library only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

WAITS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""From one try to the next; a scanner takes part of a second."""


def replace(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    waits: Sequence[float] = WAITS_S,
    system: str = os.name,
) -> None:
    """Rename a file or a folder, as `os.replace` does.

    Args:
        waits: seconds between the tries, on Windows.
        system: as `os.name`.

    Raises:
        OSError: as `os.replace`; on Windows only when the file was in use for all the tries.
    """
    for wait in waits if system == "nt" else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(wait)
    os.replace(source, target)
