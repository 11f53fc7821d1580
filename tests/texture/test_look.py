"""A person's colours in a photo: on people whose colours we chose and photographed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.mhr import Body
from native_runtime.render.colour import decode_srgb
from native_runtime.texture.anatomy import PARTS, anatomy_of
from native_runtime.texture.look import PersonColours, Tone, person_colours
from tests.support.painted import BACKDROP, INTRINSICS, Model, photograph, standing

pytestmark = pytest.mark.models

Light = Callable[[NDArray], NDArray]
TONES = {"pale": (236, 196, 170), "brown": (172, 120, 86), "dark": (92, 58, 42)}
HAIRS = {"black": (28, 22, 20), "blond": (196, 160, 108), "grey": (150, 148, 146)}


def _lab(srgb: tuple[int, ...]) -> NDArray[np.float64]:
    scaled = np.array([[srgb]], np.float32) / 255
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)[0, 0], np.float64)


def _apart(tone: Tone | None, srgb: tuple[int, ...]) -> float:
    """CIE76 difference of colours."""
    assert tone is not None
    return float(np.linalg.norm(_lab(tone.srgb) - _lab(srgb)))


def _painted(
    body: Body, skin: tuple[int, ...], hair: tuple[int, ...] | None, cloth: tuple[int, ...], barefoot: bool = False
) -> NDArray[Any]:
    """(V, 3) linear: somebody in clothes that leave head and hands bare, and the feet, too, if ``barefoot``."""
    linear = [decode_srgb(np.array(c if c else skin, np.uint8)).astype(np.float64) for c in (skin, hair, cloth)]
    anatomy = anatomy_of(body)
    bare = anatomy.head | anatomy.hands | (anatomy.feet & barefoot)
    colours = np.where(bare[:, None], linear[0], linear[2])
    return np.asarray(np.where((anatomy.hair > 0.1)[:, None], linear[1], colours))


def _seen(
    body: Body,
    skin: tuple[int, ...],
    hair: tuple[int, ...] | None = HAIRS["black"],
    light: Light | None = None,
    turn: float = 0.0,
    distance: float = 3.6,
    barefoot: bool = False,
) -> PersonColours:
    vertices = standing(body, turn, distance)
    photo = photograph([Model(body, vertices, _painted(body, skin, hair, (40, 80, 160), barefoot))], light)
    mask = (photo != np.array(BACKDROP)).any(axis=2)
    return person_colours(photo, INTRINSICS, vertices, body, mask=mask)


def _from_aside(normals: NDArray) -> NDArray:
    return 0.45 + 0.75 * np.clip(normals @ np.array([-0.6, -0.5, -0.62]), 0, None)


@pytest.mark.parametrize(
    ("tone", "hair"), [("pale", "blond"), ("brown", "blond"), ("brown", "grey"), ("dark", "black")]
)
def test_colours_are_those_that_were_painted(person: Body, tone: str, hair: str) -> None:
    seen = _seen(person, TONES[tone], HAIRS[hair])
    assert _apart(seen.skin, TONES[tone]) < 11
    assert _apart(seen.hair, HAIRS[hair]) < 9


@pytest.mark.parametrize("tone", TONES)
def test_shade_changes_a_tone_little(person: Body, tone: str) -> None:
    seen = _seen(person, TONES[tone], light=_from_aside)
    assert _apart(seen.skin, TONES[tone]) < 14


@pytest.mark.parametrize("tone", TONES)
def test_shoes_are_seen_where_feet_have_another_colour(person: Body, tone: str) -> None:
    assert _apart(_seen(person, TONES[tone]).shoes, (40, 80, 160)) < 6
    assert _seen(person, TONES[tone]).feet == "covered"
    for light in (None, _from_aside):
        bare = _seen(person, TONES[tone], light=light, barefoot=True)
        assert bare.shoes is None
        assert bare.feet == "bare"


BROWN_SHOES = (148, 118, 72)


@pytest.mark.parametrize("dressed", [True, False])
def test_brown_shoes_are_told_below_trousers_and_not_below_bare_legs(person: Body, dressed: bool) -> None:
    anatomy, vertices = anatomy_of(person), standing(person)
    colours = _painted(person, TONES["brown"], HAIRS["black"], (40, 80, 160))
    colours[anatomy.feet] = decode_srgb(np.array(BROWN_SHOES, np.uint8))
    if not dressed:
        legs = np.isin(anatomy.part, [PARTS.index(f"{side}_{part}") for side in "lr" for part in ("upleg", "lowleg")])
        colours[legs] = decode_srgb(np.array(TONES["brown"], np.uint8))
    seen = person_colours(photograph([Model(person, vertices, colours)]), INTRINSICS, vertices, person)
    assert seen.feet == ("covered" if dressed else "bare")
    assert (seen.shoes is not None) == dressed
    if dressed:
        assert _apart(seen.shoes, BROWN_SHOES) < 6


def test_shoes_of_somebody_whose_skin_is_not_seen_are_told(person: Body) -> None:
    colours = np.tile(decode_srgb(np.array((40, 80, 160), np.uint8)), (person.vertex_count, 1)).astype(np.float64)
    vertices = standing(person, turn=180)
    seen = person_colours(photograph([Model(person, vertices, colours)]), INTRINSICS, vertices, person)
    assert seen.skin is None
    assert _apart(seen.shoes, (40, 80, 160)) < 6


@pytest.mark.parametrize("legs", ["dressed", "bare"])
def test_feet_beyond_the_picture_are_not_seen(person: Body, legs: str) -> None:
    anatomy, vertices = anatomy_of(person), standing(person)
    colours = _painted(person, TONES["brown"], HAIRS["black"], (40, 80, 160))
    if legs == "bare":
        colours[person.rest_vertices[:, 1] < 70] = decode_srgb(np.array(TONES["brown"], np.uint8))
    photo = photograph([Model(person, vertices, colours)])
    bottom = int(project(vertices[anatomy.feet], INTRINSICS)[:, 1].min())
    seen = person_colours(photo[:bottom], INTRINSICS, vertices, person)
    assert seen.feet == ("unseen" if legs == "dressed" else None)
    hidden = person_colours(photo, INTRINSICS, vertices, person, hidden=("left leg", "right leg"))
    assert hidden.feet == "unseen", "nothing that is seen there is the person's"


def test_the_order_of_tones_survives_light(person: Body) -> None:
    shown = [_seen(person, TONES[tone], light=_from_aside).skin for tone in ("pale", "brown", "dark")]
    lightness = [_lab(tone.srgb)[0] for tone in shown if tone is not None]
    assert len(lightness) == 3
    assert lightness[0] > lightness[1] + 10 > lightness[2] + 20


def test_from_behind_hair_is_seen_and_the_hands_tell_the_skin(person: Body) -> None:
    seen = _seen(person, TONES["brown"], HAIRS["blond"], turn=180)
    assert _apart(seen.hair, HAIRS["blond"]) < 9
    assert seen.skin is None or _apart(seen.skin, TONES["brown"]) < 9


def test_a_bald_head_has_no_hair(person: Body) -> None:
    assert _seen(person, TONES["brown"], None).hair is None


def test_a_blue_hood_is_no_hair_and_a_blue_mask_no_skin(person: Body) -> None:
    assert _seen(person, TONES["brown"], (30, 60, 200)).hair is None
    assert _seen(person, (30, 60, 200)).skin is None


def _in_greys(person: Body, skin: tuple[int, ...], cloth: tuple[int, ...], barefoot: bool = False) -> PersonColours:
    vertices = standing(person)
    photo = photograph([Model(person, vertices, _painted(person, skin, HAIRS["black"], cloth, barefoot))])
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return person_colours(grey, INTRINSICS, vertices, person)


@pytest.mark.parametrize(("tone", "shoe"), [("dark", 200), ("pale", 40), ("brown", 240)])
def test_a_grey_photo_tells_the_grey_of_shoes_and_no_other_colour(person: Body, tone: str, shoe: int) -> None:
    seen = _in_greys(person, TONES[tone], (shoe,) * 3)
    assert seen.shoes is not None
    assert seen == PersonColours(shoes=seen.shoes, feet="covered")
    assert len(set(seen.shoes.srgb)) == 1
    assert seen.shoes.srgb[0] == pytest.approx(shoe, abs=4)


def test_feet_in_the_faces_grey_may_be_bare_and_shoes_there_have_it(person: Body) -> None:
    seen = _in_greys(person, TONES["brown"], (40, 80, 160), barefoot=True)
    assert seen.feet == "unseen"
    assert seen.shoes is not None
    assert seen.shoes.confidence < 0.3
    assert seen.shoes.srgb[0] == pytest.approx(float(np.dot(TONES["brown"], (0.299, 0.587, 0.114))), abs=4)


def test_light_of_another_colour_is_brought_back_to_skin(person: Body) -> None:
    vertices = standing(person)
    lit = _painted(person, TONES["brown"], HAIRS["black"], (40, 80, 160)) * (0.75, 0.95, 1.5)
    seen = person_colours(photograph([Model(person, vertices, lit)]), INTRINSICS, vertices, person)
    if seen.skin is not None:
        _, a, b = _lab(seen.skin.srgb)
        assert 30 < np.degrees(np.arctan2(b, a)) < 75


def test_whoever_stands_in_front_is_not_looked_at(person: Body) -> None:
    behind, before = standing(person, distance=4.4), standing(person, distance=3.2)
    painted = [_painted(person, TONES[tone], HAIRS["black"], (40, 80, 160)) for tone in ("pale", "dark")]
    photo = photograph([Model(person, behind, painted[0]), Model(person, before, painted[1])])
    seen = person_colours(photo, INTRINSICS, behind, person, others=(before,))
    assert seen.skin is None or _apart(seen.skin, TONES["pale"]) < 12


@pytest.mark.parametrize("spoilt", ["behind", "nothing", "outside"])
def test_bodies_that_cannot_be_seen_tell_nothing(person: Body, spoilt: str) -> None:
    vertices = standing(person)
    photo = photograph([Model(person, vertices, _painted(person, TONES["brown"], None, (40, 80, 160)))])
    moved = {
        "behind": vertices * (1, 1, -1),
        "nothing": np.full_like(vertices, np.nan),
        "outside": vertices + (50.0, 0, 0),
    }[spoilt]
    assert person_colours(photo, INTRINSICS, moved, person) == PersonColours()


def test_colours_are_read_back_from_files() -> None:
    colours = PersonColours(skin=Tone((180, 130, 100), 0.8), iris=Tone((70, 60, 50), 0.25), feet="bare")
    assert PersonColours.from_json(colours.to_json()) == colours
    assert PersonColours.from_json(None) == PersonColours()
    damaged = {
        "feet": 3,
        "skin": {"srgb": [1, 2], "confidence": 1},
        "hair": 3,
        "lips": {"srgb": [300, -4, 5], "confidence": 7},
    }
    assert PersonColours.from_json(damaged | {"feet": 3}) == PersonColours()
