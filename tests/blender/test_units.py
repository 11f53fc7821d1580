"""Scenes whose unit is not the metre."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from native_runtime.camera import project
from native_runtime.characters.state import CharacterState
from native_runtime.mhr import Body
from sam3db_blender.handles.handles import by_keypoint, place
from sam3db_blender.handles.plane import world_of
from sam3db_blender.handles.session import apply_answer
from sam3db_blender.masks.outlines import seen_at
from sam3db_blender.previews.subject import camera_view, surface_of
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.readback import current_state
from sam3db_blender.scene.units import metres_per_unit, units_per_metre
from tests.support.photo_scenes import photo_scene


@pytest.mark.parametrize(
    ("system", "scale", "units"), [("METRIC", 1.0, 1.0), ("METRIC", 0.01, 100.0), ("NONE", 0.01, 1.0)]
)
def test_a_scene_says_how_long_its_unit_is(system: str, scale: float, units: float) -> None:
    settings = bpy.context.scene.unit_settings
    settings.system, settings.scale_length = system, scale
    assert units_per_metre(bpy.context.scene) == pytest.approx(units)
    assert metres_per_unit(bpy.context.scene) == pytest.approx(1 / units)


def _points(mesh: bpy.types.Object) -> np.ndarray:
    bpy.context.view_layer.update()
    return evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())


@pytest.mark.parametrize("scale", [0.01, 0.0254, 10.0])
def test_people_measure_what_they_measure(small_body: Body, scale: float) -> None:
    plain = _points(photo_scene(small_body, 2).characters[1].mesh)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.unit_settings.scale_length = scale
    built = photo_scene(small_body, 2, light=True)
    person = built.characters[1]
    points = _points(person.mesh)
    assert points * scale == pytest.approx(plain, abs=2e-5)
    # the camera, its photo and the handles on it agree with the person still
    arrays = read_origin(person.rig).arrays
    assert seen_at(person.rig, points[:20]) == pytest.approx(
        project(built.placement.camera(plain[:20]), arrays["intrinsics"]), abs=0.01
    )
    handle = by_keypoint(person.rig)[9]
    lies = world_of(handle.parent, [place(handle)])
    assert seen_at(person.rig, lies)[0] == pytest.approx(arrays["keypoints_2d"][9], abs=0.01)
    assert built.camera.data.clip_end * scale == pytest.approx(1000.0)
    # pictures of it are made in metres
    assert surface_of([person.rig]).vertices == pytest.approx(plain, abs=2e-5)
    assert camera_view(person.rig, 320, 240).position == pytest.approx(built.placement.camera_location, abs=2e-5)


def test_what_is_read_back_is_in_metres(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam3db_blender.handles.session.body_of", lambda rig: small_body)
    scene = bpy.context.scene
    scene.unit_settings.scale_length = 0.01
    rig = photo_scene(small_body).characters[0].rig
    origin = read_origin(rig)
    bpy.context.view_layer.update()
    assert current_state(rig, small_body).is_close(CharacterState.of(origin.state, 127))
    rig.location.x += 25.0  # 25 cm
    bpy.context.view_layer.update()
    moved = current_state(rig, small_body).camera_translation - origin.arrays["camera_translation"]
    assert moved == pytest.approx([0.25, 0.0, 0.0], abs=1e-5)
    # a new pose puts the person where the answer has them
    rig.location.x -= 25.0
    answer = origin.estimate(
        small_body, replace(origin.state, camera_translation=origin.state.camera_translation + (0.0, 0.0, 0.5))
    )
    before = rig.location.y
    apply_answer(rig, answer)
    bpy.context.view_layer.update()
    assert rig.location.y - before == pytest.approx(50.0, abs=1e-3)
    assert list(rig.scale) == pytest.approx([100.0] * 3)
    assert current_state(rig, small_body).camera_translation == pytest.approx(answer.camera_translation, abs=1e-5)


def test_a_scene_that_is_scaled_to_other_units_later_is_understood(small_body: Body) -> None:
    built = photo_scene(small_body)
    rig, scene = built.characters[0].rig, bpy.context.scene
    scene.unit_settings.scale_length = 0.01
    for obj in (rig, built.camera):
        obj.matrix_world = Matrix.Scale(100.0, 4) @ obj.matrix_world
    bpy.context.view_layer.update()
    assert current_state(rig, small_body).is_close(CharacterState.of(read_origin(rig).state, 127))


def test_the_next_photo_goes_beside_in_any_unit(small_body: Body) -> None:
    bpy.context.scene.unit_settings.scale_length = 0.01
    first, second = (_points(photo_scene(small_body).characters[0].mesh) for _ in range(2))
    assert second[:, 0].min() > first[:, 0].max() + 40.0
    assert second[:, 2].min() == pytest.approx(0.0, abs=0.01)
