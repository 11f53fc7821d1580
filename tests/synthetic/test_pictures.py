"""Pictures of known people: what is seen of them agrees with rays, and everything that can be worn can be painted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.dataset import dense
from native_runtime.mhr import Body
from native_runtime.render.raster import Surface
from native_runtime.synthetic import looks
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.backgrounds import KINDS, background
from native_runtime.synthetic.builds import Build
from native_runtime.synthetic.framing import random_view
from native_runtime.synthetic.library import library, pose_parameters
from native_runtime.synthetic.lighting import Lamp, Lighting, shadows
from native_runtime.synthetic.painting import FINER, paint
from native_runtime.synthetic.people import before, stand
from native_runtime.synthetic.pictures import Photographer
from native_runtime.synthetic.poses import Pose
from native_runtime.synthetic.things import ball, box, mesh, post
from native_runtime.synthetic.truth import Annotator
from native_runtime.synthetic.views import View, look
from native_runtime.wearables.hair import hair_styles

SQUARE = np.array([[200.0, 0, 63.5], [0, 200.0, 63.5], [0, 0, 1]])


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(autouse=True)
def no_hair(monkeypatch: pytest.MonkeyPatch) -> None:
    for heads in ("_HEADS", "_OLD_HEADS"):
        monkeypatch.setattr(looks, heads, {"bald": 0.5, "painted": 0.5})


def first_hits(origin: NDArray, ways: NDArray, surfaces: list[Surface]) -> tuple[NDArray, NDArray]:
    """How far along each way (N, 3) the nearest triangle is, and the number of its surface (Moeller and Trumbore)."""
    nearest, owner = np.full(len(ways), np.inf), np.full(len(ways), -1)
    for number, surface in enumerate(surfaces):
        a, b, c = surface.vertices[surface.triangles].transpose(1, 0, 2)
        first, second = b - a, c - a
        for k, way in enumerate(ways):
            p = np.cross(way, second)
            det = np.einsum("ni,ni->n", first, p)
            with np.errstate(divide="ignore", invalid="ignore"):
                start = origin - a
                q = np.cross(start, first)
                s, t = np.einsum("ni,ni->n", start, p) / det, q @ way / det
                far = np.einsum("ni,ni->n", second, q) / det
            hit = (np.abs(det) > 1e-12) & (s >= 0) & (t >= 0) & (s + t <= 1) & (far > 1e-6)
            if hit.any() and far[hit].min() < nearest[k]:
                nearest[k], owner[k] = far[hit].min(), number
    return nearest, owner


def test_what_is_seen_agrees_with_rays(body: Body) -> None:
    photographer, annotator = Photographer(body), Annotator(body)
    names = list(library()["poses"])
    agree = told = 0
    for number in (3, 4, 6):
        rng = np.random.default_rng([8, number])
        poses = [Pose(pose_parameters(body, names[5 * number + k]), names[5 * number + k], False) for k in range(4)]
        shot = photographer.shoot(lambda k, poses=poses: poses[k], rng, company=float(number % 2))  # type: ignore[misc]
        row = annotator.rows(shot, "a.jpg", number)[0]
        assert row.dense is not None
        points = dense.attach(body, dense.rest_places()).of(shot.people[0].standing.vertices)
        chosen = np.arange(0, 595, 4)
        pixels = project(shot.view.from_world(points), shot.view.intrinsics)
        within = ((pixels > 0) & (pixels < np.array(shot.view.size) - 1)).all(axis=1)
        some = chosen[within[chosen]]
        away = points[some] - shot.view.place
        hits, owner = first_hits(shot.view.place, away, list(shot.painted.surfaces))
        # The surface that is met is the own one, and about where the point is: clothes are a few centimetres thick.
        length = np.linalg.norm(away, axis=1)
        seen = np.isin(owner, shot.parts[0]) & ((1 - hits) * length < 0.07)
        normals = mesh(shot.people[0].standing.vertices, body.triangles).normals
        facing = np.einsum(
            "ni,ni->n", dense.attach(body, dense.rest_places()).of(normals)[some], away / length[:, None]
        )
        sure = np.abs(facing) > 0.15  # at outlines a pixel decides
        seen &= facing < 0
        agree += int((seen[sure] == (row.dense[some[sure], 2] > 0)).sum())
        told += int(sure.sum())
    assert told > 200
    assert agree / told > 0.96


def test_a_box_before_somebody_hides_what_is_behind_it(body: Body) -> None:
    standing = stand(body, pose_parameters(body, "standing"), np.random.default_rng(1))
    view = View((128, 128), SQUARE, look(0.0, 0.0), np.array([0.0, -4.0, 1.0]))
    person = before(body, standing, view)
    naked = mesh(standing.vertices, body.triangles)
    places, corners = box(np.array([2.0, 0.1, 1.0]))
    hiding = mesh(places + [0.0, -1.5, 0.0], corners)
    alone, hidden = paint([naked], view), paint([naked, hiding], view)
    flesh = 0.2
    assert alone.sees(person.keypoints[[0, 13, 14]], [0], flesh).all()
    assert hidden.sees(person.keypoints[[0, 13, 14]], [0], flesh).tolist() == [True, False, False]
    assert hidden.share([0]).sum() < 0.6 * alone.share([0]).sum()
    # The box's front is as far away as it was put.
    assert hidden.depth[FINER * 100, FINER * 64] == pytest.approx(4.0 - 1.55, abs=0.02)


def test_points_behind_the_camera_and_beyond_the_picture_are_not_seen(body: Body) -> None:
    standing = stand(body, pose_parameters(body, "standing"), np.random.default_rng(1))
    view = View((128, 128), SQUARE, look(0.0, 0.0), np.array([0.0, -4.0, 1.0]))
    painted = paint([mesh(standing.vertices, body.triangles)], view)
    points = np.array([[0.0, 0.0, -1.0], [5.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    assert not painted.sees(points, [0], 9.0).any()


@pytest.mark.parametrize(
    "shape", [box(np.array([0.4, 0.5, 0.6])), ball(0.4), post(0.2, 0.7)], ids=["box", "ball", "post"]
)
def test_simple_shapes_are_closed_and_face_outwards(shape: tuple[NDArray, NDArray]) -> None:
    places, corners = shape
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    a, b, c = places[corners].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    large = np.linalg.norm(normals, axis=1) > 1e-12
    assert (np.einsum("ni,ni->n", normals, (a + b + c) / 3 - middle)[large] > 0).all()
    rounded = np.round(places, 9)
    _, same = np.unique(rounded, axis=0, return_inverse=True)
    edges = Counter()
    for triangle in same[corners[large]]:
        for k in range(3):
            edges[triangle[k], triangle[(k + 1) % 3]] += 1
    assert all(edges[other, one] == count for (one, other), count in edges.items())


def test_shadows_fall_away_from_the_light() -> None:
    places, corners = post(0.1, 1.0)
    towards = np.array([-1.0, 0.0, 1.0]) / np.sqrt(2)
    lighting = Lighting((Lamp(towards, np.ones(3), 0.1),), np.ones(3), np.ones(3), 0.6, 0.01)
    view = View((128, 128), SQUARE, look(-0.5, 0.0), np.array([0.0, -4.0, 2.2]))
    lit = shadows(view, [mesh(places, corners)], lighting)
    spots = project(view.from_world(np.array([[0.6, 0.0, 0.0], [-0.6, 0.0, 0.0]])), view.intrinsics).round().astype(int)
    assert lit[spots[0][1], spots[0][0]] == pytest.approx(0.4, abs=0.05)
    assert lit[spots[1][1], spots[1][0]] == 1.0


def test_every_background_is_a_picture(body: Body) -> None:
    points = np.array([[0.0, 0.0, 0.0], [0.3, 0.2, 1.8]])
    seen = set()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        made = background(random_view(points, rng), points, rng)
        assert np.isfinite(made.pixels).all()
        assert made.pixels.shape[:2] == made.floor.shape
        assert 0.0 <= made.floor.min() <= made.floor.max() <= 1.0
        seen.add(made.kind)
    assert seen == set(KINDS)


def test_hair_is_on_the_head(body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "_HEADS", {"worn": 1.0})
    buzz = tuple(style for style in hair_styles() if style.name == "buzz")
    monkeypatch.setattr(looks, "hair_styles", lambda: buzz)
    rng = np.random.default_rng(3)
    standing = stand(body, pose_parameters(body, "waving"), rng)
    plain = Build(np.zeros(body.identity_count), np.zeros(body.expression_count), np.zeros(204))
    anatomy = Anatomy(body)
    things = looks.Looks(anatomy).dressed(standing.vertices, plain, rng)
    head = standing.vertices[anatomy.group == "head"]
    middle, reach = head.mean(axis=0), np.linalg.norm(head - head.mean(axis=0), axis=1).max()
    assert len(things) == 2
    assert (np.linalg.norm(things[1].surface.vertices - middle, axis=1) < 1.3 * reach).all()
