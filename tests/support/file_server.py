"""A web server on this machine that serves one file, well or badly, and remembers what it was asked."""

from __future__ import annotations

import threading
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
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

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
            if server.status != 200:
                self._head(server.status, {"Content-Length": "0"})
                return
            self._send()

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()

        def _send(self) -> None:
            headers = {"ETag": server.etag, "Last-Modified": server.modified}
            whole = len(server.content)
            start = self._start()
            if start is not None and start >= whole:
                self._head(416, {**headers, "Content-Range": f"bytes */{whole}", "Content-Length": "0"})
                return
            status = 200 if start is None else 206
            if start is not None:
                headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
            body = server.content[start or 0 :]
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
            try:
                self.wfile.write(data)
                self.wfile.flush()
            except OSError:
                self.close_connection = True

        def _start(self) -> int | None:
            """The first byte that is asked for; None: the whole file."""
            asked = self.headers.get("Range", "")
            condition = self.headers.get("If-Range")
            if not server.ranges or not asked:
                return None
            if server.obeys_condition and condition and condition not in (server.etag, server.modified):
                return None
            return int(asked.removeprefix("bytes=").removesuffix("-"))

    return Handler
