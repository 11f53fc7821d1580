"""An earlier run over the same photos, from its files: where another fit goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import UsageError

from .joint import JointState, in_view
from .summary import read_summary

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .request import ViewsRequest


@dataclass(frozen=True)
class EarlierRun:
    """What an earlier run left.

    Attributes:
        path: its summary.
        people: the person's number in each photo.
        estimates: of each photo.
        doubted: numbers of the known cameras that contradicted the others.
        calibrated: whether the cameras were known.
    """

    path: Path
    people: tuple[int, ...]
    estimates: tuple[Estimate, ...]
    doubted: frozenset[int]
    calibrated: bool

    def estimate_of(self, number: int, body: Body) -> Estimate:
        """The estimate of a photo.

        Raises:
            UsageError: it is of another body.
        """
        there = self.estimates[number].on_build(body)
        if there.body_hash != body.hash:
            raise UsageError(
                f"{self.path} is of the body {there.body_name!r}, not of {body.name!r} as it is now. Leave the start "
                "out, so that the body is made from the photos again."
            )
        return there

    def state(self, body: Body) -> JointState:
        """The body before each camera, and in the world of known ones."""
        views = [self.estimate_of(number, body).state for number in range(len(self.estimates))]
        first = views[0]
        # what the views share is the same number in all of them, whatever an older build rounded
        views = [replace(view, identity=first.identity.copy(), expression=first.expression.copy()) for view in views]
        if not self.calibrated:
            return JointState(tuple(views))
        camera = np.array(self.estimates[0].details["views"]["camera_to_world"], np.float64)
        return JointState(tuple(views), in_view(body, first, camera[:3, :3], camera[:3, 3]))


def read_earlier(path: Path, request: ViewsRequest) -> EarlierRun:
    """Read what an earlier run left.

    Args:
        path: its NAME_views.json; the estimates lie beside it.
        request: the run that goes on from it.

    Raises:
        ModelError: a file is missing or damaged.
        NewerFormatError: a newer version of the program wrote it.
        UsageError: it was about other photos, or about photos of another kind.
    """
    content = read_summary(path)
    views: Sequence[dict[str, Any]] = content["views"]
    told = [str(view.get("photo")) for view in views]
    asked = [Path(photo).name for photo in request.photos]
    if told != asked:
        raise UsageError(f"{path} is about the photos {', '.join(told)}, not about {', '.join(asked)}.")
    for key, now, what in (
        ("one_pose", request.one_pose, "of photos of one moment"),
        ("calibrated", request.calibration is not None, "with a calibration"),
    ):
        if bool(content.get(key)) != now:
            raise UsageError(
                f"{path} was{' not' if now else ''} made {what}, and this run is{'' if now else ' not'}. Use the "
                "options of the earlier run, or leave the start out."
            )
    estimates = tuple(Estimate.load(path.parent / str(view.get("estimate"))) for view in views)
    doubted = [number for number, view in enumerate(views) if view.get("camera_doubted")]
    people = tuple(int(view.get("person", 0)) for view in views)
    return EarlierRun(path, people, estimates, frozenset(doubted), bool(content.get("calibrated")))
