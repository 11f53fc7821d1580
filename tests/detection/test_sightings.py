"""MultiPose's maps, and what is made of them at several scales: computed people, no network."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.detection import multipose, sighted, sightings
from native_runtime.detection.alone import alone, neighbours
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY, COCO_POINTS
from native_runtime.detection.multipose import HEAD, MIRRORED, Sighting
from native_runtime.detection.pose import PoseReading
from native_runtime.detection.sighted import crop_of

Array = NDArray[Any]

# A standing figure of height 1 whose middle is the origin, x y.
FIGURE = np.array([
    (0, -0.42), (0.03, -0.45), (-0.03, -0.45), (0.06, -0.44), (-0.06, -0.44), (0.11, -0.3), (-0.11, -0.3),
    (0.15, -0.15), (-0.15, -0.15), (0.17, 0.0), (-0.17, 0.0), (0.07, 0.0), (-0.07, 0.0), (0.08, 0.22), (-0.08, 0.22),
    (0.08, 0.45), (-0.08, 0.45),
])  # fmt: skip


def figure(x: float, y: float, height: float, confidence: float = 0.8, angle: float = 0.0) -> Sighting:
    """A sighting of the figure, its middle at (x, y) px, turned clockwise by `angle` (radians)."""
    corners = np.array([(-0.2, -0.5), (0.2, -0.5), (0.2, 0.5), (-0.2, 0.5)])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    place = np.array([x, y])
    return Sighting(
        place + height * FIGURE @ turn.T, np.full(17, confidence), place + height * corners @ turn.T, confidence
    )


def maps_of(people: list[tuple[float, float, float]], width: int, height: int) -> dict[str, Array]:
    """The maps (cells) of a network that sees figures (x, y, height in cells) perfectly."""
    rows, columns = np.mgrid[:height, :width]
    centers = np.full((height, width, 1), -8.0)
    heatmaps = np.full((height, width, 17), -8.0)
    sizes, displacements = np.zeros((height, width, 2)), np.zeros((height, width, 34))
    offsets = np.zeros((height, width, 34))
    for x, y, tall in people:
        row, column = round(y), round(x)
        centers[..., 0] = np.maximum(centers[..., 0], 4 - 0.3 * np.hypot(rows - row, columns - column))
        sizes[row, column] = tall, 0.4 * tall
        points = np.column_stack([y + tall * FIGURE[:, 1], x + tall * FIGURE[:, 0]])
        displacements[row, column] = (points - (row, column)).ravel()
        for point, (top, left) in enumerate(points):
            cell = (round(top), round(left))
            distance = np.hypot(rows - cell[0], columns - cell[1])
            heatmaps[..., point] = np.maximum(heatmaps[..., point], 3 - 0.7 * distance)
            offsets[cell][2 * point : 2 * point + 2] = (top, left) - np.array(cell)
    return {
        "centers": centers, "box_sizes": sizes, "box_offsets": np.zeros((height, width, 2)), "heatmaps": heatmaps,
        "displacements": displacements, "offsets": offsets,
    }  # fmt: skip


def test_maps_give_people_at_their_places_and_more_than_six() -> None:
    people = [(20.0 + 24 * n, 30.0 + n, 40.0 - n) for n in range(9)]
    found = multipose.decode(maps_of(people, 240, 64), 0.3)
    assert len(found) == 9
    for x, y, tall in people:
        points = 4 * (tall * FIGURE + (x, y))
        nearest = min(found, key=lambda s: float(np.abs(s.points - points).mean()))
        np.testing.assert_allclose(nearest.points, points, atol=1.0)
        assert nearest.seen.all()
        assert nearest.height == pytest.approx(4 * tall)


def test_a_point_belongs_to_one_person() -> None:
    """Two people whose left wrists would be the same peak: it goes to the one who expects it there."""
    maps = maps_of([(30.0, 32.0, 40.0), (50.0, 32.0, 40.0)], 96, 64)
    wrist = COCO_POINTS.index("left_wrist")
    own = np.array([32.0, 30.0 + 40 * FIGURE[wrist, 0]])
    maps["heatmaps"][..., wrist] = -8.0
    maps["heatmaps"][round(own[0]), round(own[1]), wrist] = 3.0
    maps["displacements"][32, 50][2 * wrist : 2 * wrist + 2] = own + (0, 4) - (32, 50)
    first, second = sorted(multipose.decode(maps, 0.3), key=lambda s: s.box[0])
    assert first.seen[wrist]
    assert not second.seen[wrist]


def test_two_peaks_of_one_middle_are_one_person() -> None:
    maps = maps_of([(30.0, 32.0, 40.0)], 64, 64)
    maps["centers"][26, 30] = 3.0
    maps["displacements"][26, 30] = (maps["displacements"][32, 30].reshape(17, 2) + (6, 0)).ravel()
    maps["box_sizes"][26, 30] = maps["box_sizes"][32, 30]
    assert len(multipose.decode(maps, 0.3)) == 1


@pytest.mark.parametrize("turn", [0.0, math.pi / 2, math.pi, -math.pi / 2])
@pytest.mark.parametrize("size", [(640, 425), (3000, 2000), (6400, 400), (40, 30), (1, 500)])
def test_tiles_cover_the_photo_and_know_their_place(size: tuple[int, int], turn: float) -> None:
    width, height = size
    picture = Picture(np.zeros((height, width, 3), np.uint8))
    places = np.random.default_rng(0).uniform((-0.5, -0.5), (width - 0.5, height - 0.5), (500, 2))
    for scale in sightings.scales(picture):
        covered = np.zeros(len(places), bool)
        for tile in sightings.tiles(picture, scale, turn):
            assert tile.width % multipose.STRIDE == tile.height % multipose.STRIDE == 0
            linear = tile.photo_from_tile[:, :2]
            np.testing.assert_allclose(linear @ linear.T, np.eye(2) / scale**2, atol=1e-9)
            inverse = cv2.invertAffineTransform(tile.photo_from_tile)
            at = places @ inverse[:, :2].T + inverse[:, 2]
            covered |= ((at > -0.51) & (at < (tile.width - 0.49, tile.height - 0.49))).all(axis=1)
        assert covered.all()


def test_a_large_photo_is_looked_at_in_its_own_pixels_and_a_small_one_enlarged_at_most_twice() -> None:
    assert sightings.scales(Picture(np.zeros((3000, 4000, 3), np.uint8)))[-1] == pytest.approx(1.18, abs=0.05)
    assert max(sightings.scales(Picture(np.zeros((60, 80, 3), np.uint8)))) == 2.0


def test_the_same_person_at_two_scales_is_one_and_two_who_stand_close_are_two() -> None:
    once = figure(200, 200, 150)
    again = figure(204, 197, 154, confidence=0.5)
    beside = figure(230, 200, 150, confidence=0.6)
    assert sightings.merged([again, beside, once]) == [once, beside]


def test_left_and_right_confused_are_one_person() -> None:
    from_behind = figure(200, 200, 150)
    mirrored = Sighting(from_behind.points[MIRRORED], np.full(17, 0.5), from_behind.corners, 0.5)
    assert len(sightings.merged([from_behind, mirrored])) == 1


def with_head_at(person: Sighting, x: float, y: float) -> Sighting:
    points = person.points.copy()
    points[HEAD] += (x, y) - person.head
    return Sighting(points, person.confidences, person.corners, person.centre_score)


def test_a_body_seen_with_two_heads_is_two_people() -> None:
    """The one in front keeps the body; of the one behind, the head is left."""
    front = figure(200, 200, 300)
    mixed = with_head_at(front, 215.0, front.head[1] - 60)
    found = sightings.with_all_heads([mixed], [mixed, front])
    assert found[0] is front
    np.testing.assert_array_equal(np.flatnonzero(found[1].seen), HEAD)
    np.testing.assert_allclose(found[1].head, mixed.head)
    assert sightings.with_all_heads([front], [front, figure(203, 198, 296)]) == [front]


def test_who_is_seen_upside_down_more_clearly_is_upside_down() -> None:
    upright, turned = figure(300, 300, 200, confidence=0.4), figure(300, 300, 200, 0.8, angle=math.pi)
    aside = figure(600, 300, 200)
    found = sightings.with_turned([upright, aside], [turned])
    assert turned in found
    assert aside in found
    assert len(found) == 2


class Seer:
    """In the network's place: sees figures of 30 to 300 px that are whole in the picture, and counts the pixels."""

    def __init__(self, people: list[Sighting], monkeypatch: pytest.MonkeyPatch) -> None:
        self.people, self.pixels = people, 0
        self._warped = Picture.warped
        self._matrix = np.eye(2, 3)
        monkeypatch.setattr(Picture, "warped", lambda picture, *arguments: self._show(picture, *arguments))
        monkeypatch.setattr(multipose, "see", lambda _network, pixels, _least: self._see(pixels))

    def _show(self, picture: Picture, matrix: Array, size: tuple[int, int], border: int) -> NDArray[np.uint8]:
        self._matrix = matrix
        return self._warped(picture, matrix, size, border)

    def _see(self, pixels: Array) -> list[Sighting]:
        height, width = pixels.shape[:2]
        self.pixels += height * width
        inverse = cv2.invertAffineTransform(self._matrix)
        seen = [person.mapped(inverse) for person in self.people]
        upright = [s for s in seen if s.corners[1, 0] - s.corners[0, 0] > 0.9 * np.ptp(s.corners[:2], axis=0).sum()]
        return [
            s for s in upright if 30 < s.height < 300 and (s.box[:2] > 0).all() and (s.box[2:] < (width, height)).all()
        ]


def photo(width: int, height: int) -> Picture:
    return Picture(np.random.default_rng(0).integers(0, 255, (height // 10, width // 10, 3), np.uint8), (width, height))


@pytest.mark.parametrize("size", [(4000, 3000), (8000, 500)])
def test_small_people_are_found_whatever_the_photo(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    width, height = size
    people = [figure(x * width, 0.5 * height, tall) for x, tall in ((0.1, 60), (0.35, 200), (0.62, 90), (0.9, 340))]
    found = sightings.find(Seer(people, monkeypatch), photo(*size))  # type: ignore[arg-type]
    assert sorted(round(s.height) for s in found) == [60, 90, 200, 340]


def test_a_photo_of_one_large_person_is_looked_at_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    seer = Seer([figure(2000, 1500, 2500)], monkeypatch)
    (person,) = sightings.find(seer, photo(4000, 3000))  # type: ignore[arg-type]
    assert person.height == pytest.approx(2500)
    assert seer.pixels < 600_000  # of twelve million


@pytest.mark.parametrize("angle", [math.pi, math.pi / 2, -math.pi / 2])
def test_who_lies_or_stands_on_their_head_is_found(angle: float, monkeypatch: pytest.MonkeyPatch) -> None:
    seer = Seer([figure(800, 600, 700, angle=angle)], monkeypatch)
    (person,) = sightings.find(seer, photo(1600, 1200))  # type: ignore[arg-type]
    assert crop_of(person).angle == pytest.approx(angle) or angle == math.pi


def test_whoever_stands_near_is_painted_over_and_the_person_is_left() -> None:
    pixels = np.full((400, 600, 3), 90, np.uint8)
    person, other = figure(250, 200, 300), figure(330, 200, 300)
    for sighting, colour in ((person, (250, 20, 20)), (other, (20, 20, 250))):
        for point in sighting.points:
            cv2.circle(pixels, tuple(np.round(point).astype(int).tolist()), 8, colour, -1)
    picture, crop = Picture(pixels), crop_of(person)
    near = neighbours(person, [person, other, figure(5000, 200, 300)], crop)
    assert near == [other]
    shown = alone(picture, person, near, crop).sample(crop, 256).astype(int)
    plain = picture.sample(crop, 256).astype(int)

    def count(values: Array, channel: int) -> int:
        return int((values[..., channel] - values[..., 2 - channel] > 100).sum())

    assert count(shown, 2) < 0.1 * count(plain, 2)
    assert count(shown, 0) > 0.8 * count(plain, 0)


def test_the_window_of_a_standing_person_holds_the_body() -> None:
    crop = crop_of(figure(100, 300, 200, angle=math.pi / 2))
    assert isinstance(crop, Crop)
    np.testing.assert_allclose((crop.x, crop.y), figure(100, 300, 200, angle=math.pi / 2).points[[11, 12]].mean(axis=0))
    assert crop.angle == pytest.approx(math.pi / 2)
    assert 220 < crop.size < 300


@pytest.mark.parametrize(("strength", "shift", "seen"), [(0.6, 0.0, True), (0.05, 0.0, False), (0.6, 80.0, False)])
def test_a_reading_is_confirmed_by_somebody_clear_at_its_place(
    strength: float, shift: float, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = figure(300, 300, 200)
    points = np.zeros((33, 2))
    points[list(COCO_IN_BODY)] = person.points
    crop = crop_of(person)
    reading = PoseReading(
        crop, 1.0, crop.to_fractions(points), crop, np.zeros((33, 3)), np.ones(33), np.ones(33), np.zeros((256, 256))
    )
    Seer([figure(300 + shift, 300, 200, confidence=strength)], monkeypatch)
    assert sighted.is_seen(None, photo(640, 600), reading) is seen  # type: ignore[arg-type]


def test_a_reading_that_takes_the_back_for_the_front_is_of_the_same_person(monkeypatch: pytest.MonkeyPatch) -> None:
    person = figure(300, 300, 200)
    points = np.zeros((33, 2))
    points[list(COCO_IN_BODY)] = person.points[MIRRORED]
    crop = crop_of(person)
    reading = PoseReading(
        crop, 1.0, crop.to_fractions(points), crop, np.zeros((33, 3)), np.ones(33), np.ones(33), np.zeros((256, 256))
    )
    monkeypatch.setattr(sighted.pose, "read_pose", lambda *_, **__: reading)
    found = sighted.read(None, photo(640, 600), person, [person])  # type: ignore[arg-type]
    assert found is not None
    assert found.agreement > 0.99
    monkeypatch.setattr(sighted.pose, "read_pose", lambda *_, **__: replace(reading, crop=crop.shifted(0.3, 0.0)))
    assert sighted.read(None, photo(640, 600), person, [person]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("facing", ["as it is", "turned round"])
def test_a_point_on_a_neighbour_is_not_trusted(facing: str) -> None:
    """The reading's right wrist lies on the neighbour's left one; the hand goes with it, the rest stays."""
    person, neighbour = figure(300, 300, 200), figure(380, 300, 200)
    points = np.zeros((33, 2))
    points[list(COCO_IN_BODY)] = person.points
    if facing == "turned round":
        person = replace(person, points=person.points[MIRRORED])
    wrist = COCO_POINTS.index("right_wrist")
    points[BODY_POINTS.index("right_wrist")] = neighbour.points[MIRRORED[wrist]]
    crop = crop_of(person)
    reading = PoseReading(
        crop, 1.0, crop.to_fractions(points), crop, np.zeros((33, 3)), np.ones(33), np.ones(33), np.zeros((256, 256))
    )
    found = sighted.without_taken_points(reading, person, [neighbour])
    doubted = {BODY_POINTS[number] for number in np.flatnonzero(found.visibility < 0.5)}
    assert doubted == {"right_wrist", "right_pinky", "right_index", "right_thumb"}
