"""Whether a worker can be started and answers: what the doctor asks. Standard library only."""

from __future__ import annotations

import time

from native_runtime.errors import WorkerError
from native_runtime.process.payload import ErrorPayload
from native_runtime.service.client import WorkerClient

PATIENCE_S = 60.0
_POLL_S = 0.01


def round_trip(client: WorkerClient | None = None, patience_s: float = PATIENCE_S) -> float:
    """Start a worker with this process's Python and module path, ask it what it has open, and end it.

    Args:
        client: whose worker; by default a new one's.
        patience_s: seconds after which it counts as stuck.

    Returns:
        Seconds from the start of its process to its answer.

    Raises:
        WorkerError: it cannot be started, ends, or does not answer.
    """
    asked = WorkerClient() if client is None else client
    started = time.perf_counter()
    try:
        asked.request("ping")
        while time.perf_counter() - started < patience_s:
            for event in asked.poll():
                if event.kind == "done":
                    return time.perf_counter() - started
                if event.kind == "error":
                    raise _failure(event.failure or ErrorPayload("WorkerError", event.text))
            time.sleep(_POLL_S)
        raise WorkerError(
            f"The worker was started, but did not answer within {patience_s:.0f} seconds. Restart the computer; if "
            "that does not help, see whether an antivirus program holds it up."
        )
    finally:
        asked.stop()


def _failure(payload: ErrorPayload) -> WorkerError:
    """What a client says of its worker's end, with the last line of the worker's own words."""
    last = payload.traceback.strip().splitlines()[-1:]
    text = payload.text.partition(" Blender is not affected")[0]
    return WorkerError(" ".join([text, *(f"Its last words: {line}" for line in last)]), payload.remedy)
