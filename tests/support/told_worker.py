"""A worker in name only: it answers with events that a test tells it."""

from __future__ import annotations

from typing import Any

from native_runtime.service.client import Event


class Worker:
    """A worker that answers every request with the same events, and remembers what it was asked."""

    def __init__(self, *events: Event) -> None:
        self.events = events
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self) -> Worker:
        return self

    def start(self, **options: Any) -> None: ...

    def stop(self) -> None: ...

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        self.asked.append((do, {key: value for key, value in keys.items() if value is not None}))
        return 1

    def poll(self) -> list[Event]:
        return list(self.events)

    def cancel(self, number: int) -> None: ...
