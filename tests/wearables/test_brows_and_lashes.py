"""Brows and lashes: where they are, and that they follow whatever moves brows and lids, on every level of detail."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.looks import LOOKS, Looks
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.wearables import brows, lashes, wardrobe
from native_runtime.wearables.choice import Choice
from native_runtime.wearables.defaults import default_outfit
from native_runtime.wearables.face_hair import brows_of, lashes_of
from native_runtime.wearables.wearable import Wearable

pytestmark = pytest.mark.models

Array = NDArray[np.float64]
LEVELS = ("default", "default-lod1", "default-lod2")
_BROW_ROWS, _LASH_ROWS = 3, 4
MM = 0.1
"""cm."""


@cache
def _made(level: str, models: Path) -> tuple[Body, Wearable, Wearable]:
    body = load_body(level, models)
    return body, brows.make_brows(body), lashes.make_lashes(body)


@pytest.fixture(params=LEVELS)
def made(request: pytest.FixtureRequest, models: Path) -> tuple[Body, Wearable, Wearable]:
    return _made(request.param, models)


@pytest.fixture
def fine(models: Path) -> tuple[Body, Wearable, Wearable]:
    return _made("default", models)


def _eye(body: Body, side: str = "l") -> Array:
    joints = body.pose(np.zeros(len(body.parameter_names))).translations
    return np.asarray(joints[body.joint_index(f"{side}_eye")])


def _ball(body: Body) -> float:
    parts = [number for number, name in enumerate(body.material_names) if name in ("eyes", "iris", "pupil")]
    mine = np.unique(body.face_vertices[np.repeat(np.isin(body.face_materials, parts), body.face_sizes)])
    mine = mine[body.rest_vertices[mine, 0] > 0]
    return float(np.median(np.linalg.norm(body.rest_vertices[mine] - _eye(body), axis=1)))


def _rows(wearable: Wearable, vertices: Array, rows: int) -> Array:
    """(strands, rows, 3) middles of the ribbons."""
    return np.asarray(vertices.reshape(-1, rows, 2, 3).mean(axis=2))


def _shown(body: Body, wearable: Wearable, expression: str) -> tuple[Array, Array]:
    """Vertices of what is worn, and of the body, with an expression."""
    number = body.expression_names.index(expression)
    worn = wearable.on(body)
    return (
        worn.rest_vertices + worn.expression_basis[number].astype(np.float64),
        body.rest_vertices + body.expression_basis[number].astype(np.float64),
    )


def _from_skin(body: Body, points: Array, skin: Array) -> Array:
    """(N,) cm from points near the eyes to the skin."""
    near = np.abs(body.rest_vertices - _eye(body) * (0, 1, 1)).max(axis=1) < 5.5
    chosen = body.triangles[near[body.triangles].any(axis=1)]
    a, b, c = (skin[chosen[:, k]] for k in range(3))
    fine = int(np.ceil(np.percentile(np.linalg.norm(a - b, axis=1), 95) / (2 * MM)))
    grid = [(i / fine, j / fine) for i in range(fine + 1) for j in range(fine + 1 - i)]
    places = np.concatenate([s * a + t * b + (1 - s - t) * c for s, t in grid])
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ places.T + (places**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0)))


def test_they_are_where_people_have_them(made: tuple[Body, Wearable, Wearable]) -> None:
    body, brow, lash = made
    eye = _eye(body)
    for wearable in (brow, lash):
        left = wearable.vertices[:, 0] > 0
        assert 0.4 < left.mean() < 0.6
        mirrored = wearable.vertices[~left] * (-1, 1, 1)
        assert np.abs(mirrored.mean(axis=0) - wearable.vertices[left].mean(axis=0)).max() < MM
    above = brow.vertices[:, 1] - eye[1]
    assert 0.7 < above.min() < above.max() < 3.2
    assert np.abs(brow.vertices[:, 0]).min() > 0.6
    around = lash.vertices[lash.vertices[:, 0] > 0] - eye
    assert np.abs(around[:, 1]).max() < 1.2
    assert (around[:, 2] > 0).all()


@pytest.mark.parametrize("level", LEVELS[:2])
def test_brows_lie_on_the_skin_whatever_it_does(level: str, models: Path) -> None:
    body, brow, _ = _made(level, models)
    for expression in ("browInnerUp", "browDownLeft", "browOuterUpLeft", "eyeWideLeft", "noseSneerLeft"):
        worn, skin = _shown(body, brow, expression)
        middles = _rows(brow, worn, _BROW_ROWS).reshape(-1, 3)[::29]
        assert _from_skin(body, middles, skin).max() < 1.8 * MM


def test_raised_brows_rise(made: tuple[Body, Wearable, Wearable]) -> None:
    body, brow, _ = made
    rest = brow.vertices
    inner = np.abs(rest[:, 0]) < 2.0
    assert (_shown(body, brow, "browInnerUp")[0] - rest)[inner, 1].mean() > 2 * MM
    left = rest[:, 0] > 0
    down = (_shown(body, brow, "browDownLeft")[0] - rest)[:, 1]
    assert down[left].mean() < -1 * MM
    assert abs(down[~left].mean()) < 0.5 * MM


def test_no_lash_goes_through_an_eyeball_or_floats(fine: tuple[Body, Wearable, Wearable]) -> None:
    body, _, lash = fine
    ball, eyes = _ball(body), [_eye(body, side) for side in "lr"]
    rest = _rows(lash, lash.vertices, _LASH_ROWS)
    usual = np.linalg.norm(rest[:, -1] - rest[:, 0], axis=1)
    for expression in body.expression_names:
        worn, skin = _shown(body, lash, expression)
        for eye in eyes:
            assert np.linalg.norm(worn - eye, axis=1).min() > ball - 1 * MM, expression
        strands = _rows(lash, worn, _LASH_ROWS)
        long = np.linalg.norm(strands[:, -1] - strands[:, 0], axis=1)
        assert (long < 1.7 * usual + MM).all(), expression
        if expression in ("eyeBlinkLeft", "eyeSquintRight", "eyeWideLeft", "eyeLookDownRight"):
            assert _from_skin(body, strands[::3, 0], skin).max() < 1 * MM, expression


def test_lashes_turn_down_with_a_blink(made: tuple[Body, Wearable, Wearable]) -> None:
    body, _, lash = made
    strands = _rows(lash, lash.vertices, _LASH_ROWS)
    upper = (strands[:, 0, 0] > 0) & (strands[:, -1, 1] > strands[:, 0, 1])
    closed = _rows(lash, _shown(body, lash, "eyeBlinkLeft")[0], _LASH_ROWS)[upper]
    assert (closed[:, 0, 1] - strands[upper, 0, 1]).mean() < -2 * MM
    if body.vertex_count > 3000:  # the coarsest lids do not close
        assert (closed[:, -1, 1] - closed[:, 0, 1]).mean() < 0


def test_sliders_take_them_along(made: tuple[Body, Wearable, Wearable]) -> None:
    body, _, lash = made
    identity = np.clip(np.random.default_rng(3).normal(0, 0.5, body.identity_count), -1, 1)
    identity[~body.ageless] = 0
    parameters = np.zeros(len(body.parameter_names))
    worn, skin = lash.on(body).vertices(parameters, identity), body.vertices(parameters, identity)
    roots = _rows(lash, np.asarray(worn, np.float64), _LASH_ROWS)[:, 0]
    at = lash.anchors.reshape(-1, _LASH_ROWS, 2, 3)[:, 0, 0]
    shares = lash.shares.reshape(-1, _LASH_ROWS, 2, 3)[:, 0, 0]
    assert np.linalg.norm(roots - np.einsum("nk,nkc->nc", shares, skin[at]), axis=1).max() < 1 * MM


def test_men_have_thicker_brows(models: Path) -> None:
    body = _made("default-lod1", models)[0]
    woman, man = (brows.make_brows(body, man=share).vertices for share in (0.0, 1.0))

    def height(vertices: Array) -> float:
        middle = vertices[(vertices[:, 0] > 2.4) & (vertices[:, 0] < 3.2), 1]
        return float(np.percentile(middle, 95) - np.percentile(middle, 5))

    assert height(man) > 1.2 * height(woman)


@pytest.mark.parametrize("kind", ["brows", "lashes"])
def test_the_wardrobe_has_them(kind: str, models: Path) -> None:
    body = _made("default-lod2", models)[0]
    for style in wardrobe.STYLES[kind]:
        worn = wardrobe.make(body, Choice(kind, style, (0.1, 0.05, 0.02)))
        assert worn.colours == {kind: (0.1, 0.05, 0.02)}
        assert worn.kind == kind


def test_colours_follow_the_photo() -> None:
    blond = {"colours": {"hair": {"srgb": [196, 160, 108], "confidence": 0.8}}}
    both = {"colours": blond["colours"] | {"brows": {"srgb": [90, 70, 50], "confidence": 0.8}}}
    assert brows_of({}).colour is None
    by_hair, own, lash = brows_of(blond).colour, brows_of(both).colour, lashes_of(blond).colour
    assert by_hair is not None
    assert own is not None
    assert lash is not None
    assert max(lash) < max(own) < max(by_hair) < 0.55
    man = Looks(sex="male", certainty=1.0, man=0.99, age=30.0)
    assert brows_of({LOOKS: man.to_json()}).numbers["man"] == 1.0
    assert brows_of({LOOKS: Looks(sex="female", certainty=0.5, man=0.1).to_json()}).numbers["man"] == 0.25
    assert brows_of({LOOKS: Looks(man=0.6).to_json()}).numbers["man"] == 0.5
    assert brows_of({LOOKS: replace(man, age=6.0).to_json()}).numbers["thickness"] < 1
    assert brows_of({"looks": "damaged", "colours": 3}).numbers["man"] == 0.5


def test_everybody_has_both_unless_a_texture_shows_the_brows(models: Path) -> None:
    body = _made("default-lod2", models)[0]
    nobody = np.zeros(body.identity_count)

    def kinds(details: dict[str, Any], textured: bool) -> set[str]:
        return {choice.kind for choice in default_outfit(body, nobody, details, textured)} & {"brows", "lashes"}

    face = {"seen": {"face": [[1.0, 2.0]] * 4}}
    assert kinds({}, False) == kinds(face, False) == kinds({}, True) == {"brows", "lashes"}
    assert kinds(face, True) == {"lashes"}
    assert kinds(face | {"face": {"yaw": 20.0, "pitch": -10.0}}, True) == {"lashes"}
    assert kinds(face | {"face": {"yaw": -35.0, "pitch": 30.0}}, True) == {"brows", "lashes"}, "turned far aside"
    body = replace(body, material_names=("skin",) * len(body.material_names))  # as MHR's own, whose eyes are skin
    assert kinds({}, False) == {"brows"}


def test_bodies_without_eyes_are_refused(models: Path) -> None:
    body = _made("default-lod2", models)[0]
    names = tuple(name.replace("_eye", "_bone") for name in body.joint_names)
    blind = replace(body, skeleton=replace(body.skeleton, names=names))
    with pytest.raises(Sam3dbError, match="has no eyes"):
        brows.make_brows(blind)
    with pytest.raises(Sam3dbError, match="has no eyes"):
        lashes.make_lashes(blind)


def test_bodies_without_a_face_are_refused(models: Path) -> None:
    body = _made("default-lod2", models)[0]
    flat = replace(body, rest_vertices=body.rest_vertices * np.float32([1, 0.5, 1]))
    with pytest.raises(Sam3dbError, match="no skin around its eyes"):
        brows.make_brows(flat)
