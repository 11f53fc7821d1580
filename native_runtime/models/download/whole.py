"""Bringing one file to its place: as a stream or in ranges, again after what can be mended, verified in the end."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from native_runtime.errors import ModelError
from native_runtime.files.hashes import remember, sha256_of
from native_runtime.files.moving import replace
from native_runtime.models import web

from . import ranges
from .arriving import Progress, Watch
from .connection import AnotherFileError, BrokenConnectionError, Connection, broken
from .part import Part
from .ranges import NoRangesError, Ranges
from .stream import Stream

CONNECTIONS = 4
"""For one large file."""
BLOCK = 32 << 20
"""Bytes that one connection fetches at a time; smaller files come as one stream."""


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
    connections: int = 1,
    slowest: float = 0.0,
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
        connections: how many at once, for a file whose size is known and large; a server that sends no ranges is
            asked for the whole file over one.
        slowest: bytes per second; a server that stays below is given up.

    Raises:
        RefusedError: the server will not send the file.
        TooSlowError: it sends too slowly.
        ModelError: there is no network, no room, or the file is not what it should be.
        DownloadCancelledError: `cancelled` said so.
    """
    web.check_address(url, url)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target, sha256)
    watch = Watch(target.name, progress or (lambda fraction, text: None), cancelled or (lambda: False), slowest)

    def connect() -> Connection:
        return Connection(url, opener, secrets)

    named = _bring(connect, part, size, watch, connections)
    return _finish(part, named, sha256, size, check, watch)


def _bring(connect: Callable[[], Connection], part: Part, size: int | None, watch: Watch, connections: int) -> str:
    """All of the part; the file's address."""
    in_ranges = connections > 1 and size is not None and size > BLOCK
    connection = connect()
    stream = Stream(connection, part, size, watch)
    failures, furthest = 0, part.length
    while True:
        try:
            if in_ranges and size is not None:
                return Ranges(connect, connections, part, size, watch, BLOCK).run()
            return stream.run()
        except NoRangesError:
            in_ranges = False
        except AnotherFileError:
            part.discard()
            failures, furthest = failures + 1, 0
            if failures > ranges.RETRIES:
                raise ModelError(
                    f"The server's answers about {connection.url} contradict each other. Try again later."
                ) from None
        except BrokenConnectionError as error:
            failures = failures + 1 if part.length <= furthest else 1
            furthest = max(furthest, part.length)
            if failures > ranges.RETRIES or not connection.received:
                raise ModelError(broken(connection.url, error, part.length)) from error
            watch.wait(ranges.WAIT_S * failures)


def _finish(
    part: Part,
    named: str,
    sha256: str | None,
    size: int | None,
    check: Callable[[Download], None] | None,
    watch: Watch,
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
    replace(part.path, part.target)
    part.note.unlink(missing_ok=True)
    remember(part.target, digest)
    return Download(part.target, named, digest, found.size)
