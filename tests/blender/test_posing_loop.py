"""The loop from a dragged handle to the new pose, without a window: artist, worker and clock are the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.bounds import PROMPT_ERROR, REFINE
from native_runtime.engines.base import REFINED, ROUGH
from native_runtime.engines.details import DOUBTED
from native_runtime.engines.details import WHOLE_BODY as MADE_WHOLE
from native_runtime.engines.estimate import Prompts
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.requests import PoseRequest
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.handles import pending, session, watch
from sam3db_blender.handles.handles import State, by_keypoint, handles_of, moved, place, state_of
from sam3db_blender.handles.limb_preview import laid, take_off
from sam3db_blender.handles.loop import UNDO_STEP
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.handles.pins import prompts, set_state, warnings
from sam3db_blender.jobs import worker as jobs
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import read_parameters
from sam3db_blender.scene import edits
from sam3db_blender.scene.lookup import rig_with
from sam3db_blender.scene.provenance import character_id, read_origin
from sam3db_blender.scene.readback import current_state
from tests.support.posing_stage import (
    ANKLE,
    NOSE,
    SIZE,
    WRIST,
    Artist,
    Stage,
    estimate_of_person,
    install_body,
    set_up,
    write_photo,
)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path)


@pytest.fixture
def stage(small_body: Body, tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    install_body(small_body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    return set_up(small_body, tmp_path, photo)


# --- a drag ----------------------------------------------------------------------------------------------------------


def test_a_drag_pins_asks_and_poses(stage: Stage) -> None:
    start = place(by_keypoint(stage.rig)[WRIST])
    stage.drag(WRIST, 20, -5)
    stage.wait()
    handle = by_keypoint(stage.rig)[WRIST]
    assert state_of(handle) is State.PINNED
    asked = stage.worker.asked[0]
    assert asked["pins"] == [[WRIST, pytest.approx(start[0] + 20), pytest.approx(start[1] - 5), "place"]]
    assert asked["slot"] == stage.character.id
    assert asked["body"] == "small"
    assert np.array(asked["box"]) == pytest.approx([10, 20, 200, 230])
    assert stage.state == "waiting"
    answer = stage.answer()
    assert stage.state == "idle"
    assert stage.artist.pushed == [UNDO_STEP]
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-5)
    assert place(handle) == pytest.approx((start[0] + 20, start[1] - 5))
    for index, other in by_keypoint(stage.rig).items():
        if index != WRIST:
            assert place(other) == pytest.approx(answer.keypoints_2d[index], abs=1e-3)
    assert not stage.loop.busy


def test_the_mesh_stays_on_the_person_and_all_else_where_it_is(stage: Stage) -> None:
    other = stage.built.characters[1].rig
    camera, before = stage.built.camera.matrix_world.copy(), read_parameters(other, stage.body)[0]
    places = [place(handle) for handle in handles_of(other)]
    stage.drag(WRIST, 9, 9)
    stage.wait()
    answer = stage.answer()
    points = evaluated_vertices(stage.character.mesh, bpy.context.evaluated_depsgraph_get())
    assert stage.built.placement.camera(points) == pytest.approx(answer.vertices, abs=1e-4)
    assert stage.built.camera.matrix_world == camera
    assert (read_parameters(other, stage.body)[0] == before).all()
    assert [place(handle) for handle in handles_of(other)] == places


def test_the_mesh_follows_a_photo_that_was_moved(stage: Stage) -> None:
    """The artist turned camera and rig together; the pose is put where the camera now sees the person."""
    from mathutils import Matrix

    turn = Matrix.Rotation(0.8, 4, "Z") @ Matrix.Translation((2, 1, 0.5))
    for obj in (stage.built.camera, stage.rig):
        obj.matrix_world = turn @ obj.matrix_world
    bpy.context.view_layer.update()
    stage.drag(WRIST, 9, 9)
    stage.wait()
    answer = stage.answer()
    points = evaluated_vertices(stage.character.mesh, bpy.context.evaluated_depsgraph_get())
    local = np.array(stage.built.camera.matrix_world.inverted())
    seen = (points @ local[:3, :3].T + local[:3, 3]) * [1, -1, -1]
    assert seen == pytest.approx(answer.vertices, abs=1e-4)


def test_the_record_is_the_answers(stage: Stage) -> None:
    """What is saved, exported and read back afterwards is the new pose; the character is the same."""
    stage.drag(WRIST, 9, 9)
    stage.wait()
    answer = stage.answer()
    origin = read_origin(stage.rig)
    assert origin.id == stage.character.id
    assert origin.arrays["model_parameters"] == pytest.approx(answer.model_parameters)
    assert origin.details["prompts"]["keypoints"][0][0] == WRIST
    now = current_state(stage.rig, stage.body)
    assert now.camera_translation == pytest.approx(answer.camera_translation, abs=1e-5)
    assert now.model_parameters == pytest.approx(answer.model_parameters, abs=1e-5)


def test_nothing_is_asked_while_the_artist_drags(stage: Stage) -> None:
    stage.artist.drags = True
    for _ in range(5):
        stage.drag(WRIST, 2, 0)
        stage.wait()
    assert not stage.worker.asked
    stage.artist.drags = False
    stage.wait()
    assert len(stage.worker.asked) == 1
    assert stage.worker.asked[0]["pins"][0][1] == pytest.approx(place(by_keypoint(stage.rig)[WRIST])[0])


def test_a_touch_is_no_drag(stage: Stage) -> None:
    stage.drag(WRIST, 0.005, 0)
    stage.wait()
    assert not stage.worker.asked
    assert not stage.loop.busy


def test_our_own_changes_ask_for_nothing(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.answer()
    for _ in range(3):
        stage.loop.mark(stage.character.id)  # as Blender's update after the answer does
        stage.wait()
    assert len(stage.worker.asked) == 1
    assert stage.artist.pushed == [UNDO_STEP]


def test_the_newest_drag_wins(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.drag(ANKLE, 0, 9)
    stage.wait()
    assert [pin[0] for pin in stage.worker.asked[1]["pins"]] == sorted((WRIST, ANKLE))
    stage.worker.answer(estimate_of_person(stage.body, 8), number=1)
    stage.wait()
    assert stage.state == "waiting"
    assert not stage.artist.pushed
    answer = stage.answer(9)
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-5)
    assert stage.artist.pushed == [UNDO_STEP]


def test_people_wait_for_their_own_answers(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0, character=0)
    stage.drag(NOSE, 9, 0, character=1)
    stage.wait()
    assert [asked["slot"] for asked in stage.worker.asked] == [character.id for character in stage.built.characters]


def test_judgements_arrive_at_the_handles(stage: Stage) -> None:
    stage.drag(WRIST, 90, 0)
    stage.wait()
    stage.answer(prompt_warnings=[{"keypoint": WRIST, "message": "Left and right are swapped.", "suggestion": ""}])
    assert warnings(stage.rig) == [(by_keypoint(stage.rig)[WRIST], "Left and right are swapped.")]


def test_a_marked_wrong_place_stays_marked(stage: Stage) -> None:
    handle = by_keypoint(stage.rig)[WRIST]
    set_state(handle, State.INCORRECT)
    before = place(handle)
    stage.loop.ask(stage.character.id)
    stage.wait()
    assert stage.worker.asked[0]["pins"] == [[WRIST, *map(pytest.approx, before), "incorrect"]]
    stage.answer()
    assert place(handle) == before
    stage.drag(WRIST, 5, 5)
    stage.wait()
    assert state_of(handle) is State.PINNED


# --- what may go wrong -----------------------------------------------------------------------------------------------


def test_a_killed_worker_is_asked_once_more(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.worker.fail("WorkerError")
    stage.wait()
    stage.wait()
    assert len(stage.worker.asked) == 2
    assert stage.worker.asked[0] == stage.worker.asked[1]
    stage.worker.fail("WorkerError", "The worker crashed.")
    stage.wait()
    assert stage.loop.status(stage.character.id).text == "The worker crashed."
    assert not stage.loop.busy
    assert [prompt[0] for prompt in prompts(stage.rig)] == [WRIST]
    stage.drag(WRIST, 1, 0)
    stage.wait()
    stage.worker.fail("WorkerError")
    stage.wait()
    stage.wait()
    assert len(stage.worker.asked) == 4
    stage.answer()
    assert stage.state == "idle"


def test_other_failures_are_told_and_not_repeated(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.worker.fail("ModelError", "Build the models.")
    stage.wait()
    assert len(stage.worker.asked) == 1
    assert stage.loop.status(stage.character.id).text == "Build the models."


def test_a_stopped_worker_leaves_the_pins(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.worker.fail("Cancelled")
    stage.wait()
    assert stage.state == "idle"
    assert not stage.loop.busy
    assert [prompt[0] for prompt in prompts(stage.rig)] == [WRIST]


@pytest.mark.parametrize("what", ["rig", "handles", "everything"])
def test_deleting_while_an_answer_is_under_way(stage: Stage, what: str) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    gone = {"rig": [stage.rig], "handles": handles_of(stage.rig), "everything": list(bpy.data.objects)}[what]
    bpy.data.batch_remove(gone)
    stage.worker.answer(estimate_of_person(stage.body, 7))
    stage.wait()
    stage.loop.mark("nobody")
    stage.wait()
    assert not stage.loop.busy


def test_an_answer_after_the_file_was_closed(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.loop.forget()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stage.worker.answer(estimate_of_person(stage.body, 7))
    stage.wait()
    assert not stage.loop.busy
    assert not stage.artist.pushed


def test_a_given_up_question_changes_nothing(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    before = read_parameters(stage.rig, stage.body)[0]
    stage.loop.cancel(stage.character.id)
    stage.answer()
    assert (read_parameters(stage.rig, stage.body)[0] == before).all()


def test_an_answer_of_another_body_is_refused(stage: Stage) -> None:
    from dataclasses import replace

    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.worker.answer(replace(estimate_of_person(stage.body, 7), body_hash="sha256:0", body_name="another"))
    stage.wait()
    stage.wait()
    assert "another body ('another')" in stage.loop.status(stage.character.id).text


def test_a_missing_camera_is_told(stage: Stage) -> None:
    bpy.data.objects.remove(stage.built.camera)
    stage.loop.ask(stage.character.id)
    stage.wait()
    assert "camera" in stage.loop.status(stage.character.id).text
    assert not stage.loop.busy


# --- undo ------------------------------------------------------------------------------------------------------------


def _half(stage: Stage, direction: str, ended: int = 0, left: int = 1) -> None:
    """Undoing or redoing arrives at a step in which the wrist is moved and not settled."""
    by_keypoint(stage.rig)[WRIST].location.x += 30
    stage.loop.leaving({stage.character.id: left})
    stage.loop.travelled(direction, {stage.character.id: ended})


def test_undo_passes_the_step_between_drag_and_pose(stage: Stage) -> None:
    """In the drag's own step the handle is moved and not settled: the loop goes one farther."""
    handle = by_keypoint(stage.rig)[WRIST]

    def travel(direction: str) -> bool:
        handle.location.x -= 30
        stage.loop.travelled("undo", {})
        return True

    stage.artist.travel = travel
    _half(stage, "undo")
    for _ in range(3):
        stage.wait()
    assert stage.artist.steps == ["undo"]
    assert not stage.worker.asked
    assert state_of(handle) is State.PREDICTED
    assert not stage.loop.busy


def test_undo_at_the_oldest_step_keeps_the_handle(stage: Stage) -> None:
    handle = by_keypoint(stage.rig)[WRIST]
    _half(stage, "undo")
    stage.wait()
    assert stage.artist.steps == ["undo"]
    assert state_of(handle) is State.PINNED
    assert not moved(handle)
    assert not stage.worker.asked


def test_undo_of_something_else_stops_at_a_drag_and_asks(stage: Stage) -> None:
    """Two drags, and the answer to the first never came: undoing the second leaves the first, with its pose."""
    _half(stage, "undo", ended=4, left=4)
    stage.wait()
    assert stage.artist.steps == []
    assert [pin[0] for pin in stage.worker.asked[0]["pins"]] == [WRIST]
    stage.answer()
    assert stage.artist.pushed == [UNDO_STEP]


def test_redoing_a_drag_that_never_was_answered_asks_again(stage: Stage) -> None:
    _half(stage, "redo", left=0)
    stage.wait()
    assert stage.artist.steps == ["redo"]
    assert len(stage.worker.asked) == 1


def test_an_unanswered_wish_is_a_question_too(stage: Stage) -> None:
    """What operators do: say something, wish for a new pose, and end their own undo step."""
    set_state(by_keypoint(stage.rig)[WRIST], State.IGNORED)
    stage.loop.ask(stage.character.id)
    assert pending.unanswered() == {stage.character.id: 0}
    assert stage.state == "waiting"
    stage.wait()
    assert pending.unanswered() == {}
    stage.answer()
    assert pending.all_ended()[stage.character.id] == 1
    stage.loop.ask(stage.character.id)
    stage.wait()
    stage.worker.fail("ModelError", "Build the models.")
    stage.wait()
    assert pending.all_ended()[stage.character.id] == 2
    assert stage.artist.pushed == [UNDO_STEP] * 2


def test_undo_drops_the_answer_under_way(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.loop.travelled("undo", {})
    before = read_parameters(stage.rig, stage.body)[0]
    stage.answer()
    assert (read_parameters(stage.rig, stage.body)[0] == before).all()
    assert not stage.artist.pushed


# --- during the drag -------------------------------------------------------------------------------------------------


def _follow(stage: Stage, index: int, x: float, y: float) -> None:
    """Drags a handle, and lets the preview come: the body is read, the preview made, shown."""
    stage.artist.drags = True
    stage.drag(index, x, y)
    for _ in range(4):
        stage.wait(0.02)
        reading = stage.loop._task(stage.character.id).reading
        if reading is not None:
            reading.join()
    bpy.context.view_layer.update()


def _seen(stage: Stage, index: int) -> np.ndarray:
    """(2,) px at which the camera sees a keypoint of the character as it stands."""
    estimate = read_origin(stage.rig).estimate(stage.body, current_state(stage.rig, stage.body))
    return np.asarray(estimate.keypoints_2d[index])


def _numbers(stage: Stage) -> tuple[np.ndarray, ...]:
    standing = current_state(stage.rig, stage.body)
    return standing.model_parameters, standing.identity, standing.expression, standing.camera_translation


def test_the_limb_follows_its_handle_and_nothing_else_does(stage: Stage) -> None:
    before, seen = read_parameters(stage.rig, stage.body)[0], _seen(stage, WRIST)
    record = read_origin(stage.rig).arrays["model_parameters"]
    _follow(stage, WRIST, 6, -4)
    goal = np.array(place(by_keypoint(stage.rig)[WRIST]))
    away = np.linalg.norm(_seen(stage, WRIST) - goal)
    assert away < 0.5 * np.linalg.norm(seen - goal)
    turned = np.abs(read_parameters(stage.rig, stage.body)[0] - before) > 1e-4
    assert turned.any()
    names = [name for name, changed in zip(stage.body.parameter_names, turned) if changed]
    assert all(name.startswith("l_") for name in names), names
    assert not stage.worker.asked
    assert not stage.artist.pushed
    assert state_of(by_keypoint(stage.rig)[WRIST]) is State.PREDICTED
    assert read_origin(stage.rig).arrays["model_parameters"] == pytest.approx(record)


def test_a_drag_that_is_given_up_takes_its_preview_back(stage: Stage) -> None:
    before, places = read_parameters(stage.rig, stage.body)[0], [place(handle) for handle in handles_of(stage.rig)]
    _follow(stage, WRIST, 10, 0)
    assert np.abs(read_parameters(stage.rig, stage.body)[0] - before).max() > 1e-3
    stage.drag(WRIST, -10, 0)
    stage.artist.drags = False
    stage.wait()
    bpy.context.view_layer.update()
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(before, abs=1e-6)
    assert np.array([place(handle) for handle in handles_of(stage.rig)]) == pytest.approx(np.array(places), abs=1e-3)
    assert laid(stage.rig) == {}
    assert state_of(by_keypoint(stage.rig)[WRIST]) is State.PREDICTED
    assert not stage.artist.pushed
    assert not stage.loop.busy


def test_the_preview_stays_until_the_answer_and_is_no_edit(stage: Stage) -> None:
    before = read_parameters(stage.rig, stage.body)[0]
    _follow(stage, WRIST, 10, 0)
    shown = read_parameters(stage.rig, stage.body)[0]
    stage.artist.drags = False
    stage.wait()
    bpy.context.view_layer.update()
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(shown, abs=1e-6)
    assert np.abs(shown - before).max() > 1e-3
    assert stage.worker.asked[0].get("edits") is None
    answer = stage.answer(9)
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-5)
    assert laid(stage.rig) == {}
    assert edits.notice(stage.rig, stage.body).mine == {}
    assert stage.artist.pushed == [UNDO_STEP]


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_without_an_answer_the_preview_goes(stage: Stage, how: str) -> None:
    before = read_parameters(stage.rig, stage.body)[0]
    _follow(stage, WRIST, 10, 0)
    stage.artist.drags = False
    stage.wait()
    if how == "failed":
        stage.worker.fail("ModelError", "Build the models.")
        stage.wait()
    else:
        stage.loop.cancel(stage.character.id)
    bpy.context.view_layer.update()
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(before, abs=1e-6)
    assert laid(stage.rig) == {}
    assert state_of(by_keypoint(stage.rig)[WRIST]) is State.PINNED


def test_a_bone_turned_by_hand_after_the_preview_is_the_artists(stage: Stage) -> None:
    _follow(stage, WRIST, 10, 0)
    stage.artist.drags = False
    stage.wait()
    name = max(laid(stage.rig), key=lambda bone: abs(np.subtract(*laid(stage.rig)[bone])).max())
    stage.rig.pose.bones[name].rotation_euler[0] += 0.3
    turned = list(stage.rig.pose.bones[name].rotation_euler)
    take_off(stage.rig)
    assert list(stage.rig.pose.bones[name].rotation_euler) == turned


def test_a_step_of_the_history_with_a_preview_asks_without_it(stage: Stage) -> None:
    """The step that Blender made of the drag shows the preview; undoing may stop there."""
    _follow(stage, WRIST, 10, 0)
    stage.artist.drags = False
    stage.loop.leaving({stage.character.id: 0})
    stage.loop.travelled("undo", pending.unanswered())
    stage.wait()
    assert stage.worker.asked[0].get("edits") is None
    assert [pin[0] for pin in stage.worker.asked[0]["pins"]] == [WRIST]


def test_two_handles_at_once_wait_for_the_answer(stage: Stage) -> None:
    before = read_parameters(stage.rig, stage.body)[0]
    stage.drag(ANKLE, 5, 0)
    _follow(stage, WRIST, 10, 0)
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(before, abs=1e-6)


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_the_photo_is_found_wherever_it_is(stage: Stage, photo: Path, tmp_path: Path) -> None:
    assert session.request_for(stage.rig).photo == photo
    (tmp_path / "elsewhere").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere" / "scene.blend"))
    moved_to = tmp_path / "elsewhere" / photo.name
    photo.rename(moved_to)
    assert session.request_for(stage.rig).photo == moved_to
    moved_to.write_bytes(moved_to.read_bytes() + b"edited")
    packed = session.request_for(stage.rig)
    assert packed.photo.is_relative_to(bpy.app.tempdir)
    assert read_photo(packed.photo).size == SIZE
    image = stage.built.image
    assert image is not None
    bpy.data.images.remove(image)
    with pytest.raises(Sam3dbError, match="no longer in its camera's background"):
        session.request_for(stage.rig)


def test_a_smaller_packed_photo_scales_what_is_asked(stage: Stage, photo: Path) -> None:
    photo.unlink()
    image = stage.built.image
    assert image is not None
    full = session.request_for(stage.rig)
    image.scale(SIZE[0] // 2, SIZE[1] // 2)
    image.pack()
    set_state(by_keypoint(stage.rig)[WRIST], State.PINNED)
    half = session.request_for(stage.rig)
    assert (np.array(half.box) + 0.5) * 2 - 0.5 == pytest.approx(full.box)
    assert half.intrinsics[0][0] * 2 == pytest.approx(full.intrinsics[0][0])
    assert (np.array(half.pins[0][1:3]) + 0.5) * 2 - 0.5 == pytest.approx(place(by_keypoint(stage.rig)[WRIST]))


def test_a_character_is_refined_as_it_was_made_until_its_user_says_otherwise(stage: Stage) -> None:
    assert encode(session.request_for(stage.rig))["refine"] == 0.0, "versions before refined nothing"
    origin = read_origin(stage.rig)
    refined = origin.details["details"] | {REFINED: {"strength": 0.45}}
    made = replace(origin, details=origin.details | {"details": refined})
    assert session.refine_of(stage.rig, made) == 0.45
    rough = replace(origin, details=origin.details | {"details": {ROUGH: "hands"}})
    assert session.refine_of(stage.rig, rough) == REFINE
    bpy.context.view_layer.objects.active = stage.rig
    sam3db_blender.register()
    try:
        assert bpy.ops.sam3db.refine_to_photo(strength=0.8) == {"FINISHED"}
    finally:
        sam3db_blender.unregister()
    assert encode(session.request_for(stage.rig))["refine"] == pytest.approx(0.8)
    assert session.refine_of(stage.rig, made) == pytest.approx(0.8)
    stage.rig[session.STRENGTH] = 0.0
    assert session.request_for(stage.rig).refine == 0.0


def test_the_whole_body_is_inferred_from_pins_where_the_artist_says_so(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    """At once where there are pins, and with every drag from then on; it stays in the file with the rig."""
    exact = session.request_for(stage.rig)
    assert (exact.prompt_error, exact.snap) == (0.0, False)
    bpy.context.view_layer.objects.active = stage.rig
    sam3db_blender.register()
    try:
        assert bpy.ops.sam3db.pose_whole_body(on=True) == {"FINISHED"}
        stage.wait()
        assert not stage.worker.asked, "nothing follows from no pins"
        assert "from the first pinned handle on" in capfd.readouterr().out
        stage.drag(WRIST, 20, -5)
        stage.wait()
        assert stage.worker.asked[-1]["prompt_error"] == PROMPT_ERROR
        assert stage.worker.asked[-1]["snap"] is True
        stage.answer()
        assert state_of(by_keypoint(stage.rig)[WRIST]) is State.PINNED
        assert session.WHOLE_BODY in stage.rig
        assert "first pinned handle" not in capfd.readouterr().out
        stage.rig[session.WHOLE_BODY] = False
        assert session.request_for(stage.rig).prompt_error == 0.0
    finally:
        sam3db_blender.unregister()


def test_a_character_that_was_made_with_prompts_goes_on_from_them(stage: Stage, small_body: Body, photo: Path) -> None:
    """They are handles that say so, and the next pose is asked for as this one was made."""
    said = ((WRIST, 100.0, 90.5), (ANKLE, 60.0, 70.0, "incorrect"), (NOSE, 0.0, 0.0, "ignore"))
    plain = estimate_of_person(small_body, 3)
    made = replace(plain, prompts=Prompts(said), details=plain.details | {MADE_WHOLE: {"error": PROMPT_ERROR}})
    built = build_photo_scene(bpy.context.scene, [made], read_photo(photo), small_body, light=False)
    bpy.context.view_layer.update()
    rig = built.characters[0].rig
    handles = by_keypoint(rig)
    assert [state_of(handles[k]) for k in (WRIST, ANKLE, NOSE)] == [State.PINNED, State.INCORRECT, State.IGNORED]
    assert place(handles[NOSE]) == pytest.approx(made.keypoints_2d[NOSE], abs=1e-3)
    assert not any(moved(handle) for handle in handles.values())
    asked = session.request_for(rig)
    assert {(pin[0], *pin[3:]) for pin in asked.pins} == {(WRIST, "place"), (ANKLE, "incorrect"), (NOSE, "ignore")}
    assert {pin[0]: pin[1:3] for pin in asked.pins}[WRIST] == pytest.approx((100.0, 90.5))
    assert (asked.prompt_error, asked.snap, asked.edits) == (PROMPT_ERROR, True, None)
    rig.pose.bones["l_uparm"].rotation_euler[0] += 0.4
    rig.update_tag()
    bpy.context.view_layer.update()
    asked = session.request_for(rig)
    assert asked.edits is not None
    assert not asked.edits.yielding, "the pin was there before"
    rig[session.WHOLE_BODY] = False
    assert session.request_for(rig).prompt_error == 0.0
    assert session.request_for(rig).observed == ()
    assert session.request_for(stage.rig).prompt_error == 0.0, "nothing was said of the others"


def test_a_character_that_was_made_with_observations_keeps_them(stage: Stage, small_body: Body, photo: Path) -> None:
    """They are no handles, but every pose is asked for beside them, in the pixels of the photo's file."""
    plain = estimate_of_person(small_body, 3)
    doubted = {"error": 0.03, "keypoints": [[WRIST, 100.0, 90.5]]}
    made = replace(plain, details=plain.details | {DOUBTED: doubted})
    rig = build_photo_scene(bpy.context.scene, [made], read_photo(photo), small_body, light=False).characters[0].rig
    bpy.context.view_layer.update()
    asked = session.request_for(rig)
    assert (asked.pins, asked.prompt_error, asked.observed_error) == ((), 0.0, 0.03)
    assert asked.observed == ((WRIST, pytest.approx(100.0), pytest.approx(90.5)),)
    assert decode(PoseRequest, encode(asked)).observed_error == 0.03


def test_edits_are_sent_only_when_there_are_any(stage: Stage) -> None:
    assert encode(session.request_for(stage.rig)).get("edits") is None
    stage.rig.pose.bones["l_uparm"].rotation_euler[0] += 0.4
    stage.rig.update_tag()
    bpy.context.view_layer.update()
    sent = encode(session.request_for(stage.rig))["edits"]
    numbers = {stage.body.parameter_names[int(index)]: value for index, value in sent.pop("model_parameters").items()}
    assert sent == {}
    assert set(numbers) == {"l_uparm_twist", "l_uparm_ry", "l_uparm_rz"}
    inferred = estimate_of_person(stage.body, 0).model_parameters
    apart = [abs(value - inferred[stage.body.parameter_index(name)]) for name, value in numbers.items()]
    assert sorted(apart) == pytest.approx([0.0, 0.0, 0.4], abs=1e-4)


# --- Blender ---------------------------------------------------------------------------------------------------------


def test_blender_tells_of_moved_handles(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "loop", stage.loop)
    watch.attach()
    try:
        bpy.context.view_layer.update()
        stage.wait()
        assert not stage.worker.asked
        by_keypoint(stage.rig)[WRIST].location.x += 12
        bpy.context.view_layer.update()
        stage.wait()
        assert len(stage.worker.asked) == 1
        stage.rig.location.x += 1
        bpy.context.view_layer.update()
        stage.wait()
        assert len(stage.worker.asked) == 1
    finally:
        watch.detach()


def test_registering_leaves_no_handlers() -> None:
    lists = {name: getattr(bpy.app.handlers, name) for name in ("depsgraph_update_post", "load_post", "undo_post")}
    before = {name: len(handlers) for name, handlers in lists.items()}
    for _ in range(2):
        sam3db_blender.register()
        sam3db_blender.unregister()
    assert {name: len(handlers) for name, handlers in lists.items()} == before


@pytest.fixture
def history(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[bpy.types.Object, Any]]]:
    """Blender's real history, told to the loop; what is called lets the loop work, and gives the rig and its pose."""

    class History(Artist):
        push_undo = staticmethod(watch.BlenderWindow().push_undo)
        step = staticmethod(watch.BlenderWindow().step)

    stage.loop._window = History()
    monkeypatch.setattr(watch, "loop", stage.loop)
    identity = stage.character.id
    watch.attach()
    bpy.ops.ed.undo_push(message="start")

    def now() -> tuple[bpy.types.Object, Any]:
        for _ in range(4):
            stage.now += 1
            stage.loop.tick()
        rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and character_id(obj) == identity)
        bpy.context.view_layer.update()
        return rig, read_parameters(rig, stage.body)[0]

    yield now
    watch.detach()


def _answer(stage: Stage, seed: int) -> np.ndarray:
    """The worker answers what was asked last; the new model parameters. For rigs that undoing has replaced."""
    estimate = estimate_of_person(stage.body, seed)
    stage.worker.answer(estimate)
    return estimate.model_parameters


def test_undo_and_redo_of_a_pose_in_blender(stage: Stage, history: Callable[[], Any]) -> None:
    """The real history: one step undoes drag and pose together, one redoes them."""
    start = read_parameters(stage.rig, stage.body)[0]
    stage.drag(WRIST, 25, 0)
    bpy.ops.ed.undo_push(message="Move")
    history()
    answer = _answer(stage, 7)
    history()
    bpy.ops.ed.undo()
    rig, parameters = history()
    assert parameters == pytest.approx(start, abs=1e-5)
    assert state_of(by_keypoint(rig)[WRIST]) is State.PREDICTED
    assert not moved(by_keypoint(rig)[WRIST])
    bpy.ops.ed.redo()
    rig, parameters = history()
    assert parameters == pytest.approx(answer, abs=1e-5)
    assert state_of(by_keypoint(rig)[WRIST]) is State.PINNED
    assert len(stage.worker.asked) == 1


def test_one_undo_takes_an_operator_and_its_pose_back(stage: Stage, history: Callable[[], Any]) -> None:
    start = read_parameters(stage.rig, stage.body)[0]
    set_state(by_keypoint(stage.rig)[WRIST], State.PINNED)
    stage.loop.ask(character_id(stage.rig))
    bpy.ops.ed.undo_push(message="Pin")  # as Blender does after an operator
    history()
    answer = _answer(stage, 7)
    history()
    bpy.ops.ed.undo()
    rig, parameters = history()
    assert parameters == pytest.approx(start, abs=1e-5)
    assert prompts(rig) == []
    bpy.ops.ed.redo()
    rig, parameters = history()
    assert parameters == pytest.approx(answer, abs=1e-5)
    assert [prompt[0] for prompt in prompts(rig)] == [WRIST]
    assert len(stage.worker.asked) == 1


def test_of_two_quick_operators_one_undo_takes_back_one(stage: Stage, history: Callable[[], Any]) -> None:
    """The second came before the answer to the first: without it the first one's pose is asked for."""
    for index in (WRIST, ANKLE):
        set_state(by_keypoint(stage.rig)[index], State.PINNED)
        stage.loop.ask(character_id(stage.rig))
        bpy.ops.ed.undo_push(message="Pin")
        history()
    _answer(stage, 7)
    history()
    bpy.ops.ed.undo()
    rig, _ = history()
    assert [prompt[0] for prompt in prompts(rig)] == [WRIST]
    assert [pin[0] for pin in stage.worker.asked[-1]["pins"]] == [WRIST]
    answer = _answer(stage, 8)
    assert history()[1] == pytest.approx(answer, abs=1e-5)
    bpy.ops.ed.undo()
    assert prompts(history()[0]) == []


def test_a_failed_question_is_one_step_too(stage: Stage, history: Callable[[], Any]) -> None:
    """What the artist does after it can be undone alone."""
    stage.drag(WRIST, 25, 0)
    bpy.ops.ed.undo_push(message="Move")
    history()
    stage.worker.fail("ModelError")
    history()
    stage.built.camera.name = "Another Name"
    bpy.ops.ed.undo_push(message="Rename")
    bpy.ops.ed.undo()
    rig, _ = history()
    assert "Another Name" not in bpy.data.objects
    assert [prompt[0] for prompt in prompts(rig)] == [WRIST]
    bpy.ops.ed.undo()
    assert prompts(history()[0]) == []


def test_an_answer_leaves_alone_what_is_dragged_meanwhile(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.artist.drags = True
    stage.drag(ANKLE, 7, 0)
    dragged = place(by_keypoint(stage.rig)[ANKLE])
    record = read_origin(stage.rig).arrays["model_parameters"]
    stage.answer(8)
    assert read_origin(stage.rig).arrays["model_parameters"] == pytest.approx(record)
    assert place(by_keypoint(stage.rig)[ANKLE]) == dragged
    assert not stage.artist.pushed
    stage.artist.drags = False
    stage.wait()
    assert {pin[0] for pin in stage.worker.asked[-1]["pins"]} == {WRIST, ANKLE}
    stage.answer(9)
    assert stage.artist.pushed == [UNDO_STEP]


def test_a_drag_given_up_leaves_the_answer_that_came_meanwhile(stage: Stage) -> None:
    stage.drag(WRIST, 9, 0)
    stage.wait()
    stage.artist.drags = True
    stage.drag(ANKLE, 7, 0)
    held = stage.answer(8)
    stage.drag(ANKLE, -7, 0)
    stage.artist.drags = False
    stage.wait()
    stage.wait()
    assert len(stage.worker.asked) == 1
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(held.model_parameters, abs=1e-5)
    assert read_origin(stage.rig).arrays["model_parameters"] == pytest.approx(held.model_parameters)
    assert stage.artist.pushed == [UNDO_STEP]
    assert not stage.loop.busy


@pytest.mark.parametrize("how", ["appended", "overridden"])
def test_characters_of_other_files_pose_and_last(stage: Stage, tmp_path: Path, how: str) -> None:
    identity, source, own = stage.character.id, str(tmp_path / "source.blend"), str(tmp_path / "own.blend")
    bpy.ops.wm.save_as_mainfile(filepath=source)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if how == "appended":
        bpy.ops.wm.append(directory=f"{source}/Collection/", filename="photo")
    else:
        bpy.ops.wm.link(directory=f"{source}/Collection/", filename="photo")
        scene, layer = bpy.context.scene, bpy.context.view_layer
        bpy.data.collections["photo"].override_hierarchy_create(scene, layer, do_fully_editable=True)
        bpy.data.batch_remove([obj for obj in scene.objects if obj.instance_collection])
    bpy.context.view_layer.update()
    rig = rig_with(identity)
    assert rig is not None
    assert (rig.override_library is not None) == (how == "overridden")
    handle = by_keypoint(rig)[WRIST]
    handle.location.x += 20
    dropped = place(handle)
    stage.loop.mark(identity)
    stage.wait()
    answer = stage.answer(8)
    assert read_parameters(rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-4)

    bpy.ops.wm.save_as_mainfile(filepath=own)
    bpy.ops.wm.open_mainfile(filepath=own)
    rig = rig_with(identity)
    assert rig is not None
    handles = by_keypoint(rig)
    assert [prompt[0] for prompt in prompts(rig)] == [WRIST]
    assert place(handles[WRIST]) == pytest.approx(dropped)
    assert not any(moved(handle) for handle in handles.values())
    assert read_parameters(rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-4)


def test_lines_to_one_worker_keep_their_mail_apart() -> None:
    class Shared:
        def __init__(self) -> None:
            self.number, self.events = 0, [Event(2, "status", text="two"), Event(1, "status", text="one")]

        def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
            self.number += 1
            return self.number

        def poll(self) -> list[Event]:
            events, self.events = self.events, []
            return events

        def cancel(self, number: int) -> None: ...

    shared = Shared()
    first, second = jobs.Subscription(shared), jobs.Subscription(shared)
    assert (first.request("a"), second.request("b")) == (1, 2)
    assert [event.text for event in first.poll()] == ["one"]
    assert [event.text for event in second.poll()] == ["two"]
    assert first.poll() == []
