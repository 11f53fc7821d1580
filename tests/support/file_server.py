"""A web server on this machine that serves one file, well or badly, and remembers what it was asked."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What is served, and how.

    Attributes:
        content: the file.
        etag, modified: how the server names this version of it; empty: it does not say.
        ranges: whether parts can be asked for.
        obeys_condition: whether `If-Range` is heeded, as it must be.
        cut_after: the connection breaks after so many bytes of an answer; None: never.
        cuts: how many answers are cut.
        status: answer with this instead.
        redirect: the address of ``/latest`` leads there.
        tells_length: whether an answer says how long it is.
        hold: an answer waits for this after its first bytes.
        speed: bytes per second of one answer; 0: as fast as it goes.
        at_once: how many answers may be under way, more are refused with 503; 0: any number.
        together: how many answers were under way at the same time, at most.
        asked: the headers of each request for the file.
    """

    content: bytes
    etag: str = '"v1"'
    modified: str = ""
    ranges: bool = True
    obeys_condition: bool = True
    cut_after: int | None = None
    cuts: int = 1
    status: int = 200
    redirect: str = ""
    tells_length: bool = True
    hold: threading.Event | None = None
    speed: float = 0.0
    at_once: int = 0
    together: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"{self.address}/v1.0/assets.zip"


@contextmanager
def serving(content: bytes, **behaviour: object) -> Iterator[FileServer]:
    """Serve for as long as the context lasts."""
    server = FileServer(content, **behaviour)  # type: ignore[arg-type]
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    listener.daemon_threads = True
    server.address = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        if server.hold is not None:
            server.hold.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

        def do_GET(self) -> None:
            if self.path == "/latest":
                self._head(302, {"Location": server.redirect or server.url + "?token=secret"})
                return
            server.asked.append(dict(self.headers))
            with server._lock:
                server._open += 1
                server.together = max(server.together, server._open)
                busy = 0 < server.at_once < server._open
            try:
                if busy or server.status != 200:
                    self._head(503 if busy else server.status, {"Content-Length": "0"})
                else:
                    self._send()
            finally:
                with server._lock:
                    server._open -= 1

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()

        def _send(self) -> None:
            headers = {"ETag": server.etag, "Last-Modified": server.modified}
            whole = len(server.content)
            span = self._span()
            start, end = (span[0], min(span[1] or whole, whole)) if span else (None, whole)
            if start is not None and start >= whole:
                self._head(416, {**headers, "Content-Range": f"bytes */{whole}", "Content-Length": "0"})
                return
            status = 200 if start is None else 206
            if start is not None:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{whole}"
            body = server.content[start or 0 : end]
            if server.tells_length:
                headers["Content-Length"] = str(len(body))
            self._head(status, headers)
            if server.cut_after is not None and server.cuts > 0:
                server.cuts -= 1
                self._write(body[: server.cut_after])
                return
            if server.hold is not None:
                self._write(body[: len(body) // 2])
                server.hold.wait(20)
                body = body[len(body) // 2 :]
            self._write(body)

        def _write(self, data: bytes) -> None:
            step = max(1, int(server.speed / 50)) if server.speed else max(1, len(data))
            try:
                for at in range(0, len(data), step):
                    if server.speed:
                        time.sleep(min(step, len(data) - at) / server.speed)
                    self.wfile.write(data[at : at + step])
                    self.wfile.flush()
            except OSError:
                self.close_connection = True

        def _span(self) -> tuple[int, int | None] | None:
            """The first byte that is asked for and the end, if any is named; None: the whole file."""
            asked = self.headers.get("Range", "")
            condition = self.headers.get("If-Range")
            if not server.ranges or not asked:
                return None
            if server.obeys_condition and condition and condition not in (server.etag, server.modified):
                return None
            match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
            assert match is not None, asked
            return int(match[1]), int(match[2]) + 1 if match[2] else None

    return Handler
