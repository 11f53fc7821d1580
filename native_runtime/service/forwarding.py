"""Warnings that are logged (a network moved to a slower provider, ...), forwarded to whoever asked for the work.

Standard library only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_LOGGER = "native_runtime"


class Receiver(Protocol):
    """Takes warnings."""

    def warning(self, text: str) -> None: ...


class _Forwarder(logging.Handler):
    def __init__(self, receiver: Receiver) -> None:
        super().__init__(logging.WARNING)
        self._receiver = receiver

    def emit(self, record: logging.LogRecord) -> None:
        self._receiver.warning(record.getMessage())


@contextmanager
def warnings_forwarded_to(receiver: Receiver) -> Iterator[None]:
    """Within the block, every warning that ``native_runtime`` logs is forwarded to ``receiver``."""
    forwarder = _Forwarder(receiver)
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(forwarder)
    try:
        yield
    finally:
        logger.removeHandler(forwarder)
