"""What is true of the people of a picture, as rows of a data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, project
from native_runtime.dataset.dense import attach, rest_places
from native_runtime.dataset.rows import SHAPE, PlacedBody, Row
from native_runtime.mhr import Body
from native_runtime.models.sam3d_body_layout import MODEL_PARAMETERS

from .pictures import Shot
from .things import mesh

Array = NDArray[np.float64]

VERSION = "synthetic-2"
"""The annotations' version: rises whenever the same seed gives other pictures."""
OFFICIAL, COARSEST = "mhr-lod", "mhr-lod6"
"""Beginning of the names of MHR's own bodies, whose numbers are those that the released columns mean; the coarsest."""
_FLESH, _CLOTH, _BARE_CLOTH = 1.5, 0.06, 0.015
"""A keypoint is seen where the surface before it is nearer by less than this many times as deep as it lies at rest, and
what clothes and hair add, m; hands have none."""
_BARE = ("thumb", "index", "middle", "ring", "pinky")
_BODY, _ENOUGH = 21, 6
"""The first keypoints are the body's; so many of them must be seen of somebody in the background."""


class Annotator:
    """Says what is true of people of one body.

    Args:
        coarsest: MHR's LOD 6, whose vertices are the dense keypoints of its other levels; None: the default body's
            points.
    """

    def __init__(self, body: Body, coarsest: Body | None = None) -> None:
        self._body = body
        places = rest_places() if coarsest is None else np.asarray(coarsest.rest_vertices, np.float64)
        self._dense = attach(body, places)
        zero = body.pose(np.zeros(len(body.parameter_names)))
        keypoints = body.keypoints(zero, body.rest_vertices)
        flesh = np.array([np.linalg.norm(body.rest_vertices - point, axis=1).min() for point in keypoints])
        self._flesh = _FLESH * flesh / CM_PER_M + _CLOTH
        main = body.skin_indices[self._dense.corners[:, 0], body.skin_weights[self._dense.corners[:, 0]].argmax(axis=1)]
        in_hand = [any(part in body.joint_names[joint] for part in _BARE) for joint in main]
        self._cloth = np.where(in_hand, _BARE_CLOTH, _CLOTH)

    def rows(self, shot: Shot, image: str, number: int) -> list[Row]:
        """A row for each person of whom enough is seen, the one that the picture is about in any case.

        Args:
            image: the picture's path in the data set's folder of pictures.
            number: the picture's.
        """
        visible = [shot.sees(k, person.keypoints, self._flesh) for k, person in enumerate(shot.people)]
        kept = [k for k, seen in enumerate(visible) if k == 0 or seen[:_BODY].sum() >= _ENOUGH]
        return [self._row(shot, k, visible[k], image, number, subject, len(kept)) for subject, k in enumerate(kept)]

    def _row(
        self, shot: Shot, index: int, visible: NDArray[np.bool_], image: str, number: int, subject: int, subjects: int
    ) -> Row:
        person, pose, body = shot.people[index], shot.poses[index], self._body
        build = person.standing.build
        official = body.name.startswith(OFFICIAL)
        return Row(
            image=image,
            person=number,
            subject=subject,
            subjects=subjects,
            keypoints_2d=pixels_within(person.keypoints, shot.view.intrinsics, shot.view.size),
            keypoints_3d=np.c_[person.keypoints, np.ones(len(person.keypoints))],
            model_parameters=person.parameters if official else np.zeros(MODEL_PARAMETERS),
            shape=build.identity if official else np.zeros(SHAPE),
            mhr_valid=official,
            date=VERSION,
            box=person.box,
            intrinsics=shot.view.intrinsics,
            mask=shot.masks[index],
            placed=PlacedBody(
                body.name, body.hash, person.parameters, build.identity, person.translation, build.expression
            ),
            dense=self._points(shot, index),
            visible=visible.astype(np.float64),
            pose=pose.group,
            held_out=pose.held_out,
        )

    def _points(self, shot: Shot, index: int) -> Array:
        """(595, 3) px of the dense keypoints and whether each is seen; zeros for those behind the camera."""
        person, body = shot.people[index], self._body
        surface = shot.view.from_world(person.standing.vertices)
        points = self._dense.of(surface)
        normals = self._dense.of(mesh(surface, body.triangles).normals)
        facing = np.einsum("nk,nk->n", normals, points) < 0
        pixels = pixels_within(points, shot.view.intrinsics, shot.view.size)
        pixels[:, 2] *= facing & shot.sees(index, points, self._cloth)
        return np.round(pixels, 3)


def pixels_within(points: Array, intrinsics: Array, size: tuple[int, int]) -> Array:
    """(N, 3) px, and 1 within the picture, of points (N, 3) m in camera axes; zeros for those behind the camera."""
    pixels = np.nan_to_num(project(points, intrinsics), nan=0.0)
    inside = (points[:, 2] > 0) & ((pixels > -0.5) & (pixels < np.array(size) - 0.5)).all(axis=1)
    return np.c_[pixels, inside]
