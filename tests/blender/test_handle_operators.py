"""What the panel and the context menu do with handles and people."""

from __future__ import annotations

import bpy
import pytest

import sam3db_blender
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names
from sam3db_blender.handles import pins, watch
from sam3db_blender.handles.handles import GROUPS, State, by_keypoint, handles_of, place, put, state_of
from sam3db_blender.handles.making import remove_handles
from sam3db_blender.handles.people import active_character, people_by_photo, people_of
from sam3db_blender.handles.showing import shown
from sam3db_blender.scene.provenance import character_id, read_origin
from tests.support.photo_scenes import photo_scene

LEFT_WRIST, RIGHT_WRIST = keypoint_names().index("left_wrist"), keypoint_names().index("right_wrist")
NOSE = keypoint_names().index("nose")


def _select(*handles: bpy.types.Object) -> None:
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    for handle in handles:
        handle.select_set(True)
        bpy.context.view_layer.objects.active = handle


def test_polls_say_what_is_missing(asked: list[str], small_body: Body) -> None:
    with pytest.raises(RuntimeError, match="no character"):
        bpy.ops.sam3db.infer_again()
    rig = photo_scene(small_body).characters[0].rig
    with pytest.raises(RuntimeError, match="Select handles"):
        bpy.ops.sam3db.pin_handles()
    _select(by_keypoint(rig)[NOSE])
    with pytest.raises(RuntimeError, match="None of the selected"):
        bpy.ops.sam3db.unpin_handles()
    with pytest.raises(RuntimeError, match="No handle stands out"):
        bpy.ops.sam3db.next_handle()
    assert asked == []


@pytest.mark.parametrize(
    ("operator", "state"),
    [
        ("pin_handles", State.PINNED),
        ("ignore_handles", State.IGNORED),
        ("mark_handles_wrong", State.INCORRECT),
    ],
)
def test_states_of_the_selected(asked: list[str], small_body: Body, operator: str, state: State) -> None:
    rig = photo_scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    put(handles[NOSE], (17.0, 23.0))
    _select(handles[LEFT_WRIST], handles[NOSE])
    assert getattr(bpy.ops.sam3db, operator)() == {"FINISHED"}
    changed = {index for index, handle in handles.items() if state_of(handle) is not State.PREDICTED}
    assert changed == {LEFT_WRIST, NOSE}
    assert state_of(handles[NOSE]) is state
    assert place(handles[NOSE]) == pytest.approx((17.0, 23.0))
    assert asked == [rig.name]

    assert bpy.ops.sam3db.unpin_handles() == {"FINISHED"}
    assert all(state_of(handle) is State.PREDICTED for handle in handles.values())
    assert place(handles[NOSE]) == pytest.approx(read_origin(rig).arrays["keypoints_2d"][NOSE], abs=1e-3)
    assert asked == [rig.name] * 2


def test_pin_symmetric_takes_the_other_side_along(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    _select(handles[LEFT_WRIST], handles[NOSE])  # the nose has no other side
    bpy.ops.sam3db.pin_handles_symmetric()
    assert set(pins.pinned(rig)) == {handles[LEFT_WRIST], handles[RIGHT_WRIST], handles[NOSE]}


def test_reset_of_a_group_and_of_all(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    toe = next(handle for handle in handles.values() if handle.name.endswith("Left Big Toe"))
    _select(handles[NOSE], toe)
    bpy.ops.sam3db.pin_handles()
    bpy.ops.sam3db.reset_handles(group="feet")
    assert pins.pinned(rig) == [handles[NOSE]]
    bpy.ops.sam3db.reset_handles()
    assert pins.pinned(rig) == []
    assert len(asked) == 3


def test_showing_and_hiding_groups(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    remove_handles(rig)
    # with none there, only what is asked for is shown of the new ones
    bpy.ops.sam3db.show_handles(group="feet")
    assert len(handles_of(rig)) == 70
    assert [group for group in GROUPS if shown(rig, group)] == ["feet"]
    bpy.ops.sam3db.show_handles(group="all")
    assert all(not handle.hide_viewport for handle in handles_of(rig))
    bpy.ops.sam3db.show_handles(group="face", on=False)
    assert [group for group in GROUPS if not shown(rig, group)] == ["face"]
    bpy.data.objects.remove(by_keypoint(rig)[NOSE])
    bpy.ops.sam3db.show_handles(group="all")
    assert NOSE in by_keypoint(rig)
    bpy.ops.sam3db.show_handles(group="all", on=False)
    assert not shown(rig)
    assert asked == []


def test_going_to_a_handle_uncovers_it(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    handles = by_keypoint(rig)
    handles[NOSE]["sam3db_suggested"], handles[LEFT_WRIST]["sam3db_suggested"] = 2, 1
    bpy.ops.sam3db.show_handles(group="all", on=False)
    bpy.context.view_layer.update()
    bpy.ops.object.mode_set(mode="POSE")
    assert bpy.ops.sam3db.next_handle() == {"FINISHED"}
    assert bpy.context.selected_objects == [handles[LEFT_WRIST]]
    assert bpy.context.object == handles[LEFT_WRIST]
    assert sum(not handle.hide_viewport for handle in handles.values()) == 1
    bpy.ops.sam3db.select_handle(keypoint=NOSE)
    assert bpy.context.selected_objects == [handles[NOSE]]
    bpy.data.objects.remove(handles[RIGHT_WRIST])
    with pytest.raises(RuntimeError, match="was deleted"):
        bpy.ops.sam3db.select_handle(keypoint=RIGHT_WRIST)


def test_a_failing_engine_is_reported(asked: list[str], small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = photo_scene(small_body).characters[0].rig

    def refuse(rig: bpy.types.Object) -> None:
        raise Sam3dbError("The photo is gone.")

    monkeypatch.setattr(watch, "refresh", refuse)
    _select(by_keypoint(rig)[NOSE])
    for operator in (bpy.ops.sam3db.pin_handles, bpy.ops.sam3db.infer_again, bpy.ops.sam3db.reset_handles):
        with pytest.raises(RuntimeError, match="The photo is gone"):
            operator()


def test_people_of_several_photos(asked: list[str], small_body: Body) -> None:
    one = photo_scene(small_body, count=2, name="one")
    two = photo_scene(small_body, size=(100, 200), name="two")
    scene = bpy.context.scene
    first, second = (character.rig for character in one.characters)
    third = two.characters[0].rig
    assert people_by_photo(scene) == {one.camera: [first, second], two.camera: [third]}
    assert active_character(bpy.context) == third
    assert scene.camera == two.camera

    assert bpy.ops.sam3db.pick_person(character=character_id(second)) == {"FINISHED"}
    assert bpy.context.object == active_character(bpy.context) == second
    assert scene.camera == one.camera
    assert (scene.render.resolution_x, scene.render.resolution_y) == (320, 240)
    bpy.context.view_layer.update()
    visible = {handle for rig in (first, second, third) for handle in handles_of(rig) if handle.visible_get()}
    assert visible == set(handles_of(second))
    # the camera belongs to nobody: whose handles are shown stays
    _select(one.camera)
    assert active_character(bpy.context) == second
    # handles belong to their person
    bpy.ops.sam3db.pick_person(character=character_id(first))
    bpy.context.view_layer.update()
    _select(by_keypoint(first)[NOSE])
    bpy.ops.sam3db.pin_handles()
    assert asked == [first.name]

    bpy.data.objects.remove(one.camera)
    assert people_by_photo(scene) == {None: [first, second], two.camera: [third]}
    bpy.data.objects.remove(second)
    with pytest.raises(RuntimeError, match="no longer in the scene"):
        bpy.ops.sam3db.pick_person(character="gone")


def test_a_copied_rig_is_the_same_person(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    copy = rig.copy()
    bpy.context.scene.collection.objects.link(copy)
    assert people_of(bpy.context.scene) == [rig]


def test_undo_takes_a_pin_back(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    name, wrist = rig.name, by_keypoint(rig)[LEFT_WRIST].name
    _select(bpy.data.objects[wrist])
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.sam3db.pin_handles()
    bpy.ops.ed.undo_push(message="after")  # in background mode operators called by scripts push no step
    bpy.ops.ed.undo()
    assert pins.pinned(bpy.data.objects[name]) == []
    bpy.ops.ed.redo()
    assert [handle.name for handle in pins.pinned(bpy.data.objects[name])] == [wrist]


def test_context_menu_comes_and_goes() -> None:
    def entries() -> list[str]:
        draws = getattr(bpy.types.VIEW3D_MT_object_context_menu.draw, "_draw_funcs", [])
        return [draw.__name__ for draw in draws if "sam3db" in draw.__module__]

    sam3db_blender.register()
    assert entries() == ["draw_context_menu"]
    sam3db_blender.unregister()
    assert entries() == []
