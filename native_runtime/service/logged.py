"""Warnings that deep rooms log (a network that moved to a slower provider, ...), brought to whoever asked for the work.

Standard library only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_LOGGER = "native_runtime"


class Hears(Protocol):
    """Hears warnings."""

    def warning(self, text: str) -> None: ...


class _Teller(logging.Handler):
    def __init__(self, hearer: Hears) -> None:
        super().__init__(logging.WARNING)
        self._hearer = hearer

    def emit(self, record: logging.LogRecord) -> None:
        self._hearer.warning(record.getMessage())


@contextmanager
def told_to(hearer: Hears) -> Iterator[None]:
    """Within the block, every warning that ``native_runtime`` logs is told to ``hearer``."""
    teller = _Teller(hearer)
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(teller)
    try:
        yield
    finally:
        logger.removeHandler(teller)
