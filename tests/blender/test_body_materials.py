"""Materials of bodies: tinted by the person's colours, shared by those of one tone, and an artist's where changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from native_runtime.camera import intrinsics_for
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models.store import load_body
from native_runtime.render.studio import TINTS
from native_runtime.texture.look import COLOURS
from sam3db_blender.previews.subject import surface_of
from sam3db_blender.properties import skin
from sam3db_blender.scene.character import build_people
from sam3db_blender.scene.levels import switch_level
from sam3db_blender.scene.materials import SKIN_ZONES, BodyColours, main_colour
from sam3db_blender.scene.person_colours import body_colours, colours_of, give_skin

pytestmark = pytest.mark.models

DARK, PALE = (92, 58, 42), (236, 196, 170)


@pytest.fixture(scope="module")
def coarse(models: Path) -> Body:
    return load_body("default-lod2", models)


def _estimate(body: Body, number: int, colours: dict[str, Any] | None) -> Estimate:
    size = (300, 400)
    nothing = np.zeros(body.identity_count), np.zeros(body.expression_count)
    return Estimate.from_state(
        body,
        PlacedState(np.zeros(len(body.parameter_names)), *nothing, np.array([0.8 * number, 0.9, 4.0])),
        intrinsics_for(size),
        image_size=np.array(size),
        bbox=np.zeros(4),
        engine="truth",
        person=number,
        details={} if colours is None else {COLOURS: colours},
    )


def _said(srgb: tuple[int, ...], confidence: float = 0.9) -> dict[str, Any]:
    return {"srgb": list(srgb), "confidence": confidence}


def _people(body: Body, *colours: dict[str, Any] | None) -> list[Any]:
    estimates = [_estimate(body, number, said) for number, said in enumerate(colours)]
    scene: Any = bpy.context.scene
    return build_people(scene, estimates, None, body, light=False).characters


def _slots(person: Any, body: Body) -> dict[str, Any]:
    return {part: slot.material for part, slot in zip(body.material_names, person.mesh.material_slots)}


def test_each_tone_has_its_materials_and_people_of_one_tone_share_them(coarse: Body) -> None:
    people = _people(coarse, {"skin": _said(DARK)}, {"skin": _said(PALE)}, {"skin": _said(DARK)}, None)
    dark, pale, same, unknown = (_slots(person, coarse) for person in people)
    assert dark == same
    for part in ("skin", "lips", "nails"):
        assert len({dark[part], pale[part], unknown[part]}) == 3
    assert dark["teeth"] == pale["teeth"] == unknown["teeth"]
    assert dark["eyes"] == pale["eyes"]
    assert max(dark["skin"].diffuse_color[:3]) < min(0.5, pale["skin"].diffuse_color[0])
    lips, own = (np.array(main_colour(dark[part])) for part in ("lips", "skin"))
    assert (lips < own).all()
    assert lips[1] / own[1] < lips[0] / own[0]  # redder


def test_what_is_not_sure_is_not_used(coarse: Body) -> None:
    doubtful = {"skin": _said(DARK, 0.1), "lips": _said((10, 200, 10)), "iris": _said((70, 100, 120), 0.1)}
    assert body_colours({COLOURS: doubtful}) == BodyColours()
    assert body_colours({COLOURS: "damaged"}) == BodyColours()
    assert body_colours({}) == BodyColours()


def test_the_iris_tints_all_of_the_eye(coarse: Body) -> None:
    blue, usual = (_slots(person, coarse) for person in _people(coarse, {"iris": _said((70, 100, 120))}, None))
    assert blue["eyes"] != usual["eyes"]
    assert blue["skin"] == usual["skin"]


def test_skin_that_an_artist_chose_is_kept_and_changed_materials_are_not_touched(coarse: Body, models: Path) -> None:
    first, second = _people(coarse, {"skin": _said(DARK)}, {"skin": _said(DARK)})
    changed = _slots(first, coarse)["nails"].copy()
    changed.diffuse_color = (1.0, 0.0, 0.0, 1.0)
    first.mesh.material_slots[coarse.material_names.index("nails")].material = changed
    before = _slots(second, coarse)
    give_skin(first.rig, first.mesh, (0.5, 0.3, 0.2))
    after = _slots(first, coarse)
    assert np.allclose(main_colour(after["skin"]), (0.5, 0.3, 0.2), atol=1e-5)
    assert after["nails"] == changed
    assert after["lips"] != before["lips"]
    assert _slots(second, coarse) == before
    assert colours_of(first.rig).skin == pytest.approx((0.5, 0.3, 0.2))

    finer = load_body("default-lod1", models)
    switch_level(first.rig, first.mesh, finer)
    assert _slots(first, finer)["skin"] == after["skin"]
    assert _slots(first, finer)["nails"] == changed

    lips = after["lips"].name
    give_skin(first.rig, first.mesh, None)
    assert colours_of(first.rig).skin == colours_of(second.rig).skin
    assert lips not in bpy.data.materials


def test_palms_and_soles_are_known(coarse: Body) -> None:
    (person,) = _people(coarse, None)
    zones = np.empty((coarse.vertex_count, 3), np.float32)
    person.mesh.data.attributes[SKIN_ZONES].data.foreach_get("vector", zones.ravel())
    rest = coarse.rest_vertices
    pale = zones[:, 0] > 0.5
    soles = pale & (rest[:, 1] < 6)
    hands = pale & (np.abs(rest[:, 0]) > 50)
    assert soles.sum() > 5
    assert hands.sum() > 5
    assert (soles | hands)[pale].all()


def test_the_sidebar_changes_the_skin(coarse: Body) -> None:
    (person,) = _people(coarse, {"skin": _said(DARK)})
    skin.attach()
    try:
        rig: Any = person.rig
        assert tuple(rig.sam3db_skin_color) == pytest.approx(colours_of(person.rig).skin, abs=1e-5)
        rig.sam3db_skin_color = (0.6, 0.4, 0.3)
        assert main_colour(_slots(person, coarse)["skin"]) == pytest.approx((0.6, 0.4, 0.3), abs=1e-4)
        assert tuple(rig.sam3db_skin_color) == pytest.approx((0.6, 0.4, 0.3))
    finally:
        skin.detach()


def test_previews_show_people_in_their_colours_and_clay_in_tints(coarse: Body) -> None:
    dark, unknown = (person.rig for person in _people(coarse, {"skin": _said(DARK)}, None))
    own, clay = surface_of([dark]).colours, surface_of([dark], textured=False).colours
    tone = np.array(colours_of(dark).skin)
    assert np.abs(np.median(own, axis=0) - tone).max() < 0.02
    assert np.median(clay, axis=0) == pytest.approx(TINTS[0], abs=0.02)
    assert np.median(surface_of([unknown]).colours, axis=0) == pytest.approx(TINTS[0], abs=0.02)
    number = coarse.material_names.index("eyes")
    eyes = np.unique(coarse.face_vertices[np.repeat(coarse.face_materials == number, coarse.face_sizes)])
    upper = eyes[coarse.rest_vertices[eyes, 1] > np.percentile(coarse.rest_vertices[eyes, 1], 80)]
    lower = eyes[coarse.rest_vertices[eyes, 1] < np.percentile(coarse.rest_vertices[eyes, 1], 50)]
    for colours, brightest in ((own, 0.4), (clay, 0.5)):
        assert colours[eyes].max() < brightest  # nobody stares
        assert colours[upper].mean() < 0.7 * colours[lower].mean()
