"""People in pictures as rows of a data set: their keypoints are drawn, so that everything about them is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset.rows import PlacedBody, Row
from native_runtime.dataset.runs import Runs, encode
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import BodyState, PlacedState

SIZE = (320, 240)
NOSE, LEFT_HIP = 0, 9
#: The colour of one keypoint, by which a test finds it again.
MARK = (255, 0, 0)


def placed(body: Body, rng: np.random.Generator, x: float = 0.0) -> PlacedState:
    """Somebody in a random pose, three and a half metres away."""
    state = BodyState.neutral(body)
    parameters, identity = state.model_parameters.copy(), state.identity.copy()
    parameters[3:68] = rng.normal(0, 0.1, 65)
    parameters[68:122] = rng.normal(0, 0.2, 54)
    identity[:3] = rng.normal(0, 0.3, 3)
    return PlacedState(parameters, identity, state.expression, np.array([x, 1.0, 3.5]))


def seen(body: Body, state: PlacedState, photo: str = "photo.png", person: int = 0) -> Estimate:
    """An estimate that is right."""
    width, height = SIZE
    rest = {"image_size": np.array(SIZE), "engine": "test", "photo": photo, "person": person}
    intrinsics = np.array([[250.0, 0.0, width / 2], [0.0, 250.0, height / 2], [0.0, 0.0, 1.0]])
    made = Estimate.from_state(body, state, intrinsics, bbox=np.array([0.0, 0.0, *SIZE]), **rest)
    points = np.vstack([made.keypoints_2d.min(axis=0), made.keypoints_2d.max(axis=0)])
    return Estimate.from_state(body, state, intrinsics, bbox=points.ravel(), **rest)


def picture(people: Sequence[Estimate]) -> NDArray[np.uint8]:
    """(H, W, 3) RGB: a grey dot for each keypoint, the noses in ``MARK``."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
    for person in people:
        for number, (x, y) in reversed(list(enumerate(person.keypoints_2d))):
            colour = MARK if number == NOSE else (120, 140, 160)
            cv2.circle(pixels, (round(x), round(y)), 2, colour, -1)
    return pixels


def mask(person: Estimate) -> NDArray[np.bool_]:
    """(H, W) the hull of the keypoints."""
    hull = cv2.convexHull(person.keypoints_2d.astype(np.float32)).astype(np.int32)
    return np.asarray(cv2.fillConvexPoly(np.zeros(SIZE[::-1], np.uint8), hull, 1)).astype(bool)


def row(person: Estimate, image: str = "photo.png", subjects: int = 1) -> tuple[Row, Runs]:
    """All that is known of somebody, and their mask."""
    silhouette = mask(person)
    one = Row(
        image=image,
        person=person.person,
        subject=person.person,
        subjects=subjects,
        keypoints_2d=np.column_stack([person.keypoints_2d, np.ones(70)]),
        keypoints_3d=np.column_stack([person.keypoints_3d, np.ones(70)]),
        model_parameters=np.zeros(204),
        shape=np.zeros(45),
        mhr_valid=False,
        date="",
        box=person.bbox,
        intrinsics=person.intrinsics,
        mask=silhouette,
        placed=PlacedBody(
            person.body_name, person.body_hash, person.model_parameters, person.identity, person.camera_translation
        ),
    )
    return one, Runs(encode(silhouette), *silhouette.shape)


def data_set(folder: Path, body: Body, rng: np.random.Generator, people: int = 2) -> list[tuple[Row, Runs]]:
    """A picture of several people beside each other in ``folder/images``, and its rows."""
    found = [
        seen(body, placed(body, rng, x), person=number) for number, x in enumerate(np.linspace(-0.35, 0.35, people))
    ]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / "photo.png"), picture(found)[..., ::-1])
    return [row(person, subjects=people) for person in found]
