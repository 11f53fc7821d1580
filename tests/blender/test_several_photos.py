"""Photos beside each other in one scene: places, frames, lights and materials."""

from __future__ import annotations

from itertools import pairwise

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from native_runtime.mhr import Body
from sam3db_blender.handles.handles import handles_of
from sam3db_blender.handles.people import activate
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.scene.character import PhotoScene
from sam3db_blender.scene.stage import stage_of
from tests.support.photo_scenes import photo_scene


def _points(built: PhotoScene) -> np.ndarray:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return np.concatenate([evaluated_vertices(person.mesh, depsgraph) for person in built.characters])


def _three(body: Body) -> list[PhotoScene]:
    sizes = [(320, 240), (200, 300), (400, 200)]
    return [photo_scene(body, count, size, f"photo {count}", light=True) for count, size in zip((1, 3, 2), sizes)]


def test_photos_stand_side_by_side_on_one_floor(small_body: Body) -> None:
    clouds = [_points(built) for built in _three(small_body)]
    for left, right in pairwise(clouds):
        assert right[:, 0].min() > left[:, 0].max() + 0.4
    for cloud in clouds:
        assert cloud[:, 2].min() == pytest.approx(0.0, abs=1e-4)


def test_no_photo_s_picture_holds_people_of_another(small_body: Body) -> None:
    photos = _three(small_body)
    clouds = [_points(built) for built in photos]
    for built in photos:
        activate(bpy.context, built.characters[0].rig)
        bpy.context.view_layer.update()
        for other, cloud in zip(photos, clouds):
            views = [world_to_camera_view(bpy.context.scene, built.camera, Vector(p)) for p in cloud[::7].tolist()]
            inside = [0 <= view.x <= 1 and 0 <= view.y <= 1 and view.z > 0 for view in views]
            assert any(inside) == (other is built)


def test_a_photo_is_moved_as_a_whole(small_body: Body) -> None:
    alone = photo_scene(small_body, 2)
    eye = np.array(alone.camera.location)
    places = [np.array(person.rig.location) - eye for person in alone.characters]
    again = photo_scene(small_body, 2)
    moved = [np.array(person.rig.location) - np.array(again.camera.location) for person in again.characters]
    assert np.array(moved) == pytest.approx(np.array(places), abs=1e-5)


def test_one_set_of_lights_and_materials(small_body: Body) -> None:
    photos = _three(small_body)
    assert sorted(obj.name for obj in bpy.data.objects if obj.type == "LIGHT") == ["Fill", "Key", "Rim"]
    assert len(bpy.data.worlds) == 1
    skins = {person.mesh.data.materials[0] for built in photos for person in built.characters}
    assert len(skins) == 1
    stage = stage_of(bpy.context.scene)
    assert stage is not None
    floor = next(obj for obj in stage.objects if obj.type == "MESH")
    assert len([obj for obj in stage.objects if obj.type == "MESH"]) == 1
    clouds = np.concatenate([_points(built) for built in photos])
    corners = np.array([floor.matrix_world @ vertex.co for vertex in floor.data.vertices])
    assert (corners.min(axis=0)[:2] < clouds.min(axis=0)[:2]).all()
    assert (corners.max(axis=0)[:2] > clouds.max(axis=0)[:2]).all()


def test_what_an_artist_changed_is_neither_shared_nor_moved(small_body: Body) -> None:
    first = photo_scene(small_body, light=True)
    skin = first.characters[0].mesh.data.materials[0]
    shader = next(node for node in skin.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.11
    for link in list(shader.inputs["Roughness"].links):
        skin.node_tree.links.remove(link)
    stage = stage_of(bpy.context.scene)
    floor = next(obj for obj in stage.objects if obj.type == "MESH")
    floor.location.z = -0.2
    bpy.context.view_layer.update()
    before = floor.matrix_world.copy()
    second = photo_scene(small_body, light=True)
    assert second.characters[0].mesh.data.materials[0] != skin
    assert second.characters[0].mesh.data.materials[1] == first.characters[0].mesh.data.materials[1]
    bpy.context.view_layer.update()
    assert np.array(floor.matrix_world) == pytest.approx(np.array(before))


def test_choosing_somebody_takes_their_photo_s_size_again(small_body: Body) -> None:
    photos = _three(small_body)
    render = bpy.context.scene.render
    for built, size in zip(photos, ((320, 240), (200, 300), (400, 200))):
        render.resolution_x = 1920  # something else was rendered in between
        activate(bpy.context, built.characters[-1].rig)
        assert bpy.context.scene.camera == built.camera
        assert (render.resolution_x, render.resolution_y) == size


def test_handles_of_another_photo_are_out_of_the_way(small_body: Body) -> None:
    first, second = photo_scene(small_body), photo_scene(small_body, 2)

    def lying(built: PhotoScene) -> set[int]:
        names = {obj.name for obj in bpy.context.view_layer.objects}
        return {sum(handle.name in names for handle in handles_of(person.rig)) for person in built.characters}

    assert (lying(first), lying(second)) == ({0}, {70})
    activate(bpy.context, first.characters[0].rig)
    assert (lying(first), lying(second)) == ({70}, {0})
