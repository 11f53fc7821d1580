"""What Dask loads first in each worker that a batch starts on this machine."""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Let the batch end its workers: Ctrl-C in a terminal is meant for it, and reaches them as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
