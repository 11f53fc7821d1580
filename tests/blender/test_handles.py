"""Handles in the scene: where they lie, what they carry, and what an artist says with them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix

from native_runtime.camera import intrinsics_for
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.prompts.prompt import keypoint_names, keypoint_titles
from sam3db_blender.handles import look
from sam3db_blender.handles.handles import (
    GROUPS,
    SUGGESTED,
    WARNING,
    State,
    by_keypoint,
    group_of,
    handles_of,
    is_handle,
    moved,
    place,
    put,
    refresh_look,
    rig_of,
    state_of,
)
from sam3db_blender.handles.making import ensure_handles, remove_handles
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.handles.pins import (
    next_suggested,
    note_judgement,
    pinned,
    prompts,
    reset,
    set_state,
    symmetric,
    warnings,
)
from sam3db_blender.handles.plane import fit_to_lens, met_by, planes_of
from sam3db_blender.handles.showing import homes_of, show, show_only, shown
from sam3db_blender.scene.camera import camera_of
from sam3db_blender.scene.character import PhotoScene
from sam3db_blender.scene.provenance import read_origin

SIZE = (640, 480)
LEFT_WRIST, RIGHT_WRIST, NOSE = (keypoint_names().index(name) for name in ("left_wrist", "right_wrist", "nose"))


def _intrinsics() -> np.ndarray:
    return np.array([[700.0, 0, 300.0], [0, 650.0, 260.0], [0, 0, 1]])


def _estimate(body: Body, number: int) -> Estimate:
    rng = np.random.default_rng(number)
    parameters = rng.normal(0, 0.2, 204)
    parameters[:3] = 0
    return Estimate.from_state(
        body,
        PlacedState(
            parameters,
            np.zeros(body.identity_count),
            np.zeros(body.expression_count),
            np.array([0.5 * number, 1.0, 4.0 - number]),
        ),
        _intrinsics(),
        image_size=np.array(SIZE),
        bbox=np.array([10.0, 20, 200, 430]),
        engine="landmarks",
        photo="photo.jpg",
        person=number,
    )


def _scene(body: Body, count: int = 1, handles: bool = True) -> PhotoScene:
    photo = Photo(pixels=np.full((*SIZE[::-1], 3), 127, np.uint8), path=Path("photo.jpg"), original_size=SIZE)
    people = [_estimate(body, number) for number in range(count)]
    built = build_photo_scene(bpy.context.scene, people, photo, body, light=False, handles=handles)
    bpy.context.view_layer.update()
    return built


def _seen(points: list) -> np.ndarray:
    scene = bpy.context.scene
    views = np.array([world_to_camera_view(scene, scene.camera, point) for point in points])
    return np.stack([views[:, 0] * SIZE[0], (1 - views[:, 1]) * SIZE[1]], axis=1) - 0.5


def test_every_keypoint_is_seen_on_its_pixel(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    handles = handles_of(rig)
    assert [handle.name.partition(" ")[2] for handle in handles] == list(keypoint_titles())
    expected = read_origin(rig).arrays["keypoints_2d"]
    assert np.array([place(handle) for handle in handles]) == pytest.approx(expected, abs=1e-3)
    assert np.abs(_seen([handle.matrix_world.translation for handle in handles]) - expected).max() < 0.02


def test_a_drag_in_the_view_is_a_drag_of_pixels(small_body: Body) -> None:
    """Blender moves an object along the view plane; with the camera anywhere that is a move of as many pixels."""
    rig = _scene(small_body).characters[0].rig
    camera = camera_of(rig)
    camera.matrix_world = Matrix.Rotation(0.7, 4, (0.3, 1, 0.2)) @ Matrix.Translation((1, 2, 3))
    bpy.context.view_layer.update()
    handle = by_keypoint(rig)[LEFT_WRIST]
    before, step = place(handle), np.array([30.0, -12.0])
    depth = -(camera.matrix_world.inverted() @ handle.matrix_world.translation).z
    way = np.array([step[0] / 700 * depth, -step[1] / 650 * depth, 0])
    handle.matrix_world = Matrix.Translation(camera.matrix_world.to_3x3() @ Matrix.Translation(way).translation) @ (
        handle.matrix_world
    )
    bpy.context.view_layer.update()
    assert np.subtract(place(handle), before) == pytest.approx(step, abs=1e-3)
    assert handle.location.z == pytest.approx(0, abs=1e-3)
    assert moved(handle)
    assert _seen([handle.matrix_world.translation])[0] == pytest.approx(place(handle), abs=0.02)


def test_a_shifted_picture_is_a_moved_handle(small_body: Body) -> None:
    """Blender's gizmo for pictures shifts the picture and leaves the object where it was."""
    rig = _scene(small_body).characters[0].rig
    handle = by_keypoint(rig)[LEFT_WRIST]
    before = place(handle)
    handle.empty_image_offset = (0.5, -1.5)
    size = handle.empty_display_size
    assert place(handle) == pytest.approx((before[0] + size, before[1] + size), abs=1e-3)
    assert moved(handle)
    set_state(handle, State.PINNED)
    assert tuple(handle.empty_image_offset) == (-0.5, -0.5)
    assert place(handle) == pytest.approx((before[0] + size, before[1] + size), abs=1e-3)
    assert not moved(handle)


def test_handles_cannot_leave_their_plane(small_body: Body) -> None:
    for handle in handles_of(_scene(small_body).characters[0].rig):
        assert tuple(handle.lock_location) == (False, False, True)
        assert all(handle.lock_rotation)
        assert all(handle.lock_scale)
        assert handle.parent.hide_select


def test_world_points_have_the_pixels_they_are_seen_at(small_body: Body) -> None:
    built = _scene(small_body)
    plane = planes_of(built.camera)[0]
    rng = np.random.default_rng(1)
    points = built.placement.world(np.concatenate([rng.uniform(-1, 1, (20, 2)), rng.uniform(1, 9, (20, 1))], axis=1))
    eye = np.array(built.camera.matrix_world.translation)
    met = [met_by(plane, eye, point - eye) for point in points]
    assert np.array(met) == pytest.approx(_seen([Matrix.Translation(p).translation for p in points]), abs=0.02)
    behind = built.placement.world(np.array([0.0, 0.0, -2.0]))
    assert met_by(plane, eye, behind - eye) is None


def test_another_lens_keeps_the_pixels(small_body: Body) -> None:
    built = _scene(small_body)
    rig = built.characters[0].rig
    before = [place(handle) for handle in handles_of(rig)]
    fit_to_lens(built.camera, intrinsics_for(SIZE, focal_px=1400.0))
    bpy.context.view_layer.update()
    built.camera.data.lens = 1400.0 * built.camera.data.sensor_width / SIZE[0]
    built.camera.data.shift_x = built.camera.data.shift_y = 0.0
    bpy.context.scene.render.pixel_aspect_x = bpy.context.scene.render.pixel_aspect_y = 1.0
    assert [place(handle) for handle in handles_of(rig)] == before
    assert np.abs(_seen([handle.matrix_world.translation for handle in handles_of(rig)]) - before).max() < 0.02


def test_states_are_prompts(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    assert prompts(rig) == []
    put(handles[LEFT_WRIST], (100.5, 200.25))
    set_state(handles[LEFT_WRIST], State.PINNED)
    set_state(handles[NOSE], State.IGNORED)
    handles[RIGHT_WRIST].location.x += 50
    set_state(handles[RIGHT_WRIST], State.INCORRECT)
    said = {prompt[0]: prompt[1:] for prompt in prompts(rig)}
    assert said[LEFT_WRIST] == (100.5, 200.25, "place")
    assert said[NOSE][2] == "ignore"
    assert said[RIGHT_WRIST] == (*place(handles[RIGHT_WRIST]), "incorrect")
    assert pinned(rig) == [handles[LEFT_WRIST]]
    reset(rig, "face")
    assert set(said) - {prompt[0] for prompt in prompts(rig)} == {NOSE}
    reset(rig)
    assert prompts(rig) == []
    assert place(handles[LEFT_WRIST]) == pytest.approx(read_origin(rig).arrays["keypoints_2d"][LEFT_WRIST], abs=1e-3)


def test_a_handle_that_is_still_being_moved_says_nothing(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    by_keypoint(rig)[NOSE].location.y -= 3
    assert prompts(rig) == []


def test_sides_and_groups(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    assert symmetric(handles[LEFT_WRIST]) == handles[RIGHT_WRIST]
    assert symmetric(handles[NOSE]) is None
    assert {group_of(handle) for handle in handles.values()} == set(GROUPS)
    assert group_of(handles[NOSE]) == "face"
    sizes = {group: {h.empty_display_size for h in handles.values() if group_of(h) == group} for group in GROUPS}
    assert max(sizes["body"]) > max(sizes["feet"]) > max(sizes["face"]) > max(sizes["left_hand"])


def test_judgement_is_written_onto_the_handles(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    set_state(handles[LEFT_WRIST], State.PINNED)
    details = {
        "prompt_warnings": [{"keypoint": LEFT_WRIST, "message": "It is too far.", "suggestion": "Move it."}],
        "suggested_keypoints": [{"keypoint": NOSE, "score": 2.0}, {"keypoint": RIGHT_WRIST, "score": 1.0}],
    }
    note_judgement(handles, details)
    assert warnings(rig) == [(handles[LEFT_WRIST], "It is too far. Move it.")]
    assert next_suggested(rig) == handles[NOSE]
    assert tuple(handles[LEFT_WRIST].color) == pytest.approx(look.OUTLIER)
    assert tuple(handles[NOSE].color) == pytest.approx(look.SUGGESTED)
    set_state(handles[NOSE], State.PINNED)
    assert next_suggested(rig) == handles[RIGHT_WRIST]
    note_judgement(handles, {"pins_out_of_reach": ["left_wrist"]})
    assert [(handle, "cannot reach" in text) for handle, text in warnings(rig)] == [(handles[LEFT_WRIST], True)]
    note_judgement(handles, {})
    assert not warnings(rig)
    assert not any(handle[SUGGESTED] or handle[WARNING] for handle in handles.values())


def test_each_state_and_side_looks_different(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    looks = set()
    for index, state in (
        (LEFT_WRIST, 0),
        (RIGHT_WRIST, 0),
        (NOSE, 0),
        (LEFT_WRIST, 1),
        (LEFT_WRIST, 2),
        (LEFT_WRIST, 3),
    ):
        set_state(handles[index], State(state))
        looks.add((handles[index].data.name, tuple(round(c, 3) for c in handles[index].color)))
    assert len(looks) == 6
    assert all(handle.data.packed_file is not None for handle in handles.values())


@pytest.mark.parametrize("picture", ["ring", "target", "dot", "alarm", "cross"])
def test_pictures_show_on_any_photo(picture: look.Picture) -> None:
    """Both light and dark pixels, so that neither a white nor a black photo swallows it; nothing at the corners."""
    image = look.draw(picture)
    solid = image[..., 3] > 0.8
    assert (image[..., 0][solid] > 0.9).sum() > 300
    assert (image[..., 0][solid] < 0.1).sum() > 150
    assert not image[[0, 0, -1, -1], [0, -1, 0, -1], 3].any()


def test_typed_nonsense_is_a_prediction(small_body: Body) -> None:
    handle = handles_of(_scene(small_body).characters[0].rig)[0]
    handle["sam3db_state"] = 17
    refresh_look(handle)
    assert state_of(handle) is State.PREDICTED


def test_missing_handles_are_made_again(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    set_state(by_keypoint(rig)[LEFT_WRIST], State.PINNED)
    bpy.data.objects.remove(by_keypoint(rig)[NOSE])
    assert NOSE not in by_keypoint(rig)
    assert len(ensure_handles(rig)) == 70
    assert state_of(by_keypoint(rig)[LEFT_WRIST]) is State.PINNED


def test_removing_leaves_nothing_behind(small_body: Body) -> None:
    built = _scene(small_body, handles=False)
    before = [{block.name for block in blocks} for blocks in (bpy.data.objects, bpy.data.collections)]
    rig = built.characters[0].rig
    ensure_handles(rig)
    assert shown(rig)
    remove_handles(rig)
    assert [{block.name for block in blocks} for blocks in (bpy.data.objects, bpy.data.collections)] == before


def test_only_one_person_shows_handles(small_body: Body) -> None:
    built = _scene(small_body, 2)
    first, second = (character.rig for character in built.characters)
    assert len({handle.name for rig in (first, second) for handle in handles_of(rig)}) == 140
    assert [home.hide_viewport for home in homes_of(first) + homes_of(second)] == [False, True]
    show(second, False, "face")
    show_only(second)
    assert [home.hide_viewport for home in homes_of(first) + homes_of(second)] == [True, False]
    assert not shown(second, "face")
    assert shown(second, "body")
    remove_handles(first)
    assert len(handles_of(second)) == 70
    # the plane stands before both people, so that clicks meet handles first
    nearest = min(read_origin(rig).arrays["keypoints_3d"][:, 2].min() for rig in (first, second))
    assert all(-plane.location.z < nearest for plane in planes_of(built.camera))


def test_handles_know_their_character_by_its_id(small_body: Body) -> None:
    built = _scene(small_body, 2)
    first, second = (character.rig for character in built.characters)
    first.name, second.name = "somebody", "dancing Rig"
    handle = handles_of(second)[NOSE]
    handle.name = "renamed"
    assert rig_of(handle) == second
    assert rig_of(built.characters[0].mesh) == first
    assert rig_of(built.camera) is None
    assert not is_handle(built.camera)
    bpy.data.objects.remove(second)
    assert rig_of(handle) is None


def test_a_character_without_its_camera_says_so(small_body: Body) -> None:
    built = _scene(small_body, handles=False)
    bpy.data.objects.remove(built.camera)
    with pytest.raises(Sam3dbError, match="camera of the photo"):
        ensure_handles(built.characters[0].rig)


def test_saved_and_appended_handles_are_whole(small_body: Body, tmp_path: Path) -> None:
    rig = _scene(small_body).characters[0].rig
    put(by_keypoint(rig)[NOSE], (12.0, 34.0))
    set_state(by_keypoint(rig)[NOSE], State.PINNED)
    file = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.append(directory=f"{file}/Collection/", filename="photo")
    bpy.context.view_layer.update()
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    assert prompts(rig) == [(NOSE, 12.0, 34.0, "place")]
    assert len(handles_of(rig)) == 70
    assert camera_of(rig).data.background_images[0].image.packed_file is not None
    assert not any(moved(handle) for handle in handles_of(rig))


def test_linked_characters_ask_for_an_override(small_body: Body, tmp_path: Path) -> None:
    _scene(small_body)
    file = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.link(directory=f"{file}/Collection/", filename="photo", instance_collections=False)
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    with pytest.raises(Sam3dbError, match="library override"):
        ensure_handles(rig)
