"""Characters that are removed, or deleted by hand, leave nothing behind; what is the artist's or another's stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.handles import deletions, watch
from sam3db_blender.handles.handles import by_keypoint, handles_of, is_handle
from sam3db_blender.handles.people import people_of
from sam3db_blender.handles.removal import remove_character
from sam3db_blender.masks.store import set_mask
from sam3db_blender.operators.importing import _build
from sam3db_blender.rig.resting import is_resting, rest
from sam3db_blender.scene.character import PhotoScene
from sam3db_blender.scene.lookup import rig_with
from sam3db_blender.scene.provenance import character_id
from tests.support.estimates import neutral_estimate
from tests.support.photo_scenes import photo_scene

_KINDS = ("objects", "meshes", "armatures", "cameras", "lights", "images", "materials", "collections", "actions")


def blocks() -> dict[str, list[str]]:
    """All data-blocks of the kinds that a character brings."""
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in _KINDS}


def delete(*objects: bpy.types.Object) -> None:
    """Deletes objects as an artist does."""
    for obj in bpy.context.view_layer.objects:
        obj.select_set(False)
    for obj in objects:
        obj.hide_viewport = False
        obj.select_set(True)
    bpy.ops.object.delete()
    bpy.context.view_layer.update()


@pytest.fixture
def asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "refresh", lambda rig: None)


@pytest.fixture
def add_on(asked_nothing: None) -> Iterator[Callable[[], None]]:
    """The extension; what is called does what its timer would."""
    sam3db_blender.register()

    def tick() -> None:
        for _ in range(3):
            deletions.deletions.tick()
            bpy.context.view_layer.update()

    yield tick
    sam3db_blender.unregister()


def test_the_last_person_takes_all_of_the_photo_along(small_body: Body) -> None:
    before = blocks()
    built = photo_scene(small_body, light=True)
    set_mask(built.characters[0].rig, np.ones(_size(built), bool))
    remove_character(built.characters[0].rig)
    assert blocks() == before


def test_a_resting_character_takes_its_drivers_along(small_body: Body) -> None:
    before = blocks()
    rig = photo_scene(small_body).characters[0].rig
    rest(rig)
    assert is_resting(rig)
    remove_character(rig)
    assert blocks() == before


def _size(built: PhotoScene) -> tuple[int, int]:
    assert built.image is not None
    return built.image.size[1], built.image.size[0]


def test_others_of_the_photo_and_other_photos_stay(small_body: Body) -> None:
    one, two = photo_scene(small_body, count=2, name="one"), photo_scene(small_body, name="two", light=True)
    first, second = (character.rig for character in one.characters)
    remove_character(first)
    assert people_of(bpy.context.scene) == [second, two.characters[0].rig]
    assert len(handles_of(second)) == 70
    assert one.camera.users_scene
    remove_character(second)
    assert not [obj for obj in bpy.data.objects if obj.name.startswith("one")]
    assert len(handles_of(two.characters[0].rig)) == 70
    assert two.camera.users_scene
    assert [obj for obj in bpy.context.scene.objects if obj.type == "LIGHT"]


def test_what_the_artist_hung_on_the_rig_stays_where_it_is(small_body: Body) -> None:
    built = photo_scene(small_body)
    rig = built.characters[0].rig
    hat = bpy.data.objects.new("hat", bpy.data.meshes.new("hat"))
    built.collection.children[0].objects.link(hat)
    hat.parent, hat.parent_type, hat.parent_bone = rig, "BONE", "c_head"
    bpy.context.view_layer.update()
    place = np.array(hat.matrix_world)
    remove_character(rig)
    bpy.context.view_layer.update()
    assert hat.users_scene
    assert hat.parent is None
    assert np.array(hat.matrix_world) == pytest.approx(place, abs=1e-6)


def test_a_copy_keeps_the_handles(small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    copy = rig.copy()
    rig.users_collection[0].objects.link(copy)
    remove_character(rig)
    assert rig_with(character_id(copy)) == copy
    assert len(handles_of(copy)) == 70
    remove_character(copy)
    assert not bpy.data.objects


def test_the_operator_removes_who_is_meant(add_on: Callable[[], None], small_body: Body) -> None:
    built = photo_scene(small_body, count=2)
    first, second = (character.rig for character in built.characters)
    bpy.ops.sam3db.remove_character(character=character_id(second))
    assert people_of(bpy.context.scene) == [first]
    bpy.ops.sam3db.remove_character()
    assert not bpy.data.objects
    assert not bpy.ops.sam3db.remove_character.poll()


def test_a_linked_character_is_refused(small_body: Body, tmp_path: Path) -> None:
    photo_scene(small_body)
    source = str(tmp_path / "source.blend")
    bpy.ops.wm.save_as_mainfile(filepath=source)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    name = "photo"
    bpy.ops.wm.link(directory=f"{source}/Collection/", filename=name)
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    with pytest.raises(Sam3dbError, match="linked"):
        remove_character(rig)


# --- deleted by hand -------------------------------------------------------------------------------------------------


def test_a_deleted_armature_takes_its_leftovers_along(add_on: Callable[[], None], small_body: Body) -> None:
    """It left 70 handles of nobody, and a body in rest pose."""
    before = blocks()
    built = photo_scene(small_body, light=True)
    bpy.context.view_layer.update()
    add_on()
    delete(built.characters[0].rig)
    add_on()
    assert {**blocks(), "armatures": []} == {**before, "armatures": []}


@pytest.mark.parametrize("what", ["rig", "everything"])
def test_one_undo_brings_a_deleted_person_back(add_on: Callable[[], None], small_body: Body, what: str) -> None:
    built = photo_scene(small_body, light=True)
    identity, rig = built.characters[0].id, built.characters[0].rig
    bpy.context.view_layer.update()
    add_on()
    before = {kind: names for kind, names in blocks().items() if kind != "images"}
    bpy.ops.ed.undo_push(message="Start")
    delete(*([rig] if what == "rig" else [rig, *rig.children_recursive, *handles_of(rig)]))
    bpy.ops.ed.undo_push(message="Delete")  # as Blender does after an operator
    add_on()
    assert not any(is_handle(obj) for obj in bpy.data.objects)
    bpy.ops.ed.undo()
    add_on()
    back = rig_with(identity)
    assert back is not None
    assert len(by_keypoint(back)) == 70
    assert {kind: names for kind, names in blocks().items() if kind != "images"} == before
    assert all(obj.users_scene for obj in bpy.data.objects)
    bpy.ops.ed.redo()
    add_on()
    assert rig_with(identity) is None
    assert not any(is_handle(obj) for obj in bpy.data.objects)


def test_a_body_that_something_else_moves_is_no_leftover(add_on: Callable[[], None], small_body: Body) -> None:
    """The artist has put it on a rig of their own, or made a statue of it."""
    built = photo_scene(small_body, count=2)
    first, second = built.characters
    other = bpy.data.objects.new("other", bpy.data.armatures.new("other"))
    bpy.context.scene.collection.objects.link(other)
    bpy.context.view_layer.update()
    add_on()
    next(m for m in first.mesh.modifiers if m.type == "ARMATURE").object = other
    second.mesh.modifiers.clear()
    delete(first.rig, second.rig)
    add_on()
    assert first.mesh.users_scene
    assert second.mesh.users_scene


def test_a_file_that_is_opened_loses_nothing(add_on: Callable[[], None], small_body: Body, tmp_path: Path) -> None:
    built = photo_scene(small_body)
    bpy.context.view_layer.update()
    add_on()
    bpy.data.objects.remove(built.characters[0].rig)
    path = str(tmp_path / "half.blend")
    deletions.detach()  # another Blender, without the extension, has saved it
    bpy.ops.wm.save_as_mainfile(filepath=path)
    deletions.attach()
    bpy.ops.wm.open_mainfile(filepath=path)
    add_on()
    assert sum(is_handle(obj) for obj in bpy.data.objects) == 70


def test_all_that_is_deleted_at_once_leaves_no_collections(add_on: Callable[[], None], small_body: Body) -> None:
    """No object was left, but the collections of both photos were; undoing brings all of it back in one step."""
    before = blocks()["collections"]
    for name in ("one", "two"):
        photo_scene(small_body, name=name, light=True)
    bpy.context.view_layer.update()
    add_on()
    there = blocks()["collections"]
    bpy.ops.ed.undo_push(message="Start")
    delete(*bpy.context.view_layer.objects)
    bpy.ops.ed.undo_push(message="Delete")
    add_on()
    assert not bpy.context.scene.objects
    assert blocks()["collections"] == before
    bpy.ops.ed.undo()
    add_on()
    assert blocks()["collections"] == there
    assert len(people_of(bpy.context.scene)) == 2
    bpy.ops.ed.redo()
    add_on()
    assert blocks()["collections"] == before


def test_collections_that_hold_something_else_stay(add_on: Callable[[], None], small_body: Body) -> None:
    built = photo_scene(small_body)
    own = bpy.data.objects.new("own", None)
    built.collection.children[0].objects.link(own)
    bpy.context.view_layer.update()
    add_on()
    delete(*(obj for obj in bpy.context.view_layer.objects if obj != own))
    add_on()
    assert own.users_scene
    assert built.collection.children[0] in own.users_collection


@pytest.mark.parametrize("then", ["save", "import"])
def test_a_script_that_deletes_a_rig_leaves_nothing_of_it(
    add_on: Callable[[], None], small_body: Body, tmp_path: Path, then: str
) -> None:
    """No timer runs in a script: the body and 70 handles came into the file, and stayed beside the next person."""
    rig = photo_scene(small_body, name="first").characters[0].rig
    bpy.context.view_layer.update()
    delete(rig)
    if then == "save":
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    else:
        estimate = neutral_estimate(small_body)
        _build(bpy.context, [estimate], None, small_body, light=False, name="second")
    names = [block.name for block in (*bpy.data.objects, *bpy.data.collections)]
    assert not [name for name in names if name.startswith("first")]
