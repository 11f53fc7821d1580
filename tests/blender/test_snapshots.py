"""Going back to earlier estimates of a character, and losing nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender import places
from sam3db_blender.handles import session, watch
from sam3db_blender.handles.handles import State, by_keypoint, moved, place, state_of
from sam3db_blender.handles.pins import prompts, set_state
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import read_parameters, read_shape
from sam3db_blender.scene import edits, snapshots
from sam3db_blender.scene.lookup import rig_with
from sam3db_blender.scene.provenance import read_origin
from tests.support.posing_stage import ANKLE, NOSE, WRIST, Stage, estimate_of_person, install_body, set_up, write_photo


@pytest.fixture
def stage(small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    install_body(small_body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    return set_up(small_body, tmp_path, write_photo(tmp_path))


@pytest.fixture
def operators(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The extension, whose loop is the stage's."""
    monkeypatch.setattr(watch, "loop", stage.loop)
    sam3db_blender.register()
    bpy.context.view_layer.objects.active = stage.rig
    yield
    sam3db_blender.unregister()


def drag(stage: Stage, keypoint: int, seed: int) -> None:
    stage.drag(keypoint, 9, -4)
    stage.wait()
    stage.answer(seed)


def names(stage: Stage) -> list[str]:
    return [name for name, _ in snapshots.entries(stage.rig)]


def when(stage: Stage, name: str) -> float:
    return next(time for known, time in snapshots.entries(stage.rig) if known == name)


def state(stage: Stage) -> dict[str, np.ndarray]:
    """All that going back brings back: the mesh as it is seen, the numbers, and the handles."""
    rig = rig_with(stage.character.id)
    assert rig is not None
    bpy.context.view_layer.update()
    handles = by_keypoint(rig)
    mesh = next(child for child in rig.children if child.type == "MESH")
    return {
        "mesh": evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get()),
        "parameters": read_parameters(rig, stage.body)[0],
        "shape": np.concatenate(read_shape(rig, stage.body)),
        "states": np.array([int(state_of(handle)) for handle in handles.values()]),
        "places": np.array([place(handle) for handle in handles.values()]),
        "recorded": read_origin(rig).arrays["keypoints_2d"],
    }


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    for name, tolerance in {"mesh": 1e-5, "places": 0.01, "recorded": 0.01}.items():
        assert found[name] == pytest.approx(wanted[name], abs=tolerance), name
    for name in ("parameters", "shape", "states"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-4), name


def test_estimates_are_named_by_what_caused_them(stage: Stage) -> None:
    drag(stage, WRIST, 7)
    set_state(by_keypoint(stage.rig)[NOSE], State.IGNORED)
    for index in (WRIST, ANKLE):
        stage.drag(index, 3, 3)
    stage.wait()
    stage.answer(8)
    set_state(by_keypoint(stage.rig)[WRIST], State.PREDICTED)
    stage.loop.ask(stage.character.id)
    stage.wait()
    stage.answer(9)
    stage.loop.ask(stage.character.id)
    stage.wait()
    stage.answer(10)
    assert names(stage)[:2] == ["Import", "Left Wrist Dragged"]
    assert names(stage)[3:] == ["Left Wrist Unpinned", "Updated from Photo"]


def test_any_estimate_can_be_gone_back_to_and_forth(stage: Stage, operators: None) -> None:
    seen = {"Import": state(stage)}
    for index, seed, name in ((WRIST, 7, "Left Wrist Dragged"), (ANKLE, 8, "Right Ankle Dragged")):
        drag(stage, index, seed)
        seen[name] = state(stage)
    assert names(stage) == list(seen)
    for name in ("Import", "Right Ankle Dragged", "Left Wrist Dragged", "Import", "Right Ankle Dragged"):
        bpy.ops.sam3db.go_back(when=repr(when(stage, name)))
        assert_same(state(stage), seen[name])
        assert not any(moved(handle) for handle in by_keypoint(stage.rig).values())
        assert session.request_for(stage.rig).edits is None
    assert names(stage) == list(seen)
    stage.wait()
    assert len(stage.worker.asked) == 2


def test_what_was_done_by_hand_is_not_lost_by_going_back(stage: Stage) -> None:
    drag(stage, ANKLE, 7)
    stage.rig.pose.bones["c_head"].rotation_euler = (0.3, -0.2, 0.5)
    stage.rig["Body: weight"] = 1.5
    stage.rig.update_tag()
    by_hand = state(stage)
    session.go_back(stage.rig, when(stage, "Import"))
    assert stage.rig["Body: weight"] != pytest.approx(1.5)
    assert edits.recall(stage.rig, stage.body).mine == {}
    session.go_back(stage.rig, when(stage, "Edited by Hand"))
    now = state(stage)
    # handles that are not pinned now lie on the keypoints that were moved by hand
    assert_same(now, by_hand | {name: now[name] for name in ("places", "recorded")})
    sent = session.request_for(stage.rig).edits
    assert sent is not None
    assert sent.identity == pytest.approx({0: 1.5})


def test_going_back_is_one_step_and_gives_a_pending_answer_up(stage: Stage, operators: None) -> None:
    drag(stage, WRIST, 7)
    before = state(stage)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.sam3db.go_back(when=repr(when(stage, "Import")))
    bpy.ops.ed.undo_push(message="Go Back")
    bpy.ops.ed.undo()
    assert_same(state(stage), before)
    rig = rig_with(stage.character.id)
    assert rig is not None
    bpy.context.view_layer.objects.active = rig
    stage.loop.ask(stage.character.id)
    stage.wait()
    first = snapshots.entries(rig)[0][1]
    bpy.ops.sam3db.go_back(when=repr(first))
    stage.worker.answer(estimate_of_person(stage.body, 9))
    stage.wait()
    stage.wait()
    imported = estimate_of_person(stage.body, 0).model_parameters
    assert read_parameters(rig, stage.body)[0] == pytest.approx(imported, abs=1e-4)
    assert prompts(rig) == []


def test_snapshots_travel_with_the_file_and_stay_small(stage: Stage, tmp_path: Path) -> None:
    for seed in range(14):
        drag(stage, WRIST if seed % 2 else ANKLE, 20 + seed)
    wanted, kept = state(stage), names(stage)
    assert len(kept) == snapshots.KEPT
    assert kept[0] == "Import"
    assert len(stage.rig[snapshots.PROPERTY]) < 50_000
    last = snapshots.entries(stage.rig)[-1][1]
    session.go_back(stage.rig, when(stage, "Import"))
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    rig = rig_with(stage.character.id)
    assert rig is not None
    assert session.go_back(rig, last) == kept[-1]
    assert_same(state(stage), wanted)
    with pytest.raises(Sam3dbError, match="no longer available"):
        session.go_back(rig, 1.0)


def test_many_edits_do_not_make_a_file_grow(stage: Stage) -> None:
    """All bones turned by hand: fewer snapshots are kept, and still the first and the last."""
    rng = np.random.default_rng(3)
    for seed in range(12):
        for bone in stage.rig.pose.bones:
            bone.rotation_euler = rng.uniform(-0.4, 0.4, 3).tolist()
        stage.rig.update_tag()
        drag(stage, ANKLE, 20 + seed)
    assert len(stage.rig[snapshots.PROPERTY]) < 50_000
    assert names(stage)[0] == "Import"
    assert len(names(stage)) >= 3
