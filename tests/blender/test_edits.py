"""What an artist does by hand stays through every inference, until they give it up."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.engines.edits import Edits
from native_runtime.engines.refit import keep_edits
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names
from sam3db_blender import places
from sam3db_blender.handles import session, watch
from sam3db_blender.handles.handles import State, by_keypoint, place
from sam3db_blender.handles.limb_preview import LimbPreview, laid
from sam3db_blender.handles.pins import prompts, set_state
from sam3db_blender.rig.pose import read_parameters
from sam3db_blender.scene import edits
from sam3db_blender.scene.lookup import rig_with
from tests.support.posing_stage import ANKLE, NOSE, WRIST, Stage, estimate_of_person, install_body, set_up, write_photo

OTHER_WRIST = keypoint_names().index("right_wrist")
WEIGHT, JAW = "Body: weight", "Face: jawOpen"


@pytest.fixture
def stage(small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    install_body(small_body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    return set_up(small_body, tmp_path, write_photo(tmp_path))


def infer(stage: Stage, seed: int) -> None:
    """The worker answers the last question with another pose, with the edits that it was told of, as engines do."""
    estimate, asked = estimate_of_person(stage.body, seed), stage.worker.asked[-1].get("edits")
    if asked is not None:
        estimate = keep_edits(stage.body, estimate, [], Edits.from_json(asked), snap=False)
    stage.worker.answer(estimate)
    stage.wait(0.2)
    stage.wait(0.0)
    bpy.context.view_layer.update()
    assert stage.state == "idle", stage.loop.status(stage.character.id)


def drag(stage: Stage, keypoint: int, seed: int) -> None:
    """Drags a handle, and lets the pose be inferred."""
    stage.drag(keypoint, 7, -4)
    stage.wait()
    infer(stage, seed)


def again(stage: Stage, seed: int) -> None:
    stage.loop.ask(stage.character.id)
    stage.wait()
    infer(stage, seed)


Hand = tuple[Callable[[bpy.types.Object], None], Callable[[bpy.types.Object], np.ndarray]]


def bone(name: str, channel: str, values: tuple[float, ...]) -> Hand:
    """Sets a channel of a bone; and reads it."""

    def do(rig: bpy.types.Object) -> None:
        setattr(rig.pose.bones[name], channel, values)

    return do, lambda rig: np.array(getattr(rig.pose.bones[name], channel))


def slider(key: str, value: float) -> Hand:
    """Sets a slider; and reads it."""

    def do(rig: bpy.types.Object) -> None:
        rig[key] = value

    return do, lambda rig: np.array(rig[key])


def whole(location: tuple[float, float, float], turn: float) -> Hand:
    """Moves and turns the whole rig; and reads where the body stands, whether object or root turns it."""

    def do(rig: bpy.types.Object) -> None:
        rig.location, rig.rotation_euler = location, (0.0, 0.0, turn)

    return do, lambda rig: np.array(rig.matrix_world @ rig.pose.bones["root"].matrix)


HANDS: dict[str, Hand] = {
    "Left Forearm": bone("l_lowarm", "rotation_euler", (0.0, 0.0, 0.9)),
    "Head": bone("c_head", "rotation_euler", (0.3, -0.2, 0.5)),
    "Spine": bone("c_spine2", "rotation_euler", (0.1, 0.2, -0.3)),
    "Right Eye": bone("r_eye", "rotation_euler", (0.0, 0.2, 0.1)),
    "Jaw and Tongue": bone("c_jaw", "location", (0.0, 0.01, 0.02)),
    "Left Shin": bone("l_lowleg", "scale", (1.3, 1.3, 1.3)),
    "uneven": bone("r_lowleg", "scale", (1.2, 1.0, 0.9)),
    "Right Thigh": bone("r_upleg", "rotation_euler", (0.2, 0.1, -0.4)),
    "Weight": slider(WEIGHT, 1.5),
    "Face": slider(JAW, 0.6),
    "Place": whole((0.4, -0.3, 0.2), 0.5),
}


def _do(stage: Stage, *names: str) -> dict[str, np.ndarray]:
    for name in names:
        HANDS[name][0](stage.rig)
    stage.rig.update_tag()
    bpy.context.view_layer.update()
    return {name: HANDS[name][1](stage.rig) for name in names}


def _stays(stage: Stage, said: dict[str, np.ndarray]) -> None:
    rig = rig_with(stage.character.id)
    assert rig is not None
    for name, value in said.items():
        assert HANDS[name][1](rig) == pytest.approx(value, abs=3e-4), name


def test_edits_of_every_kind_stay_through_inferences_and_files(stage: Stage, tmp_path: Path) -> None:
    """Dragging the other leg's handle snapped them back; with the switch on, the second drag did."""
    said = _do(stage, *HANDS)
    for seed in (7, 8, 9):
        drag(stage, OTHER_WRIST, seed)
        _stays(stage, said)
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    _stays(stage, said)
    rig = rig_with(stage.character.id)
    assert rig is not None
    stage.loop.ask(stage.character.id)
    stage.wait()
    infer(stage, 10)
    _stays(stage, said)
    assert {name for name, _ in edits.shown_groups(rig)} == set(HANDS) - {"uneven"} | {"Right Shin"}


def test_sliders_of_the_skeleton_are_edits_too(stage: Stage) -> None:
    """Pins do not move them, not even of the same limb."""
    stage.rig["Legs: Leg Length Fine"] = 5.0
    stage.rig.update_tag()
    drag(stage, ANKLE, 7)
    again(stage, 8)
    assert stage.rig["Legs: Leg Length Fine"] == pytest.approx(5.0)
    ((name, by),) = edits.shown_groups(stage.rig)
    assert name == "Leg Length Fine"
    assert by.endswith(" cm")


def test_what_nobody_touched_is_inferred(stage: Stage) -> None:
    said = _do(stage, "Left Forearm")
    drag(stage, ANKLE, 7)
    inferred = estimate_of_person(stage.body, 7).model_parameters
    now = read_parameters(stage.rig, stage.body)[0]
    others = [i for i, name in enumerate(stage.body.parameter_names) if name != "l_elbow_bend"]
    assert now[others] == pytest.approx(inferred[others], abs=1e-4)
    _stays(stage, said)


def test_a_turned_bone_keeps_all_of_its_turn(stage: Stage) -> None:
    """One angle of it was changed; the others stay as well."""
    stage.rig.pose.bones["l_lowarm"].rotation_euler.z += 0.3
    stage.rig.update_tag()
    bpy.context.view_layer.update()
    turned = list(stage.rig.pose.bones["l_lowarm"].rotation_euler)
    drag(stage, ANKLE, 7)
    assert list(stage.rig.pose.bones["l_lowarm"].rotation_euler) == pytest.approx(turned, abs=1e-4)


def test_a_later_pin_moves_its_limb_and_nothing_else(stage: Stage) -> None:
    said = _do(stage, "Left Forearm", "Head", "Weight")
    drag(stage, ANKLE, 7)
    drag(stage, WRIST, 8)
    forearm = said.pop("Left Forearm")
    _stays(stage, said)
    assert HANDS["Left Forearm"][1](stage.rig) != pytest.approx(forearm, abs=1e-3)
    assert "l_elbow_bend" in _yielding(stage)
    # without the pin the edit stands again
    set_state(by_keypoint(stage.rig)[WRIST], State.PREDICTED)
    again(stage, 9)
    _stays(stage, {"Left Forearm": forearm, **said})


def test_an_edit_after_a_pin_stays(stage: Stage) -> None:
    drag(stage, WRIST, 7)
    said = _do(stage, "Left Forearm")
    drag(stage, ANKLE, 8)
    _stays(stage, said)
    assert _yielding(stage) == set()


def _yielding(stage: Stage) -> set[str]:
    sent = stage.worker.asked[-1].get("edits") or {}
    return {stage.body.parameter_names[index] for index in sent.get("yielding", ())}


def test_what_is_done_while_an_answer_is_awaited_stays(stage: Stage) -> None:
    stage.drag(ANKLE, 9, 0)
    stage.wait()
    said = _do(stage, "Head", "Weight", "Place", "Right Eye")
    infer(stage, 7)
    _stays(stage, said)
    again(stage, 8)
    _stays(stage, said)


def test_a_failure_loses_no_edit(stage: Stage) -> None:
    said = _do(stage, "Head", "Weight")
    stage.drag(ANKLE, 9, 0)
    stage.wait()
    stage.worker.fail("ModelError")
    stage.wait()
    again(stage, 8)
    _stays(stage, said)


def test_previews_are_no_edits(stage: Stage) -> None:
    said = _do(stage, "Head")
    handle = by_keypoint(stage.rig)[ANKLE]
    LimbPreview(stage.rig, handle).show(stage.rig, np.add(place(handle), 10.0))
    assert laid(stage.rig)
    stage.drag(ANKLE, 10, 10)
    stage.wait()
    asked = stage.worker.asked[-1].get("edits")
    assert {name for name, numbers in asked.items() if numbers} == {"model_parameters"}
    infer(stage, 8)
    _stays(stage, said)


def test_a_scaled_character_is_posed_and_stays_scaled(stage: Stage) -> None:
    stage.rig.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    drag(stage, ANKLE, 7)
    assert list(stage.rig.scale) == pytest.approx([2.0, 2.0, 2.0])
    assert session.request_for(stage.rig).edits is None


def test_an_overridden_character_is_no_edit_after_opening(stage: Stage, tmp_path: Path) -> None:
    """Its record is the linked file's again; what was inferred since is not taken for handwork."""
    identity, source, own = stage.character.id, str(tmp_path / "source.blend"), str(tmp_path / "own.blend")
    bpy.ops.wm.save_as_mainfile(filepath=source)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.link(directory=f"{source}/Collection/", filename="photo")
    scene, layer = bpy.context.scene, bpy.context.view_layer
    bpy.data.collections["photo"].override_hierarchy_create(scene, layer, do_fully_editable=True)
    bpy.data.batch_remove([obj for obj in scene.objects if obj.instance_collection])
    bpy.context.view_layer.update()
    rig = rig_with(identity)
    assert rig is not None
    rig.pose.bones["c_head"].rotation_euler = (0.3, -0.2, 0.5)
    rig.update_tag()
    bpy.context.view_layer.update()
    stage.loop.ask(identity)
    stage.wait()
    infer(stage, 7)
    bpy.ops.wm.save_as_mainfile(filepath=own)
    bpy.ops.wm.open_mainfile(filepath=own)
    rig = rig_with(identity)
    assert rig is not None
    kept = session.request_for(rig).edits
    assert kept is not None
    assert {stage.body.parameter_names[i] for i in kept.model_parameters} <= {"head_twist", "head_lean", "head_bend"}
    assert not kept.identity
    assert kept.camera_translation is None


# --- characters with animation ---------------------------------------------------------------------------------------


def _animate(stage: Stage) -> None:
    """Keys some bones and a slider at the frames 1 and 20, as they stand."""
    for frame in (1, 20):
        for name in ("l_lowarm", "r_upleg", "c_head"):
            stage.rig.pose.bones[name].keyframe_insert("rotation_euler", frame=frame)
        stage.rig.keyframe_insert(f'["{WEIGHT}"]', frame=frame)


def test_a_pose_on_an_animated_character_is_keyed(stage: Stage, tmp_path: Path) -> None:
    """The action took it back at the next frame."""
    _animate(stage)
    before = read_parameters(stage.rig, stage.body)[0]
    drag(stage, ANKLE, 7)
    path = str(tmp_path / "keyed.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    rig = rig_with(stage.character.id)
    assert rig is not None
    animated = [i for i, name in enumerate(stage.body.parameter_names) if name.startswith(("l_elbow", "r_upleg_r"))]
    for frame, wanted in ((20, before), (1, estimate_of_person(stage.body, 7).model_parameters)):
        bpy.context.scene.frame_set(frame)
        assert read_parameters(rig, stage.body)[0][animated] == pytest.approx(wanted[animated], abs=1e-4)
    assert rig[WEIGHT] == pytest.approx(estimate_of_person(stage.body, 7).identity[0])


def test_a_character_under_an_nla_strip_is_refused(stage: Stage) -> None:
    _animate(stage)
    animation = stage.rig.animation_data
    strip = animation.nla_tracks.new().strips.new("Walk", 1, animation.action)
    animation.action = None
    stage.drag(ANKLE, 7, -4)
    stage.wait()
    assert "'Walk' plays over the pose" in stage.loop.status(stage.character.id).text
    assert not stage.worker.asked
    strip.mute = True
    again(stage, 8)


# --- giving edits up -------------------------------------------------------------------------------------------------


@pytest.fixture
def operators(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extension, asking the stage's worker."""
    monkeypatch.setattr(watch, "refresh", lambda rig: stage.loop.ask(stage.character.id))
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def test_the_panel_says_what_differs_and_inference_can_be_had(stage: Stage, operators: None) -> None:
    bpy.context.view_layer.objects.active = stage.rig
    said = _do(stage, "Head", "Weight", "Left Forearm")
    again(stage, 7)
    found = dict(edits.shown_groups(stage.rig))
    assert set(found) == set(said)
    assert found["Head"].endswith("\N{DEGREE SIGN}")
    assert found["Weight"] == f"{abs(1.5 - estimate_of_person(stage.body, 7).identity[0]):.2f}"
    bpy.ops.sam3db.use_inference(group="Head")
    stage.wait()
    infer(stage, 7)
    head = said.pop("Head")
    _stays(stage, said)
    assert HANDS["Head"][1](stage.rig) != pytest.approx(head, abs=1e-2)
    assert set(dict(edits.shown_groups(stage.rig))) == set(said)
    with pytest.raises(RuntimeError, match="Nothing was changed by hand on 'Head'"):
        bpy.ops.sam3db.use_inference(group="Head")


def test_an_edit_with_which_the_engine_agrees_is_no_contradiction(stage: Stage) -> None:
    answer = estimate_of_person(stage.body, 7)
    stage.rig[WEIGHT] = float(answer.identity[0]) + 0.05
    stage.rig.update_tag()
    again(stage, 7)
    assert edits.shown_groups(stage.rig) == [("Weight", "")]


def test_all_edits_can_be_discarded(stage: Stage, operators: None) -> None:
    bpy.context.view_layer.objects.active = stage.rig
    _do(stage, *HANDS)
    again(stage, 7)
    bpy.ops.sam3db.discard_edits()
    stage.wait()
    infer(stage, 7)
    assert edits.shown_groups(stage.rig) == []
    answer = estimate_of_person(stage.body, 7)
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-4)
    assert read_parameters(stage.rig, stage.body)[1] < 1e-4
    assert stage.rig[WEIGHT] == pytest.approx(answer.identity[0])
    with pytest.raises(RuntimeError, match="Nothing was changed by hand"):
        bpy.ops.sam3db.discard_edits()


def test_giving_up_is_refused_where_there_is_nothing(stage: Stage) -> None:
    with pytest.raises(Sam3dbError, match="Nothing"):
        session.give_up_edits(stage.rig)


# --- a walk ----------------------------------------------------------------------------------------------------------


def test_no_edit_is_lost_on_a_walk(stage: Stage, tmp_path: Path) -> None:
    """Handwork, drags, pins taken back, failures and files in any order; beside it a plain account."""
    dice, said = random.Random(5), dict[str, np.ndarray]()
    arm, head, leg = {"Left Forearm"}, {"Head", "Right Eye", "Jaw and Tongue"}, {"Right Thigh", "uneven"}

    def by_hand() -> None:
        said.update(_do(stage, dice.choice(sorted(HANDS))))

    def pull() -> None:
        keypoint = dice.choice((ANKLE, NOSE, WRIST))
        stage.drag(keypoint, dice.uniform(5, 9), dice.uniform(-9, -5))
        stage.wait()
        infer(stage, dice.randrange(100))
        for name in {ANKLE: leg, NOSE: head, WRIST: arm}[keypoint]:
            said.pop(name, None)

    def unpin() -> None:
        for name in head | arm | leg:
            said.pop(name, None)  # they may stand again
        for handle in by_keypoint(stage.rig).values():
            set_state(handle, State.PREDICTED)
        again(stage, dice.randrange(100))
        assert prompts(stage.rig) == []

    def fail() -> None:
        stage.drag(ANKLE, 9, 0)
        stage.wait()
        stage.worker.fail("ModelError")
        stage.wait()

    def reopen() -> None:
        path = str(tmp_path / "walk.blend")
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.wm.open_mainfile(filepath=path)
        rig = rig_with(stage.character.id)
        assert rig is not None
        stage.built.characters[0] = type(stage.character)(stage.character.id, rig, rig.children[0])

    for step in range(60):
        dice.choices((by_hand, pull, unpin, fail, reopen), (10, 8, 2, 2, 1))[0]()
        _stays(stage, said)
        assert place(by_keypoint(stage.rig)[ANKLE]), step
    again(stage, 1)
    _stays(stage, said)
    assert len(said) > 3
