"""The loop on a character of several photos: what is said on each acts on the one body, and all handles follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.fitting.live import LiveDrag
from native_runtime.mhr import SCALE, Body
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.decoding import decode
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.takes.views.joint import in_view
from native_runtime.takes.views.pose_request import PoseViewsRequest
from sam3db_blender import places
from sam3db_blender.handles import pins, session
from sam3db_blender.handles.handles import State, by_keypoint, in_all_views, place, state_of
from sam3db_blender.handles.limb_preview import LimbPreview, take_off
from sam3db_blender.handles.loop import Loop
from sam3db_blender.handles.question import question_for
from sam3db_blender.masks.store import set_mask
from sam3db_blender.scene import edits, snapshots
from sam3db_blender.scene.bodies import body_of
from sam3db_blender.scene.provenance import character_id, read_origin
from sam3db_blender.scene.readback import current_state
from sam3db_blender.scene.viewpoints import VIEW, characters_of_body, read_views, viewpoint_of
from sam3db_blender.views.build import build_views_scene
from sam3db_blender.views.files import read_views_file
from tests.support.posing_stage import Artist, Worker, install_body
from tests.support.view_files import SIZES, extrinsics, intrinsics_of, person, seen, views_body, write_views

WRIST, NOSE = (keypoint_names().index(name) for name in ("left_wrist", "nose"))


@pytest.fixture(scope="module")
def body() -> Body:
    return views_body()


@dataclass
class Stage:
    """A character of three photos, an artist and a worker that answers when it is told to."""

    rig: bpy.types.Object
    body: Body
    artist: Artist
    worker: Worker
    loop: Loop
    now: float = 0.0

    def wait(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.loop.tick()

    def drag(self, view: int, index: int, x: float, y: float) -> tuple[float, float]:
        """Drags a handle on a photo by so many pixels; returns where it lies then."""
        self.rig[VIEW] = view
        handle = by_keypoint(self.rig)[index]
        handle.location.x += x
        handle.location.y -= y
        self.loop.mark(character_id(self.rig))
        self.wait()
        return place(handle)

    def answer(self, state: PlacedState, **views: Any) -> Estimate:
        """The worker answers with another body before the first camera."""
        estimate = seen(self.body, state, 0)
        estimate = replace(estimate, details={**estimate.details, "views": views})
        self.worker.answer(estimate)
        self.wait(0.2)
        self.wait(0.0)
        bpy.context.view_layer.update()
        return estimate

    @property
    def asked(self) -> PoseViewsRequest:
        return decode(PoseViewsRequest, self.worker.asked[-1])


@pytest.fixture
def stage(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    install_body(body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    made = build_views_scene(bpy.context.scene, read_views_file(write_views(body, tmp_path)), body, light=False)
    bpy.context.view_layer.update()
    artist, worker = Artist(), Worker(tmp_path)
    stage = Stage(made.characters[0].rig, body, artist, worker, Loop(artist, lambda: worker, lambda: stage.now))
    return stage


def pixels(body: Body, seed: int, number: int) -> np.ndarray:
    """(70, 2) where a photo would show the keypoints of somebody else."""
    return seen(body, person(body, seed), number).keypoints_2d


def places_on(rig: bpy.types.Object, view: int) -> np.ndarray:
    return np.array([place(handle) for handle in by_keypoint(rig, view).values()])


def test_a_pin_on_one_photo_moves_the_body_and_the_handles_on_all(stage: Stage) -> None:
    pinned = stage.drag(1, WRIST, 12.0, -7.0)
    asked = stage.asked
    assert [view.number for view in asked.views] == [0, 1, 2]
    assert [len(view.pins) for view in asked.views] == [0, 1, 0]
    assert asked.views[1].pins[0][:3] == pytest.approx((WRIST, *pinned))
    for number, view in enumerate(asked.views):
        rotation, translation = extrinsics(number)
        np.testing.assert_allclose(np.array(view.camera)[:3, :3], rotation.T, atol=1e-5)
        np.testing.assert_allclose(np.array(view.camera)[:3, 3], -rotation.T @ translation, atol=1e-4)
        np.testing.assert_allclose(view.intrinsics, intrinsics_of(number))
        assert Path(view.photo).is_file()

    moved = person(stage.body, 8)
    stage.answer(moved, point_errors_px={"0": 4.0, "1": 5.0, "2": 6.0})
    for number in range(3):
        expected = seen(stage.body, moved, number).keypoints_2d
        off = np.abs(places_on(stage.rig, number) - expected).max(axis=1)
        if number == 1:
            assert place(by_keypoint(stage.rig, 1)[WRIST]) == pytest.approx(pinned, abs=0.01)
            off[WRIST] = 0.0
        assert off.max() < 0.5
    assert len(stage.artist.pushed) == 1
    views = read_views(stage.rig)
    assert views is not None
    assert [view.error_px for view in views.views] == [4.0, 5.0, 6.0]


def test_pins_on_several_photos_go_together_and_the_start_stays(stage: Stage) -> None:
    first = stage.drag(0, WRIST, 5.0, 5.0)
    start = stage.asked.start
    stage.answer(person(stage.body, 8))
    second = stage.drag(2, WRIST, -6.0, 3.0)
    stage.answer(person(stage.body, 9))
    stage.drag(1, NOSE, 4.0, 0.0)
    asked = stage.asked
    assert asked.views[0].pins[0][1:3] == pytest.approx(first)
    assert asked.views[2].pins[0][1:3] == pytest.approx(second)
    assert asked.views[1].pins[0][0] == NOSE
    assert asked.start.model_parameters == start.model_parameters, "what was answered before leaves nothing behind"


def test_resetting_takes_the_pins_off_all_photos(stage: Stage) -> None:
    stage.drag(0, WRIST, 5.0, 5.0)
    stage.answer(person(stage.body, 8))
    stage.drag(2, NOSE, -6.0, 3.0)
    stage.answer(person(stage.body, 9))
    pins.reset(stage.rig)
    assert all(state_of(handle) is State.PREDICTED for handle in in_all_views(stage.rig).values())
    stage.loop.ask(character_id(stage.rig))
    stage.wait()
    assert not any(view.pins for view in stage.asked.views)
    stage.answer(person(stage.body))
    for number in range(3):
        assert np.abs(places_on(stage.rig, number) - pixels(stage.body, 3, number)).max() < 0.5


def test_what_was_changed_by_hand_stays(stage: Stage) -> None:
    """A bone that was turned, and a rig that was moved in the world, whatever camera is looked through."""
    bone = stage.rig.pose.bones["l_lowarm"]
    bone.rotation_euler[0] += 0.4
    kept = tuple(bone.rotation_euler)
    bpy.context.view_layer.update()
    stage.drag(1, NOSE, 6.0, 0.0)
    stage.answer(person(stage.body, 8))
    assert tuple(bone.rotation_euler) == pytest.approx(kept, abs=1e-4)
    assert edits.shown_groups(stage.rig)


def test_earlier_estimates_bring_the_pins_of_all_photos_back(stage: Stage) -> None:
    pinned = stage.drag(1, WRIST, 12.0, -7.0)
    stage.answer(person(stage.body, 8))
    pins.reset(stage.rig)
    stage.loop.ask(character_id(stage.rig))
    stage.wait()
    stage.answer(person(stage.body))
    names = dict(snapshots.entries(stage.rig))
    assert "Left Wrist Dragged" in names
    session.go_back(stage.rig, names["Left Wrist Dragged"])
    handle = by_keypoint(stage.rig, 1)[WRIST]
    assert state_of(handle) is State.PINNED
    assert place(handle) == pytest.approx(pinned, abs=0.01)
    others = np.abs(places_on(stage.rig, 2) - seen(stage.body, person(stage.body, 8), 2).keypoints_2d)
    assert others.max() < 0.5


def test_an_answer_says_what_it_thinks_of_the_pins_on_each_photo(stage: Stage) -> None:
    stage.drag(1, WRIST, 200.0, 0.0)
    stage.answer(person(stage.body, 8), prompts={"1": {"pins_out_of_reach": ["left_wrist"]}, "0": {}})
    assert [len(pins.warnings_in(stage.rig, view)) for view in range(3)] == [0, 1, 0]


def test_a_camera_that_was_moved_counts_where_it_stands(stage: Stage) -> None:
    camera = viewpoint_of(stage.rig, 2).camera
    camera.location.z += 0.25
    bpy.context.view_layer.update()
    before = np.array(seen(stage.body, person(stage.body), 2).keypoints_2d)
    assert np.abs(viewpoint_of(stage.rig, 2).keypoints_2d - before).max() > 5.0
    stage.drag(0, WRIST, 3.0, 0.0)
    shift = np.array(stage.asked.views[2].camera)[:3, 3] - (-extrinsics(2)[0].T @ extrinsics(2)[1])
    assert np.linalg.norm(shift) == pytest.approx(0.25, abs=1e-4)


def test_a_photo_whose_camera_was_deleted_is_left_out(stage: Stage) -> None:
    bpy.data.objects.remove(viewpoint_of(stage.rig, 1).camera)
    stage.drag(2, WRIST, 3.0, 0.0)
    assert [view.number for view in stage.asked.views] == [0, 2]
    stage.answer(person(stage.body, 8))
    assert np.abs(places_on(stage.rig, 2) - pixels(stage.body, 8, 2))[NOSE].max() < 0.5


@pytest.mark.parametrize("view", [0, 1])
def test_the_limb_follows_while_a_handle_is_dragged_on_any_photo(stage: Stage, view: int) -> None:
    stage.rig[VIEW] = view
    handle = by_keypoint(stage.rig)[WRIST]
    preview, before = LimbPreview(stage.rig, handle), current_state(stage.rig, stage.body, scaled=True)
    wanted = np.array(place(handle)) + (6.0, -4.0)
    preview.show(stage.rig, wanted)
    bpy.context.view_layer.update()
    shown = in_view(stage.body, current_state(stage.rig, stage.body, scaled=True), *extrinsics(view))
    found = project(seen_points(stage.body, shown)[WRIST], intrinsics_of(view))
    there = in_view(stage.body, before, *extrinsics(view))
    expected = LiveDrag(stage.body, intrinsics_of(view), there, "left_wrist").to(wanted).state
    assert np.abs(found - project(seen_points(stage.body, expected)[WRIST], intrinsics_of(view))).max() < 0.05
    assert np.linalg.norm(found - wanted) < np.linalg.norm(np.array(place(handle)) - wanted)
    take_off(stage.rig)


def seen_points(body: Body, state: PlacedState) -> np.ndarray:
    return Estimate.from_state(
        body, state, intrinsics_of(0), image_size=np.array(SIZES[0]), bbox=np.zeros(4), engine=""
    ).keypoints_3d


def test_masks_are_refused(stage: Stage) -> None:
    with pytest.raises(Sam3dbError, match="has no masks"):
        set_mask(stage.rig, np.ones(SIZES[0][::-1], bool))


def test_photos_of_different_moments_keep_their_body(
    body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is asked about by itself, with the skeleton and shape that all have."""
    install_body(body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    summary = write_views(body, tmp_path, one_pose=False)
    made = build_views_scene(bpy.context.scene, read_views_file(summary), body, light=False)
    bpy.context.view_layer.update()
    rig = characters_of_body(made.characters[0].rig)[1]
    asked = question_for(rig)
    assert not isinstance(asked, PoseViewsRequest)
    origin = read_origin(rig)
    assert asked.edits is not None
    lengths = origin.arrays["model_parameters"][SCALE]
    assert list(asked.edits.model_parameters) == list(range(SCALE.start, SCALE.stop))
    np.testing.assert_allclose(list(asked.edits.model_parameters.values()), lengths, atol=1e-9)
    np.testing.assert_allclose(list(asked.edits.identity.values()), origin.arrays["identity"], atol=1e-9)
    assert body_of(rig).name == body.name
