"""Errors as the command line says them: what happened, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from native_runtime.cli.remedies import advised
from native_runtime.errors import Sam3dbError


@contextmanager
def refused(kind: type[Sam3dbError], match: str) -> Iterator[None]:
    """As ``pytest.raises``, where ``match`` is searched in the text with its advice."""
    with pytest.raises(kind) as raised:
        yield
    text = advised(str(raised.value), raised.value.remedy)
    assert re.search(match, text), text
