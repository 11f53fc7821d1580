"""A model hub on this machine: the service that knows who may have a file, and the storage that it redirects to.

The two answer on different addresses (``127.0.0.1`` and ``localhost``, each with a port of its own), and each notes
what it was asked, so that a test can see which of them learnt the token.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.support.file_server import FileServer, serving

TOKEN = "hf_" + "Abc123" * 6
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the service says.

    Attributes:
        storage: file's path -> the server that has it. ``owner/name:path`` for the file of one repository.
        token: who may have files.
        refuses: repository -> the answer of the service about all of its files.
        status, error: answer with this instead, and with these headers.
        says: file's path -> headers of an ordinary answer that differ from the truth; None as a value: left out.
        detour: lead to another address of the service itself first, as it does when a repository was renamed.
        asked: the method, path and headers of each request.
    """

    storage: dict[str, FileServer]
    token: str | None = TOKEN
    status: int = 0
    error: dict[str, str] = field(default_factory=dict)
    says: dict[str, dict[str, str | None]] = field(default_factory=dict)
    detour: bool = False
    refuses: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    address: str = ""

    def server(self, repository: str, path: str) -> FileServer | None:
        """Who has a file of a repository."""
        return self.storage.get(f"{repository}:{path}") or self.storage.get(path)

    def paths(self, repository: str) -> list[str]:
        """What a repository has."""
        return [
            path.partition(":")[2] or path
            for path in self.storage
            if ":" not in path or path.startswith(f"{repository}:")
        ]

    def tokens_seen_by_storage(self) -> list[str]:
        """The credentials that the storage was sent; there must be none."""
        asked = [request for server in self.storage.values() for request in server.asked]
        return [value for request in asked for name, value in request.items() if name.lower() == "authorization"]


@contextmanager
def hub(files: dict[str, bytes], **behaviour: object) -> Iterator[Hub]:
    """Serve the files (path in the repository -> content) for as long as the context lasts."""
    with ExitStack() as stack:
        storage = {path: stack.enter_context(serving(content)) for path, content in files.items()}
        service = Hub(storage, **behaviour)  # type: ignore[arg-type]
        listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
        listener.daemon_threads = True
        service.address = f"http://127.0.0.1:{listener.server_port}"
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            listener.shutdown()
            listener.server_close()
            thread.join()


def _handler(service: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

        def do_GET(self) -> None:
            service.asked.append((self.command, self.path, dict(self.headers)))
            given = self.headers.get("Authorization")
            repository = "/".join(self.path.removeprefix("/api/models").split("/")[1:3])
            if service.refuses.get(repository):
                self._answer(service.refuses[repository], {})
            elif service.status:
                self._answer(service.status, service.error)
            elif service.token is not None and given is None:
                self._answer(401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
            elif service.token is not None and given != f"Bearer {service.token}":
                self._answer(401, {"X-Error-Message": "Invalid username or password."})
            elif service.detour and not self.path.startswith("/renamed/"):
                self._answer(307, {"Location": f"/renamed{self.path}"})
            elif self.path.startswith("/api/models/"):
                self._list(repository)
            else:
                self._redirect(repository)

        do_HEAD = do_GET  # noqa: N815

        def _list(self, repository: str) -> None:
            entries = [{"type": "file", "path": path} for path in service.paths(repository)]
            content = json.dumps([{"type": "directory", "path": "assets"}, *entries]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _redirect(self, repository: str) -> None:
            kind = "/releases/download/" if "/releases/download/" in self.path else "/resolve/"
            path = self.path.partition(kind)[2].partition("/")[2]
            storage = service.server(repository, path)
            if storage is None:
                self._answer(404, {"X-Error-Code": "EntryNotFound"})
                return
            truth: dict[str, str | None] = {
                "Location": storage.url.replace("127.0.0.1", "localhost") + "?Signature=secret",
                "X-Linked-ETag": f'"{hashlib.sha256(storage.content).hexdigest()}"',
                "X-Linked-Size": str(len(storage.content)),
                "X-Repo-Commit": COMMIT,
            }
            self._answer(302, {**truth, **service.says.get(path, {})})

        def _answer(self, status: int, headers: dict[str, str | None] | dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()

    return Handler
