"""Downloads one file: continues where it broke off, verifies it, and puts only a complete file in place.

Standard library only. Nothing here asks the user; whoever calls has his consent.

What has arrived lies beside the target as `NAME.part`, with `NAME.part.json` saying what it is a part of. A server that
knows ranges is asked for the rest under the condition that the file is still the same one (`If-Range`, RFC 9110,
section 13.1.5); any sign that it is another one makes the download start again.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from native_runtime.errors import ModelError, Sam3dbError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.models import web

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text that says what is being done. May raise to stop the download."""

RETRIES = 4
"""How often in a row a connection that broke is taken up again by itself without getting any further."""
WAIT_S = 2.0
LARGEST = 4 << 30
"""Bytes; a server that never stops sending must not fill the disk."""

_CHUNK = 1 << 18
_TELL_S = 0.1
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True)
class Download:
    """A file that has arrived.

    Attributes:
        path: where it lies; while it is being checked, that of the part.
        url: its address, as far as redirections stayed on the server that was asked: of an address that always leads
            to the newest release, the address of that very release.
        sha256: in hexadecimal.
        size: bytes.
    """

    path: Path
    url: str
    sha256: str
    size: int


class DownloadCancelledError(Sam3dbError):
    """The download was cancelled; what has arrived is kept."""


class _InterruptedError(Exception):
    """The connection broke; the part is good for going on."""


class _AnotherFileError(Exception):
    """The part belongs to another file than the server has now."""


def download(
    url: str,
    path: str | os.PathLike[str],
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    check: Callable[[Download], None] | None = None,
    opener: urllib.request.OpenerDirector | None = None,
    secrets: dict[str, str] | None = None,
) -> Download:
    """Bring the file at `url` to `path`.

    Args:
        url: https; http only on this machine, for tests.
        path: the file; its folder is made. What lies there is replaced when all is well.
        sha256: what the file must have, where that is known.
        size: the same, bytes.
        progress: called with the progress.
        cancelled: asked whenever something arrives; True ends the download and keeps what has arrived. While a server
            is silent nobody asks, for `web.TIMEOUT_S` at most; who cannot wait ends the process, which loses nothing.
        check: looks at the whole file before it is put in place, and raises ModelError where it is no good; the file
            is then removed.
        opener: opens addresses, default one that follows redirections to https only.
        secrets: headers for the server of `url` alone, which no server that it redirects to will see.

    Raises:
        RefusedError: the server will not send the file.
        ModelError: there is no network, no room, or the file is not what it should be.
        DownloadCancelledError: `cancelled` said so.
    """
    web.check_address(url, url)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target, sha256)
    watch = _Watch(target.name, progress or (lambda fraction, text: None), cancelled or (lambda: False))
    transfer = _Transfer(url, part, size, watch, opener, secrets)
    failures, furthest = 0, part.length
    while True:
        try:
            named = transfer.run()
            break
        except _AnotherFileError:
            part.discard()
            failures, furthest = failures + 1, 0
            if failures > RETRIES:
                raise ModelError(f"The server's answers about {url} contradict each other. Try again later.") from None
        except _InterruptedError as error:
            failures = failures + 1 if part.length <= furthest else 1
            furthest = max(furthest, part.length)
            if failures > RETRIES or not transfer.received:
                raise ModelError(_broken(url, error, part.length)) from error
            watch.wait(WAIT_S * failures)
    return _finish(part, named, sha256, size, check, watch)


def _finish(
    part: _Part,
    named: str,
    sha256: str | None,
    size: int | None,
    check: Callable[[Download], None] | None,
    watch: _Watch,
) -> Download:
    """Verify the whole part and rename it; a bad part is removed, or it would be resumed forever."""
    watch.tell(1.0, f"Verifying {part.target.name}")
    digest = sha256_of(part.path)
    found = Download(part.path, named, digest, part.length)
    try:
        if size is not None and found.size != size:
            raise ModelError(f"{named} has {found.size} bytes instead of {size}.")
        if sha256 is not None and digest != sha256.lower():
            raise ModelError(f"{named} is not the expected file: its SHA-256 is {digest}, not {sha256}.")
        if check is not None:
            check(found)
    except ModelError as error:
        part.discard()
        raise ModelError(f"{error} What was downloaded has been removed; try again.") from error
    os.replace(part.path, part.target)
    part.note.unlink(missing_ok=True)
    return Download(part.target, named, digest, found.size)


class _Part:
    """What has arrived so far, and what it is a part of: of the file at an address, or of one with a known hash."""

    def __init__(self, target: Path, sha256: str | None = None) -> None:
        self.target = target
        self.sha256 = sha256
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    @property
    def length(self) -> int:
        """Bytes; 0 where there is nothing."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def validator(self, url: str) -> str | None:
        """The ETag or date of the file that this is a part of; "" for one without; None: it is not a part of `url`."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            same = note["url"] == url or (self.sha256 is not None and note.get("sha256") == self.sha256)
            return str(note["validator"]) if same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, url: str, validator: str) -> None:
        """Forget what was there; the note goes first, so that no part is ever taken for one of another file."""
        self.discard()
        note = {"url": url, "validator": validator, "sha256": self.sha256}
        write_atomically(self.note, json.dumps(note).encode())

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


class _Watch:
    """Reports the progress a few times a second, and stops the work when it is cancelled."""

    def __init__(self, name: str, progress: Progress, cancelled: Callable[[], bool]) -> None:
        self._name = name
        self._progress = progress
        self._cancelled = cancelled
        self._told = float("-inf")

    def tell(self, fraction: float, text: str) -> None:
        """Say so now."""
        self.look()
        self._told = time.monotonic()
        self._progress(fraction, text)

    def arrived(self, done: int, total: int | None) -> None:
        """Say how much has arrived, but not too often."""
        self.look()
        if time.monotonic() - self._told < _TELL_S:
            return
        of = f" of {total / 1e6:.0f}" if total else ""
        self.tell(done / total if total else 0.0, f"Downloading {self._name}: {done / 1e6:.0f}{of} MB")

    def look(self) -> None:
        if self._cancelled():
            raise DownloadCancelledError("Cancelled. What has arrived is kept; the next download continues from there.")

    def wait(self, seconds: float) -> None:
        """Wait before the next try, ready to be cancelled."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.look()
            time.sleep(min(left, _TELL_S))


class _Transfer:
    """Asks the server and writes what it sends to the part."""

    def __init__(
        self,
        url: str,
        part: _Part,
        size: int | None,
        watch: _Watch,
        opener: urllib.request.OpenerDirector | None,
        secrets: dict[str, str] | None,
    ) -> None:
        self._url = url
        self._part = part
        self._size = size
        # Without ETag and date nothing shows whether the file is still the same, but its hash will.
        self._hash_will_tell = part.sha256 is not None
        self._watch = watch
        # Whether this call got anything: a server that never answered is not asked again by itself.
        self.received = False
        self._secrets = secrets
        self._redirections = web.Redirections()
        self._opener = opener or web.opener(self._redirections)

    def run(self) -> str:
        """Fetch all that is missing; the file's address (see `Download.url`).

        Raises:
            _InterruptedError: the connection broke on the way.
            _AnotherFileError: the part must be thrown away first.
            ModelError: trying again at once is no use.
        """
        request = web.request(self._url, secrets=self._secrets)
        offset, validator = self._resume_point()
        if offset:
            request.add_header("Range", f"bytes={offset}-")
            if validator:
                request.add_header("If-Range", validator)
        self._watch.tell(0.0, f"Asking {urlsplit(self._url).hostname} for {self._part.target.name}")
        self._redirections.start(request)
        try:
            with self._opener.open(request, timeout=web.TIMEOUT_S) as response:
                web.check_address(response.geturl(), self._url)
                self._receive(response, offset, validator)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 416 and offset:
                    self._accept_as_whole(error.headers, offset, validator)
                else:
                    raise web.RefusedError(_refused(self._url, error), error) from None
        except urllib.error.URLError as error:
            if self.received and not isinstance(error.reason, ssl.SSLCertVerificationError):
                raise _InterruptedError(str(error.reason)) from error
            raise ModelError(web.unreachable(self._url, error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise _InterruptedError(str(error) or type(error).__name__) from error
        return self._redirections.named(self._url)

    def _resume_point(self) -> tuple[int, str]:
        """Where to go on, and under which condition; (0, "") to begin."""
        validator = self._part.validator(self._url)
        if validator is None or not (validator or self._hash_will_tell):
            return 0, ""
        return self._part.length, validator

    def _receive(self, response: Any, offset: int, validator: str) -> None:
        headers: Message = response.headers
        length = headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        if response.status == 206:
            start, whole = _content_range(headers)
            if start != offset or (validator and _validator(headers) not in ("", validator)):
                raise _AnotherFileError
            total = whole
        elif response.status == 200:
            offset = 0
        else:
            raise ModelError(f"{self._url} gave an unexpected answer (status {response.status}).")
        if self._size is not None and total is not None and total != self._size:
            self._part.discard()
            raise ModelError(f"{self._url} has {total} bytes instead of {self._size}; it is a different file now.")
        largest = self._size or total or LARGEST
        if largest > LARGEST:
            raise ModelError(f"{self._url} claims {largest / 1e9:.1f} GB, far more than expected.")
        if not offset:
            self._part.begin(self._url, _validator(headers))
        check_room(self._part.target.parent, (total or 0) - offset)
        done = self._write(response, offset, total, largest)
        if total is not None and done < total:
            raise _InterruptedError(f"{total - done} bytes are missing")

    def _write(self, response: Any, done: int, total: int | None, largest: int) -> int:
        """Append what comes; the length of the part in the end."""
        with _open_for_appending(self._part.path) as file:
            while chunk := response.read1(_CHUNK):
                done += len(chunk)
                if done > largest:
                    self._part.discard()
                    raise ModelError(f"{self._url} sends more than it announced. Try again later.")
                _append(file, chunk, self._part.target.parent)
                self.received = True
                self._watch.arrived(done, total)
        return done

    def _accept_as_whole(self, headers: Message, offset: int, validator: str) -> None:
        """Nothing is left to send: right when the part is as long as the file, and still of the same file."""
        match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        same = not validator or _validator(headers) in ("", validator)
        if match is None or match[3] != str(offset) or not same:
            raise _AnotherFileError


def _validator(headers: Message) -> str:
    """What distinguishes the file from later ones at the same address; "" where there is nothing to rely on."""
    etag = headers.get("ETag", "")
    # A weak ETag may stay although bytes change, and `If-Range` does not take it.
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _content_range(headers: Message) -> tuple[int, int | None]:
    """First byte and whole length by the header Content-Range."""
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if match is None or match[1] is None:
        raise _AnotherFileError
    return int(match[1]), None if match[3] == "*" else int(match[3])


def check_room(folder: Path, needed: int) -> None:
    """See to it that `needed` bytes fit on the disk of `folder`.

    Raises:
        ModelError: they do not.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ModelError(
            f"There is too little space in {folder}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free."
        )


def _open_for_appending(path: Path) -> IO[bytes]:
    try:
        # unbuffered: whatever ends this process, all that has arrived is in the file
        return path.open("ab", buffering=0)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}). Choose another folder.") from error


def _append(file: IO[bytes], chunk: bytes, folder: Path) -> None:
    left = memoryview(chunk)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = f"The disk is full; what has arrived in {folder} is kept. Free some space, then download again."
        else:
            text = f"Writing in {folder} failed ({error.strerror or error})."
        raise ModelError(text) from error


def _refused(url: str, error: urllib.error.HTTPError) -> str:
    if error.code in (404, 410):
        return f"There is no file at {url} ({error.code}). Look for it on its project's page and import it by hand."
    return f"The server refused {url} ({error.code} {error.reason}). Try again later."


def _broken(url: str, error: Exception, done: int) -> str:
    host = urlsplit(url).hostname
    return f"The connection to {host} broke ({error}). {done / 1e6:.1f} MB are kept; download again to continue."
