"""Two networks at a time, each on a core of its own: small networks gain little from being split over cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Beside:
    """Does work in a thread beside the caller's, one piece after the other.

    Args:
        parallel: whether to; if not, work is done by the caller, when its result is asked for.
    """

    def __init__(self, parallel: bool) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sam3db-beside") if parallel else None

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin work; what is returned waits for its result, or raises what it raised. The result need not be asked
        for."""
        return work if self._pool is None else self._pool.submit(work).result
