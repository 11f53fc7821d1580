"""A server on this machine that stands for a language model's, and answers well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


def completion(text: str | None, tokens: int = 100, **message: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"total_tokens": tokens}}


@dataclass
class Stub:
    """Answers one after the other, the last one again and again: a status with headers and a body."""

    answers: list[tuple[int, dict[str, str], Any]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(*answers: Any) -> Iterator[Stub]:
    stub = Stub([one if isinstance(one, tuple) else (200, {}, one) for one in answers])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            stub.asked.append(json.loads(data) | {"path": self.path})
            stub.keys.append(self.headers.get("Authorization"))
            status, headers, body = stub.answers[min(len(stub.asked), len(stub.answers)) - 1]
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
