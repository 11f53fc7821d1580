"""Shoes enclose the feet and bend with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.texture.anatomy import PARTS, parts_of
from native_runtime.texture.look import COLOURS, Tone
from native_runtime.wearables import wardrobe
from native_runtime.wearables.choice import Choice
from native_runtime.wearables.defaults import default_outfit, is_told
from native_runtime.wearables.wearable import Wearable

STYLES = pytest.mark.parametrize("style", ["sneakers", "boots"])


@pytest.fixture(scope="module", params=["default", "default-lod1", "default-lod2"])
def body(request: pytest.FixtureRequest, default_body_path: Path) -> Body:
    return load_body(request.param, default_body_path.parents[1])


def _volume(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = points[triangles].transpose(1, 0, 2)
    return float(np.einsum("tc,tc->t", a, np.cross(b, c)).sum() / 6)


def _triangles(worn: Wearable) -> np.ndarray:
    starts = np.cumsum(worn.face_sizes) - worn.face_sizes
    fans = []
    for size in (3, 4):
        first = starts[worn.face_sizes == size]
        for corner in range(1, size - 1):
            fans.append(worn.face_vertices[np.stack([first, first + corner, first + corner + 1], axis=1)])
    return np.concatenate(fans)


def _outside(points: np.ndarray, surface: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Which points lie outside a surface that is open at its top: by the solid angle that it takes up."""
    a, b, c = (surface[triangles[:, k]] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(side, axis=2) for side in (a, b, c))
    volume = np.einsum("ntc,ntc->nt", a, np.cross(b, c))
    dots = [np.einsum("ntc,ntc->nt", one, other) for one, other in ((a, b), (b, c), (c, a))]
    angle = 2 * np.arctan2(volume, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb)
    return np.asarray(np.abs(angle.sum(axis=1)) < 2 * np.pi)


@STYLES
def test_shoes_enclose_the_feet(body: Body, style: str) -> None:
    worn = wardrobe.make(body, Choice("shoes", style))
    assert _volume(worn.vertices, _triangles(worn)) > 0, "its polygons face outwards"
    rest = body.rest_vertices.astype(np.float64)
    ground = rest[:, 1].min()
    feet = np.isin(parts_of(body), [PARTS.index("l_foot"), PARTS.index("r_foot")])
    low = np.flatnonzero(feet & (rest[:, 1] < ground + 6.5))[::3]
    assert not _outside(rest[low], worn.vertices, _triangles(worn)).any()
    assert worn.vertices[:, 1].min() == pytest.approx(ground - 0.3, abs=1e-6)


def test_shoes_follow_the_feet(body: Body) -> None:
    worn = wardrobe.make(body, Choice("shoes", "sneakers"))
    parameters = np.zeros(len(body.parameter_names))
    for side in "lr":
        parameters[body.parameter_index(f"{side}_foot_bend")] = -0.5
        parameters[body.parameter_index(f"{side}_knee_bend")] = 0.8
    rest = body.rest_vertices.astype(np.float64)
    feet = np.isin(parts_of(body), [PARTS.index("l_foot"), PARTS.index("r_foot")])
    low = np.flatnonzero(feet & (rest[:, 1] < rest[:, 1].min() + 5.0))[::3]
    posed = body.vertices(parameters)[low].astype(np.float64)
    shoes = worn.on(body).vertices(parameters).astype(np.float64)
    assert _outside(posed, shoes, _triangles(worn)).mean() < 0.01


def test_a_body_without_feet_is_told(small_body: Body) -> None:
    with pytest.raises(Sam3dbError):
        wardrobe.make(small_body, Choice("shoes", "sneakers"))


def test_the_photo_says_whether_shoes_are_worn(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    seen = {COLOURS: {"shoes": {"srgb": [40, 60, 90], "confidence": 0.7}}}
    outfit = {
        choice.kind: choice for choice in default_outfit(body, np.zeros(body.identity_count), seen, textured=True)
    }
    shoes = outfit["shoes"]
    assert shoes.style == "sneakers"
    assert shoes.colour is not None
    assert wardrobe.make(body, shoes).colours["shoes"] == shoes.colour
    unsure = {COLOURS: {"shoes": {"srgb": [40, 60, 90], "confidence": 0.1}}}
    assert "shoes" not in {choice.kind for choice in default_outfit(body, np.zeros(body.identity_count), unsure)}


def test_shoes_that_a_black_and_white_photo_may_show_have_their_grey(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    details = {COLOURS: {"feet": "unseen", "shoes": {"srgb": [200, 200, 200], "confidence": 0.2}}}
    for textured in (True, False):
        outfit = default_outfit(body, np.zeros(body.identity_count), details, textured)
        shoes = [choice.colour for choice in outfit if choice.kind == "shoes"]
        assert shoes == ([Tone((200, 200, 200), 0.2).linear] if textured else [])


@pytest.mark.parametrize(
    ("feet", "textured", "shod"),
    [
        ("unseen", True, True),
        ("covered", True, True),
        ("bare", True, False),
        (None, True, False),
        ("unseen", False, False),
    ],
)
def test_dressed_people_wear_shoes_unless_their_feet_are_bare(
    default_body_path: Path, feet: str | None, textured: bool, shod: bool
) -> None:
    body = Body.load(default_body_path)
    details = {COLOURS: {} if feet is None else {"feet": feet}}
    outfit = default_outfit(body, np.zeros(body.identity_count), details, textured)
    shoes = [choice for choice in outfit if choice.kind == "shoes"]
    assert len(shoes) == shod
    assert not any(is_told(choice) for choice in shoes), "nothing that the photo told"
