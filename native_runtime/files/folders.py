"""Where the program may keep its own files on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """The program's folder in the user's cache (it may not exist)."""
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "sam3db"


def features_folder() -> Path:
    """Where what networks saw in the last photos is kept, where that is wanted (it may not exist)."""
    return user_cache() / "features"
