"""Textures of people whose colours are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.render.colour import encode_srgb
from native_runtime.texture.alignment import FACE_POINTS, face_moves, face_shift
from native_runtime.texture.anatomy import PARTS, anatomy_of
from native_runtime.texture.atlas import atlas_of
from native_runtime.texture.glasses import behind_glasses, wears_dark_glasses
from native_runtime.texture.hips import hips_of
from native_runtime.texture.making import Texture, make_texture
from native_runtime.texture.projection import Shot
from tests.support.bodies import toy_body
from tests.support.painted import BACKDROP, INTRINSICS, Array, Model, photograph, standing, symmetric, truth

SIZE = 512
SEEN = 170


def _made(body: Body, colours: Array, light: bool = False, **place: float) -> Texture:
    vertices = standing(body, **place)
    return make_texture(body, [Shot(photograph([Model(body, vertices, colours)]), INTRINSICS, vertices)], SIZE, light)


def _errors(texture: Texture, body: Body, colours: Array, least: int = SEEN, most: int = 255) -> NDArray[np.float64]:
    """Mean difference of the channels, sRGB 0..255, of the texels whose confidence lies within bounds."""
    wanted, inside = truth(body, colours, SIZE)
    chosen = inside & (texture.confidence >= least) & (texture.confidence <= most)
    return np.abs(texture.colour[chosen].astype(float) - wanted[chosen]).mean(axis=1)


def _magenta(colour: NDArray) -> NDArray[np.bool_]:
    red, green, blue = colour.astype(int).transpose(2, 0, 1)
    return (np.minimum(red, blue) - green > 70) & (red > 120)


@pytest.mark.models
@pytest.mark.parametrize("turn", [0.0, 40.0, 180.0])
def test_what_is_seen_has_its_own_colour(person: Body, turn: float) -> None:
    colours = symmetric(person.rest_vertices)
    texture = _made(person, colours, turn=turn)
    errors = _errors(texture, person, colours)
    assert len(errors) > 10_000
    assert errors.mean() < 4
    assert np.percentile(errors, 99) < 16
    assert texture.facts["shares"]["seen"] > 0.2


@pytest.mark.models
@pytest.mark.parametrize("turn", [0.0, 75.0, 200.0])
def test_nothing_of_the_background_is_in_the_texture(person: Body, turn: float) -> None:
    texture = _made(person, symmetric(person.rest_vertices), turn=turn)
    assert not _magenta(texture.colour).any()


@pytest.mark.models
def test_another_person_in_front_is_not_painted_on(person: Body) -> None:
    colours = symmetric(person.rest_vertices)
    behind, before = standing(person, distance=3.8), standing(person, distance=3.0, aside=0.25)
    green = np.tile([0.0, 0.9, 0.0], (person.vertex_count, 1))
    picture = photograph([Model(person, behind, colours), Model(person, before, green)])
    shot = Shot(picture, INTRINSICS, behind, ((before, person.triangles),))
    texture = make_texture(person, [shot], SIZE, light=False)
    red, shade, blue = texture.colour.astype(int).transpose(2, 0, 1)
    assert not (shade - np.maximum(red, blue) > 70).any()
    assert np.percentile(_errors(texture, person, colours), 99) < 20
    alone = make_texture(person, [Shot(photograph([Model(person, behind, colours)]), INTRINSICS, behind)], SIZE, False)
    assert texture.facts["shares"]["seen"] < 0.8 * alone.facts["shares"]["seen"]


@pytest.mark.models
def test_an_arm_before_the_body_is_not_painted_on_it(person: Body) -> None:
    part = anatomy_of(person).part
    arms = np.isin(part, [i for i, name in enumerate(PARTS) if name.endswith(("arm", "hand"))])
    colours = np.where(arms[:, None], (0.02, 0.7, 0.75), (0.6, 0.25, 0.05))
    vertices = standing(person, turn=90.0)  # from the side
    picture = photograph([Model(person, vertices, colours)])
    texture = make_texture(person, [Shot(picture, INTRINSICS, vertices)], SIZE, light=False)
    atlas = atlas_of(person, SIZE)
    trunk = (part == PARTS.index("torso"))[person.triangles].all(axis=1)
    inside = atlas.picture(trunk[atlas.triangle][:, None].astype(np.float32))[..., 0] > 0
    sure = texture.confidence >= SEEN
    assert (inside & sure).sum() > 500
    assert not (texture.colour[inside & sure][:, 2] > 150).any(), "cyan is an arm's"


@pytest.mark.models
def test_the_side_that_is_not_seen_is_like_the_other(person: Body) -> None:
    colours = symmetric(person.rest_vertices)
    texture = _made(person, colours, turn=80.0)
    assert texture.facts["shares"]["mirrored"] > 0.05
    mirrored = _errors(texture, person, colours, 90, 102)
    assert len(mirrored) > 2000
    assert mirrored.mean() < 6


@pytest.mark.models
def test_different_sides_are_not_copied(person: Body) -> None:
    left = person.rest_vertices[:, 0] > 0
    colours = np.where(left[:, None], (0.7, 0.1, 0.1), (0.1, 0.5, 0.1))
    texture = _made(person, colours, turn=30.0)
    wanted, inside = truth(person, colours, SIZE)
    clear = inside & (np.abs(wanted.astype(int)[..., 0] - wanted[..., 1]) > 60)
    wrong = (texture.colour[..., 0] > texture.colour[..., 1]) != (wanted[..., 0] > wanted[..., 1])
    copied = clear & (texture.confidence >= 60) & (texture.confidence < 128)
    assert (wrong & copied).sum() < 0.02 * clear.sum()


@pytest.mark.models
def test_somebody_of_one_colour_is_of_one_colour_all_around(person: Body) -> None:
    colours = np.tile([0.45, 0.27, 0.2], (person.vertex_count, 1))
    texture = _made(person, colours, turn=25.0)
    errors = _errors(texture, person, colours, least=1)
    assert errors.max() < 3
    assert texture.facts["skin_seen"]


@pytest.mark.models
def test_garments_end_sharply_where_they_are_not_seen(person: Body) -> None:
    height = person.rest_vertices[:, 1]
    bare = anatomy_of(person).head | anatomy_of(person).hands
    colours = np.where((height > 100)[:, None], (0.45, 0.02, 0.02), (0.2, 0.22, 0.3))
    colours[bare] = (0.5, 0.3, 0.22)
    texture = _made(person, colours, turn=15.0)
    atlas = atlas_of(person, SIZE)
    place = atlas.picture(atlas.across(person.triangles, person.rest_vertices))
    trunk = _texels(person, ~bare & (np.abs(person.rest_vertices[:, 0]) < 18) & (height > 90) & (height < 112))
    unseen = trunk & (texture.confidence < 128)
    assert unseen.sum() > 1000
    shirt, trousers = (encode_srgb(np.array([c])).astype(float)[0] for c in ((0.45, 0.02, 0.02), (0.2, 0.22, 0.3)))
    off = [np.abs(texture.colour[unseen] - c).mean(axis=1) for c in (shirt, trousers)]
    assert (np.minimum(*off) < 12).mean() > 0.97, "no blend of the two"
    above = place[unseen][:, 1]
    clear = np.abs(above - 100) > 3
    assert ((off[0] < off[1]) == (above > 100))[clear].mean() > 0.97, "around the trunk, at the height that is seen"


@pytest.mark.models
@pytest.mark.parametrize(("place", "kept"), [(11.0, True), (18.5, False)])
def test_skin_beside_an_outline_is_a_hand_that_the_body_has_elsewhere(person: Body, place: float, kept: bool) -> None:
    across, height, _ = person.rest_vertices.T
    part = anatomy_of(person).part
    thigh = part == PARTS.index("l_upleg")
    patch = thigh & (np.abs(height - 75) < 5) & (np.abs(across - place) < 1.8)
    colours = np.tile([0.03, 0.06, 0.2], (person.vertex_count, 1))
    colours[anatomy_of(person).head | anatomy_of(person).hands | patch] = (0.5, 0.3, 0.22)
    texture = _made(person, colours)
    inside = _texels(person, thigh) & (texture.confidence > 0)
    red, _, blue = texture.colour[inside].astype(int).T
    assert ((red > blue).sum() > 30) == kept


@pytest.mark.models
@pytest.mark.parametrize(("hidden", "least"), [((), 0.7), (("left leg",), 0.98)])
def test_a_limb_behind_furniture_is_not_of_its_colour(person: Body, hidden: tuple[str, ...], least: float) -> None:
    anatomy, sofa = anatomy_of(person), (0.2, 0.42, 0.22)
    colours = np.tile([0.03, 0.06, 0.2], (person.vertex_count, 1))
    colours[anatomy.head | anatomy.hands] = (0.5, 0.3, 0.22)
    covered = np.isin(anatomy.part, [PARTS.index("l_lowleg"), PARTS.index("l_foot")])
    before = np.where(covered[:, None], sofa, colours)
    vertices = standing(person)
    picture = photograph([Model(person, vertices, before)], backdrop=tuple(encode_srgb(np.array([sofa]))[0].tolist()))
    mask = (photograph([Model(person, vertices, before)]) != BACKDROP).any(axis=2)
    shot = Shot(picture, INTRINSICS, vertices, mask=mask, hidden=hidden)
    texture = make_texture(person, [shot], SIZE, light=False)
    kept = np.abs(texture.colour[_texels(person, anatomy.hands)].astype(int) - encode_srgb(np.array([0.5, 0.3, 0.22])))
    assert np.median(kept) < 4
    green = texture.colour[_texels(person, anatomy.part == PARTS.index("l_lowleg"))][:, 1]
    assert (green < 90).mean() > least, "trousers, as on the other leg"


SKIN, SHIRT, SHORTS = (0.5, 0.3, 0.22), (0.3, 0.02, 0.03), (0.03, 0.25, 0.05)


def _bather(body: Body, hips: tuple[float, float, float]) -> Array:
    """Linear colours (V, 3) of somebody with a shirt, bare legs, and hips of a colour."""
    anatomy = anatomy_of(body)
    colours = np.tile(SKIN, (body.vertex_count, 1))
    colours[anatomy.part == PARTS.index("torso")] = SHIRT
    colours[hips_of(body, anatomy)] = hips
    return colours


def _behind(body: Body, colours: Array, top: float, bottom: float) -> Texture:
    """The texture of somebody of whom a board hides what lies between two heights, cm at rest."""
    vertices = standing(body)
    picture = photograph([Model(body, vertices, colours)])
    rest = body.rest_vertices[:, 1]
    high, low = (
        round(float(project(vertices, INTRINSICS)[np.abs(rest - height).argmin(), 1])) for height in (top, bottom)
    )
    mask = (picture != BACKDROP).any(axis=2)
    picture[high:low], mask[high:low] = BACKDROP, False
    return make_texture(body, [Shot(picture, INTRINSICS, vertices, mask=mask)], SIZE, light=False)


def _of_skin(texture: Texture, body: Body, where: NDArray[np.bool_]) -> float:
    colour = texture.colour[_texels(body, where)].astype(float)
    return float((np.abs(colour - encode_srgb(np.array([SKIN]))[0]).mean(axis=1) < 25).mean())


@pytest.mark.models
@pytest.mark.parametrize(("bottom", "shins_bare"), [(-50.0, False), (62.0, True)])
def test_nobody_is_left_naked_where_nothing_is_seen_of_the_hips(person: Body, bottom: float, shins_bare: bool) -> None:
    anatomy = anatomy_of(person)
    texture = _behind(person, _bather(person, SHORTS), 122.0, bottom)
    assert texture.facts["hips_covered"]
    assert _of_skin(texture, person, hips_of(person, anatomy)) == 0
    shins = np.isin(anatomy.part, [PARTS.index("l_lowleg"), PARTS.index("r_lowleg")])
    assert (_of_skin(texture, person, shins) > 0.9) == shins_bare, "shorts where bare legs are seen, else trousers"
    assert _of_skin(texture, person, anatomy.feet) > 0.7


@pytest.mark.models
@pytest.mark.parametrize("hips", [SHORTS, SKIN])
def test_hips_that_are_seen_stay_as_they_are(person: Body, hips: tuple[float, float, float]) -> None:
    colours = _bather(person, hips)
    texture = _made(person, colours)
    assert not texture.facts["hips_covered"]
    assert _errors(texture, person, colours).mean() < 4


@pytest.mark.models
@pytest.mark.parametrize("shorts", [False, True])
def test_legs_that_are_not_seen_wear_what_is_seen_above(person: Body, shorts: bool) -> None:
    anatomy, height = anatomy_of(person), person.rest_vertices[:, 1]
    colours = np.tile(SKIN, (person.vertex_count, 1))
    colours[anatomy.part == PARTS.index("torso")] = SHIRT
    legs = np.isin(anatomy.part, [PARTS.index(f"{side}_{part}") for side in "lr" for part in ("upleg", "lowleg")])
    colours[(legs & (height > (70 if shorts else 0))) | hips_of(person, anatomy)] = SHORTS
    texture = _behind(person, colours, 58.0, -50.0)
    shins = np.isin(anatomy.part, [PARTS.index("l_lowleg"), PARTS.index("r_lowleg")]) & (height < 45)
    assert _of_skin(texture, person, shins) == pytest.approx(1 if shorts else 0, abs=0.05)
    assert _of_skin(texture, person, anatomy.feet) > 0.7


@pytest.mark.models
@pytest.mark.parametrize(
    ("skin", "shoes"), [((0.1, 0.1, 0.1), (0.04, 0.04, 0.04)), ((0.5, 0.3, 0.22), (0.1, 0.25, 0.3))]
)
@pytest.mark.parametrize("top", [10.0, 25.0])
def test_a_sock_is_seen_all_around_or_not_at_all(
    models: Path, skin: tuple[float, float, float], shoes: tuple[float, float, float], top: float
) -> None:
    """Of a narrow one above a shoe, a photo shows a piece that ends anywhere; a long one goes on around the leg."""
    body = load_body("default", models)
    anatomy, height = anatomy_of(body), body.rest_vertices[:, 1] - body.rest_vertices[:, 1].min()
    colours = np.tile(skin, (body.vertex_count, 1))
    colours[~anatomy.head & (height > 60)] = (0.02, 0.02, 0.02)
    colours[height < 7.5] = shoes
    colours[(height >= 7.5) & (height < top)] = (0.95, 0.95, 0.95)
    texture = _made(body, colours, turn=35.0)
    for side in "lr":
        leg = np.isin(anatomy.part, [PARTS.index(f"{side}_foot"), PARTS.index(f"{side}_lowleg")])
        sock = _texels(body, leg & (height > 7.5) & (height < top))
        white = (texture.colour[sock].min(axis=1) > 210).mean()
        assert white < 0.05 if top < 20 else white > 0.8


@pytest.mark.models
def test_a_black_and_white_photo_gives_a_texture_in_greys(person: Body) -> None:
    anatomy, vertices = anatomy_of(person), standing(person)
    colours = np.tile((0.06, 0.06, 0.06), (person.vertex_count, 1))
    colours[anatomy.face] = 0.4
    texture = make_texture(
        person,
        [Shot(photograph([Model(person, vertices, colours)], backdrop=(90, 90, 90)), INTRINSICS, vertices)],
        SIZE,
    )
    atlas = atlas_of(person, SIZE)
    painted = atlas.picture(anatomy.painted[atlas.triangle][:, None].astype(np.float32))[..., 0] > 0
    red, green, blue = texture.colour[painted].astype(int).T
    assert np.abs(red - green).max() <= 1
    assert np.abs(green - blue).max() <= 1
    assert texture.facts["skin_seen"]
    assert texture.facts["skin_tone"] == pytest.approx(encode_srgb(np.full((1, 3), 0.4))[0].tolist(), abs=4)


GREY_TROUSERS = 0.25


def _in_greys(body: Body, skin: float, sleeves: float) -> dict[str, NDArray[np.float64]]:
    """The greys, sRGB 0..255, that hands and lower arms have in the texture of somebody in trousers and a shirt with
    long sleeves, of a black-and-white photo.
    """
    anatomy, vertices = anatomy_of(body), standing(body)
    legs = [PARTS.index(f"{side}_{part}") for side in "lr" for part in ("upleg", "lowleg", "foot")]
    greys = np.where(np.isin(anatomy.part, legs) | hips_of(body, anatomy), GREY_TROUSERS, sleeves)
    greys[anatomy.head | anatomy.hands] = skin
    picture = photograph([Model(body, vertices, np.repeat(greys[:, None], 3, axis=1))], backdrop=(150, 150, 150))
    texture = make_texture(body, [Shot(picture, INTRINSICS, vertices)], SIZE, light=False)
    arms = np.isin(anatomy.part, [PARTS.index("l_lowarm"), PARTS.index("r_lowarm")])
    return {
        name: texture.colour[_texels(body, where)][:, 0].astype(float)
        for name, where in (("hands", anatomy.hands), ("arms", arms))
    }


def _srgb(grey: float) -> float:
    return float(encode_srgb(np.full((1, 3), grey))[0, 0])


@pytest.mark.models
@pytest.mark.parametrize(("skin", "sleeves"), [(0.03, 0.25), (0.03, 0.01), (0.5, 0.02)])
def test_hands_of_a_black_and_white_photo_are_as_bare_as_the_face(person: Body, skin: float, sleeves: float) -> None:
    shown = _in_greys(person, skin, sleeves)
    away = np.abs(shown["hands"] - _srgb(skin))
    assert np.percentile(away, 95) < 12, "no cloth, seen or not"
    assert np.percentile(np.abs(shown["arms"] - _srgb(sleeves)), 90) < 12


@pytest.mark.models
def test_dark_glasses_are_not_painted_around_the_eyes(person: Body) -> None:
    anatomy, vertices = anatomy_of(person), standing(person, distance=1.2)
    dark = behind_glasses(person, anatomy) > 0.5
    colours = np.tile(SKIN, (person.vertex_count, 1))
    colours[dark] = 0.01
    rows = person.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(person.joint_names), 3))]))
    number = {name: n for n, name in enumerate(person.landmark_names)}
    shown = np.array([rows[[number[n] for n in g]].mean(axis=0) for g in FACE_POINTS])
    move = np.array([0.0, 0.0, 1.2]) - shown.mean(axis=0)
    vertices, face = vertices + move, project(shown + move, INTRINSICS)
    picture = photograph([Model(person, vertices, colours)])
    plain = photograph([Model(person, vertices, np.tile(SKIN, (person.vertex_count, 1)))])
    assert wears_dark_glasses(picture, face)
    assert not wears_dark_glasses(plain, face)
    black = photograph([Model(person, vertices, np.full((person.vertex_count, 3), 0.01))])
    assert not wears_dark_glasses(black, face), "dark skin is dark below the eyes as well"
    shot = Shot(picture, INTRINSICS, vertices, face=face)
    for glasses in (True, False):
        texture = make_texture(person, [replace(shot, dark_glasses=glasses)], SIZE, light=False)
        brightness = texture.colour[_texels(person, dark)].mean()
        assert (brightness > 120) == glasses


@pytest.mark.models
def test_hair_goes_on_where_it_is_not_seen_and_the_face_does_not(models: Path) -> None:
    person = load_body("default-lod1", models)
    anatomy = anatomy_of(person)
    colours = np.tile([0.5, 0.32, 0.24], (person.vertex_count, 1))
    colours[anatomy.scalp] = (0.02, 0.015, 0.01)
    texture = _made(person, colours, turn=40.0)
    atlas = atlas_of(person, SIZE)
    behind = (anatomy.hair > 0.9)[person.triangles].all(axis=1)
    inside = atlas.picture(behind[atlas.triangle][:, None].astype(np.float32))[..., 0] > 0
    unseen = inside & (texture.confidence < 128)
    assert unseen.sum() > 200
    assert np.percentile(texture.colour[unseen], 98) < 100, "hair is 39, skin 188"


@pytest.mark.models
def test_a_face_beside_the_bodys_is_looked_up_where_it_is(person: Body) -> None:
    anatomy = anatomy_of(person)
    colours = symmetric(person.rest_vertices)
    colours[anatomy.face] = 0.3 + 0.25 * np.sin(person.rest_vertices[anatomy.face] / 0.8)
    vertices = standing(person)
    picture = np.roll(photograph([Model(person, vertices, colours)]), (3, -5), axis=(0, 1))
    rows = person.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(person.joint_names), 3))]))
    number = {name: n for n, name in enumerate(person.landmark_names)}
    body_face = project(np.array([rows[[number[n] for n in g]].mean(axis=0) for g in FACE_POINTS]), INTRINSICS)
    assert face_shift(body_face + (-5.0, 3.0), vertices, INTRINSICS, person, anatomy) == pytest.approx([-5, 3])
    assert not face_shift(body_face + (90.0, 0.0), vertices, INTRINSICS, person, anatomy).any(), "somebody else's"
    assert not face_shift(None, vertices, INTRINSICS, person, anatomy).any()
    shot = Shot(picture, INTRINSICS, vertices)
    errors = []
    wanted, _ = truth(person, colours, SIZE)
    inside = _texels(person, anatomy.face)
    for face in (None, body_face + (-5.0, 3.0)):
        texture = make_texture(person, [replace(shot, face=face)], SIZE, light=False)
        seen = inside & (texture.confidence >= SEEN)
        errors.append(np.abs(texture.colour[seen].astype(float) - wanted[seen]).mean())
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.models
def test_each_point_of_a_face_is_brought_to_where_it_is_seen(person: Body) -> None:
    anatomy, vertices = anatomy_of(person), standing(person)
    rows = person.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(person.joint_names), 3))]))
    number = {name: n for n, name in enumerate(person.landmark_names)}
    points = np.array([rows[[number[n] for n in g]].mean(axis=0) for g in FACE_POINTS])
    apart = np.array([[-5.0, 3.0], [-3.0, 3.0], [-4.0, 2.0], [-4.0, 0.0]])
    moves, believed = face_moves(project(points, INTRINSICS) + apart, vertices, INTRINSICS, person, anatomy)
    assert (believed == 1).all()
    for place, wanted in zip(points, apart):
        assert moves[np.linalg.norm(vertices - place, axis=1).argmin()] == pytest.approx(wanted, abs=1.0)
    assert np.abs(moves[anatomy.feet]).max() < 1e-3
    _, believed = face_moves(project(points, INTRINSICS) + (90.0, 0.0), vertices, INTRINSICS, person, anatomy)
    assert believed[anatomy.face].mean() < 0.3, "somebody else's"
    assert believed[anatomy.feet].min() > 0.999


@pytest.mark.models
@pytest.mark.parametrize(("turn", "least", "most"), [(20.0, 1.0, 1.0), (52.0, 0.3, 0.8), (75.0, 0.0, 0.3)])
def test_the_features_of_a_face_that_is_turned_aside_are_doubted(
    person: Body, turn: float, least: float, most: float
) -> None:
    anatomy, vertices = anatomy_of(person), standing(person, turn=turn)
    rows = person.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(person.joint_names), 3))]))
    number = {name: n for n, name in enumerate(person.landmark_names)}
    face = project(np.array([rows[[number[n] for n in g]].mean(axis=0) for g in FACE_POINTS]), INTRINSICS)
    moves, believed = face_moves(face, vertices, INTRINSICS, person, anatomy)
    assert moves == pytest.approx(0, abs=1e-6)
    assert least <= believed[anatomy.face].mean() <= most
    # of such a face the tone counts
    colours = np.tile([0.5, 0.3, 0.22], (person.vertex_count, 1))
    shot = Shot(photograph([Model(person, vertices, colours)]), INTRINSICS, vertices, face=face)
    texture = make_texture(person, [shot], SIZE, light=False)
    assert texture.facts["skin_tone"] == pytest.approx([188, 149, 129], abs=3)


@pytest.mark.models
@pytest.mark.parametrize(
    ("turn", "looks", "kept"),
    [
        (0.0, (0.0, 0.0), True),
        (0.0, (12.0, -10.0), True),
        (0.0, (25.0, 0.0), False),
        (0.0, (0.0, 25.0), False),
        (-18.0, (18.0, 0.0), False),
        (18.0, (18.0, 0.0), True),
        (50.0, (50.0, 0.0), False),
    ],
)
def test_a_face_that_looks_another_way_than_the_bodys_has_no_features(
    person: Body, turn: float, looks: tuple[float, float], kept: bool
) -> None:
    anatomy, vertices = anatomy_of(person), standing(person, turn=turn, aside=0.4)
    # angles are counted from the line of sight, which goes to the right and up here
    right, down, ahead = vertices[anatomy.face].mean(axis=0)
    yaw, pitch = np.degrees(np.arctan2([right, -down], [ahead, np.hypot(right, ahead)]))
    _, believed = face_moves(None, vertices, INTRINSICS, person, anatomy, (looks[0] + yaw, looks[1] + pitch))
    assert (believed[anatomy.face].mean() > 0.99) == kept
    assert believed[anatomy.feet].min() > 0.999


def _texels(body: Body, vertices: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(SIZE, SIZE) the texels of the triangles whose vertices are all among some (V,)."""
    atlas = atlas_of(body, SIZE)
    return atlas.picture(vertices[body.triangles].all(axis=1)[atlas.triangle][:, None].astype(np.float32))[..., 0] > 0


@pytest.mark.models
def test_a_hand_that_lies_on_trousers_does_not_wear_them(person: Body) -> None:
    part = anatomy_of(person).part
    colours = np.tile([0.5, 0.3, 0.22], (person.vertex_count, 1))
    fingers = np.isin(part, [PARTS.index("l_hand"), PARTS.index("r_hand")]) & (np.abs(person.rest_vertices[:, 0]) > 57)
    colours[fingers] = (0.05, 0.1, 0.4)
    texture = _made(person, colours)
    inside = _texels(person, fingers)
    assert inside.sum() > 300
    red, _, blue = texture.colour[inside].astype(int).T
    assert (red > blue).mean() > 0.9


@pytest.mark.models
def test_seams_do_not_show(person: Body) -> None:
    colours = symmetric(person.rest_vertices)
    texture = _made(person, colours, turn=25.0)
    assert _steps(person, texture).mean() < 3


def _steps(body: Body, texture: Texture) -> NDArray[np.float64]:
    """Difference of the two sides of each edge that lies at two places of the texture, at its middle, sRGB."""
    loops = body.triangle_loops
    vertices = body.face_vertices[loops]
    places = np.stack([body.uvs[:, 0], 1 - body.uvs[:, 1]], axis=1) * SIZE - 0.5
    found: dict[tuple[int, int], list[NDArray]] = {}
    for first, second in ((0, 1), (1, 2), (2, 0)):
        for corners, ends in zip(loops[:, [first, second]], vertices[:, [first, second]]):
            found.setdefault(tuple(sorted(ends.tolist())), []).append(places[corners].mean(axis=0))
    differences = []
    for pair in found.values():
        if len(pair) == 2 and np.linalg.norm(pair[0] - pair[1]) > 2:
            a, b = (texture.colour[tuple(np.clip(np.round(p[::-1]), 0, SIZE - 1).astype(int))] for p in pair)
            differences.append(np.abs(a.astype(float) - b).mean())
    assert len(differences) > 50
    return np.array(differences)


@pytest.mark.models
def test_light_is_taken_out(person: Body) -> None:
    colours = np.tile([0.35, 0.3, 0.25], (person.vertex_count, 1))
    vertices = standing(person)
    picture = photograph([Model(person, vertices, colours)], lambda n: 0.75 + 0.35 * n[:, 0])
    shots = [Shot(picture, INTRINSICS, vertices)]
    kept, removed = (make_texture(person, shots, SIZE, light) for light in (False, True))
    spread = [t.colour[t.confidence >= SEEN].astype(float).std(axis=0).mean() for t in (kept, removed)]
    assert removed.facts["light_removed"][0] > 0.7
    assert spread[1] < 0.4 * spread[0]
    assert kept.facts["light_removed"] == [0.0]


@pytest.mark.models
def test_even_light_changes_nothing(person: Body) -> None:
    colours = symmetric(person.rest_vertices)
    errors = _errors(_made(person, colours, light=True), person, colours)
    assert errors.mean() < 6


@pytest.mark.models
def test_two_photos_of_different_exposure_agree(person: Body) -> None:
    colours = symmetric(person.rest_vertices)
    shots = []
    for turn, exposure in ((-35.0, 1.0), (35.0, 0.5)):
        vertices = standing(person, turn=turn)
        shots.append(Shot(photograph([Model(person, vertices, exposure * colours)]), INTRINSICS, vertices))
    texture = make_texture(person, shots, SIZE, light=False)
    # the mean of both exposures
    errors = _errors(texture, person, np.sqrt(0.5) * colours)
    assert errors.mean() < 5
    assert texture.facts["shares"]["seen"] > 1.1 * make_texture(person, shots[:1], SIZE, False).facts["shares"]["seen"]


@pytest.mark.models
def test_a_texture_is_the_same_every_time(person: Body) -> None:
    colours = symmetric(person.rest_vertices)
    first, second = (_made(person, colours, light=True, turn=20.0) for _ in range(2))
    assert np.array_equal(first.colour, second.colour)
    assert np.array_equal(first.confidence, second.confidence)
    assert first.facts == second.facts


@pytest.mark.models
def test_somebody_out_of_the_frame_gets_a_texture_of_no_confidence(person: Body) -> None:
    vertices = standing(person) + (9.0, 0, 0)
    texture = make_texture(person, [Shot(np.zeros((480, 360, 3), np.uint8), INTRINSICS, vertices)], SIZE)
    assert texture.facts["shares"]["seen"] == 0
    assert texture.confidence.max() < 64
    assert not texture.facts["skin_seen"]


@pytest.mark.models
def test_a_mask_of_ones_own_is_kept_to(person: Body) -> None:
    vertices = standing(person)
    colours = symmetric(person.rest_vertices)
    picture = photograph([Model(person, vertices, colours)])
    mask = np.zeros(picture.shape[:2], bool)
    mask[:200] = True
    texture = make_texture(person, [Shot(picture, INTRINSICS, vertices, mask=mask)], SIZE, light=False)
    feet = anatomy_of(person).feet[person.triangles].all(axis=1)
    atlas = atlas_of(person, SIZE)
    inside = atlas.picture(feet[atlas.triangle][:, None].astype(np.float32))[..., 0] > 0
    assert texture.confidence[inside].max() < 128
    assert texture.confidence.max() > 200


def test_bodies_without_texture_coordinates_are_refused() -> None:
    body = toy_body()
    flat = replace(body, uvs=np.zeros_like(body.uvs))
    with pytest.raises(ModelError, match="no texture coordinates"):
        make_texture(flat, [Shot(np.zeros((48, 36, 3), np.uint8), INTRINSICS, np.zeros((flat.vertex_count, 3)))], 64)


def test_vertices_of_another_body_are_refused() -> None:
    with pytest.raises(UsageError, match="vertices"):
        make_texture(toy_body(), [Shot(np.zeros((48, 36, 3), np.uint8), INTRINSICS, np.zeros((5, 3)))], 64)
    with pytest.raises(UsageError, match="at least one"):
        make_texture(toy_body(), [], 64)
