"""What hands show in black-and-white photos, on texels whose greys are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PARTS, anatomy_of
from native_runtime.texture.atlas import atlas_of
from native_runtime.texture.hands import bare_hands_in_greys

pytestmark = pytest.mark.models

PALE, DARK, BLACK, WHITE = 0.5, 0.03, 0.01, 0.8


class Greys:
    """The texels of somebody, all seen, in one grey besides those that are painted."""

    def __init__(self, body: Body, sleeves: float) -> None:
        self.body, self.atlas = body, atlas_of(body, 256)
        self.part = anatomy_of(body).part[body.triangles[self.atlas.triangle, 0]]
        self.grey = np.full(len(self.part), sleeves, np.float32)
        self.weight = np.ones(len(self.part), np.float32)

    def of(self, name: str) -> NDArray[np.int64]:
        return np.flatnonzero(self.part == PARTS.index(name))

    def judged(self, skin: float) -> tuple[dict[str, bool], NDArray[np.float32]]:
        """Which hands are bare, and how plausible each texel is."""
        colour = np.repeat(self.grey[:, None], 3, axis=1)
        bare, plausible = bare_hands_in_greys(
            anatomy_of(self.body), self.body.triangles, self.atlas, colour, self.weight, np.full(3, skin)
        )
        hands = {name: bool(bare[self.of(name)].all()) for name in ("l_hand", "r_hand")}
        assert bare.sum() == sum(len(self.of(name)) for name, is_bare in hands.items() if is_bare)
        return hands, plausible


@pytest.mark.parametrize(("skin", "sleeves"), [(PALE, BLACK), (DARK, PALE), (DARK, BLACK), (PALE, PALE)])
def test_hands_in_the_faces_grey_are_bare_whatever_the_sleeves_are(person: Body, skin: float, sleeves: float) -> None:
    greys = Greys(person, sleeves)
    for name in ("l_hand", "r_hand"):
        greys.grey[greys.of(name)] = skin
    hands, plausible = greys.judged(skin)
    assert hands == {"l_hand": True, "r_hand": True}
    assert (plausible == 1).all()


def test_a_hand_in_its_sleeves_grey_and_not_in_the_faces_is_gloved(person: Body) -> None:
    greys = Greys(person, BLACK)
    greys.grey[greys.of("r_hand")] = PALE
    hands, plausible = greys.judged(PALE)
    assert hands == {"l_hand": False, "r_hand": True}
    assert (plausible == 1).all(), "the glove is seen"


def test_a_hand_that_is_not_seen_is_as_the_other(person: Body) -> None:
    for other, bare in ((BLACK, False), (PALE, True)):
        greys = Greys(person, BLACK)
        greys.grey[greys.of("r_hand")] = other
        greys.weight[greys.of("l_hand")] = 0
        assert greys.judged(PALE)[0] == {"l_hand": bare, "r_hand": bare}
    greys.weight[:] = 0
    assert greys.judged(PALE)[0] == {"l_hand": True, "r_hand": True}


@pytest.mark.parametrize(("skin", "cloth"), [(DARK, PALE), (PALE, BLACK)])
def test_cloth_that_shows_beside_a_hand_counts_as_not_seen(person: Body, skin: float, cloth: float) -> None:
    greys = Greys(person, WHITE)
    left, right = greys.of("l_hand"), greys.of("r_hand")
    greys.grey[right] = skin
    greys.grey[left] = skin
    greys.grey[left[::2]] = cloth
    hands, plausible = greys.judged(skin)
    assert hands == {"l_hand": True, "r_hand": True}
    assert (plausible[left[::2]] == 0).all()
    assert (plausible[left[1::2]] == 1).all()
    assert (plausible[right] == 1).all()
