"""From a command's arguments to a request."""

from __future__ import annotations

import argparse
import os
from typing import Any, TypeVar

from native_runtime.engines import AUTO, find_engine
from native_runtime.errors import UsageError
from native_runtime.pipeline.decoding import gather
from native_runtime.pipeline.requests import PhotoReading
from native_runtime.pipeline.support import require_supported

Request = TypeVar("Request", bound=PhotoReading)


def request_of(kind: type[Request], arguments: argparse.Namespace, here: bool = True, **given: Any) -> Request:
    """The request that a command's arguments make; what can be known to be wrong is said before any work is done.

    Args:
        here: whether this machine computes, and has to have what that needs.
        given: values that no argument has as they are.

    Raises:
        UsageError: the arguments do not fit together.
    """
    from native_runtime.camera import check_lens

    request = gather(kind, arguments, **given)
    if request.engine != AUTO:
        find_engine(request.engine)
    require_supported(request)
    check_lens(request.focal_px, request.fov_deg)
    if here and request.providers:
        from native_runtime.onnx.providers import candidates

        candidates(request.providers)
    return request


def check_files(arguments: argparse.Namespace, *options: str) -> None:
    """See that what some options name is there, before any work.

    Raises:
        UsageError: it is not.
    """
    for option in options:
        name = getattr(arguments, option)
        if name is not None and not os.path.exists(name):
            raise UsageError(f"There is no file {name}, which --{option} names.")
