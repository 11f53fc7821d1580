"""What is true of the people of a picture, as rows of a data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.dataset.rows import SHAPE, PlacedBody, Row
from native_runtime.mhr import Body
from native_runtime.models.sam3d_body_layout import MODEL_PARAMETERS

from .people import Person
from .pictures import Shot
from .poses import Pose
from .views import View

Array = NDArray[np.float64]

VERSION = "synthetic-1"
"""The annotations' version: rises whenever the same seed gives other pictures."""
OFFICIAL = "mhr-lod"
"""Beginning of the names of MHR's own bodies, whose numbers are those that the released columns mean."""


def rows_of(body: Body, shot: Shot, pose: Pose, image: str, number: int) -> list[Row]:
    """A row for each person of a picture.

    Args:
        pose: of the one that the picture is about.
        image: the picture's path in the data set's folder of pictures.
        number: the picture's.
    """
    return [
        _row(body, shot, person, mask, pose, image, number, subject)
        for subject, (person, mask) in enumerate(zip(shot.people, shot.masks, strict=True))
    ]


def _row(
    body: Body, shot: Shot, person: Person, mask: NDArray[np.bool_], pose: Pose, image: str, number: int, subject: int
) -> Row:
    official = body.name.startswith(OFFICIAL)
    return Row(
        image=image,
        person=number,
        subject=subject,
        subjects=len(shot.people),
        keypoints_2d=within(person.keypoints, shot.view),
        keypoints_3d=np.c_[person.keypoints, np.ones(len(person.keypoints))],
        model_parameters=person.parameters if official else np.zeros(MODEL_PARAMETERS),
        shape=person.standing.identity if official else np.zeros(SHAPE),
        mhr_valid=official,
        date=VERSION,
        box=person.box,
        intrinsics=shot.view.intrinsics,
        mask=mask,
        pose=pose.group,
        held_out=pose.held_out,
        placed=PlacedBody(
            body.name,
            body.hash,
            person.parameters,
            person.standing.identity,
            person.translation,
            person.standing.expression,
        ),
    )


def within(points: Array, view: View) -> Array:
    """(N, 3) px, and 1 within the picture, of points (N, 3) m in camera axes; zeros for those behind the camera."""
    pixels = np.nan_to_num(project(points, view.intrinsics), nan=0.0)
    inside = (points[:, 2] > 0) & ((pixels > -0.5) & (pixels < np.array(view.size) - 0.5)).all(axis=1)
    return np.c_[pixels, inside]
