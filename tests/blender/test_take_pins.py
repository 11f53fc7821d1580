"""Keypoints of a take that are placed in the scene: the keys around follow, and corrections by hand stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.estimate import Prompts
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode
from native_runtime.pipeline.reporting import Silent
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.service.client import Event
from native_runtime.takes.correction import correct_take
from native_runtime.takes.hints import read_hints
from native_runtime.takes.request import CorrectTakeRequest
from native_runtime.takes.take import Take
from sam3db_blender.compat import animation_curves
from sam3db_blender.rig.control_pose import controls_of
from sam3db_blender.scene.provenance import character_id
from sam3db_blender.takes.build import TakeOptions, build_take_scene
from sam3db_blender.takes.editing import pin_here
from sam3db_blender.takes.pins import in_words, keypoints_in_world
from sam3db_blender.takes.record import PROPERTY, TakeRecord, read_record
from sam3db_blender.takes.refit import follow_refit
from tests.support.takes import INTRINSICS, kept_take

COUNT = 22
WRIST = keypoint_names().index("left_wrist")
#: A length that may change with the pose; nothing is keyed of those that do not.
FLEXIBLE = 131
#: Arrays of a take with a row for each frame.
PER_FRAME = (
    *("frames", "times", "model_parameters", "expression", "camera_translation", "camera_to_world", "bbox"),
    *("keypoints_2d", "keypoints_3d", "joints", "seen", "contacts"),
)
#: The frame of the video that is corrected, and the scene's that shows it.
FRAME, SHOWN = 10, 11


@pytest.fixture(scope="module")
def kept(small_body: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept_take(small_body, tmp_path_factory.mktemp("kept"), COUNT)


@pytest.fixture(scope="module")
def changed(kept: Path, small_body: Body) -> Take:
    """The take with its left arm raised and the whole person shifted around a frame."""
    take = Take.load(kept)
    parameters, shift = take.model_parameters.copy(), take.camera_translation.copy()
    fade = np.clip(1.0 - np.abs(np.arange(COUNT) - FRAME) / 5.0, 0.0, 1.0)
    parameters[:, small_body.parameter_index("l_uparm_ry")] += 0.6 * fade
    parameters[:, FLEXIBLE] += 0.1 * fade
    shift[:, 1] -= 0.1 * fade
    return _with(take, small_body, parameters, shift)


def _with(take: Take, body: Body, parameters: NDArray[np.float64], shift: NDArray[np.float64]) -> Take:
    names = ("frames", "times", "image_size", "camera_to_world", "ground", "bbox", "seen", "contacts", "engine")
    rest = {name: getattr(take, name) for name in (*names, "footage")}
    return Take.from_states(body, parameters, take.identity, take.expression, shift, take.intrinsics, **rest)


def build(take: Take, body: Body, file: Path | None = None, **options: Any) -> bpy.types.Object:
    chosen = TakeOptions(**{"rate": "video", "light": False, **options})
    files = [] if file is None else [file]
    return build_take_scene(bpy.context.scene, [take], body, chosen, files).built.characters[0].rig


def record_of(rig: bpy.types.Object) -> TakeRecord:
    record = read_record(rig)
    assert record is not None
    return record


def heads(rig: bpy.types.Object, frames: range = range(SHOWN - 6, SHOWN + 7)) -> NDArray[np.float64]:
    """(W, bones, 3) m, where bones are seen on frames, of which the first and the last one are not to change."""
    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append([list(seen.matrix_world @ bone.head) for bone in seen.pose.bones])
    return np.array(found)


def keys(rig: bpy.types.Object) -> dict[tuple[str, str, int], dict[float, float]]:
    """By owner and channel, then by frame."""
    owners = [owner for owner in (controls_of(rig), rig) if owner is not None]
    return {
        (owner.name, curve.data_path, curve.array_index): {point.co[0]: point.co[1] for point in curve.keyframe_points}
        for owner in owners
        for _, curve in animation_curves(owner)
    }


@pytest.mark.parametrize("options", [{}, {"controls": False}, {"bound_mm": 2.0}], ids=["controls", "bones", "reduced"])
def test_the_keys_become_those_of_the_new_take(
    kept: Path, changed: Take, small_body: Body, options: dict[str, Any]
) -> None:
    rig = build(changed, small_body, **options)
    wanted = heads(rig)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rig = build(Take.load(kept), small_body, **options)
    before, first = keys(rig), heads(rig)
    done = follow_refit(rig, small_body, record_of(rig), Take.load(kept), changed)
    assert done.frames == [range(SHOWN - 4, SHOWN + 5)]
    assert done.overruled == done.kept == ()
    after = keys(rig)
    assert after.keys() > before.keys()  # a length that was the same on all frames
    inside = {float(frame) for frame in done.frames[0]}
    for channel, known in before.items():
        for frame, value in known.items():
            if frame not in inside:
                assert after[channel][frame] == value
    found = heads(rig)
    bound = 2.5e-3 if options.get("bound_mm") else 1e-5
    np.testing.assert_allclose(found, wanted, atol=bound)
    np.testing.assert_allclose(found[[0, -1]], first[[0, -1]], atol=bound / 10)
    assert np.linalg.norm(found - first, axis=2)[6].max() > 0.1


def test_a_take_that_is_sampled_anew_follows(kept: Path, changed: Take, small_body: Body) -> None:
    scene = bpy.context.scene
    scene.render.fps = 40
    rig = build(changed, small_body, rate="scene", start=7)
    shown = range(14, 36, 2)  # of those from 7 on
    wanted = heads(rig, shown)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 40
    rig = build(Take.load(kept), small_body, rate="scene", start=7)
    follow_refit(rig, small_body, record_of(rig), Take.load(kept), changed)
    np.testing.assert_allclose(heads(rig, shown), wanted, atol=1e-5)


def test_people_before_a_moving_camera_keep_their_place(kept: Path, changed: Take, small_body: Body) -> None:
    """Each take has a world of its own, in which its camera begins; together they stand in that of the first."""
    panned = np.tile(np.eye(4), (COUNT, 1, 1))
    angles = np.linspace(0.0, 0.4, COUNT)
    panned[:, 0, 0] = panned[:, 2, 2] = np.cos(angles)
    panned[:, 0, 2], panned[:, 2, 0] = np.sin(angles), -np.sin(angles)
    first = replace(Take.load(kept), camera="moving", camera_to_world=panned)
    own = np.linalg.inv(panned[4]) @ panned[4:]
    cut = {name: getattr(first, name)[4:] for name in PER_FRAME}
    second = replace(first, person=1, **{**cut, "camera_to_world": own})
    after = replace(second, **{name: getattr(changed, name)[4:] for name in PER_FRAME if name != "camera_to_world"})

    def built(take: Take) -> bpy.types.Object:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        chosen = TakeOptions(rate="video", light=False)
        return build_take_scene(bpy.context.scene, [first, take], small_body, chosen).built.characters[1].rig

    wanted = heads(built(after))
    rig = built(second)
    assert not np.allclose(record_of(rig).world, np.eye(4), atol=0.01)
    follow_refit(rig, small_body, record_of(rig), second, after)
    np.testing.assert_allclose(heads(rig), wanted, atol=1e-5)


def test_corrections_by_hand_stay_where_no_prompt_says_otherwise(kept: Path, changed: Take, small_body: Body) -> None:
    rig = build(Take.load(kept), small_body)
    scene = bpy.context.scene
    controls = controls_of(rig)
    assert controls is not None
    for bone in ("upper_arm_fk.L", "upper_arm_fk.R", "head"):
        scene.frame_set(SHOWN)
        controls.pose.bones[bone].rotation_euler[0] += 0.4
        assert pin_here(rig, SHOWN, 6)
    before = keys(rig)
    after = replace(changed, prompts=wrist_placed(FRAME))
    done = follow_refit(rig, small_body, record_of(rig), Take.load(kept), after)
    assert "upper_arm_fk.L" in done.overruled
    assert "upper_arm_fk.R" not in done.overruled
    now = keys(rig)
    for bone in ("upper_arm_fk.R", "head"):
        path = controls.pose.bones[bone].path_from_id("rotation_euler")
        for axis in range(3):
            channel = (controls.name, path, axis)
            np.testing.assert_allclose(now[channel][SHOWN], before[channel][SHOWN], atol=1e-5)
    # the arm that the prompt is about is where the take has it
    scene.frame_set(SHOWN)
    left = _arm(rig)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rig = build(changed, small_body)
    bpy.context.scene.frame_set(SHOWN)
    np.testing.assert_allclose(left, _arm(rig), atol=1e-4)


def wrist_placed(frame: int) -> dict[int, Any]:
    return {frame: Prompts(((WRIST, 1.0, 2.0),))}


def _arm(rig: bpy.types.Object) -> NDArray[np.float64]:
    """(3,) the direction of the left upper arm in the rig."""
    seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    bones = seen.pose.bones
    way = np.array(bones["l_lowarm"].head - bones["l_uparm"].head)
    clavicle = np.array(bones["l_clavicle"].matrix.to_3x3())
    return np.asarray(clavicle.T @ way)


class Here:
    """In place of the worker: does what is asked at once, and says so when it is listened to."""

    def __init__(self, refuses: str = "") -> None:
        self.asked: list[CorrectTakeRequest] = []
        self._events: list[Event] = []
        self._refuses = refuses

    def request(self, do: str, *, timeout_s: float | None = None, **given: Any) -> int:
        assert do == "correct_take"
        number = len(self.asked) + 1
        self.asked.append(decode(CorrectTakeRequest, given))
        if self._refuses:
            self._events.append(Event(number, "error", error=self._refuses, text="It was not to be."))
            return number
        made = correct_take(self.asked[-1], Silent())
        result = {"take": str(made.take), "before": str(made.before), "prompts": str(made.prompts)}
        self._events.append(Event(number, "done", result=result))
        return number

    def poll(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def cancel(self, number: int) -> None: ...


@pytest.fixture
def here(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Here]]:
    """The add-on, with a body that is installed, and a worker that answers at once."""
    import sam3db_blender
    from native_runtime.takes import correction
    from sam3db_blender.operators import importing
    from sam3db_blender.scene import bodies

    monkeypatch.setattr(importing, "installed_body", lambda name: small_body)
    monkeypatch.setattr(bodies, "body_of", lambda rig: small_body)
    monkeypatch.setattr(correction, "load_body", lambda name, models: small_body)

    def made(refuses: str = "") -> Here:
        worker = Here(refuses)
        monkeypatch.setattr("sam3db_blender.jobs.worker.worker", lambda: worker)
        return worker

    sam3db_blender.register()
    yield made
    sam3db_blender.unregister()


@pytest.fixture
def imported(here: Callable[..., Here], small_body: Body, tmp_path: Path) -> bpy.types.Object:
    """A character of a take of which the frames are kept."""
    file = kept_take(small_body, tmp_path, COUNT)
    bpy.ops.sam3db.import_take(filepath=str(file), rate="video")
    bpy.context.scene.frame_set(SHOWN)
    bpy.ops.ed.undo_push(message="Imported")
    return bpy.context.view_layer.objects.active


def seen_at(rig: bpy.types.Object, body: Body, frame: int) -> NDArray[np.float64]:
    """(2,) px of the video, where the left wrist is seen on a frame of the scene."""
    bpy.context.scene.frame_set(frame)
    camera = np.array(bpy.context.scene.camera.matrix_world.normalized())
    x, y, z = (keypoints_in_world(rig, body)[WRIST] - camera[:3, 3]) @ camera[:3, :3]
    return (INTRINSICS @ (x / -z, -y / -z, 1.0))[:2]


def test_a_keypoint_is_placed_on_the_frame_that_is_shown(
    imported: bpy.types.Object, here: Callable[..., Here], small_body: Body, tmp_path: Path
) -> None:
    worker = here()
    name = imported.name
    before = [seen_at(imported, small_body, frame) for frame in range(1, COUNT + 1)]
    np.testing.assert_allclose(before[FRAME], Take.load(record_of(imported).take).keypoints_2d[FRAME, WRIST], atol=0.05)
    target = before[FRAME] + (25.0, -20.0)
    bpy.context.scene.frame_set(SHOWN)
    done = bpy.ops.sam3db.correct_take("EXEC_DEFAULT", True, keypoint="left_wrist", place=target)
    assert done == {"FINISHED"}
    assert bpy.context.scene.frame_current == SHOWN
    assert read_hints(tmp_path / "walk_prompts.json")[0][FRAME][0][0] == WRIST
    moved = [np.linalg.norm(seen_at(imported, small_body, k + 1) - before[k]) for k in range(COUNT)]
    assert np.linalg.norm(seen_at(imported, small_body, SHOWN) - target) < 5.0
    assert moved[FRAME] > moved[FRAME + 3] > moved[FRAME + 6] > 0
    assert max(moved[21:]) < 0.01
    assert [prompt[:2] for prompt in record_of(imported).prompts] == [(FRAME, WRIST)]
    line = in_words(record_of(imported).prompts[0], record_of(imported))
    assert line == f"Frame {SHOWN}: Left Wrist"
    # a second one knows the first; one undo takes each back
    bpy.ops.sam3db.correct_take("EXEC_DEFAULT", True, keypoint="nose", saying="IGNORE", frame=3)
    assert worker.asked[-1].before == record_of(imported).prompts[1:]
    assert len(record_of(imported).prompts) == 2
    bpy.ops.ed.undo()
    imported = bpy.data.objects[name]
    assert len(record_of(imported).prompts) == 1
    assert np.linalg.norm(seen_at(imported, small_body, SHOWN) - target) < 5.0
    bpy.ops.ed.undo()
    imported = bpy.data.objects[name]
    assert record_of(imported).prompts == ()
    for frame in (SHOWN, SHOWN + 4):
        np.testing.assert_allclose(seen_at(imported, small_body, frame), before[frame - 1], atol=1e-3)


def test_what_a_call_is_about_is_not_remembered_for_the_next(
    imported: bpy.types.Object, here: Callable[..., Here]
) -> None:
    """Blender fills in what a call leaves out with what the one before had, where it may."""
    here()
    about = {
        "correct_take": ("keypoint", "place", "saying", "frame"),
        "import_take": ("files", "directory", "footage"),
        "import_video": ("out", "first", "last"),
        "import_views": ("photos",),
        "import_view_photos": ("files", "directory", "calibration"),
        "import_result": ("photo",),
    }
    for name, properties in about.items():
        known = getattr(bpy.ops.sam3db, name).get_rna_type().properties
        assert [known[one].is_skip_save for one in properties] == [True] * len(properties), name
    bpy.ops.sam3db.correct_take("EXEC_DEFAULT", True, keypoint="nose", saying="IGNORE", frame=3)
    bpy.context.scene.frame_set(SHOWN)
    bpy.ops.sam3db.correct_take("EXEC_DEFAULT", True, keypoint="left_wrist", place=(300.0, 200.0))
    nose, wrist = sorted(record_of(imported).prompts)
    assert (nose[0], nose[2:]) == (3, (0.0, 0.0, "ignore"))
    assert wrist == (FRAME, WRIST, 300.0, 200.0)


def test_a_joint_is_pinned_on_the_frame_on_which_it_was_seen(
    imported: bpy.types.Object, here: Callable[..., Here], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sam3db_blender.operators.take_pins import SAM3DB_OT_pin_joint

    here()
    pin: Any = SimpleNamespace(_character=character_id(imported), _hovered=WRIST, _leave=lambda context: None)
    SAM3DB_OT_pin_joint._look(pin, bpy.context)
    bpy.context.scene.frame_set(SHOWN + 2)
    SAM3DB_OT_pin_joint._say(pin, bpy.context, "PLACE", (300.0, 200.0))
    assert record_of(imported).prompts == ((FRAME, WRIST, 300.0, 200.0),)


def test_a_place_out_of_reach_is_said(
    imported: bpy.types.Object, here: Callable[..., Here], small_body: Body, capfd: pytest.CaptureFixture[str]
) -> None:
    here()
    bpy.ops.sam3db.correct_take(keypoint="left_wrist", place=seen_at(imported, small_body, SHOWN) + (5.0, 5.0))
    assert "pixels from where" not in capfd.readouterr().out
    bpy.ops.sam3db.correct_take(keypoint="left_wrist", place=(3000.0, -2000.0))
    assert "left wrist stays" in capfd.readouterr().out


def test_what_was_said_is_forgotten(
    imported: bpy.types.Object, here: Callable[..., Here], small_body: Body, tmp_path: Path
) -> None:
    here()
    before = keys(imported)
    bpy.ops.sam3db.correct_take(keypoint="left_wrist", place=(300.0, 200.0))
    assert keys(imported) != before
    bpy.ops.sam3db.correct_take(keypoint="left_wrist", saying="FORGET", frame=FRAME)
    assert not (tmp_path / "walk_prompts.json").exists()
    after = keys(imported)
    for channel, known in before.items():
        for frame, value in known.items():
            np.testing.assert_allclose(after[channel][frame], value, atol=2e-5)
    with pytest.raises(RuntimeError, match="Nothing is said of Left Wrist"):
        bpy.ops.sam3db.correct_take(keypoint="left_wrist", saying="FORGET", frame=FRAME)


@pytest.mark.parametrize("refuses", ["Cancelled", "UsageError"])
def test_what_fails_changes_nothing(imported: bpy.types.Object, here: Callable[..., Here], refuses: str) -> None:
    here(refuses)
    before, record = keys(imported), imported[PROPERTY]
    if refuses == "Cancelled":
        assert bpy.ops.sam3db.correct_take(keypoint="left_wrist", place=(300.0, 200.0)) == {"CANCELLED"}
    else:
        with pytest.raises(RuntimeError, match="It was not to be"):
            bpy.ops.sam3db.correct_take(keypoint="left_wrist", place=(300.0, 200.0))
    assert (keys(imported), imported[PROPERTY]) == (before, record)


def test_what_is_missing_is_said(imported: bpy.types.Object, here: Callable[..., Here], tmp_path: Path) -> None:
    worker = here()

    def refused(match: str, **given: Any) -> None:
        with pytest.raises(RuntimeError, match=match):
            bpy.ops.sam3db.correct_take(**{"keypoint": "left_wrist", "place": (300.0, 200.0), **given})

    refused("no joint 'tail'", keypoint="tail")
    bpy.context.scene.frame_set(COUNT + 20)
    refused("goes from frame 1 to frame 22")
    controls = controls_of(imported)
    assert controls is not None
    action = controls.animation_data.action
    controls.animation_data.action = None
    refused("No action plays")
    controls.animation_data.action = action
    (tmp_path / "walk_person0_take.npz").unlink()
    refused("not where it was")
    assert worker.asked == []


def test_a_record_of_an_earlier_version_is_followed(kept: Path, changed: Take, small_body: Body) -> None:
    rig = build(Take.load(kept), small_body)
    content = json.loads(rig[PROPERTY])
    rig[PROPERTY] = json.dumps(
        {name: value for name, value in content.items() if name not in ("prompts", "world", "home")}
    )
    record = record_of(rig)
    assert (record.prompts, record.world, record.home) == ((), (), ())
    follow_refit(rig, small_body, record, Take.load(kept), changed)
    found = heads(rig)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    np.testing.assert_allclose(found, heads(build(changed, small_body)), atol=1e-5)


def test_another_stretch_is_refused(kept: Path, small_body: Body) -> None:
    rig = build(Take.load(kept), small_body)
    take = Take.load(kept)
    other = replace(take, frames=take.frames + 1)
    with pytest.raises(Sam3dbError, match="other frames"):
        follow_refit(rig, small_body, record_of(rig), take, other)
