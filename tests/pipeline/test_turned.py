"""Photos that are turned and do not say so: noticed, told, turned when asked; people who lie down are left alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.image.reading import Photo, read_photo
from native_runtime.pipeline.decoding import check_turn
from native_runtime.pipeline.inference import PHOTO_TURNED, Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.pipeline.requests import LookRequest
from native_runtime.pipeline.turned import axis_of_landmarks, suspected_turn

# Middle of shoulders, hips and ankles of somebody who stands, px.
STANDING = np.array([[50.0, 20.0], [50.0, 50.0], [52.0, 95.0]])


def turned(axis: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Somebody whose picture was turned clockwise."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (axis - 50) @ matrix.T + 50


def plain(pixels: NDArray[np.uint8] | None = None, knows_up: bool = False) -> Photo:
    return Photo(np.full((100, 100, 3), 90, np.uint8) if pixels is None else pixels, Path("a.jpg"), knows_up=knows_up)


@pytest.mark.parametrize("lean", [-25, 0, 25])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_everybody_turned_alike_is_suspected(degrees: int, lean: int) -> None:
    axis = turned(STANDING, degrees + lean)
    assert suspected_turn(plain(), [axis, axis]) == -degrees % 360


def test_who_lies_in_a_photo_that_says_which_way_is_up_is_left_alone() -> None:
    assert suspected_turn(plain(knows_up=True), [turned(STANDING, 90)]) == 0


def test_who_lies_beside_somebody_standing_is_left_alone() -> None:
    assert suspected_turn(plain(), [turned(STANDING, 90), STANDING]) == 0


def test_who_lies_with_bent_legs_is_left_alone() -> None:
    sitting = np.array([[50.0, 20.0], [50.0, 50.0], [90.0, 60.0]])
    assert suspected_turn(plain(), [turned(sitting, 90)]) == 0


def test_who_lies_under_the_sky_is_left_alone() -> None:
    light = np.linspace(230, 40, 100).astype(np.uint8)[:, None, None]
    under_sky = np.ascontiguousarray(np.broadcast_to(light, (100, 100, 3)))
    assert suspected_turn(plain(under_sky), [turned(STANDING, 90)]) == 0
    # The same sky at the side, as in a turned photo, changes nothing.
    assert suspected_turn(plain(np.ascontiguousarray(np.rot90(under_sky))), [turned(STANDING, 90)]) == 270


def test_several_upside_down_are_suspected_without_their_legs() -> None:
    """A crop at the hips shows no ankles; one person alone may hang like that, and lying side by side is common."""
    cut = STANDING.copy()
    cut[2] = np.nan
    bent = np.array([[50.0, 20.0], [50.0, 50.0], [90.0, 60.0]])
    assert suspected_turn(plain(), [turned(cut, 170), turned(bent, 185)]) == 180
    assert suspected_turn(plain(), [turned(cut, 180)]) == 0
    assert suspected_turn(plain(), [turned(cut, 90), turned(cut, 90)]) == 0
    assert suspected_turn(plain(), [turned(cut, 180), cut]) == 0


def test_nobody_is_no_reason() -> None:
    assert suspected_turn(plain(), []) == suspected_turn(plain(), [None]) == 0


@pytest.mark.parametrize("value", [45, "90", True, None, 360.0])
def test_impossible_turns_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="90, 180 or 270"):
        check_turn(value)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_photo_has_turned_pixels(degrees: int) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    photo = Photo(pixels, Path("a.jpg"), original_size=(8, 4)).turned_by(degrees)
    assert photo.original_size == ((8, 4) if degrees == 180 else (4, 8))
    top_left = {90: pixels[1, 0], 180: pixels[1, 3], 270: pixels[0, 3]}[degrees]
    assert (photo.pixels[0, 0] == top_left).all()
    assert photo.turn == degrees
    assert photo.turned_by(360 - degrees).original_size == (8, 4)


# --- with the networks ---


@dataclass
class Shared:
    """One engine for all."""

    inference: Inference
    request: LookRequest


@pytest.fixture(scope="module")
def landmarks(models: Path) -> Shared:
    return Shared(Inference(kept_photos=1), LookRequest(photo="", body="default-lod2"))


@pytest.mark.models
def test_a_photo_without_a_tag_that_lies_on_its_side_is_noticed(landmarks: Shared, shared: Path) -> None:
    photo = read_photo(shared / "cases" / "sideways_noexif.jpg")
    found = landmarks.inference.look(photo, landmarks.request, Silent())
    ((_, estimate),) = landmarks.inference.estimates(found, [0])
    assert "seems to be rotated by 90 degrees" in estimate.warnings[0]
    assert "turned by 90 degrees clockwise" in estimate.warnings[0]


@pytest.mark.models
def test_a_crop_of_several_people_upside_down_is_noticed(landmarks: Shared, shared: Path) -> None:
    pixels = read_photo(shared / "photos" / "sofa.jpg").pixels
    height, width = pixels.shape[:2]
    crop = np.ascontiguousarray(pixels[: height * 6 // 10, : width // 2][::-1, ::-1])
    found = landmarks.inference.look(Photo(crop, Path("crop.png")), landmarks.request, Silent())
    assert len(found.bboxes) >= 2
    _, estimate = next(iter(landmarks.inference.estimates(found, [0])))
    assert "seems to be rotated by 180 degrees" in estimate.warnings[0]


@pytest.mark.models
def test_automatic_turning_sets_it_upright(landmarks: Shared, shared: Path) -> None:
    photo = read_photo(shared / "cases" / "sideways_noexif.jpg")
    found = landmarks.inference.look(photo, replace(landmarks.request, turn="auto"), Silent())
    assert found.photo.original_size == (1200, 1600)
    x0, y0, x1, y1 = found.bboxes[0]
    assert y1 - y0 > 2 * (x1 - x0)
    ((_, estimate),) = landmarks.inference.estimates(found, [0])
    assert estimate.details[PHOTO_TURNED] == 90
    assert not any("turned" in text for text in estimate.warnings)
    assert list(estimate.image_size) == [1200, 1600]


@pytest.mark.models
def test_an_upright_photo_is_left_as_it_is(landmarks: Shared, repository: Path) -> None:
    photo = read_photo(repository / "examples" / "standing.jpg")
    found = landmarks.inference.look(photo, replace(landmarks.request, turn="auto"), Silent())
    assert found.photo.turn == 0


@pytest.mark.models
def test_somebody_who_lies_in_an_upright_scene_is_left_alone(landmarks: Shared, repository: Path) -> None:
    """The example's person, cut out and laid down before a wall that is lit from above."""
    upright = read_photo(repository / "examples" / "standing.jpg")
    scene = lying_down(landmarks, upright)
    found = landmarks.inference.look(plain(scene), replace(landmarks.request, turn="auto"), Silent())
    axis = axis_of_landmarks(found.reading.people[0].landmarks)
    assert axis is not None
    assert abs(axis[0, 0] - axis[2, 0]) > 3 * abs(axis[0, 1] - axis[2, 1])  # does lie
    assert found.photo.turn == 0


def lying_down(landmarks: Shared, upright: Photo) -> NDArray[np.uint8]:
    (person,) = landmarks.inference.networks(None, None).people(upright.pixels, with_hands=False)
    width, height = upright.size
    inverse = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    mask = cv2.warpAffine(person.mask, person.mask_from_photo, (width, height), flags=inverse)[..., None]
    wall = np.linspace(235, 60, height).astype(np.float32)[:, None, None]
    # Turned with the person first, the wall stands upright again afterwards.
    laid, cover = np.rot90(upright.pixels), np.rot90(mask)
    wall = np.broadcast_to(np.linspace(235, 60, laid.shape[0], dtype=np.float32)[:, None, None], laid.shape)
    return np.ascontiguousarray((laid * cover + wall * (1 - cover)).astype(np.uint8))
