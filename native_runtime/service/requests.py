"""What the handlers of the worker's requests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.pipeline.inference import Reporter


def progress_to(reporter: Reporter) -> Callable[[float, str], None]:
    """A progress function that tells the reporter; what is being done is told once, not with every step."""
    said = ""

    def tell(fraction: float, text: str) -> None:
        nonlocal said
        if text != said:
            said = text
            reporter.status(text)
        reporter.progress(fraction)

    return tell


def optional_text(request: Mapping[str, Any], key: str) -> str | None:
    """The text under a key, None where there is none.

    Raises:
        UsageError: it is no text.
    """
    value = request.get(key)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{key!r} must be a text, not {value!r}.")
    return value


def required_text(request: Mapping[str, Any], key: str) -> str:
    """The text under a key.

    Raises:
        UsageError: there is none.
    """
    value = optional_text(request, key)
    if not value:
        raise UsageError(f"The request has no {key}.")
    return value


def flag(request: Mapping[str, Any], key: str) -> bool:
    """The truth value under a key, False where there is none.

    Raises:
        UsageError: it is none.
    """
    value = request.get(key, False)
    if not isinstance(value, bool):
        raise UsageError(f"{key!r} must be true or false, not {value!r}.")
    return value


def optional_texts(request: Mapping[str, Any], key: str) -> list[str] | None:
    """The list of texts under a key, None where there is none.

    Raises:
        UsageError: it is no such list.
    """
    value = request.get(key)
    if value is not None and not (isinstance(value, list) and all(isinstance(text, str) for text in value)):
        raise UsageError(f"{key!r} must be a list of texts, not {value!r}.")
    return value


def optional_number(request: Mapping[str, Any], key: str) -> float | None:
    """The number under a key, None where there is none.

    Raises:
        UsageError: it is no number.
    """
    value = request.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{key!r} must be a number, not {value!r}.")
    return float(value)
