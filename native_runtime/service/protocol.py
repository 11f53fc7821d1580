"""The lines between a worker and its client. Standard library only. ``docs/worker.md`` describes them for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from native_runtime.batch.settings import BatchRequest
from native_runtime.pipeline import requests
from native_runtime.pipeline.decoding import keys_of, path_keys_of

PROTOCOL = 1

# Answered at once, also while work is under way; everything else waits its turn.
IMMEDIATE = ("cancel", "ping")


@dataclass(frozen=True, kw_only=True)
class CancelRequest:
    """The end of an open request.

    Attributes:
        target: its id.
    """

    do: ClassVar = "cancel"

    target: int | str | None = None


@dataclass(frozen=True)
class PingRequest:
    """Whether the worker is alive, and what it keeps."""

    do: ClassVar = "ping"


@dataclass(frozen=True)
class ReleaseRequest:
    """All that the worker keeps is let go of."""

    do: ClassVar = "release"


@dataclass(frozen=True)
class StopRequest:
    """The end of the worker."""

    do: ClassVar = "stop"


REQUESTS: dict[str, type] = {
    str(kind.do): kind
    for kind in (
        requests.LookRequest,
        requests.EstimateRequest,
        requests.PoseRequest,
        BatchRequest,
        requests.SegmentRequest,
        requests.EngineStatusRequest,
        requests.ImportOfficialRequest,
        requests.DownloadOfficialRequest,
        requests.DownloadSam3dBodyRequest,
        requests.ConvertSam3dBodyRequest,
        CancelRequest,
        PingRequest,
        ReleaseRequest,
        StopRequest,
    )
}
"""By the verb."""
KEYS = {do: frozenset(keys_of(kind)) for do, kind in REQUESTS.items()}
PATH_KEYS = frozenset(key for kind in REQUESTS.values() for key in path_keys_of(kind))
"""Keys whose values are paths, which a client makes absolute: the worker may run in another folder."""
