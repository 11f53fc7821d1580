"""Estimates of several people, brought together; and what a later request for one of them keeps of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.engines.edits import TOGETHER, Edits, moved_along
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.refit import refit_estimate
from native_runtime.engines.together import brought_together
from native_runtime.errors import UsageError
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.prior import PosePrior
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

LENS = np.array([[1000.0, 0, 499.5], [0, 1000.0, 499.5], [0, 0, 1]])
PHOTO = Photo(np.zeros((1000, 1000, 3), np.uint8), Path("two.png"))
NOBODY = {0: None, 1: None, 2: None}


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def estimate(body: Body, x: float, z: float) -> Estimate:
    parameters = PosePrior.load(body).natural_parameters(body)
    place = PlacedState(
        parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([x, 1.0, z])
    )
    return Estimate.from_state(
        body, place, LENS, image_size=np.array([1000, 1000]), bbox=np.array([0.0, 0, 999, 999]), engine="test"
    )


def test_only_who_has_to_moves_and_says_so(body: Body) -> None:
    alone = {0: estimate(body, -0.1, 4.0), 1: estimate(body, 0.1, 4.1), 2: estimate(body, 2.0, 6.0)}
    together = brought_together(body, alone, NOBODY, PHOTO)
    assert together[2] is alone[2]
    for person in (0, 1):
        along = together[person].details[TOGETHER]
        assert abs(along) > 0.01
        np.testing.assert_allclose(together[person].camera_translation, moved_along(alone[person], along), atol=1e-12)
        np.testing.assert_array_equal(together[person].model_parameters, alone[person].model_parameters)
        # the root stays at its pixel
        root = [e.joints[1, :2] / e.joints[1, 2] for e in (together[person], alone[person])]
        np.testing.assert_allclose(root[0], root[1], atol=1e-9)
    # asked for in another order: the same
    again = brought_together(body, dict(reversed(alone.items())), NOBODY, PHOTO)
    for person in alone:
        np.testing.assert_array_equal(again[person].camera_translation, together[person].camera_translation)


def test_one_person_stays_as_it_is(body: Body) -> None:
    alone = {1: estimate(body, 0.0, 4.0)}
    assert brought_together(body, alone, NOBODY, PHOTO)[1] is alone[1]


def test_a_drag_starts_where_the_person_was_put(body: Body) -> None:
    """The engine's own answer knows nothing of the others; the request says how far it was moved."""
    alone = estimate(body, -0.1, 4.0)
    edits = Edits.from_json(Edits(along=-0.2).to_json())
    put = refit_estimate(body, alone, [], edits)
    np.testing.assert_allclose(put.camera_translation, moved_along(alone, -0.2))
    assert put.details[TOGETHER] == -0.2
    wrist = body.keypoint_names.index("left_wrist")
    pin = Pin("left_wrist", put.keypoints_2d[wrist] + [15.0, -10.0])
    dragged = refit_estimate(body, alone, [pin], edits)
    np.testing.assert_array_equal(dragged.camera_translation, put.camera_translation)
    assert np.linalg.norm(dragged.keypoints_2d[wrist] - pin.place) < 1.0
    assert dragged.details[TOGETHER] == -0.2


def test_where_an_artist_put_a_person_prevails(body: Body) -> None:
    alone = estimate(body, -0.1, 4.0)
    placed = replace(Edits(along=-0.2), camera_translation=np.array([0.5, 1.0, 4.0]))
    np.testing.assert_array_equal(placed.on(alone).camera_translation, [0.5, 1.0, 4.0])
    np.testing.assert_allclose(placed.replaced(alone)["camera_translation"], moved_along(alone, -0.2))


@pytest.mark.parametrize(("target", "warns"), [("belly", True), ("beside", False)])
def test_a_drag_that_leaves_a_hand_in_the_body_says_so(body: Body, target: str, warns: bool) -> None:
    """A pin moves a hand across the view and keeps its depth, which is the trunk's here."""
    alone = estimate(body, 0.0, 4.0)
    hips = [body.keypoint_names.index(f"{side}_hip") for side in ("left", "right")]
    wrist = body.keypoint_names.index("left_wrist")
    belly = alone.keypoints_2d[hips].mean(axis=0) + [0.0, -45.0]
    place = belly if target == "belly" else alone.keypoints_2d[wrist] + [20.0, -20.0]
    dragged = refit_estimate(body, alone, [Pin("left_wrist", place)])
    assert any("inside the body" in warning for warning in dragged.warnings) == warns


@pytest.mark.parametrize("along", ["far", float("nan"), None])
def test_a_move_that_is_no_number_is_refused(along: object) -> None:
    with pytest.raises(UsageError):
        Edits.from_json({"along": along})
