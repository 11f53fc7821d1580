"""Which function handles each of the worker's requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from native_runtime.batch.settings import BatchRequest
from native_runtime.farm.request import SubmitRequest
from native_runtime.pipeline import requests
from native_runtime.pipeline.decoding import decode
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.support import require_supported
from native_runtime.takes.request import CorrectTakeRequest, TakeRequest
from native_runtime.takes.views.pose_request import PoseViewsRequest
from native_runtime.takes.views.request import ViewsRequest

from .photos import EventReporter, NewStem, estimate_people, look_at_photo, pose_person, status_of_engines
from .protocol import REQUESTS


def answer(
    message: Mapping[str, Any], inference: Inference, new_stem: NewStem, reporter: EventReporter
) -> dict[str, Any]:
    """Do what a message asks for; the result of `done`. What can be known to be wrong is said before any work is done.

    Args:
        message: a request's JSON; its keys are known.
        new_stem: where the files of a person go, by their number.

    Raises:
        Sam3dbError, OSError, MemoryError: it cannot be done.
    """
    asked: object = decode(REQUESTS[message["do"]], message)
    if isinstance(asked, (requests.PhotoReading, requests.PoseRequest)):
        require_supported(asked)
    match asked:
        case requests.EstimateRequest() as request:
            return estimate_people(request, inference, new_stem, reporter)
        case requests.LookRequest() as request:
            return look_at_photo(request, inference, reporter)
        case requests.PoseRequest() as request:
            return pose_person(request, inference, new_stem, reporter)
        case requests.EngineStatusRequest() as request:
            return status_of_engines(request)
        case requests.SegmentRequest() as request:
            from .segment import segment_person

            return segment_person(request, inference, new_stem, reporter)
        case SubmitRequest() as request:
            from .farm import submit_batch

            return submit_batch(request, reporter)
        case BatchRequest() as request:
            from .batch import do_batch

            return do_batch(request, inference, reporter)
        case TakeRequest() as request:
            from .take import do_take

            return do_take(request, inference, reporter)
        case ViewsRequest() as request:
            from .views import do_views

            return do_views(request, inference, new_stem, reporter)
        case PoseViewsRequest() as request:
            from .views import do_pose_views

            return do_pose_views(request, inference, new_stem, reporter)
        case CorrectTakeRequest() as request:
            from .take import do_correction

            return do_correction(request, reporter)
        case requests.MoveModelsRequest() as request:
            from .moving import do_move

            return do_move(request, reporter)
        case requests.ImportOfficialRequest() | requests.DownloadOfficialRequest() as request:
            from .official import bring_bodies

            return bring_bodies(request, reporter)
        case requests.ConvertSam3dBodyRequest() as request:
            from .sam3d_body import convert_model

            return convert_model(request, reporter)
        case requests.InstallModelRequest() as request:
            from .shelf import install_model

            return install_model(request, reporter)
        case (requests.InstallGpuRequest() | requests.RemoveGpuRequest() | requests.TimeProvidersRequest()) as request:
            from .gpu import do_gpu

            return do_gpu(request, reporter)
    raise AssertionError(message["do"])
