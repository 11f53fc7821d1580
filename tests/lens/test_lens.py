"""The camera of a photo by lines, people and what is known of lenses."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.camera import Gravity, intrinsics_for
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.image.reading import Photo
from native_runtime.lens.cameras import Cameras, pitch_and_roll, up_vector
from native_runtime.lens.estimate import LensEstimate, estimate_lens, summarise
from native_runtime.lens.lines import LineEvidence, level_density
from native_runtime.lens.marginal import Marginal
from native_runtime.lens.prior import CameraPrior, usual_focal
from native_runtime.lens.segments import Segments
from native_runtime.lens.standing import StandingEvidence

Array = NDArray[np.float64]

SIZE = (1200, 900)
DIAGONAL = math.hypot(*SIZE)
NOBODY = StandingEvidence(np.zeros((0, 2)), np.zeros((0, 2)))


def camera(diagonals: float, pitch: float, roll: float, yaw: float = 20.0, size: tuple[int, int] = SIZE) -> Cameras:
    """A camera by its focal length in diagonals and its angles in degrees."""
    return Cameras(np.array([[math.log(diagonals * math.hypot(*size)), *np.radians([pitch, roll, yaw])]]))


def drawn(
    true: Cameras,
    rng: np.random.Generator,
    axes: tuple[int, ...] = (0, 1, 2),
    count: int = 60,
    noise: float = 0.0,
    size: tuple[int, int] = SIZE,
) -> Segments:
    """Segments along axes of a camera's world, each turned by a random angle of ``noise`` radians."""
    middles = rng.uniform(-0.5, 0.5, (count, 2)) * size
    along = true.axes[0][[axes[number % len(axes)] for number in range(count)]]
    to = true.focal[0] * along[:, :2] - along[:, 2:] * middles
    angles = np.arctan2(to[:, 1], to[:, 0]) + rng.normal(0.0, 1.0, count) * noise
    half = rng.uniform(30, 90, (count, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ends = np.concatenate([middles - half, middles + half], axis=1) + np.tile((np.array(size) - 1) / 2, 2)
    return Segments.of_ends(ends, size)


def seen(segments: Segments, size: tuple[int, int] = SIZE) -> LensEstimate:
    return summarise(CameraPrior.of(usual_focal(size)), LineEvidence(segments), NOBODY, size)


def apart(up: Array, other: Array) -> float:
    """Degrees between two directions."""
    return math.degrees(math.acos(min(1.0, float(up @ other))))


@pytest.mark.parametrize(
    ("size", "diagonals", "pitch", "roll"),
    [
        (SIZE, 0.6, -12.0, 1.5),
        ((900, 1200), 0.75, 8.0, -3.0),
        ((1280, 720), 1.2, -20.0, 0.0),
        (SIZE, 0.5, 25.0, 6.0),
        ((1080, 720), 0.47, -27.5, -11.6),
    ],
)
def test_exact_lines_give_the_camera(size: tuple[int, int], diagonals: float, pitch: float, roll: float) -> None:
    true = camera(diagonals, pitch, roll, size=size)
    found = seen(drawn(true, np.random.default_rng(0), size=size), size)
    assert (found.source, found.evidence) == ("picture", ("lines",))
    assert found.focal_px == pytest.approx(true.focal[0], rel=0.03)
    assert apart(found.gravity.up, true.up[0]) < 0.4
    assert found.sigma < 0.05
    assert found.gravity.sigma < math.radians(1.0)
    assert found.intrinsics[:2, 2] == pytest.approx((np.array(size) - 1) / 2)


def test_the_told_spread_covers_the_truth_on_noisy_lines() -> None:
    """Nine times in ten by what is told; here, where nothing but the noise is wrong, at least four in five."""
    rng = np.random.default_rng(3)
    inside, near, sigmas = [], [], []
    for _ in range(30):
        true = camera(
            math.exp(rng.normal(math.log(0.7), 0.25)), rng.normal(0, 8), rng.normal(0, 2), rng.uniform(-45, 45)
        )
        found = seen(drawn(true, rng, noise=math.radians(1.5), count=40))
        inside.append(found.interval[0] < true.focal[0] < found.interval[1])
        near.append(math.radians(apart(found.gravity.up, true.up[0])) < 2.5 * found.gravity.sigma)
        sigmas.append(found.sigma)
    assert np.mean(inside) >= 0.8
    assert np.mean(near) >= 0.8
    assert np.median(sigmas) < 0.6 * usual_focal(SIZE).spread


def strewn(true: Cameras, rng: np.random.Generator, things: int = 12) -> Segments:
    """Edges of boxes that stand about on the floor, each turned another way."""
    pieces = []
    for _ in range(things):
        turned = Cameras(true.values + [0.0, 0.0, 0.0, rng.uniform(-math.pi, math.pi)])
        pieces.append(drawn(turned, rng, count=6, noise=math.radians(0.5)))
    middles, directions, lengths, sigmas = (
        np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("middles", "directions", "lengths", "sigmas")
    )
    return Segments(middles, directions, lengths, sigmas)


def test_things_that_stand_about_are_not_taken_for_a_room() -> None:
    """Their upright edges and the horizon tell which way is up; no two directions of theirs belong together."""
    rng = np.random.default_rng(2)
    inside, tilts = [], []
    for _ in range(10):
        true = camera(math.exp(rng.normal(math.log(0.65), 0.2)), rng.normal(-8, 8), rng.normal(0, 2))
        found = seen(strewn(true, rng))
        inside.append(found.interval[0] < true.focal[0] < found.interval[1])
        tilts.append(apart(found.gravity.up, true.up[0]))
    assert np.mean(inside) >= 0.8
    assert np.median(tilts) < 1.5


@pytest.mark.parametrize("pitch", [-40.0, -3.0, 0.0])
def test_a_level_line_points_somewhere(pitch: float) -> None:
    """The density of the direction of level lines that are turned at random is one, for a fine and a coarse eye."""
    true = camera(0.7, pitch, 2.0)
    angles = np.linspace(0.0, math.pi, 20001)[:-1]
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for sigma in (0.004, 0.05):
        middles, lengths = np.tile([100.0, 140.0], (len(angles), 1)), np.ones(len(angles))
        density = level_density(true, Segments(middles, directions, lengths, np.full(len(angles), sigma)))
        assert density[0].mean() == pytest.approx(1.0, rel=0.01)


def test_without_lines_the_prior_stays() -> None:
    usual = usual_focal(SIZE)
    blank = Photo(np.full((*SIZE[::-1], 3), 127, np.uint8), Path("blank.png"))
    assert (estimate_lens(blank).source, estimate_lens(blank).evidence) == ("usual", ())
    for found in (estimate_lens(blank), seen(Segments.of_ends(np.zeros((0, 4)), SIZE))):
        assert math.log(found.focal_px) == pytest.approx(usual.quantile([0.5])[0], abs=0.03)
        assert found.sigma == pytest.approx(usual.spread, rel=0.1)
        assert apart(found.gravity.up, np.array([0.0, -1.0, 0.0])) < 1.0
        assert found.text(1200) is not None


def test_lines_in_random_directions_say_nothing() -> None:
    rng = np.random.default_rng(5)
    places = rng.uniform([0, 0], SIZE, (80, 2))
    angles = rng.uniform(0, math.pi, (80, 1))
    half = 50 * np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    found = seen(Segments.of_ends(np.concatenate([places - half, places + half], axis=1), SIZE))
    assert found.sigma > 0.7 * usual_focal(SIZE).spread
    assert math.log(found.focal_px) == pytest.approx(usual_focal(SIZE).quantile([0.5])[0], abs=0.3)


@pytest.mark.parametrize("axis", [0, 1])
def test_parallel_lines_alone_leave_the_focal_length_open(axis: int) -> None:
    """One vanishing point says nothing of the focal length; a wall seen from the front must not look like a long
    lens, in which all directions are parallel.
    """
    true = camera(0.7, 0.0, 0.0, 0.0)
    found = seen(drawn(true, np.random.default_rng(1), axes=(axis,)))
    assert found.sigma > 0.5 * usual_focal(SIZE).spread
    assert found.interval[0] < true.focal[0] < found.interval[1]
    assert abs(math.degrees(pitch_and_roll(found.gravity.up)[1])) < 1.0


def test_a_picture_is_read_as_its_lines_are() -> None:
    """Through the detector of segments: a drawn room, upright and on its side."""
    true = camera(0.65, -9.0, 2.0, 25.0)
    picture = np.full((*SIZE[::-1], 3), 235, np.uint8)
    axes, focal, middle = true.axes[0], true.focal[0], (np.array(SIZE) - 1) / 2
    for level in np.linspace(-1.5, 1.5, 7):
        for other in np.linspace(-3, 3, 7):
            for along, first, second in ((0, 1, 2), (1, 0, 2)):
                ends = [axes[first] * level + axes[second] * (5 + other) + axes[along] * end for end in (-1.0, 1.0)]
                pixels = [tuple(np.rint((focal * end[:2] / end[2] + middle) * 16).astype(int).tolist()) for end in ends]
                cv2.line(picture, *pixels, (40, 60, 80), 2, cv2.LINE_AA, 4)
    found = estimate_lens(Photo(picture, Path("lines.png")))
    assert found.focal_px == pytest.approx(focal, rel=0.08)
    assert apart(found.gravity.up, true.up[0]) < 1.0
    mirrored = estimate_lens(Photo(np.ascontiguousarray(picture[:, ::-1]), Path("mirrored.png")))
    assert mirrored.gravity.up == pytest.approx(found.gravity.up * [-1, 1, 1], abs=0.02)
    again = estimate_lens(Photo(picture, Path("lines.png")))
    assert (again.focal_px, again.sigma) == (found.focal_px, found.sigma)


def test_what_is_known_wins() -> None:
    """Somebody's word, then EXIF, then the picture; which way is up is seen through the lens that is known."""
    blank = np.full((*SIZE[::-1], 3), 127, np.uint8)
    exif = Photo(blank, Path("a.jpg"), focal_px=999.0)
    found = estimate_lens(exif)
    assert (found.source, found.focal_px, found.text(1200)) == ("exif", pytest.approx(999.0), None)
    assert found.interval[0] < 999.0 < found.interval[1]
    assert found.sigma < 0.05
    doubtful = estimate_lens(Photo(blank, Path("a.jpg"), focal_px=999.0, lens_doubt="It was cropped."))
    assert doubtful.focal_px == pytest.approx(999.0)
    assert doubtful.sigma > 2 * found.sigma
    matrix = np.array([[700.0, 0, 610], [0, 700, 400], [0, 0, 1]])
    told = estimate_lens(exif, (), matrix)
    assert told.source == "set"
    assert np.array_equal(told.intrinsics, matrix)
    reduced = Photo(blank, Path("a.jpg"), focal_px=999.0, original_size=(2400, 1800))
    assert estimate_lens(reduced).focal_px == pytest.approx(1998.0)


def standing(
    true: Cameras, places: list[tuple[float, float]], height: float, statures: list[float]
) -> StandingEvidence:
    """People at (right, ahead) m on a floor ``height`` m below a camera."""
    _, right, ahead = true.axes[0]
    up, focal = true.up[0], true.focal[0]
    points = []
    for (x, z), stature in zip(places, statures):
        foot = right * x + ahead * z - up * height
        points.append([focal * p[:2] / p[2] for p in (foot + up * part * stature for part in (0.925, 0.05))])
    found = np.array(points)
    return StandingEvidence(found[:, 0], found[:, 1])


def test_people_on_one_floor_show_the_horizon() -> None:
    true = camera(0.7, -14.0, 3.0, 0.0)
    people = standing(true, [(-1.5, 4), (1.0, 6), (0.2, 9), (2.5, 12)], 1.5, [1.7, 1.62, 1.75, 1.68])
    found = summarise(
        CameraPrior.of(Marginal.about(math.log(true.focal[0]), 0.02)),
        LineEvidence(Segments.of_ends(np.zeros((0, 4)), SIZE)),
        people,
        SIZE,
    )
    assert found.evidence == ("people",)
    assert apart(found.gravity.up, true.up[0]) < 4.0
    assert found.gravity.sigma < math.radians(4.0)


def person(knees: float, visibility: float = 0.99) -> PersonLandmarks:
    """Somebody who stands, with the knees forward by so many metres."""
    heights = {"ear": -0.62, "shoulder": -0.5, "hip": 0.0, "knee": 0.42, "ankle": 0.85}
    points = np.zeros((33, 3))
    for index, name in enumerate(BODY_POINTS):
        part = name.rsplit("_", 1)[-1]
        side = 0.15 if name.startswith("left") else -0.15
        points[index] = [side, heights.get(part, -0.6), -knees if part == "knee" else 0.0]
    return PersonLandmarks(
        np.array([400.0, 100, 800, 800]), 0.9, points[:, :2] * 400 + 450, points, np.full(33, visibility),
        np.ones(33), np.zeros((8, 8), np.float32), np.array([[0.01, 0, 0], [0, 0.01, 0]]),
    )  # fmt: skip


def test_only_who_is_seen_to_stand_counts() -> None:
    photo = Photo(np.zeros((*SIZE[::-1], 3), np.uint8), Path("a.png"))
    assert len(StandingEvidence.of([person(0.0), person(0.4), person(0.0, visibility=0.3)], photo)) == 1


def test_up_by_angles_and_back() -> None:
    for pitch, roll in ((0.0, 0.0), (0.3, -0.2), (-0.7, 0.5)):
        assert pitch_and_roll(up_vector(pitch, roll)) == pytest.approx((pitch, roll))
    axes = camera(1.0, 20.0, 10.0, 33.0).axes[0]
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    # a camera that looks up sees the zenith before it, one that is rolled to the left sees it lean right
    assert up_vector(0.3, 0.0)[2] > 0
    assert up_vector(0.0, 0.3)[0] > 0


def test_distributions_of_one_number() -> None:
    normal = Marginal.about(2.0, 0.5)
    assert normal.quantile([0.16, 0.5, 0.84]) == pytest.approx([1.5, 2.0, 2.5], abs=0.01)
    assert normal.spread == pytest.approx(0.5, rel=0.01)
    assert normal.log_density([2.0])[0] == pytest.approx(-math.log(0.5 * math.sqrt(2 * math.pi)), abs=0.01)
    assert normal.log_density([9.0])[0] < -1000
    wide, square = usual_focal((1600, 900)), usual_focal((1000, 1000))
    assert 0.6 < math.exp(wide.quantile([0.5])[0]) / math.hypot(1600, 900) < 0.85
    assert 0.6 < math.exp(square.quantile([0.5])[0]) / math.hypot(1000, 1000) < 0.95
    assert math.exp(usual_focal((4000, 3000)).quantile([0.5])[0]) / 5000 == pytest.approx(0.65, abs=0.04)


def test_a_lens_that_may_be_another_one_is_told_of_however_sharp_its_peak() -> None:
    intrinsics = intrinsics_for((1200, 900), focal_px=900)
    sharp = LensEstimate(intrinsics, "picture", 0.1, (800.0, 1000.0), Gravity())
    assert sharp.text(1200) is None
    assert "anything from" in (replace(sharp, interval=(600.0, 1700.0)).text(1200) or "")
