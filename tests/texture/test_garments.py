"""Which colours are one garment, and how what is known goes around a limb."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.mhr import Body
from native_runtime.render.colour import linear_of
from native_runtime.texture.anatomy import PARTS, anatomy_of
from native_runtime.texture.garments import garments_of
from native_runtime.texture.spreading import directed, spread

TONE = linear_of(np.array([190, 150, 130]) / 255).astype(np.float64)


def _seen(*colours: tuple[int, int, int], noise: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.concatenate(
        [linear_of((np.array(c) + rng.normal(0, noise, (800, 3))).clip(0, 255) / 255) for c in colours]
    )


def test_a_garment_in_light_and_in_shadow_is_one() -> None:
    seen = _seen((200, 30, 40), (150, 22, 30), (40, 50, 110), (190, 150, 130))
    garments = garments_of(seen, TONE)
    kinds = garments.of(seen).reshape(4, 800)
    assert len(garments.tones) == 3
    assert all((k == k[0]).mean() > 0.99 for k in kinds)
    assert kinds[0, 0] == kinds[1, 0] != kinds[2, 0]
    assert kinds[3, 0] == garments.skin


def test_a_shirt_of_another_grey_is_another_garment() -> None:
    garments = garments_of(_seen((235, 235, 235), (150, 150, 152), (60, 60, 60)), TONE)
    assert len(garments.tones) == 4, "three greys, and bare skin"
    assert not garments.kin[~np.eye(4, dtype=bool)].any()


@pytest.mark.models
@pytest.mark.parametrize("side_by_side", [True, False])
def test_what_is_bleached_by_light_is_one_where_it_lies_side_by_side(person: Body, side_by_side: bool) -> None:
    """Jeans in the sun are paler than in shadow, and so might other trousers be than the stockings below them."""
    pale, blue, skin = (190, 211, 227), (110, 150, 185), (190, 150, 130)
    garments = garments_of(_seen(pale, blue, skin), TONE)
    kinds = [int(garments.of(linear_of(np.array([c]) / 255))[0]) for c in (pale, blue)]
    assert len({*kinds, garments.skin}) == 3
    anatomy, height = anatomy_of(person), person.rest_vertices[:, 1]
    shin = anatomy.part == PARTS.index("l_lowleg")
    ahead = person.rest_vertices[:, 2] > np.median(person.rest_vertices[shin, 2])
    light = shin & (ahead if side_by_side else height > np.median(height[shin]))
    votes = np.zeros((person.vertex_count, len(garments.tones)))
    votes[light, kinds[0]] = votes[shin & ~light, kinds[1]] = 1
    found = garments.in_one_light(votes, person, anatomy)
    assert found.kin[kinds[0], kinds[1]] == side_by_side
    assert not found.kin[kinds, garments.skin].any()


@pytest.mark.parametrize("colours", [np.zeros((0, 3)), np.full((5, 3), 0.2)])
def test_somebody_of_whom_nothing_is_seen_is_bare(colours: np.ndarray) -> None:
    garments = garments_of(colours, TONE)
    assert len(garments.tones) == 1
    assert garments.skin == 0
    assert (garments.of(colours) == 0).all()


def test_what_is_known_goes_around_an_axis_however_the_mesh_runs() -> None:
    around, up = np.meshgrid(np.arange(24), np.arange(21), indexing="ij")
    angle = np.radians(15 * around)
    # rows of vertices that climb as they go around
    height = up + 3 * np.sin(angle)
    points = np.stack([4 * np.cos(angle), height, 4 * np.sin(angle)], axis=-1).reshape(-1, 3)
    corner = (around * 21 + up)[:, :-1].ravel()
    beside = ((around + 1) % 24 * 21 + up)[:, :-1].ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, beside], axis=1), np.stack([beside, corner + 1, beside + 1], axis=1)]
    ).astype(np.int32)
    edges, stiffness = directed(points, triangles, np.tile([0.0, 1.0, 0.0], (len(points), 1)), 0.002)
    front = (np.cos(angle) > 0.5).ravel()
    known = (points[:, 1:2] > 10).astype(float)
    values = spread(known, np.where(front, 1.0, 1e-6), edges, 10 * stiffness)[:, 0]
    behind = (np.cos(angle) < -0.5).ravel() & (np.abs(points[:, 1] - 10) > 1.5) & (np.abs(points[:, 1] - 10) < 6)
    assert behind.sum() > 50
    assert ((values > 0.5) == (points[:, 1] > 10))[behind].all()
