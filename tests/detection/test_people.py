"""The landmark networks on photos: who is found, and that the landmarks move as the picture does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.detection import detector
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.errors import ModelError, PhotoError
from native_runtime.image.reading import read_photo
from native_runtime.models import manifest, store
from tests.support.advice import refused

Array = NDArray[Any]

HEIGHT = 666.0  # of the dancer, px


@pytest.fixture(scope="module")
def landmarks() -> LandmarkNetworks:
    folder = store.models_dir() / store.NETWORKS_FOLDER
    if not (folder / manifest.NAME).is_file():
        pytest.skip(f"no networks at {folder}: run `sam3db models build` (make models)")
    return LandmarkNetworks(providers=["cpu"])


@pytest.fixture(scope="module")
def load(photos: Path) -> Callable[[str], NDArray[np.uint8]]:
    @cache
    def read(name: str) -> NDArray[np.uint8]:
        return np.asarray(cv2.cvtColor(cv2.imread(str(photos / name)), cv2.COLOR_BGR2RGB))

    return read


@pytest.fixture(scope="module")
def dancer(load: Callable[[str], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The dancing photo at half its size (1125 x 750), where she is 666 px tall."""
    return np.asarray(cv2.resize(load("dancing.jpg"), (1125, 750), interpolation=cv2.INTER_AREA))


@pytest.fixture(scope="module")
def dancer_landmarks(landmarks: LandmarkNetworks, dancer: NDArray[np.uint8]) -> PersonLandmarks:
    (person,) = landmarks.people(dancer)
    return person


def test_boxes_are_those_of_the_landmarks(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks
) -> None:
    np.testing.assert_allclose(landmarks.boxes(dancer), [dancer_landmarks.bbox])
    assert landmarks.boxes(np.full((64, 64, 3), 128, np.uint8)).shape == (0, 4)


def mean_distance(a: Array, b: Array, weights: Array) -> float:
    """Mean distance in px of the (33, 2) points `a` and `b`, weighted by visibility."""
    return float(weights @ np.hypot(*(a - b).T) / weights.sum())


def mirrored(points: Array) -> Array:
    """The points (33, ...) with left and right exchanged."""
    names = [n.replace("left", "*").replace("right", "left").replace("*", "right") for n in BODY_POINTS]
    return points[[BODY_POINTS.index(name) for name in names]]


def test_hands_can_be_looked_for_later(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks
) -> None:
    (found,) = landmarks.people(dancer, with_hands=False)
    assert found.left_hand is None
    later = landmarks.with_hands(dancer, found)
    for hand, at_once in (
        (later.left_hand, dancer_landmarks.left_hand),
        (later.right_hand, dancer_landmarks.right_hand),
    ):
        assert hand is not None
        assert at_once is not None
        np.testing.assert_allclose(hand.points_2d, at_once.points_2d, atol=0.05)
        np.testing.assert_allclose(hand.points_3d, at_once.points_3d, atol=5e-4)


def test_the_dancer_is_found_with_both_hands(dancer_landmarks: PersonLandmarks) -> None:
    person = dancer_landmarks
    assert person.score > 0.95
    assert person.visibility.mean() > 0.7
    assert person.left_hand is not None
    assert person.right_hand is not None
    assert (person.left_hand.side, person.right_hand.side) == ("left", "right")
    points = dict(zip(BODY_POINTS, person.points_2d))
    # Read off the photo (1125 x 750): to 18 px, 3 % of her height.
    for name, place in {
        "nose": (460, 147), "left_shoulder": (503, 183), "left_wrist": (408, 86), "right_wrist": (438, 430),
        "right_ankle": (553, 651), "left_knee": (733, 285), "left_ankle": (714, 402),
    }.items():  # fmt: skip
        assert np.hypot(*(points[name] - place)) < 18, name
    np.testing.assert_allclose(person.bbox, (366, 60, 762, 726), atol=21)


def test_shapes_ranges_and_the_origin_of_the_3d_points(dancer_landmarks: PersonLandmarks) -> None:
    person = dancer_landmarks
    assert person.points_2d.shape == (33, 2)
    assert person.points_3d.shape == (33, 3)
    assert person.mask.dtype == np.float32
    assert person.mask_from_photo.shape == (2, 3)
    for values in (person.visibility, person.presence, person.mask):
        assert 0 <= values.min() <= values.max() <= 1
    hips = person.points_3d[[BODY_POINTS.index("left_hip"), BODY_POINTS.index("right_hip")]]
    assert np.abs(hips.mean(axis=0)).max() < 0.02
    height = np.ptp(person.points_3d[:, 1])
    assert 1.0 < height < 2.0  # metres
    assert person.left_hand is not None
    assert np.abs(person.left_hand.points_3d.mean(axis=0)).max() < 0.08


def test_3d_and_2d_points_agree_about_directions(dancer_landmarks: PersonLandmarks) -> None:
    """Seen from the front, the 3D points are the 2D points up to scale and perspective: x right, y down."""
    flat = dancer_landmarks.points_3d[:, :2]
    seen = dancer_landmarks.points_2d
    for axis in (0, 1):
        assert np.corrcoef(flat[:, axis], seen[:, axis])[0, 1] > 0.97


def test_the_mask_lies_on_the_person(dancer_landmarks: PersonLandmarks) -> None:
    person = dancer_landmarks
    mask = cv2.warpAffine(
        person.mask, person.mask_from_photo, (1125, 750), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    columns, rows = person.points_2d[[BODY_POINTS.index(n) for n in ("left_hip", "right_knee", "left_shoulder")]].T
    assert mask[rows.round().astype(int), columns.round().astype(int)].min() > 0.5
    assert mask[:, 900:].max() < 0.5
    assert mask[:, :300].max() < 0.5


def test_the_same_photo_gives_the_same_landmarks(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks
) -> None:
    (again,) = landmarks.people(dancer.copy())
    np.testing.assert_array_equal(again.points_2d, dancer_landmarks.points_2d)
    np.testing.assert_array_equal(again.points_3d, dancer_landmarks.points_3d)


def test_a_mirrored_photo_gives_mirrored_landmarks(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks
) -> None:
    (person,) = landmarks.people(np.ascontiguousarray(dancer[:, ::-1]))
    back = mirrored(person.points_2d) * (-1, 1) + (1124, 0)
    weights = dancer_landmarks.visibility * mirrored(person.visibility)
    assert mean_distance(back, dancer_landmarks.points_2d, weights) < 0.012 * HEIGHT  # 1.2 % of her height
    solid = mirrored(person.points_3d) * (-1, 1, 1)
    assert np.linalg.norm(solid - dancer_landmarks.points_3d, axis=1).mean() < 0.05  # m


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_photo_gives_turned_landmarks(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks, quarters: int
) -> None:
    (person,) = landmarks.people(np.ascontiguousarray(np.rot90(dancer, quarters)))
    points, solid = person.points_2d, person.points_3d
    height, width = np.rot90(dancer, quarters).shape[:2]
    for _ in range(quarters):  # undo one turn to the left after the other
        points = np.column_stack([height - 1 - points[:, 1], points[:, 0]])
        solid = np.column_stack([-solid[:, 1], solid[:, 0], solid[:, 2]])
        height, width = width, height
    weights = dancer_landmarks.visibility * person.visibility
    assert mean_distance(points, dancer_landmarks.points_2d, weights) < 0.012 * HEIGHT
    assert np.linalg.norm(solid - dancer_landmarks.points_3d, axis=1).mean() < 0.05


def test_a_small_person_in_a_large_photo_is_found(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks
) -> None:
    scale, left, top = 0.27, 700, 300
    small = cv2.resize(dancer, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    wide = np.asarray(cv2.resize(dancer[:40, :40], (1400, 900), interpolation=cv2.INTER_CUBIC))
    wide[top : top + small.shape[0], left : left + small.shape[1]] = small
    people = landmarks.people(wide)
    assert people
    points = (people[0].points_2d + 0.5 - (left, top)) / scale - 0.5
    weights = dancer_landmarks.visibility * people[0].visibility
    assert mean_distance(points, dancer_landmarks.points_2d, weights) < 0.02 * HEIGHT


def test_everybody_in_the_street_is_found(
    landmarks: LandmarkNetworks, load: Callable[[str], NDArray[np.uint8]]
) -> None:
    people = landmarks.people(load("bus.jpg"))
    centres = sorted(float(person.bbox[[0, 2]].mean()) for person in people)
    np.testing.assert_allclose(centres, [146, 284, 740], atol=20)
    areas = [float(np.prod(person.bbox[2:] - person.bbox[:2])) for person in people]
    assert areas == sorted(areas, reverse=True)
    for person in people:
        # Nothing beyond the frame counts as seen.
        outside = (person.points_2d[:, 0] > 809.5) | (person.points_2d[:, 1] > 1079.5)
        assert not person.visibility[outside].any()
        assert not person.presence[outside].any()
        assert (person.bbox >= 0).all()
        assert (person.bbox[2:] <= (809, 1079)).all()


def test_the_skier_is_found(landmarks: LandmarkNetworks, load: Callable[[str], NDArray[np.uint8]]) -> None:
    (box,) = landmarks.boxes(load("skier.jpg"))
    np.testing.assert_allclose(box, (281, 45, 500, 392), atol=25)


def test_seven_women_on_a_sofa_are_seven(landmarks: LandmarkNetworks, load: Callable[[str], NDArray[np.uint8]]) -> None:
    people = landmarks.people(load("sofa.jpg"), with_hands=False)
    noses = sorted(float(person.points_2d[0, 0]) for person in people)
    np.testing.assert_allclose(noses, [272, 430, 445, 712, 866, 1000, 1095], atol=30)


def test_a_crowd_is_found_and_nobody_is_merged(
    landmarks: LandmarkNetworks, load: Callable[[str], NDArray[np.uint8]]
) -> None:
    people = landmarks.people(load("crowd.jpg"), with_hands=False)
    # Read off the photo: the middles of the faces of those who are not hidden up to their eyes.
    faces = np.array([
        (203, 205), (300, 310), (385, 200), (400, 355), (455, 215), (505, 285), (548, 210), (620, 165), (612, 225),
        (700, 260), (720, 125), (800, 105), (795, 225), (790, 330), (905, 130), (945, 262), (1000, 305), (1033, 225),
        (855, 210), (905, 195), (660, 205),
    ])  # fmt: skip
    heads = np.array([person.points_2d[:11].mean(axis=0) for person in people])
    nearest = np.hypot(*(heads[:, None] - faces).transpose(2, 0, 1))
    whose = nearest.argmin(axis=1)
    assert len(set(whose)) == len(people)  # one for each face
    assert (nearest.min(axis=1) < 40).sum() >= 14


def test_somebody_from_behind_and_cut_off_is_found(
    landmarks: LandmarkNetworks, load: Callable[[str], NDArray[np.uint8]]
) -> None:
    people = landmarks.people(load("basketball1.png"))
    centres = sorted(float(person.bbox[[0, 2]].mean()) for person in people)
    np.testing.assert_allclose(centres, [106, 536], atol=25)


def test_pictures_without_people_give_an_empty_list(
    landmarks: LandmarkNetworks, load: Callable[[str], NDArray[np.uint8]]
) -> None:
    assert landmarks.people(np.full((300, 400, 3), 128, np.uint8)) == []
    assert landmarks.people(np.zeros((1, 1, 3), np.uint8)) == []
    assert landmarks.people(np.full((1, 500, 3), 90, np.uint8)) == []
    assert landmarks.people(np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)) == []
    assert landmarks.people(load("bus.jpg")[:380]) == []  # houses


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3)),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_colour_picture_is_a_photo_error(landmarks: LandmarkNetworks, picture: Array) -> None:
    with pytest.raises(PhotoError, match="uint8"):
        landmarks.people(picture)


def test_missing_networks_say_how_to_get_them(tmp_path: Path) -> None:
    with refused(ModelError, match="sam3db models build"):
        LandmarkNetworks(tmp_path).people(np.zeros((64, 64, 3), np.uint8))


# --- small people, and people whose place is given ---


@pytest.mark.parametrize(("name", "height"), [("photo3to2_small400.jpg", 400), ("photo4to3_small200.jpg", 200)])
def test_small_people_in_large_photos_are_found(
    landmarks: LandmarkNetworks, shared: Path, name: str, height: float
) -> None:
    photo = read_photo(shared / "cases" / name)
    (box,) = landmarks.boxes(photo.pixels)
    assert box[3] - box[1] == pytest.approx(height, rel=0.15)


@pytest.fixture(scope="module")
def panorama(dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks) -> tuple[NDArray[np.uint8], list[float]]:
    """The dancer four times in a wide picture, from 330 to 180 px tall, and where."""
    x0, y0, x1, y1 = dancer_landmarks.bbox.astype(int)
    piece = dancer[max(y0 - 20, 0) : y1 + 20, max(x0 - 20, 0) : x1 + 20]
    wide = np.full((700, 4800, 3), (150, 140, 130), np.uint8)
    middles = []
    for number, height in enumerate((330, 280, 230, 180)):
        small = cv2.resize(piece, None, fx=height / HEIGHT, fy=height / HEIGHT, interpolation=cv2.INTER_AREA)
        left, top = 400 + 1150 * number, 660 - small.shape[0]
        wide[top : top + small.shape[0], left : left + small.shape[1]] = small
        middles.append(left + small.shape[1] / 2)
    return wide, middles


def test_everybody_in_a_panorama_is_found(
    landmarks: LandmarkNetworks, panorama: tuple[NDArray[np.uint8], list[float]]
) -> None:
    boxes = landmarks.boxes(panorama[0])
    assert sorted((boxes[:, 0] + boxes[:, 2]) / 2) == pytest.approx(panorama[1], abs=30)


def test_nobody_is_searched_in_small_windows_beside_somebody_large(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    large = np.asarray(cv2.resize(dancer, (2250, 1500)))
    assert detector.fine_levels(2250, 1500) == [3, 4]
    levels: list[int] = []
    windows = detector.windows
    monkeypatch.setattr(detector, "windows", lambda w, h, level: levels.append(level) or windows(w, h, level))
    landmarks.boxes(large)
    assert set(levels) <= set(detector.LEVELS)


def test_who_fills_a_box_is_who_is_found_there(
    landmarks: LandmarkNetworks, dancer: NDArray[np.uint8], dancer_landmarks: PersonLandmarks
) -> None:
    (person,) = landmarks.people_in(dancer, dancer_landmarks.bbox[None] + [-10, -5, 15, 10], with_hands=False)
    assert person is not None
    seen = dancer_landmarks.visibility > 0.5
    distance = np.hypot(*(person.points_2d - dancer_landmarks.points_2d)[seen].T)
    assert np.median(distance) < 0.02 * HEIGHT


def test_boxes_keep_their_order_and_empty_ones_hold_nobody(
    landmarks: LandmarkNetworks, panorama: tuple[NDArray[np.uint8], list[float]]
) -> None:
    wide, middles = panorama
    boxes = np.array([[x - 120, 440, x + 120, 660] for x in (middles[3], 1000.0, middles[0])])
    boxes[2, 1] = 320
    people = landmarks.people_in(wide, boxes, with_hands=False)
    assert people[1] is None
    for person, middle in ((people[0], middles[3]), (people[2], middles[0])):
        assert person is not None
        assert person.points_2d[:, 0].mean() == pytest.approx(middle, abs=60)


def test_somebody_who_lies_is_found_in_a_box(landmarks: LandmarkNetworks, dancer: NDArray[np.uint8]) -> None:
    laid = np.ascontiguousarray(np.rot90(dancer))
    (upright,) = landmarks.boxes(dancer)
    width = dancer.shape[1]
    box = np.array([[upright[1], width - upright[2], upright[3], width - upright[0]]])
    assert landmarks.people_in(laid, box, with_hands=False)[0] is not None
