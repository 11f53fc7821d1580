"""What a photo that we render ourselves shows of hair is told from it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.mhr import Body
from native_runtime.render.colour import encode_srgb
from native_runtime.render.raster import Surface, View, seen_by
from native_runtime.texture.look import COLOURS, PersonColours, Tone
from native_runtime.wearables.defaults import in_seen_colour
from native_runtime.wearables.hair import make_hair
from native_runtime.wearables.hair_choice import HAIR, HairChoice, choose_hair, hair_colour, without_hat, worn_hair
from native_runtime.wearables.wearable import Wearable

SKIN, SHIRT, WALL = np.array([0.42, 0.22, 0.15]), np.array([0.10, 0.25, 0.5]), np.array([0.6, 0.62, 0.6])
BROWN = np.array([0.05, 0.026, 0.014])
SIZE, FOCAL = 420, 900.0
INTRINSICS = np.array([[FOCAL, 0, SIZE / 2], [0, FOCAL, SIZE / 2], [0, 0, 1.0]])


@pytest.fixture(scope="module")
def body(models: Path) -> Body:
    return Body.load(models / "bodies" / "default-lod2.npz")


def _photo(
    body: Body, style: str | None, colour: np.ndarray = BROWN, turn: float = 0.0, shirt: np.ndarray = SHIRT
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, mask, and the body's vertices (m, camera axes), of head and shoulders in even light."""
    zero = np.zeros(len(body.parameter_names))
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) * np.array([1.0, -1.0, -1.0])[:, None]

    def placed(points: np.ndarray) -> np.ndarray:
        return (np.asarray(points, np.float64) - (0.0, 155.0, 2.0)) @ rotation.T / 100 + (0.0, 0.0, 1.5)

    vertices = placed(body.vertices(zero))
    below = body.rest_vertices[:, 1] < 142.0
    points, triangles, colours = [vertices], [body.triangles], [np.where(below[:, None], shirt, SKIN)]
    if style is not None:
        worn = _made(body, style)
        on = worn.on(body)
        points.append(placed(on.vertices(zero)))
        triangles.append(on.triangles + len(vertices))
        colours.append(np.tile(colour, (len(points[1]), 1)))
    faces = np.concatenate(triangles).astype(np.int32)
    surface = Surface(
        np.concatenate(points),
        faces,
        np.concatenate(colours),
        np.ones((len(faces), 3), bool),
        np.ones(len(faces), bool),
    )
    hits, _ = seen_by(View(INTRINSICS, np.eye(3), np.zeros(3), SIZE, SIZE), surface)
    picture = np.tile(WALL, (SIZE * SIZE, 1))
    lit = 0.75 + 0.25 * np.abs(surface.normals[faces[hits.triangle, 0], 2])
    picture[hits.pixel] = surface.colours[faces[hits.triangle, 0]] * lit[:, None]
    mask = np.zeros(SIZE * SIZE, bool)
    mask[hits.pixel] = True
    return encode_srgb(picture.reshape(SIZE, SIZE, 3)), mask.reshape(SIZE, SIZE), vertices


@cache
def _made(body: Body, style: str) -> Wearable:
    return make_hair(body, style)


def _chosen(body: Body, style: str | None, sex: float = 0.0, **how: object) -> HairChoice:
    pixels, mask, vertices = _photo(body, style, **how)  # type: ignore[arg-type]
    return choose_hair(pixels, INTRINSICS, vertices, body, sex, PersonColours(), mask)


@pytest.mark.parametrize(
    ("style", "turn", "expected"),
    [
        ("short", 0, {"short", "side_part"}),
        ("short", 60, {"short", "side_part"}),
        ("short", 180, {"short", "side_part"}),
        ("bob", 0, {"bob"}),
        ("bob", 180, {"bob"}),
        ("long", 0, {"long"}),
        ("long", 70, {"long"}),
        ("curly", 0, {"curly"}),
    ],
)
def test_style_and_colour_are_told(body: Body, style: str, turn: float, expected: set[str]) -> None:
    choice = _chosen(body, style, turn=turn)
    assert choice.style in expected
    assert choice.confidence > 0.4
    assert choice.colour is not None
    assert np.allclose(np.cbrt(choice.colour), np.cbrt(BROWN), atol=0.06)


def test_the_colour_of_blond_hair(body: Body) -> None:
    blond = np.array([0.42, 0.30, 0.16])
    choice = _chosen(body, "long", colour=blond)
    assert choice.style == "long"
    assert choice.colour is not None
    assert np.allclose(np.cbrt(choice.colour), np.cbrt(blond), atol=0.06)


def test_a_shirt_of_the_same_colour_is_no_hair(body: Body) -> None:
    assert _chosen(body, "short", shirt=BROWN).style == "short"


def test_a_bald_head_has_none(body: Body) -> None:
    assert _chosen(body, None).style is None


def test_a_blue_hat_is_no_hair(body: Body) -> None:
    choice = _chosen(body, "short", colour=np.array([0.02, 0.06, 0.5]))
    assert choice.style is None
    seen = PersonColours(hair=Tone((20, 60, 190), 0.9))
    hair = without_hat(seen, choice).hair
    assert hair is not None
    assert hair.confidence < 0.25, "brows do not follow it"
    assert without_hat(seen, _chosen(body, "short")) == seen


def test_blond_hair_below_a_black_hat_is_the_hair(body: Body) -> None:
    blond = np.array([0.55, 0.44, 0.18])
    pixels, mask, vertices = _photo(body, "wavy", colour=blond)
    brow = project(vertices, INTRINSICS)[body.rest_vertices[:, 1] > 166.0, 1].max()
    hat = mask & (np.arange(SIZE)[:, None] < brow)
    pixels[hat] = (24, 24, 26)
    choice = choose_hair(pixels, INTRINSICS, vertices, body, 0.0, PersonColours(), mask)
    assert choice.style == "bob"
    assert choice.colour is not None
    assert np.allclose(np.cbrt(choice.colour), np.cbrt(blond), atol=0.08)
    hair = without_hat(PersonColours(hair=Tone((24, 24, 26), 0.9)), choice).hair
    assert hair is not None
    assert hair.confidence == choice.confidence
    assert np.allclose(np.cbrt(hair.linear), np.cbrt(blond), atol=0.08)


def test_a_woman_whose_hair_is_not_beside_her_face_has_tied_it(body: Body) -> None:
    assert _chosen(body, "bun", sex=-0.9).style == "ponytail"
    assert _chosen(body, "short", sex=0.9).style == "short"


def test_heads_that_are_small_hidden_or_not_there_tell_nothing(body: Body) -> None:
    pixels, mask, vertices = _photo(body, "short")
    far = vertices + (0.0, 0.0, 60.0)
    assert project(far, INTRINSICS).ptp(axis=0).max() < 40
    for where in (far, vertices * (1, 1, -1), np.full_like(vertices, np.nan), vertices + (9.0, 0.0, 0.0)):
        choice = choose_hair(pixels, INTRINSICS, where, body, 0.0, PersonColours(), mask)
        assert choice.style is None
        assert choice.confidence == 0.0
    assert choose_hair(pixels, INTRINSICS, vertices, body, 0.0, PersonColours(), None).style is None


def test_a_choice_is_read_back_and_worn() -> None:
    sure = HairChoice("long", (0.1, 0.05, 0.02), 0.9, "it reaches below the chin")
    assert HairChoice.from_json(sure.to_json()) == sure
    worn = worn_hair({HAIR: sure.to_json()})
    assert worn is not None
    assert (worn.kind, worn.style, worn.colour) == ("hair", "long", sure.colour)
    unsure = worn_hair({HAIR: sure.to_json() | {"confidence": 0.2}})
    assert unsure is not None
    assert unsure.style == "short"
    assert worn_hair({HAIR: HairChoice(None, None, 0.9, "bald").to_json()}) is None
    for damaged in (
        None,
        [],
        {},
        {"style": "mohawk", "colour": None, "confidence": 1},
        {"style": ["bob"], "colour": None, "confidence": 1},
        {"style": "bob", "colour": [1]},
        sure.to_json() | {"confidence": 40},
        sure.to_json() | {"confidence": float("nan")},
    ):
        assert worn_hair({HAIR: damaged}) is None
    for colour in ([-3, 900, 900], [1], "red", 5):
        worn = worn_hair({HAIR: sure.to_json() | {"colour": colour}, COLOURS: {"hair": {"srgb": colour}}})
        assert worn is not None
        assert (worn.style, worn.colour) == ("long", None), "no colour, and not one brought into range"


def test_the_colour_of_a_chosen_style_is_what_the_photo_told() -> None:
    told = HairChoice("bob", (0.4, 0.26, 0.12), 0.2, "").to_json()
    colours = {"hair": {"srgb": [200, 160, 90], "confidence": 0.5}}
    assert hair_colour({HAIR: told, COLOURS: colours}) == (0.4, 0.26, 0.12)
    assert hair_colour({COLOURS: colours}) == Tone((200, 160, 90), 0.5).linear
    assert hair_colour({COLOURS: {"hair": colours["hair"] | {"confidence": 0.2}}}) is None
    assert hair_colour({COLOURS: {"hair": {"srgb": [20, 60, 200], "confidence": 0.9}}}) is None, "a blue hat"
    assert hair_colour({}) is None
    assert in_seen_colour({HAIR: told}, "hair", "long").colour == (0.4, 0.26, 0.12)
    assert in_seen_colour({HAIR: told}, "shoes", "sneakers").colour is None
