"""Taking hands over: the wrist that results is the hand's own, and what is not believed changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.hands import LOWER_ARMS, SIDES, WRIST_ANGLES, WRISTS, HandCriteria, Hands, judge
from native_runtime.engines.sam3d_body.merge import Merged, merge, within_wrist_range
from native_runtime.engines.sam3d_body.parameters import model_parameters
from native_runtime.engines.sam3d_body.prediction import Prediction
from native_runtime.engines.sam3d_body.preprocess import Crops
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import xzy_to_matrix
from tests.engines.sam3d_body.fake import SIZE, TRUSTING, FakeNetworks, Seen

WIDTH = 400
WRIST_JOINTS = {"left": 78, "right": 42}
MIRROR_ROWS = np.array([[1.0], [-1.0], [-1.0]])


def predict(constants: dict[str, NDArray], seed: int) -> Prediction:
    crops = Crops.around(np.array([[30.0, 40, 80, 90]]), SIZE, 0.9)
    inputs = crops.decoder_inputs(np.array([[500.0, 0, 200], [0, 500, 150], [0, 0, 1]]))
    inputs |= {"keypoints": np.array([[[0, 0, -2.0]]], np.float32), "previous": np.zeros((1, 522), np.float32)}
    return Prediction.of(FakeNetworks(constants).decode("body", [Seen(seed)], inputs))


def posed(body: Body, constants: dict[str, NDArray], seed: int) -> Prediction:
    """A body pass whose joint rotations are those of its parameters."""
    said = predict(constants, seed)
    parameters = model_parameters(constants, said.global_rotation, said.body_pose, said.hand, said.scale)
    return replace(said, model_parameters=parameters, joint_rotations=body.pose(parameters).rotations)


def hands_at(body: Body, constants: dict[str, NDArray], arms: Prediction, angles: NDArray) -> tuple[Hands, Hands]:
    """Hands whose wrists are turned by ``angles`` (2, 3) about x, z, y in the arms of a body pass."""
    found = []
    for index, side in enumerate(SIDES):
        rest = arms.joint_rotations[0, LOWER_ARMS[index]] @ constants["joint_rotation"][LOWER_ARMS[index] + 1]
        rotation = rest @ xzy_to_matrix(angles[index])
        said = predict(constants, 50 + index)
        rotations = np.array(said.joint_rotations, np.float64)
        rotations[0, 42] = rotation * MIRROR_ROWS if side == "left" else rotation
        crops = Crops.around(np.array([[30.0, 40, 80, 90]]), SIZE, 0.9)
        found.append(Hands(side, crops, replace(said, joint_rotations=rotations), WIDTH))
    return found[0], found[1]


def merged(
    body: Body,
    constants: dict[str, NDArray],
    first: Prediction,
    last: Prediction,
    hands: tuple[Hands, Hands],
    criteria: HandCriteria = TRUSTING,
) -> Merged:
    validity = judge(constants, first, first.keypoints_2d[:, list(WRISTS)], *hands, criteria)
    return merge(body, constants, first, last, *hands, validity)


@pytest.mark.parametrize(
    "angles",
    [
        [[0.2, -0.3, 0.4], [-0.5, 0.1, 0.3]],
        [[2.5, 1.0, 2.0], [-2.9, -1.2, -2.4]],  # which no wrist does: they are written the other way
    ],
)
def test_wrists_stand_as_the_hands_have_them(body: Body, constants: dict[str, NDArray], angles: list) -> None:
    first, last = posed(body, constants, 1), posed(body, constants, 2)
    hands = hands_at(body, constants, last, np.array(angles))
    out = merged(body, constants, first, last, hands)
    assert out.used.all()
    np.testing.assert_allclose(out.body_pose[0, WRIST_ANGLES], within_wrist_range(np.array(angles)), atol=1e-6)
    rotations = body.pose(out.model_parameters).rotations[0]
    for side, hand in zip(SIDES, hands):
        np.testing.assert_allclose(rotations[WRIST_JOINTS[side]], hand.wrist_rotation[0], atol=1e-6)
    np.testing.assert_array_equal(out.hand[0], np.concatenate([hands[0].pose[0], hands[1].pose[0]]))


def test_a_hand_that_no_longer_fits_the_moved_arm_is_left_out(body: Body, constants: dict[str, NDArray]) -> None:
    """It agrees with the first pass; then the arms are moved, and what remains between hand and arm is too much."""
    first = posed(body, constants, 1)
    own = np.array(first.body_pose[0, WRIST_ANGLES], np.float64)
    hands = hands_at(body, constants, first, own)
    criteria = replace(TRUSTING, wrist_angle=1.0)
    assert merged(body, constants, first, first, hands, criteria).used.all()
    turned = replace(first, global_rotation=first.global_rotation + np.array([[0.0, 2.5, 0.0]], np.float32))
    out = merged(body, constants, first, turned, hands, criteria)
    assert not out.used.any()
    for name in ("body_pose", "hand", "scale", "shape"):
        np.testing.assert_array_equal(getattr(out, name), getattr(turned, name))


@pytest.mark.parametrize("only", [0, 1])
def test_one_hand_alone_gives_what_both_would_share(body: Body, constants: dict[str, NDArray], only: int) -> None:
    first = posed(body, constants, 1)
    angles = np.array(first.body_pose[0, WRIST_ANGLES], np.float64)
    angles[1 - only, 0] += 1.5  # the other turns too far
    hands = hands_at(body, constants, first, angles)
    out = merged(body, constants, first, first, hands, replace(TRUSTING, wrist_angle=1.0))
    assert out.used.tolist() == [[only == 0, only == 1]]
    said = hands[only].prediction
    np.testing.assert_allclose(out.scale[:, 18:], said.scale[:, 18:])
    np.testing.assert_allclose(out.shape[:, 40:], said.shape[:, 40:])
    np.testing.assert_array_equal(out.shape[:, :40], first.shape[:, :40])
    other = slice(54, 108) if only == 0 else slice(0, 54)
    np.testing.assert_array_equal(out.hand[:, other], first.hand[:, other])
    np.testing.assert_array_equal(out.body_pose[0, WRIST_ANGLES[1 - only]], first.body_pose[0, WRIST_ANGLES[1 - only]])
