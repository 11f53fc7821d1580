"""Asking a server for a file or a range of it, and what its answer means."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from native_runtime.errors import ModelError
from native_runtime.models import web

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class BrokenConnectionError(Exception):
    """The connection broke; the part is good for going on."""


class AnotherFileError(Exception):
    """The part belongs to another file than the server has now."""


@dataclass(frozen=True)
class Answer:
    """What a server sends.

    Attributes:
        response: its body is read from it.
        start: the first byte that comes.
        total: bytes of the whole file; None where the server does not say.
        validator: what distinguishes the file from later ones at the same address; "": nothing to rely on.
        partial: whether it is the range that was asked for; False: the whole file.
    """

    response: Any
    start: int
    total: int | None
    validator: str
    partial: bool


class NothingLeftError(Exception):
    """There is nothing at the place that was asked for (416)."""

    def __init__(self, total: int | None, validator: str) -> None:
        super().__init__()
        self.total, self.validator = total, validator


class Connection:
    """Asks one server; every thread has its own.

    Args:
        url: of the file.
        opener: opens addresses, default one that follows redirections to https only.
        secrets: headers for the server of `url` alone.
    """

    def __init__(
        self, url: str, opener: urllib.request.OpenerDirector | None = None, secrets: dict[str, str] | None = None
    ) -> None:
        self.url = url
        self._secrets = secrets
        self._redirections = web.Redirections()
        self._opener = opener or web.opener(self._redirections)
        self.received = False
        """Whether anything has come: a server that never answered is not asked again by itself."""

    @property
    def named(self) -> str:
        """The file's address (see `Download.url`)."""
        return self._redirections.named(self.url)

    @contextmanager
    def ask(self, start: int = 0, end: int | None = None, validator: str = "") -> Iterator[Answer]:
        """Ask for all, or for the bytes from `start` up to `end` under the condition of `validator`.

        Raises:
            BrokenConnectionError: the connection broke, here or while the answer was read.
            NothingLeftError: the server says that the file has nothing there.
            AnotherFileError: the answer contradicts the question.
            RefusedError, ModelError: trying again at once is no use.
        """
        request = web.request(self.url, secrets=self._secrets)
        if start or end is not None:
            request.add_header("Range", f"bytes={start}-{'' if end is None else end - 1}")
            if validator:
                request.add_header("If-Range", validator)
        self._redirections.start(request)
        try:
            with self._opener.open(request, timeout=web.TIMEOUT_S) as response:
                web.check_address(response.geturl(), self.url)
                yield self._understood(response, start, end)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 416 and (start or end is not None):
                    match = _CONTENT_RANGE.fullmatch(error.headers.get("Content-Range", ""))
                    total = int(match[3]) if match and match[3] != "*" else None
                    raise NothingLeftError(total, _validator(error.headers)) from None
                raise web.RefusedError(_refused(self.url, error), error) from None
        except urllib.error.URLError as error:
            if self.received and not isinstance(error.reason, ssl.SSLCertVerificationError):
                raise BrokenConnectionError(str(error.reason)) from error
            raise web.unreachable(self.url, error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise BrokenConnectionError(str(error) or type(error).__name__) from error

    def _understood(self, response: Any, start: int, end: int | None) -> Answer:
        headers: Message = response.headers
        length = headers.get("Content-Length", "")
        validator = _validator(headers)
        if response.status == 200:
            return Answer(response, 0, int(length) if length.isdigit() else None, validator, False)
        if response.status != 206 or not (start or end is not None):
            raise ModelError(f"{self.url} gave an unexpected answer (status {response.status}).")
        match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if match is None or match[1] is None or int(match[1]) != start:
            raise AnotherFileError
        return Answer(response, start, None if match[3] == "*" else int(match[3]), validator, True)


def broken(url: str, error: Exception, done: int) -> str:
    """That the connection broke for good, for people."""
    host = urlsplit(url).hostname
    return f"The connection to {host} broke ({error}). {done / 1e6:.1f} MB are kept; download again to continue."


def _validator(headers: Message) -> str:
    etag = headers.get("ETag", "")
    # A weak ETag may stay although bytes change, and `If-Range` does not take it.
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _refused(url: str, error: urllib.error.HTTPError) -> str:
    if error.code in (404, 410):
        return f"There is no file at {url} ({error.code}). Look for it on its project's page and import it by hand."
    return f"The server refused {url} ({error.code} {error.reason}). Try again later."
