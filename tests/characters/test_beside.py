"""Where people of several photos go."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.camera import intrinsics_for
from native_runtime.characters.beside import Footprint, View, shift_beside, shift_past
from native_runtime.characters.placement import upright_turn

EYE = View(np.array([0.2, -4.0, 1.0]), -0.5, 0.5)
PERSON = Footprint(np.array([-0.5, -0.3, 0.0]), np.array([0.5, 0.4, 1.8]), EYE)


def box(low: tuple[float, ...], high: tuple[float, ...]) -> Footprint:
    return Footprint(np.array(low), np.array(high))


def test_what_hides_somebody_moves_them_aside() -> None:
    cube = box((-1, -1, -1), (1, 1, 1))
    between = box((0.0, -3.0, 0.5), (0.4, -2.0, 1.5))
    assert shift_past(PERSON, [cube], 0.0) == pytest.approx(3.4)
    assert shift_past(PERSON, [between], 0.0) == pytest.approx(1.4)
    assert shift_past(PERSON, [cube, box((1.8, -1, 0), (3.0, 1, 1))], 0.0) == pytest.approx(5.4)
    assert shift_past(PERSON, [cube], 7.0) == 7.0


def test_ground_rooms_and_what_stands_aside_do_not() -> None:
    ground, room = box((-50, -50, -2), (50, 50, 0.02)), box((-5, -6, 0), (5, 6, 3))
    behind, aside = box((-9, 2, 0), (9, 3, 5)), box((2, -1, 0), (3, 1, 2))
    assert shift_past(PERSON, [ground, room, behind, aside], 0.0) == 0.0


def test_places_count_what_was_moved_and_what_a_camera_sees() -> None:
    low, high = np.array([-0.5, -0.5, 0.0]), np.array([0.5, 0.5, 1.8])
    view = View(np.array([0.0, -4.0, 1.5]), -0.5, 0.5)
    assert shift_beside(Footprint(low, high, view), []) == 0.0
    # without cameras only the bodies count; with them each keeps out of the other's picture, 2.25 m to its side
    assert shift_beside(Footprint(low, high), [Footprint(low, high)]) == pytest.approx(1.5)
    seen = shift_beside(Footprint(low, high, view), [Footprint(low, high, view)])
    assert seen == pytest.approx(2.25 + 0.5 + 0.1)
    far = Footprint(low + (10.0, 0.0, 0.0), high + (10.0, 0.0, 0.0))
    assert shift_beside(Footprint(low, high), [far]) == pytest.approx(11.5)


def test_a_tilted_camera_sees_what_its_corners_see() -> None:
    intrinsics, size = intrinsics_for((400, 300), focal_px=300.0), (400, 300)
    level = View.of(np.zeros(3), intrinsics, size)
    assert level is not None
    assert (level.left, level.right) == pytest.approx((-2 / 3, 2 / 3))
    down = View.of(np.zeros(3), intrinsics, size, upright_turn([0.0, -np.cos(0.3), -np.sin(0.3)]))
    assert down is not None
    # the lower corners look at the floor: less far ahead, so farther to the side
    assert down.right == pytest.approx((200 / 300) / (np.cos(0.3) - 0.5 * np.sin(0.3)))
    assert down.left == pytest.approx(-down.right)
    assert View.of(np.zeros(3), intrinsics, size, upright_turn([0.0, -np.cos(1.3), -np.sin(1.3)])) is None
