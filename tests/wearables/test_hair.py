"""Hair covers the scalp, keeps the face free, and moves with the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.mhr import Body
from native_runtime.wearables.hair import hair_styles, make_hair
from native_runtime.wearables.hair_head import Surface, head_of
from native_runtime.wearables.hair_picture import strand_picture

NAMES = [style.name for style in hair_styles()]


@pytest.fixture(scope="module")
def body(models: Path) -> Body:
    return Body.load(models / "bodies" / "default-lod2.npz")


@pytest.mark.parametrize("name", NAMES)
def test_every_style_covers_the_scalp_and_keeps_the_face_free(body: Body, name: str) -> None:
    worn = make_hair(body, name)
    assert 1500 <= len(worn.vertices) <= 6000
    head = head_of(body, body.rest_vertices, body.pose(np.zeros(len(body.parameter_names))).translations)
    # rays from the skull's middle through the scalp meet hair outside the skin
    style = next(style for style in hair_styles() if style.name == name)
    scalp = head.skull.points[head.within(head.skull.points, style.hairline) > 0.8]
    ways = scalp - head.centre
    directions = worn.vertices - head.centre
    cosines = (ways / np.linalg.norm(ways, axis=1, keepdims=True)) @ (
        directions / np.linalg.norm(directions, axis=1, keepdims=True)
    ).T
    far = np.where(cosines > np.cos(np.radians(8)), np.linalg.norm(directions, axis=1), 0).max(axis=1)
    assert (far > np.linalg.norm(ways, axis=1)).all()
    eyes, mouth = head.eyes, head.eyes - (0.0, 7.0, 0.0)
    for place in (eyes + (3.0, 0.0, 0.0), eyes - (3.0, 0.0, 0.0), mouth):
        before = worn.vertices[worn.vertices[:, 2] > place[2] - 3.0]
        assert (np.linalg.norm(before[:, :2] - place[:2], axis=1) > 1.5).all()
    assert worn.uvs[:, 1].min() >= 0
    assert worn.uvs[:, 1].max() <= 1


@pytest.mark.parametrize("name", ["short", "long"])
def test_hair_is_outside_the_person_that_it_was_made_for(body: Body, name: str, rng: np.random.Generator) -> None:
    identity = np.clip(rng.normal(size=body.identity_count) * 0.5, -1, 1) * body.ageless
    parameters = np.zeros(len(body.parameter_names))
    parameters[body.parameter_index("scale_neck_length")] = -0.2
    worn = make_hair(body, name, parameters, identity)
    shape = body.vertices(parameters, identity, correctives=False)
    head = head_of(body, shape, body.pose(parameters).translations)
    places = worn.on(body).vertices(parameters, identity, correctives=False)
    height, _ = head.surface.height(np.asarray(places, np.float64))
    assert (height < -0.3).mean() < 0.01  # but for the rim of the cap, which ends in the skin


def test_the_pose_in_the_parameters_does_not_matter(body: Body, rng: np.random.Generator) -> None:
    parameters = np.zeros(len(body.parameter_names))
    parameters[:136] = rng.normal(size=136) * 0.3
    assert np.allclose(make_hair(body, "short", parameters).vertices, make_hair(body, "short").vertices)


def test_sliders_of_the_head_leave_no_hole(body: Body) -> None:
    worn = make_hair(body, "buzz")
    on = worn.on(body)
    zero = np.zeros(len(body.parameter_names))
    middle = slice(0, 84 * 15)  # of the cap, but for its rim
    for name in ("head_width", "head_height", "forehead"):
        for value in (-1.0, 1.0):
            identity = np.zeros(body.identity_count)
            identity[body.identity_names.index(name)] = value
            skin = head_of(body, body.rest_shape(identity), body.pose(zero).translations).surface
            height, _ = skin.height(np.asarray(on.rest_shape(identity)[middle], np.float64))
            assert height.min() > 0.05


def test_long_hair_turns_with_the_head_as_one(body: Body) -> None:
    worn = make_hair(body, "long")
    on = worn.on(body)
    parameters = np.zeros(len(body.parameter_names))
    for name in body.parameter_names:
        if name.startswith(("head_", "neck_")):
            parameters[body.parameter_index(name)] = 0.4
    rest, turned = (np.asarray(on.vertices(p, correctives=False)) for p in (parameters * 0, parameters))
    one, other = np.arange(0, len(rest), 7), np.arange(3, len(rest) + 3, 7) % len(rest)
    before = np.linalg.norm(rest[one] - rest[other], axis=1)
    after = np.linalg.norm(turned[one] - turned[other], axis=1)
    assert np.abs(turned - rest).max() > 3.0
    assert np.abs(after - before).max() < 1.5


def test_an_unknown_style_is_refused(body: Body) -> None:
    with pytest.raises(UsageError, match="bob"):
        make_hair(body, "mohawk")


def test_a_body_without_a_head_has_no_hair(small_body: Body) -> None:
    with pytest.raises(Sam3dbError, match="no head"):
        make_hair(small_body, "short")


def test_the_picture_of_strands_has_the_colour_and_repeats() -> None:
    colour = np.array([0.2, 0.1, 0.05])
    picture = strand_picture(colour).astype(np.float64) / 255
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    assert np.allclose(linear.mean(axis=(0, 1)), colour, rtol=0.15)
    inside = np.abs(np.diff(picture, axis=1)).mean()
    assert np.abs(picture[:, 0] - picture[:, -1]).mean() < 3 * inside


def test_the_nearest_point_is_found_as_by_comparing_all(rng: np.random.Generator) -> None:
    half = rng.normal(0, 20.0, (700, 3)).round(2)
    points = np.concatenate([half, half * (-1, 1, 1)])  # both sides alike, so that places in the middle have two
    surface = Surface(points, points, np.zeros((len(points), 3), np.int64), np.zeros((len(points), 3)))
    places = np.concatenate([rng.normal(0, 30.0, (300, 3)), half[:100] * (0, 1, 1)])
    distances = np.linalg.norm(places[:, None] - points, axis=-1)
    near = surface.nearest(places)
    assert distances[np.arange(len(places)), near] == pytest.approx(distances.min(axis=1), abs=1e-3)
    assert (near[300:] < len(half)).all(), "of two, the first"
