"""Which engine a batch uses where its request leaves that open."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from native_runtime.batch.manifest import last_settings, manifests
from native_runtime.batch.settings import BatchRequest
from native_runtime.engines import AUTO, engines
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.support import chosen_engine

Request = TypeVar("Request", bound=BatchRequest)


def with_settled_engine(request: Request, reporter: Reporter) -> Request:
    """The request with its engine's name: where that is left open, the one that made the folder's results, so that they
    are not all made again because a better one was installed; else as ``pipeline.support.chosen_engine``.
    """
    if request.engine == AUTO:
        before = last_settings(manifests(request.out)).get("engine")
        if isinstance(before, str) and before in engines():
            return replace(request, engine=before)
    chosen, notes = chosen_engine(request)
    for note in notes:
        reporter.warning(note)
    return chosen
