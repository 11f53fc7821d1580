"""Hands and their mirror: what holds whatever the networks say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.hands import (
    SIDES,
    WRISTS,
    HandCriteria,
    Hands,
    Validity,
    hand_boxes,
    hand_crops,
    judge,
    mirror_boxes,
    mirror_points,
    shown,
)
from native_runtime.engines.sam3d_body.prediction import Prediction
from native_runtime.engines.sam3d_body.preprocess import BODY_PADDING, Crops, mirrored
from native_runtime.engines.sam3d_body.prompting import from_hands
from native_runtime.image.reading import Photo
from tests.engines.sam3d_body.fake import SIZE, FakeNetworks, Seen
from tests.engines.sam3d_body.recorded import outputs_of
from tests.support.parity import recording

WIDTH, HEIGHT = 400, 300
MIRROR_ROWS = np.array([[1.0], [-1.0], [-1.0]])


@pytest.fixture
def photo() -> Photo:
    return Photo(np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8), Path("p"))


@pytest.fixture
def body_crops() -> Crops:
    return Crops.around(np.array([[90.0, 40, 190, 260]]), SIZE, BODY_PADDING)


def predict(constants: dict[str, NDArray], crops: Crops, seed: int) -> Prediction:
    inputs = crops.decoder_inputs(np.array([[500.0, 0, 200], [0, 500, 150], [0, 0, 1]]))
    inputs |= {"keypoints": np.array([[[0, 0, -2.0]]], np.float32), "previous": np.zeros((1, 522), np.float32)}
    return Prediction.of(FakeNetworks(constants).decode("body", [Seen(seed)], inputs))


def in_the_mirror(prediction: Prediction) -> Prediction:
    """What the body decoder would say of the mirrored photo, as far as hands are concerned."""
    boxes = prediction.hand_boxes[:, ::-1].copy()
    boxes[..., 0] = 1 - boxes[..., 0]
    keypoints = mirror_points(prediction.keypoints_2d, WIDTH)
    exchanged = np.arange(70)
    exchanged[[7, 8, 41, 62]] = 8, 7, 62, 41
    return replace(prediction, hand_boxes=boxes, keypoints_2d=keypoints[:, exchanged])


def test_boxes_are_recorded_ones(recorded: dict[str, NDArray]) -> None:
    if "handbox.left_xyxy" not in recorded:
        pytest.skip("the body decoder alone")
    left, right = hand_boxes(recorded["body.out.mhr.hand_box"], recorded["body.batch.affine_trans"][0], 512)
    np.testing.assert_allclose(left, recorded["handbox.left_xyxy"], atol=1e-4)
    np.testing.assert_allclose(right, recorded["handbox.right_xyxy"], atol=1e-4)


def test_boxes_twice_mirrored_are_the_boxes() -> None:
    boxes = np.array([[10.0, 20, 50, 90], [-5, 0, 7, 8]])
    np.testing.assert_allclose(mirror_boxes(mirror_boxes(boxes, WIDTH), WIDTH), boxes)
    assert (mirror_boxes(boxes, WIDTH)[:, 2] > mirror_boxes(boxes, WIDTH)[:, 0]).all()


def test_a_mirrored_photo_shows_the_same_hands_to_the_decoder(
    constants: dict[str, NDArray], photo: Photo, body_crops: Crops
) -> None:
    """The left hand of the one photo is the right hand of the other, pixel by pixel, up to the rounding of places."""
    prediction = predict(constants, body_crops, 3)
    other_crops = Crops.around(mirror_boxes(body_crops.boxes, WIDTH), SIZE, BODY_PADDING)
    # the box is square and its middle mirrors to w - x - 1, so the crop's x mirrors to 1 - x but for that one pixel
    straight = hand_crops(prediction, body_crops, WIDTH)
    flipped = hand_crops(in_the_mirror(prediction), other_crops, WIDTH)
    for side, other in zip(SIDES, reversed(SIDES)):
        np.testing.assert_allclose(straight[side].centre, flipped[other].centre, atol=1e-3)
        np.testing.assert_allclose(straight[side].side, flipped[other].side, rtol=1e-6)
        one = straight[side].cut(shown(photo, side)).astype(int)
        two = flipped[other].cut(shown(mirrored(photo), other)).astype(int)
        assert np.abs(one - two).mean() < 0.5


def test_left_hands_are_right_hands_of_the_mirror(
    constants: dict[str, NDArray], body_crops: Crops, shared: Path, parity_case: Path
) -> None:
    crops = Crops.around(np.array([[30.0, 40, 80, 90]]), SIZE, 0.9)
    prediction = predict(constants, crops, 4)
    left, right = (Hands(side, crops, prediction, WIDTH) for side in SIDES)
    np.testing.assert_allclose(left.wrist_2d, mirror_points(right.wrist_2d, WIDTH))
    np.testing.assert_allclose(left.boxes, mirror_boxes(right.boxes, WIDTH))
    np.testing.assert_allclose(left.wrist_rotation, right.wrist_rotation * MIRROR_ROWS)
    np.testing.assert_array_equal(left.pose, right.pose)
    # the same size in cm of hands whose scales have other means and units: mean + unit * number
    mean, comps = constants["scale_mean"], constants["scale_comps"]
    sizes = [mean[index] + comps[index, index] * hand.size_scale(constants) for index, hand in ((9, left), (8, right))]
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-6)


def test_both_sides_are_judged_alike(constants: dict[str, NDArray], body_crops: Crops) -> None:
    """Hands of equal size, in a photo and its mirror image, pass the same tests with left and right exchanged."""
    body = predict(constants, body_crops, 5)
    crops = {
        side: Crops.around(np.array([[30.0 + 90 * i, 40, 80 + 90 * i, 90]]), SIZE, 0.9) for i, side in enumerate(SIDES)
    }
    hands = {
        side: Hands(side, crops[side], predict(constants, crops[side], 6 + i), WIDTH) for i, side in enumerate(SIDES)
    }
    exchanged = {
        side: replace(hands[other], side=side) for side, other in zip(SIDES, reversed(SIDES))
    }  # what is seen in the mirror: the same crops, of the other side
    criteria = HandCriteria()
    straight = judge(constants, body, body.keypoints_2d[:, list(WRISTS)], hands["left"], hands["right"], criteria)
    other = in_the_mirror(body)
    flipped = judge(
        constants, other, other.keypoints_2d[:, list(WRISTS)], exchanged["left"], exchanged["right"], criteria
    )
    for name in ("side", "reach", "wrist_distance"):
        np.testing.assert_allclose(getattr(straight, name), getattr(flipped, name)[:, ::-1], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "value"), [("angle", 1.41), ("side", 63.9), ("reach", 0.51), ("wrist_distance", 0.26)]
)
def test_one_failed_criterion_is_enough_and_is_named(name: str, value: float) -> None:
    good = {"angle": 0.1, "side": 100.0, "reach": 0.3, "wrist_distance": 0.1}
    validity = Validity(**{n: np.full((1, 2), v) for n, v in good.items()}, criteria=HandCriteria())  # type: ignore[arg-type]
    assert validity.valid.all()
    getattr(validity, name)[0, 1] = value
    assert validity.valid.tolist() == [[True, False]]
    assert validity.reasons(0, "left") == []
    assert len(validity.reasons(0, "right")) == 1


def test_what_hands_say_to_the_body_is_recorded(parity_case: Path, constants: dict[str, NDArray]) -> None:
    """Several people: four prompts each, with `NO_PROMPT` for hands that are not valid."""
    cases = [recording(parity_case, file.stem) for file in sorted(parity_case.glob("pipeline_full_*.npz"))]
    several = [case for case in cases if len(case["in.boxes"]) > 1]
    for case in several:
        batch = {
            name: Crops(
                512,
                case[f"{name}.batch.bbox"][0],
                case[f"{name}.batch.bbox_center"][0],
                case[f"{name}.batch.bbox_scale"][0, :, 0],
                case[f"{name}.batch.affine_trans"][0],
            )
            for name in ("body", "lhand", "rhand")
        }
        width = int(case["body.batch.ori_img_size"][0, 0, 0])
        first = Prediction.of(outputs_of(case, "body.out.mhr."))
        left, right = (
            Hands(side, batch[name], Prediction.of(outputs_of(case, f"{name}.out.mhr_hand.")), width)
            for side, name in zip(SIDES, ("lhand", "rhand"))
        )
        told = from_hands(first, batch["body"], left, right, case["merge.hand_valid_mask"])
        np.testing.assert_allclose(told, case["prompt.keypoints"], atol=2e-6)
    if not several:
        pytest.skip("no recording of several people")
