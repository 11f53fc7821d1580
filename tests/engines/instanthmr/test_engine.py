"""The whole engine with a stand-in whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from native_runtime.camera import USUAL_DIAGONALS, project
from native_runtime.engines import engine_status, open_engine
from native_runtime.engines.edits import Edits
from native_runtime.engines.instanthmr.crop import assumed_lens
from native_runtime.engines.instanthmr.engine import InstantHmrEngine
from native_runtime.engines.instanthmr.placing import Placing
from native_runtime.errors import ModelError, NoPersonError, PromptError, UsageError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.prompts.prompt import keypoint_names
from tests.support.toy_instanthmr import HEIGHT, SomebodySeen, StandIn, changed, install, lens_of

from .test_crop import by_the_recipe

MakeEngine = Callable[..., InstantHmrEngine]
MHR70 = keypoint_names()
SIZES = {"landscape": (600, 400), "portrait": (380, 610), "square": (500, 500)}
BOXES = {"middle": (0.3, 0.2, 0.7, 0.8), "left": (-0.1, 0.3, 0.2, 0.9), "corner": (0.7, 0.6, 0.98, 0.99)}
"""Shares of the photo; the second reaches beyond it."""


def picture(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(11).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def box_in(size: tuple[int, int], shares: tuple[float, ...]) -> NDArray[np.float64]:
    """(4,) x0 y0 x1 y1 px."""
    return np.array(shares) * np.tile(size, 2)


def lens(size: tuple[int, int], diagonals: float, off: float = 0.0) -> NDArray[np.float64]:
    focal = diagonals * math.hypot(*size)
    middle = (np.array(size) - 1) / 2 + off * np.array(size)
    return np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1.0]])


def hips_of(keypoints: NDArray[np.float64]) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = keypoints[9:11].mean(axis=0)
    return middle


@pytest.fixture
def still(network_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """The network for photos of a size, whatever the picture shows."""

    def make(size: tuple[int, int], **weights: Any) -> Path:
        return changed(network_file, tmp_path / "still.onnx", spread=0.0, lens=lens_of(size), **weights)

    return make


# --- placement ---


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("shares", BOXES.values(), ids=BOXES)
def test_the_network_places_people_exactly(
    still: Callable[..., Path], engine_with: MakeEngine, size: tuple[int, int], shares: tuple[float, ...]
) -> None:
    """The middle of the hips is in the middle of the box, for any lens; its depth is what the box's size says."""
    engine, box = engine_with(still(size)), box_in(size, shares)
    side = (box[2:] - box[:2]).max()
    for diagonals, off in ((1.0, 0.0), (0.5, 0.0), (0.7, 0.1), (1.5, -0.1), (2.0, 0.2)):
        camera = lens(size, diagonals, off)
        estimate = engine.read(picture(size), camera, box[None]).estimate(inference="raw")
        middle = hips_of(estimate.keypoints_3d)
        np.testing.assert_allclose(project(middle, camera), (box[:2] + box[2:]) / 2, atol=0.1)
        assert middle[2] == pytest.approx(HEIGHT * camera[0, 0] / side, rel=1e-3)
        np.testing.assert_array_equal(estimate.intrinsics, camera)


@pytest.mark.parametrize("diagonals", [0.5, 0.8, 1.05, 2.0])
def test_the_lens_goes_into_networks_that_want_it(
    angular_file: Path, tmp_path: Path, engine_with: MakeEngine, diagonals: float
) -> None:
    size = SIZES["landscape"]
    engine = engine_with(changed(angular_file, tmp_path / "still.onnx", spread=0.0))
    for shares in BOXES.values():
        box = box_in(size, shares)
        side, photo = (box[2:] - box[:2]).max(), Photo(picture(size), Path("a.jpg"))
        known = replace(photo, focal_px=diagonals * math.hypot(*size))
        estimate = engine.read(known, None, box[None]).estimate(inference="raw")
        assert estimate.intrinsics[0, 0] == estimate.details["assumed_focal_px"] == pytest.approx(known.focal_px)
        middle = hips_of(estimate.keypoints_3d)
        np.testing.assert_allclose(project(middle, estimate.intrinsics), (box[:2] + box[2:]) / 2, atol=0.1)
        assert middle[2] == pytest.approx(HEIGHT * known.focal_px / side, rel=1e-3)


def test_where_nobody_knows_the_lens(angular_file: Path, tmp_path: Path, engine_with: MakeEngine) -> None:
    """Networks that want it are told 1.05 diagonals; the estimate is for the usual one."""
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["corner"])
    engine = engine_with(changed(angular_file, tmp_path / "still.onnx", spread=0.0))
    estimate = engine.read(picture(size), None, box[None]).estimate(inference="raw")
    diagonal = math.hypot(*size)
    assert estimate.details["assumed_focal_px"] == pytest.approx(1.05 * diagonal)
    usual = USUAL_DIAGONALS * diagonal
    assert estimate.intrinsics[0, 0] == pytest.approx(usual)
    np.testing.assert_allclose(hips_of(estimate.keypoints_2d), (box[:2] + box[2:]) / 2, atol=1.0)
    depth = HEIGHT * usual / (box[2:] - box[:2]).max()
    assert hips_of(estimate.keypoints_3d)[2] == pytest.approx(depth, rel=1e-3)


# --- exactness ---


def test_raw_is_what_pytorch_says(
    network_file: Path, stand_in: StandIn, engine_with: MakeEngine, placing: Placing, body: Body
) -> None:
    """Against a run of the same network in PyTorch on a picture that was cut by the publisher's recipe."""
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["left"])
    pixels = picture(size)
    estimate = engine_with(network_file).read(pixels, assumed_lens(size, None), box[None]).estimate(inference="raw")
    x0, y0, x1, y1 = box + 0.5
    condition = [(x0 + x1) / size[0] - 1, (y0 + y1) / size[1] - 1, max(x1 - x0, y1 - y0) / max(size)]
    shown = torch.tensor(by_the_recipe(pixels, tuple(box), 224), dtype=torch.float32)[None]
    with torch.no_grad():
        parameters, _, place, *_ = stand_in(shown, torch.tensor([condition], dtype=torch.float32))
    np.testing.assert_allclose(estimate.model_parameters, parameters[0].numpy(), atol=2e-6)
    np.testing.assert_allclose(estimate.camera_translation, place[0].numpy(), atol=2e-5)
    assert np.abs(estimate.model_parameters - stand_in.pose.detach().numpy()).max() > 1e-3


def test_several_people_at_once_are_the_same_as_one_by_one(network_file: Path, engine_with: MakeEngine) -> None:
    size = SIZES["landscape"]
    boxes = np.array([box_in(size, shares) for shares in BOXES.values()])
    engine = engine_with(network_file)
    together = engine.read(picture(size), None, boxes).estimate_all(inference="raw")
    reading = engine.read(picture(size), None, boxes)
    for person in (2, 0, 1):
        alone = reading.estimate(person, inference="raw")
        np.testing.assert_allclose(together[person].model_parameters, alone.model_parameters, atol=1e-6)
        np.testing.assert_allclose(together[person].keypoints_2d, alone.keypoints_2d, atol=1e-2)
    apart = [np.abs(one.model_parameters - other.model_parameters).max() for one in together for other in together]
    assert sorted(apart)[3] > 1e-4


# --- the fit ---


MOVED = {"left": (4.0, -4.0), "right": (3.0, -6.0)}
"""Px by which the landmark networks see hands elsewhere than the network."""
WRIST = MHR70.index("right_wrist")


@pytest.fixture
def reading(still: Callable[..., Path], engine_with: MakeEngine) -> Any:
    """Somebody whose hands are not where the network's body has them."""
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["middle"])
    camera = assumed_lens(size, None)
    network = still(size)
    plain = engine_with(network).read(picture(size), camera, box[None]).estimate(inference="raw")
    moved = {f"{side}_{part}": shift for side, shift in MOVED.items() for part in ("wrist", "pinky", "index", "thumb")}
    # its own keypoints are its body's
    middle, side = (box[:2] + box[2:]) / 2, 1.2 * (box[2:] - box[:2]).max()
    network = still(size, points=(plain.keypoints_2d - middle) / side * 2)
    finder = SomebodySeen(engine_with(network).body, plain.state, camera, box, moved)
    return engine_with(network, finder).read(picture(size), camera)


def test_the_fit_comes_nearer_to_what_is_seen_within_limits(reading: Any, body: Body) -> None:
    raw, fitted = reading.estimate(inference="raw"), reading.estimate()
    for side, shift in MOVED.items():
        keypoint = MHR70.index(f"{side}_wrist")
        seen = raw.keypoints_2d[keypoint] + shift
        assert np.linalg.norm(fitted.keypoints_2d[keypoint] - seen) < 0.5 * np.hypot(*shift)
    assert body.parameterisation.violation(fitted.model_parameters).max() == 0.0
    assert fitted.details["point_error_px"] < 0.6 * fitted.details["network_error_px"]
    assert (raw.details["inference"], fitted.details["inference"]) == ("raw", "fit")
    assert fitted.details["suggested_keypoints"]
    with pytest.raises(UsageError, match="'fit' or 'raw'"):
        reading.estimate(inference="full")


def test_the_networks_own_keypoints_count_where_nothing_else_is_seen(
    still: Callable[..., Path], engine_with: MakeEngine
) -> None:
    """In a box in which the landmark networks see nobody; a head that says nonsense is not heard."""
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["middle"])
    plain = engine_with(still(size)).read(picture(size), None, box[None]).estimate(inference="raw")
    middle, side = (box[:2] + box[2:]) / 2, 1.2 * (box[2:] - box[:2]).max()
    points = plain.keypoints_2d + (4.0, -3.0)
    fits = [
        engine_with(still(size, points=values)).read(picture(size), None, box[None]).estimate()
        for values in (
            (points - middle) / side * 2,
            np.zeros((70, 2)),
            np.random.default_rng(1).uniform(-1, 1, (70, 2)),
        )
    ]
    moved = [np.median(fitted.keypoints_2d - plain.keypoints_2d, axis=0) for fitted in fits]
    np.testing.assert_allclose(moved[0], (4.0, -3.0), atol=1.0)
    np.testing.assert_allclose(moved[1:], 0.0, atol=0.2)


def test_what_contradicts_the_network_grossly_is_named(still: Callable[..., Path], engine_with: MakeEngine) -> None:
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["middle"])
    engine = engine_with(still(size))
    camera = assumed_lens(size, None)
    plain = engine.read(picture(size), camera, box[None]).estimate(inference="raw")
    finder = SomebodySeen(engine.body, plain.state, camera, box, {"left_wrist": (90.0, -120.0)})
    fitted = engine_with(still(size), finder).read(picture(size), camera).estimate()
    assert fitted.details["contradicted"] == ["left arm"]
    assert any(text.startswith("The left arm is as InstantHMR sees it") for text in fitted.warnings)


def test_a_mask_is_followed(reading: Any) -> None:
    fitted = reading.estimate()
    mask = np.zeros((400, 600), np.uint8)
    for triangle in fitted.with_state(reading._parts.body, fitted.state).vertices[reading._parts.body.triangles]:
        cv2.fillConvexPoly(mask, np.round(project(triangle, fitted.intrinsics)).astype(np.int32), 1)
    wide = cv2.dilate(mask, np.ones((13, 13), np.uint8)).astype(bool)
    masked = reading.estimate(mask=wide)
    assert np.abs(masked.identity - fitted.identity).max() > 0.2
    assert masked.prompts.mask
    with pytest.raises(PromptError, match="mask"):
        reading.estimate(mask=np.zeros((400, 600), bool))


def test_pins_are_met_and_edits_kept(reading: Any) -> None:
    plain = reading.estimate()
    place = plain.keypoints_2d[WRIST] + (12.0, -8.0)
    pinned = reading.estimate(keypoints=[(WRIST, *place)])
    np.testing.assert_allclose(pinned.keypoints_2d[WRIST], place, atol=0.5)
    again = reading.estimate(keypoints=[(WRIST, *place)], edits=Edits({100: 0.2}))
    assert again.model_parameters[100] == 0.2
    assert "without_edits" in again.details
    np.testing.assert_array_equal(reading.estimate().model_parameters, plain.model_parameters)


def test_an_ignored_keypoint_no_longer_counts(reading: Any) -> None:
    """The right hand is said to be wrong: the arm goes back towards where the network's body has it."""
    raw, fitted = reading.estimate(inference="raw"), reading.estimate()
    hand = ("right_wrist", "right_pinky_finger_third_joint", "right_forefinger_third_joint", "right_thumb3")
    ignored = reading.estimate(keypoints=[(MHR70.index(name), 0.0, 0.0, "ignore") for name in hand])
    away = [np.linalg.norm(one.keypoints_2d[WRIST] - raw.keypoints_2d[WRIST]) for one in (fitted, ignored)]
    assert away[1] < 0.5 * away[0]


# --- what it is told, and what it tells ---


def test_what_an_estimate_says_of_its_making(network_file: Path, engine_with: MakeEngine) -> None:
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["middle"])
    terms = {"model": "instanthmr_nano", "terms": ["sam", "instanthmr_noncommercial"], "commercial": False}
    engine = engine_with(network_file, name="nano", terms=terms)
    estimate = engine.read(picture(size), None, box[None]).estimate(inference="raw")
    assert estimate.details["model_terms"] == terms
    assert (estimate.engine, estimate.details["network"]) == ("instanthmr", "nano")
    assert estimate.details["shape_from"] == "silhouette"
    assert sum("official body" in text for text in estimate.warnings) == 1


def test_shape_numbers_hold_on_the_official_body_alone(
    network_file: Path, tmp_path: Path, engine_with: MakeEngine, body: Body
) -> None:
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["middle"])
    shaped = changed(network_file, tmp_path / "shaped.onnx", spread=0.0, shape=np.linspace(-9.0, 0.4, 45))
    assert not engine_with(shaped).read(picture(size), None, box[None]).estimate(inference="raw").identity.any()
    count = 45
    own = replace(
        body,
        name="mhr-lod1",
        identity_basis=np.zeros((count, body.vertex_count, 3), np.float32),
        identity_names=tuple(map(str, range(count))),
        identity_groups=("body",) * count,
        identity_min=np.full(count, -3.0),
        identity_max=np.full(count, 3.0),
    )
    estimate = engine_with(shaped, own=own).read(picture(size), None, box[None]).estimate(inference="raw")
    np.testing.assert_allclose(estimate.identity, np.clip(np.linspace(-9.0, 0.4, 45), -3.0, 3.0), atol=1e-6)
    assert estimate.details["shape_from"] == "network"
    assert not any("official body" in text for text in estimate.warnings)


def test_answers_that_make_no_sense(still: Callable[..., Path], tmp_path: Path, engine_with: MakeEngine) -> None:
    size, box = SIZES["landscape"], box_in(SIZES["landscape"], BOXES["middle"])
    pose = np.zeros(204)
    pose[149] = 25.0
    huge = engine_with(still(size, pose=pose)).read(picture(size), None, box[None]).estimate(inference="raw")
    assert any("impossible" in text for text in huge.warnings)
    assert np.ptp(huge.keypoints_3d[:, 1]) < 2.5
    pose[149] = np.nan
    with pytest.raises(ModelError, match="numbers that are none"):
        engine_with(still(size, pose=pose)).read(picture(size), None, box[None]).estimate()
    behind = still(size, middle=np.array([0.0, 0.0, 99.0]))
    with pytest.raises(NoPersonError, match="cannot say where person 0 is"):
        engine_with(behind).read(picture(size), None, box[None]).estimate()


def test_what_cannot_be_read(network_file: Path, engine_with: MakeEngine) -> None:
    engine, pixels = engine_with(network_file), picture(SIZES["landscape"])
    for boxes in ([[5, 5, 5, 9]], [[0, 0, np.nan, 9]]):
        with pytest.raises(UsageError, match="box"):
            engine.read(pixels, None, boxes)
    with pytest.raises(UsageError, match="Intrinsics"):
        engine.read(pixels, np.zeros((3, 3)))
    reading = engine.read(pixels)
    assert reading.people == []
    assert reading.estimate_all() == []
    with pytest.raises(NoPersonError, match="no person 0"):
        reading.estimate()


def test_it_is_opened_from_a_models_folder(network_file: Path, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in (store.NETWORKS_FOLDER, store.BODIES_FOLDER):
        (folder / name).symlink_to(models / name)
    status = engine_status("instanthmr", folder, ["cpu"])
    assert not status.ready
    assert "no network of InstantHMR" in status.text
    with pytest.raises(ModelError, match="no network of InstantHMR"):
        open_engine("instanthmr", folder)
    install(network_file, folder, "small", terms=["sam"], commercial=True)
    assert engine_status("instanthmr", folder, ["cpu"]).text == "InstantHMR small, on the CPU"
    engine = open_engine("instanthmr", folder, ["cpu"])
    assert engine.body.name == ("mhr-lod1" if store.lists_body("mhr-lod1", folder) else "default")
    box = box_in(SIZES["landscape"], BOXES["middle"])
    estimate = engine.read(picture(SIZES["landscape"]), None, box[None]).estimate(inference="raw")
    assert estimate.details["model_terms"]["commercial"] is True
    (folder / "instanthmr" / "small.onnx").write_bytes(b"damaged")
    assert "damaged" in engine_status("instanthmr", folder).text
