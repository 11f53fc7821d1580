"""The parts of which textures are made: atlas, anatomy, spreading, skin, outline."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PARTS, anatomy_of, opposite_vertices
from native_runtime.texture.atlas import atlas_of, padded, texel_places
from native_runtime.texture.blending import exposure_gains
from native_runtime.texture.light import NO_LIGHT, estimate_light
from native_runtime.texture.outline import person_mask
from native_runtime.texture.projection import Seen, sampled
from native_runtime.texture.skin import DEFAULT_TONE, looks_like_skin, skin_tone
from native_runtime.texture.spreading import spread
from tests.support.bodies import toy_body


@pytest.mark.models
def test_each_texel_lies_where_its_triangle_says(person: Body) -> None:
    atlas = atlas_of(person, 256)
    places = np.einsum("nk,nkc->nc", atlas.weights, texel_places(person, 256)[atlas.triangle])
    columns, rows = atlas.texel % 256, atlas.texel // 256
    assert np.abs(places - np.stack([columns, rows], axis=1)).max() < 0.02
    assert len(np.unique(atlas.texel)) == len(atlas.texel)
    assert len(atlas.texel) > 0.4 * 256**2


@pytest.mark.models
def test_every_part_of_the_body_is_known(person: Body) -> None:
    anatomy = anatomy_of(person)
    middles = {name: person.rest_vertices[anatomy.part == i].mean(axis=0) for i, name in enumerate(PARTS)}
    assert middles["l_hand"][0] > middles["l_lowarm"][0] > middles["l_uparm"][0] > 0 > middles["r_hand"][0]
    assert middles["head"][1] > middles["neck"][1] > middles["torso"][1] > middles["l_upleg"][1] > middles["l_foot"][1]
    assert anatomy.face.sum() > 50
    assert person.rest_vertices[anatomy.face, 2].mean() > person.rest_vertices[anatomy.scalp, 2].mean()
    assert not (anatomy.face & anatomy.scalp).any()


@pytest.mark.models
def test_corners_have_opposite_ones_on_the_other_side(person: Body) -> None:
    anatomy = anatomy_of(person)
    there = (anatomy.mirror_loops >= 0).all(axis=1)
    assert there.mean() > 0.97
    own = person.rest_vertices[person.triangles[there]]
    other = person.rest_vertices[person.face_vertices[anatomy.mirror_loops[there]]]
    assert np.abs(own * (-1, 1, 1) - other).max() < 0.01


def test_opposite_vertices_are_found_across_cells(rng: np.random.Generator) -> None:
    half = rng.uniform(0.3, 60, (300, 3))
    mirrored = half * (-1, 1, 1) + rng.uniform(-0.01, 0.01, half.shape)
    found = opposite_vertices(np.concatenate([half, mirrored, [[7.0, -80.0, 0.0]]]))
    assert found[:600].tolist() == [*range(300, 600), *range(300)]
    assert found[600] == -1


def test_a_body_of_one_part_has_parts() -> None:
    anatomy = anatomy_of(toy_body())
    assert set(np.unique(anatomy.part)) <= set(range(len(PARTS)))
    assert anatomy.painted.any()
    assert not anatomy.painted.all()


def test_what_is_known_at_the_ends_is_even_between(rng: np.random.Generator) -> None:
    edges = np.stack([np.arange(9), np.arange(1, 10)], axis=1)
    known, trust = np.zeros((10, 2)), np.full(10, 1e-9)
    known[9], trust[[0, 9]] = (9.0, -18.0), 1e6
    found = spread(known, trust, edges, np.ones(9))
    assert found[:, 0] == pytest.approx(np.arange(10), abs=1e-2)
    assert found[:, 1] == pytest.approx(-2 * np.arange(10), abs=2e-2)


def test_parts_that_are_not_connected_do_not_meet() -> None:
    edges = np.array([[0, 1], [2, 3]])
    found = spread(np.array([[1.0], [0], [5.0], [0]]), np.array([1.0, 1e-9, 1.0, 1e-9]), edges, np.ones(2))
    assert found[:, 0] == pytest.approx([1, 1, 5, 5], abs=1e-3)


def test_padding_continues_the_border_and_nothing_else(rng: np.random.Generator) -> None:
    picture = rng.uniform(size=(40, 40, 3)).astype(np.float32)
    covered = np.zeros((40, 40), bool)
    covered[10:30, 10:30] = True
    found = padded(picture, covered, 4)
    assert np.array_equal(found[covered], picture[covered])
    assert np.array_equal(found[15, 6], picture[15, 10])
    assert np.array_equal(found[33, 20], picture[29, 20])
    assert found[0, 0] == pytest.approx(picture[covered].mean(axis=0), abs=1e-5)


def test_colours_between_pixels_are_interpolated() -> None:
    ramp = np.tile(np.arange(20, dtype=np.float32), (5, 1))
    x = np.array([0.0, 3.25, 18.5])
    assert sampled(ramp, x, np.full(3, 2.0))[:, 0] == pytest.approx(x, abs=0.04)


def test_exposures_are_brought_together_and_strangers_left_alone(rng: np.random.Generator) -> None:
    colour = rng.uniform(0.1, 0.6, (1000, 3)).astype(np.float32)
    full, none = np.ones(1000, np.float32), np.zeros(1000, np.float32)
    gains = exposure_gains(
        [
            Seen(colour, full, full, NO_LIGHT, none > 0, colour[:0]),
            Seen(colour * np.float32(0.25), full, full, NO_LIGHT, none > 0, colour[:0]),
            Seen(colour, none, none, NO_LIGHT, none > 0, colour[:0]),
        ]
    )
    assert gains[1] / gains[0] == pytest.approx([4.0] * 3, rel=0.01)
    assert gains[0] * gains[1] == pytest.approx([1.0] * 3, rel=0.01)
    assert gains[2] == pytest.approx([1.0] * 3, rel=0.01)


def test_light_from_the_side_is_found_and_colours_are_not_taken_for_light(rng: np.random.Generator) -> None:
    normals = rng.normal(size=(6000, 3))
    normals[:, 2] = -np.abs(normals[:, 2])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    folds = rng.integers(0, 10, 6000)
    skin = np.where((folds % 5 == 0)[:, None], (0.05, 0.05, 0.3), (0.4, 0.25, 0.2))
    shade = np.exp(0.4 * normals[:, 0])
    found = estimate_light(skin * shade[:, None], normals, folds)
    assert found.trust > 0.8
    left, right = found.factor(np.array([[-1.0, 0, 0], [1.0, 0, 0]]))
    assert right / left == pytest.approx(np.exp(0.8), rel=0.2)
    noise = rng.uniform(0.1, 0.6, (6000, 1)) * np.ones(3)
    assert estimate_light(noise, normals, folds).trust < 0.5
    assert estimate_light(skin[:50], normals[:50], folds[:50]) is NO_LIGHT


def test_the_outline_follows_the_photo_and_not_the_body() -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(90, 110, (200, 160, 3)).astype(np.uint8)
    person = np.zeros((200, 160), bool)
    person[30:180, 60:100] = True
    pixels[person] = rng.integers(180, 220, (int(person.sum()), 3))
    body = np.zeros_like(person)
    body[34:176, 66:106] = True  # the fit is off by some pixels
    found = person_mask(pixels, body, np.zeros_like(body))
    assert (found & person).sum() / (found | person).sum() > 0.95
    others = np.zeros_like(body)
    others[:, 90:] = True
    assert not (person_mask(pixels, body, others) & others).any()
    assert not person_mask(pixels, np.zeros_like(body), others).any()


def test_skin_of_many_tones_is_known_and_blue_is_not() -> None:
    tones = np.array([(0.6, 0.4, 0.3), (0.35, 0.2, 0.13), (0.1, 0.05, 0.03)])
    assert looks_like_skin(tones).all()
    assert not looks_like_skin(np.array([(0.05, 0.1, 0.5), (0.5, 0.5, 0.5), (0.1, 0.5, 0.1)])).any()
    tone, seen = skin_tone([np.zeros((0, 3)), np.repeat(tones[1:2], 100, axis=0)])
    assert seen
    assert tone == pytest.approx(tones[1])
    tone, seen = skin_tone([np.full((500, 3), (0.05, 0.1, 0.5))])
    assert not seen
    assert tone == pytest.approx(DEFAULT_TONE)
