"""Underwear lies on the body, has clean lines, and shows no skin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from native_runtime.characters.preset_library import library, with_body, with_pose
from native_runtime.characters.settings import CharacterSettings
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.wearables import garments, wardrobe
from native_runtime.wearables.choice import Choice
from native_runtime.wearables.defaults import default_outfit, needs_top
from native_runtime.wearables.patch import patch_of
from native_runtime.wearables.wearable import Wearable


@pytest.fixture(scope="module")
def default_body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


UNDERWEAR = [Choice("underwear", "trunks"), Choice("underwear", "briefs"), Choice("top", "sports")]
kinds = pytest.mark.parametrize("choice", UNDERWEAR, ids=lambda choice: choice.style)


def _poking(body: Body, worn: Wearable) -> Callable[[np.ndarray, np.ndarray], int]:
    """A function that counts the vertices of the body by which skin comes out of a garment by more than 1 mm: of those
    that are vertices of the cloth as well, along the cloth's own normal there. Where left and right meet the skin folds
    upon itself, and no direction leads out of it.
    """
    cloth = worn.face_vertices[: worn.face_sizes.sum()]
    alone = np.flatnonzero(worn.shares.max(axis=1) > 0.999)
    owner = worn.anchors[alone, worn.shares[alone].argmax(axis=1)]
    _, first = np.unique(owner, return_index=True)  # the hem repeats the vertices of the edge
    apart = np.abs(body.rest_vertices[owner[first], 0]) > 2.0
    alone, owner = alone[first][apart], owner[first][apart]
    starts = np.cumsum(worn.face_sizes) - worn.face_sizes
    a, b, c = (cloth[starts + k] for k in (0, 1, 2))
    on = worn.on(body)

    def count(parameters: np.ndarray, identity: np.ndarray) -> int:
        skin = body.vertices(parameters, identity).astype(np.float64)
        points = on.vertices(parameters, identity).astype(np.float64)
        flat = np.cross(points[b] - points[a], points[c] - points[a])
        normals = np.zeros_like(points)
        for corners in (a, b, c):
            np.add.at(normals, corners, flat)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return int((((skin[owner] - points[alone]) * normals[alone]).sum(axis=1) > 0.1).sum())

    return count


@kinds
def test_no_skin_comes_through_in_the_preset_poses(default_body: Body, choice: Choice) -> None:
    poking = _poking(default_body, wardrobe.make(default_body, choice))
    neutral = CharacterSettings.neutral(default_body)
    for shape in library("bodies")[::3]:
        for pose in library("poses")[::2]:
            settings = with_pose(default_body, with_body(default_body, neutral, shape)[0], pose)
            allowed = 1 if shape.key == "heavy_man" else 0  # in the fold between belly and thigh
            assert poking(settings.model_parameters, settings.identity) <= allowed, (shape.key, pose.key)


@pytest.mark.parametrize("level", ["default-lod1", "default-lod2"])
@kinds
def test_every_level_of_detail_has_it(choice: Choice, level: str, default_body_path: Path) -> None:
    body = load_body(level, default_body_path.parents[1])
    worn = wardrobe.make(body, choice)
    assert len(worn.vertices) > 100
    assert np.isfinite(worn.vertices).all()
    fine = wardrobe.make(Body.load(default_body_path), choice)
    for edge in (np.min, np.max):
        assert edge(worn.vertices, axis=0) == pytest.approx(edge(fine.vertices, axis=0), abs=2.0)


@kinds
def test_it_lies_evenly_above_the_skin(default_body: Body, choice: Choice) -> None:
    worn = wardrobe.make(default_body, choice)
    bound = worn.carried(default_body.rest_vertices.astype(np.float64))
    lift = np.linalg.norm(worn.vertices - bound, axis=1)
    assert 0.2 < np.median(lift) < 0.6
    assert lift.max() < 3.0


def test_the_waist_is_a_clean_line(default_body: Body) -> None:
    worn = wardrobe.make(default_body, Choice("underwear", "trunks"))
    high = worn.vertices[:, 1] + 0.12 * worn.vertices[:, 2]
    rim = high > high.max() - 0.6
    assert rim.sum() > 60
    top = worn.carried(default_body.rest_vertices.astype(np.float64))[rim]
    level = top[:, 1] + 0.12 * top[:, 2]
    assert level.max() - np.median(level) < 0.1


def test_it_has_the_colour_of_the_choice(default_body: Body) -> None:
    worn = wardrobe.make(default_body, Choice("underwear", "briefs", (0.1, 0.2, 0.3)))
    assert worn.colours["underwear"] == (0.1, 0.2, 0.3)
    plain = wardrobe.make(default_body, Choice("underwear", "briefs"))
    assert plain.colours["underwear"] == garments.CHARCOAL
    assert plain.vertices is worn.vertices, "made once for all"


@pytest.mark.parametrize("kind", wardrobe.STYLES)
def test_a_body_without_what_it_lies_on_is_told(small_body: Body, kind: str) -> None:
    for style in wardrobe.STYLES[kind]:
        with pytest.raises(Sam3dbError, match="small"):
            wardrobe.make(small_body, Choice(kind, style))


def test_a_style_that_is_none_is_told(small_body: Body) -> None:
    with pytest.raises(Sam3dbError, match="no style 'kilt'"):
        wardrobe.make(small_body, Choice("underwear", "kilt"))


def test_who_wears_a_top(default_body: Body) -> None:
    identity = np.zeros(default_body.identity_count)
    gender = list(default_body.identity_names).index("gender")
    assert needs_top(default_body, identity), "unsure"
    identity[gender] = -1.0
    assert needs_top(default_body, identity)
    identity[gender] = 1.0
    assert not needs_top(default_body, identity)
    identity[list(default_body.identity_names).index("childhood")] = 1.0
    assert needs_top(default_body, identity)
    kinds = [choice.kind for choice in default_outfit(default_body, identity, {})]
    assert {"underwear", "top"} <= set(kinds)
    textured = [choice.kind for choice in default_outfit(default_body, identity, {}, textured=True)]
    assert not {"underwear", "top"} & set(textured)


def test_a_choice_reads_back() -> None:
    choice = Choice("hair", "bob", (0.1, 0.2, 0.3), {"length": 4.0})
    assert Choice.from_json(choice.to_json()) == choice
    with pytest.raises(ValueError, match="unpack"):
        Choice.from_json({"kind": "hair", "style": "bob", "colour": [1, 2]})


def test_cutting_keeps_the_surface(default_body: Body) -> None:
    rest = default_body.rest_vertices.astype(np.float64)
    faces = np.arange(len(default_body.face_sizes)) % 5 == 0
    patch = patch_of(default_body, faces)

    def area(patch: object) -> float:
        points = patch.points(rest)  # type: ignore[attr-defined]
        a, b, c = points[patch.triangles].transpose(1, 0, 2)  # type: ignore[attr-defined]
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    height = patch.points(rest)[:, 1] - 100.0
    cut = patch.cut(height)
    assert area(cut) == pytest.approx(area(patch), rel=2e-3)
    levels = cut.points(rest)[:, 1] - 100.0
    sides = [levels[face] for face in cut.faces]
    assert all(side.min() > -1e-6 or side.max() < 1e-6 for side in sides), "no polygon lies across"
    assert np.allclose(cut.shares.sum(axis=1), 1.0)
