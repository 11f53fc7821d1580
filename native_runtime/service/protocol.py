"""The lines between a worker and its client. Standard library only. ``docs/worker.md`` describes them for people."""

from __future__ import annotations

from native_runtime.batch.settings import BatchRequest
from native_runtime.farm.request import SubmitRequest
from native_runtime.pipeline import requests
from native_runtime.pipeline.decoding import keys_of, path_keys_of
from native_runtime.takes.request import CorrectTakeRequest, TakeRequest
from native_runtime.takes.views.pose_request import PoseViewsRequest
from native_runtime.takes.views.request import ViewsRequest

PROTOCOL = 1

# Answered at once, also while work is under way; everything else waits its turn.
IMMEDIATE = ("cancel", "ping")


REQUESTS: dict[str, type] = {
    str(kind.do): kind
    for kind in (
        requests.LookRequest,
        requests.EstimateRequest,
        requests.PoseRequest,
        BatchRequest,
        SubmitRequest,
        TakeRequest,
        ViewsRequest,
        PoseViewsRequest,
        CorrectTakeRequest,
        requests.SegmentRequest,
        requests.EngineStatusRequest,
        requests.DoctorRequest,
        requests.MoveModelsRequest,
        requests.ImportOfficialRequest,
        requests.DownloadOfficialRequest,
        requests.ConvertSam3dBodyRequest,
        requests.InstallModelRequest,
        requests.InstallGpuRequest,
        requests.RemoveGpuRequest,
        requests.TimeProvidersRequest,
    )
}
"""The work that can be asked for, by its verb."""
KEYS = {do: keys_of(kind) for do, kind in REQUESTS.items()} | {
    "cancel": ["target"],
    "ping": [],
    "release": [],
    "stop": [],
}
"""Of every request, those about the worker itself included."""
PATH_KEYS = {do: frozenset(path_keys_of(kind)) for do, kind in REQUESTS.items()}
"""Of each request the keys whose values are paths, which a client makes absolute: the worker may run in another folder.
"""
