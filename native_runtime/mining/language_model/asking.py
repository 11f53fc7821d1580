"""Asking: one request a photo, with retries and limits on what it may cost. Standard library only, but for pictures."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError, UsageError
from native_runtime.models.web import Redirections, opener, request

from .question import Described, UnusableAnswerError, answer_of, body_of

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Answers of servers that are worth another try."""
_LONGEST_ANSWER = 1 << 20
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True)
class Endpoint:
    """Where the model is, and what it may cost.

    Attributes:
        url: of the OpenAI-compatible interface, up to and including its version: ``https://host/v1``.
        model: its name there.
        key: sent as a bearer token; None for servers that need none.
        most_photos: how many are sent at most.
        most_tokens: that answers may tell of together, in and out; the photo that reaches them is the last one.
        retries: of a request, after answers that pass.
        timeout: s of a request.

    Raises:
        UsageError: the address is neither https nor one of this machine, or a limit is none.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    most_photos: int = 50
    most_tokens: int = 200_000
    retries: int = 3
    timeout: float = 60.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        here = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or here):
            raise UsageError("The language model's address begins with https://, or with http:// on this machine.")
        if not self.model:
            raise UsageError("The language model needs a name.")
        if self.most_photos < 1 or self.most_tokens < 1:
            raise UsageError("The limits of photos and tokens are at least 1.")

    @property
    def host(self) -> str:
        """Who gets the photos."""
        return urlsplit(self.url).hostname or ""


class LimitReachedError(ModelError):
    """As many photos were sent, or tokens used, as were allowed."""


class Asker:
    """Asks one endpoint about photos.

    Attributes:
        photos, tokens: what was used so far.
    """

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], None] = time.sleep) -> None:
        self.endpoint = endpoint
        self.photos = self.tokens = 0
        self._sleep, self._with_schema = sleep, True

    def ask(self, pixels: NDArray[np.uint8]) -> Described:
        """What the model says of a photo (H, W, 3) sRGB.

        Raises:
            UnusableAnswerError: nothing of use, in two tries; other photos may do.
            LimitReachedError: no more may be sent.
            ModelError: the server cannot be reached, or refuses.
        """
        for last in (False, True):
            if self.photos >= self.endpoint.most_photos:
                raise LimitReachedError(f"{self.photos} photos were sent, as many as allowed.")
            if self.tokens >= self.endpoint.most_tokens:
                raise LimitReachedError(f"{self.tokens} tokens were used, as many as allowed.")
            self.photos += not last
            content = self._completion(pixels)
            self.tokens += _tokens_of(content)
            try:
                return answer_of(content)
            except UnusableAnswerError as error:
                if last or "refused" in str(error):
                    raise
        raise AssertionError("unreachable")

    def _completion(self, pixels: NDArray[np.uint8]) -> Any:
        tries = 0
        while True:
            try:
                return self._post(body_of(self.endpoint.model, pixels, self._with_schema))
            except urllib.error.HTTPError as error:
                if error.code == 400 and self._with_schema:
                    self._with_schema = False  # older servers know no schema
                    continue
                if error.code not in _PASSING or tries >= self.endpoint.retries:
                    raise ModelError(self._refusal(error.code)) from error
                wait = _wait_of(error.headers.get("Retry-After"), tries)
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                if tries >= self.endpoint.retries:
                    reason = getattr(error, "reason", error)
                    raise ModelError(f"There is no connection to {self.endpoint.host} ({reason}).") from error
                wait = _wait_of(None, tries)
            tries += 1
            self._sleep(wait)

    def _post(self, body: dict[str, Any]) -> Any:
        secrets = {} if self.endpoint.key is None else {"Authorization": f"Bearer {self.endpoint.key}"}
        asked = request(f"{self.endpoint.url.rstrip('/')}/chat/completions", "POST", secrets)
        asked.data = json.dumps(body).encode()
        asked.add_header("Content-Type", "application/json")
        with opener(Redirections(stay=True)).open(asked, timeout=self.endpoint.timeout) as answer:
            data = answer.read(_LONGEST_ANSWER + 1)
        try:
            return json.loads(data) if len(data) <= _LONGEST_ANSWER else None
        except (ValueError, RecursionError):
            return None

    def _refusal(self, status: int) -> str:
        host = self.endpoint.host
        reasons = {
            401: f"{host} does not accept the key.",
            403: f"{host} does not accept the key.",
            404: f"{host} knows no model '{self.endpoint.model}', or has no such interface.",
            429: f"{host} takes no more requests for now.",
        }
        return reasons.get(status, f"{host} refused the photo (HTTP {status}).")


def _wait_of(told: str | None, tries: int) -> float:
    """Seconds: what the server told, else twice as long each time."""
    try:
        wait = float(told) if told is not None else 2.0**tries
    except ValueError:
        wait = 2.0**tries
    return min(wait, _LONGEST_WAIT_S) if wait >= 0 else 2.0**tries


def _tokens_of(content: Any) -> int:
    usage = content.get("usage") if isinstance(content, dict) else None
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total > 0 else 0
