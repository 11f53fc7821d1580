"""Height and measures of a character, typed in the panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.decoding import encode
from native_runtime.pipeline.heights import HEIGHT
from sam3db_blender import places
from sam3db_blender.handles import measures, session
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.operators.measures import SAM3DB_OT_set_measure
from sam3db_blender.scene.character import PhotoScene
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.readback import estimate_of
from sam3db_blender.ui import heights
from tests.support.posing_stage import SIZE, UP, install_body, write_photo


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return replace(Body.load(default_body_path.with_name("default-lod2.npz")), name="small")


@pytest.fixture
def scene(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blender_factory: None) -> Iterator[PhotoScene]:
    """Two people before a camera that looks down a little."""
    install_body(body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    photo = read_photo(write_photo(tmp_path))
    people = [person(body, place) for place in (-0.6, 0.5)]
    built = build_photo_scene(bpy.context.scene, people, photo, body, light=False)
    sam3db_blender.register()
    bpy.context.view_layer.objects.active = built.characters[0].rig
    bpy.context.view_layer.update()
    yield built
    sam3db_blender.unregister()


def person(body: Body, x: float, **details: Any) -> Estimate:
    """Somebody with bent arms, turned a little."""
    parameters = np.zeros(204)
    parameters[3:6] = 0.1, 0.4, 0.0
    for name, value in (("l_elbow_bend", -0.7), ("r_uparm_rz", 0.3), ("l_upleg_rz", 0.4)):
        if name in body.parameter_names:
            parameters[body.parameter_index(name)] = value
    state = PlacedState(parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([x, 1, 4]))
    return Estimate.from_state(
        body, state, np.array([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]]), image_size=np.array(SIZE),
        bbox=np.array([10.0, 20, 200, 230]), engine="landmarks", photo="photo.png",
        details=details | {"lens": {"up": list(UP)}},
    )  # fmt: skip


def rig_of(scene: PhotoScene, number: int = 0) -> bpy.types.Object:
    return scene.characters[number].rig


def off(before: Estimate, after: Estimate) -> float:
    """Mean px by which keypoints moved, of somebody 1,000 px tall."""
    tall = np.ptp(before.keypoints_2d[:, 1])
    return float(1000.0 / tall * np.linalg.norm(after.keypoints_2d - before.keypoints_2d, axis=1).mean())


@pytest.mark.parametrize("tall", [165.0, 188.0])
def test_a_typed_height_keeps_the_picture_and_the_pose(scene: PhotoScene, body: Body, tall: float) -> None:
    rig, other = rig_of(scene), rig_of(scene, 1)
    before, beside = estimate_of(rig, body), estimate_of(other, body)
    assert bpy.ops.sam3db.set_measure(measure="stature", value=tall) == {"FINISHED"}
    bpy.context.view_layer.update()
    after = estimate_of(rig, body)
    assert measures.values_of(rig)["stature"] == pytest.approx(tall, abs=0.1)
    assert off(before, after) < 2.0
    angles = np.array([not name.startswith("scale_") for name in body.parameter_names])
    assert after.model_parameters[angles] == pytest.approx(before.model_parameters[angles], abs=1e-4)
    assert estimate_of(other, body).vertices == pytest.approx(beside.vertices, abs=1e-6)


def test_it_is_an_edit_by_hand_of_one_step(scene: PhotoScene, body: Body) -> None:
    bpy.ops.ed.undo_push(message="start")
    name, before = rig_of(scene).name, estimate_of(rig_of(scene), body)
    bpy.ops.sam3db.set_measure(measure="stature", value=160.0)
    bpy.ops.ed.undo_push(message="Height")  # as Blender does after an operator
    bpy.context.view_layer.update()
    edits = encode(session.request_for(bpy.data.objects[name]))["edits"]
    assert "camera_translation" in edits
    assert str(body.parameter_index("scale_uplegs")) in edits["model_parameters"]
    bpy.ops.ed.undo()
    bpy.context.view_layer.update()
    assert estimate_of(bpy.data.objects[name], body).vertices == pytest.approx(before.vertices, abs=1e-5)


def test_a_character_that_was_linked_without_its_camera_says_what_to_link(
    scene: PhotoScene, body: Body, tmp_path: Path
) -> None:
    identity, path = read_origin(rig_of(scene)).id, str(tmp_path / "library.blend")
    (top,) = (c for c in bpy.context.scene.collection.children if c.name.startswith("photo"))
    people, camera = f"{top.name} Characters", f"{top.name} Camera"
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.link(directory=f"{path}/Collection/", filename=people)
    stage, layer = bpy.context.scene, bpy.context.view_layer
    bpy.data.collections[people].override_hierarchy_create(stage, layer, do_fully_editable=True)
    bpy.data.batch_remove([obj for obj in stage.objects if obj.instance_collection])
    layer.update()
    rig = next(obj for obj in stage.objects if obj.type == "ARMATURE" and read_origin(obj).id == identity)
    with pytest.raises(Sam3dbError, match=r"lies in 'library.blend' and was not linked with the character\. Link"):
        measures.set_height(rig, 165.0)
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.collections = [camera]
    stage.collection.children.link(wanted.collections[0])
    layer.update()
    measures.set_height(rig, 165.0)
    layer.update()
    assert measures.values_of(rig)["stature"] == pytest.approx(165.0, abs=0.1)


def test_another_measure_leaves_place_and_height(scene: PhotoScene, body: Body) -> None:
    rig = rig_of(scene)
    before, values = estimate_of(rig, body), measures.values_of(rig)
    assert bpy.ops.sam3db.set_measure(measure="waist_girth", value=88.0) == {"FINISHED"}
    bpy.context.view_layer.update()
    after = measures.values_of(rig)
    assert after["waist_girth"] == pytest.approx(88.0, abs=0.5)
    assert after["stature"] == pytest.approx(values["stature"], abs=0.1)
    assert estimate_of(rig, body).camera_translation == pytest.approx(before.camera_translation, abs=1e-4)


def test_inches_and_what_cannot_be(scene: PhotoScene, capsys: pytest.CaptureFixture[str]) -> None:
    rig = rig_of(scene)
    assert bpy.ops.sam3db.set_measure(measure="inside_leg", value=34.0, unit="in") == {"FINISHED"}
    assert measures.values_of(rig)["inside_leg"] == pytest.approx(34.0 * 2.54, abs=0.5)
    for measure, value in (("stature", 20.0), ("waist_girth", 900.0)):
        with pytest.raises(RuntimeError, match="lies between"):
            bpy.ops.sam3db.set_measure(measure=measure, value=value)
    bpy.ops.sam3db.set_measure(measure="waist_girth", value=30.0)
    assert "as near as it can be" in capsys.readouterr().out
    assert measures.values_of(rig)["waist_girth"] > 31.0


def test_a_scene_in_centimetres(scene: PhotoScene, body: Body, tmp_path: Path) -> None:
    """The rig is 100 times as large there; measures are the same."""
    bpy.context.scene.unit_settings.scale_length = 0.01
    built = build_photo_scene(
        bpy.context.scene, [person(body, 0.0)], read_photo(write_photo(tmp_path)), body, light=False
    )
    bpy.context.view_layer.objects.active = built.characters[0].rig
    before = estimate_of(built.characters[0].rig, body)
    bpy.ops.sam3db.set_measure(measure="stature", value=168.0)
    bpy.context.view_layer.update()
    assert measures.values_of(built.characters[0].rig)["stature"] == pytest.approx(168.0, abs=0.1)
    assert off(before, estimate_of(built.characters[0].rig, body)) < 2.0


def test_a_stated_height_is_asked_for_again(scene: PhotoScene, body: Body, tmp_path: Path) -> None:
    assert "height_cm" not in encode(session.request_for(rig_of(scene)))
    stated = person(body, 0.0, **{HEIGHT: {"stated": 172.0, "reached": 172.0}})
    built = build_photo_scene(bpy.context.scene, [stated], read_photo(write_photo(tmp_path)), body, light=False)
    assert encode(session.request_for(built.characters[0].rig))["height_cm"] == 172.0


def test_the_panel_shows_values_taken_aside(scene: PhotoScene, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured while it draws; a moved slider is measured once more."""
    rig = rig_of(scene)
    monkeypatch.setattr(heights, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    monkeypatch.setattr(heights, "ensure_timer", lambda *_: None)
    monkeypatch.setattr(heights, "redraw", lambda *_: None)

    def settled() -> dict[str, float]:
        for _ in range(20):
            busy = [*heights._reading.values(), *(taken.work for taken in heights._taken.values())]
            for thread in busy:
                if thread is not None:
                    thread.join()
            waiting, values = heights._take_over(), heights.measures_of(rig)
            if waiting is None and values and all(taken.work is None for taken in heights._taken.values()):
                return dict(values)
        raise AssertionError

    assert heights.measures_of(rig) == {}
    first = settled()
    assert first == pytest.approx(dict(measures.values_of(rig)))
    assert heights.height_of(rig) == pytest.approx(first["stature"], abs=0.05)
    rig["Body: weight"] = 1.0
    assert heights.measures_of(rig) == first  # as they were taken last
    assert settled()["waist_girth"] > first["waist_girth"] + 5.0
    assert heights._taken[session.read_origin(rig).id].work is None
    heights.detach()


def test_every_measure_has_a_tooltip() -> None:
    for key, *_ in SAM3DB_OT_set_measure.__annotations__["measure"].keywords["items"]:
        text = SAM3DB_OT_set_measure.description(None, SimpleNamespace(measure=key))
        assert text.endswith(("stay", "stays"))
