"""What an artist says of frames of a take that was made: acted on there, kept in files, and taken back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.takes import correction
from native_runtime.takes.correction import CorrectedTake, correct_take
from native_runtime.takes.ground import soles_in_world
from native_runtime.takes.hints import read_hints
from native_runtime.takes.observations import FrameObservation
from native_runtime.takes.prompted import prompted
from native_runtime.takes.request import CorrectTakeRequest, TakeRequest
from native_runtime.takes.run import TakeResult, make_take
from native_runtime.takes.take import Take, TakeFootage
from tests.support.bodies import toy_body
from tests.support.film_engine import FilmEngine, FilmInference, film
from tests.support.moving import LENS, observed, walker
from tests.support.videos import write_video

FPS, COUNT = 5.0, 12
NOSE = (6, 0, 73.0, 105.0)


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body(keypoints_on_joints=True)


def _run(video: Path, body: Body, **more: Any) -> TakeResult:
    request = TakeRequest(**{"footage": video, "out": video.parent / "out", "engine": "landmarks", **more})
    return make_take(request, cast("Inference", FilmInference(FilmEngine(body))), Silent())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, body: Body) -> Path:
    """A video and its take, in a folder that is not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    _run(write_video(folder / "walk.mp4", film([lambda frame: 10 + 4 * frame], COUNT), FPS), body)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, body: Body, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work on."""
    shutil.copytree(made, tmp_path / "made")
    monkeypatch.setattr(correction, "load_body", lambda name, models: body)
    return tmp_path / "made"


def _correct(folder: Path, *prompts: tuple[Any, ...], before: tuple[Any, ...] = (), **more: Any) -> CorrectedTake:
    take = folder / "out" / "walk_person0_take.npz"
    request = decode(CorrectTakeRequest, encode(CorrectTakeRequest(take=take, prompts=prompts, before=before)))
    return correct_take(request, more.get("reporter", Silent()))


def _numbers(take: Take) -> list[np.ndarray]:
    return [take.model_parameters, take.camera_translation, take.keypoints_2d, take.contacts]


def test_it_is_as_if_the_video_had_been_read_with_the_prompts(folder: Path, body: Body) -> None:
    base = Take.load(folder / "out" / "walk_person0_take.npz")
    made = _correct(folder, NOSE)
    corrected = Take.load(made.take)
    assert np.linalg.norm(corrected.keypoints_2d[6, 0] - NOSE[2:]) < 0.6 * np.linalg.norm(
        base.keypoints_2d[6, 0] - NOSE[2:]
    )
    assert corrected.prompts[6].keypoints == (NOSE[1:],)
    assert read_hints(made.prompts) == {0: {6: [NOSE[1:]]}}
    # with the fit that is kept, and with none
    for forgotten in (False, True):
        if forgotten:
            (folder / "out" / "walk_frames" / "person0.npz").unlink()
        again = _run(folder / "walk.mp4", body, prompts=made.prompts).takes[0].take
        for one, other in zip(_numbers(again), _numbers(corrected), strict=True):
            np.testing.assert_array_equal(one, other)


def test_frames_that_are_not_near_stay_bit_for_bit(folder: Path) -> None:
    base = Take.load(folder / "out" / "walk_person0_take.npz")
    corrected = Take.load(_correct(folder, NOSE).take)
    changed = np.abs(corrected.model_parameters - base.model_parameters).max(axis=1)
    changed += np.abs(corrected.camera_translation - base.camera_translation).max(axis=1)
    # 0.4 s are two frames here
    assert np.flatnonzero(changed).tolist() == [4, 5, 6, 7, 8]
    moved = np.linalg.norm(corrected.keypoints_2d[:, 0] - base.keypoints_2d[:, 0], axis=1)
    assert moved[6] > moved[5] > moved[4] > 0
    assert moved[6] > moved[7] > moved[8] > 0


def test_what_was_said_is_taken_back(folder: Path) -> None:
    path = folder / "out" / "walk_person0_take.npz"
    base = Take.load(path)
    both = _correct(folder, NOSE, (11, 0, 100.0, 50.0), before=(NOSE,))
    np.testing.assert_array_equal(Take.load(both.before).model_parameters[9:], base.model_parameters[9:])
    assert list(Take.load(both.take).prompts) == [6, 11]
    one = _correct(folder, NOSE, before=(NOSE, (11, 0, 100.0, 50.0)))
    assert list(Take.load(one.before).prompts) == [6, 11]
    none = _correct(folder, before=(NOSE,))
    assert not none.prompts.exists()
    for first, second in zip(_numbers(Take.load(path)), _numbers(base), strict=True):
        np.testing.assert_array_equal(first, second)
    assert 1 <= len(list((folder / "out" / "walk_frames").glob("person0_*.npz"))) <= 4


def test_what_is_said_of_others_stays(folder: Path) -> None:
    beside = folder / "out" / "walk_prompts.json"
    beside.write_text(json.dumps({"prompts": [{"frame": 2, "person": 3, "keypoints": [["nose", 1, 2, "ignore"]]}]}))
    _correct(folder, NOSE)
    assert read_hints(beside) == {0: {6: [NOSE[1:]]}, 3: {2: [(0, 1.0, 2.0, "ignore")]}}
    _correct(folder, before=(NOSE,))
    assert read_hints(beside) == {3: {2: [(0, 1.0, 2.0, "ignore")]}}


class StoppedError(Exception):
    """Somebody cancels."""


class Stops(Silent):
    """Cancels as soon as something is done."""

    def progress(self, value: float) -> None:
        raise StoppedError


def test_cancelling_leaves_the_files_as_they_are(folder: Path) -> None:
    path = folder / "out" / "walk_person0_take.npz"
    before = path.read_bytes()
    with pytest.raises(StoppedError):
        _correct(folder, NOSE, reporter=Stops())
    assert path.read_bytes() == before
    assert not (folder / "out" / "walk_prompts.json").exists()
    assert Take.load(_correct(folder, NOSE).take).prompts


def test_what_cannot_be_done_is_said(folder: Path, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "out" / "walk_person0_take.npz"
    before = path.read_bytes()
    with pytest.raises(UsageError, match="has no frame 70"):
        _correct(folder, (70, 0, 1.0, 2.0))
    with pytest.raises(UsageError, match=r"NAME_personK_take\.npz"):
        correct_take(CorrectTakeRequest(take=path.with_name("walk.npz")), Silent())
    monkeypatch.setattr(correction, "load_body", lambda name, models: toy_body())
    with pytest.raises(ModelError, match="another build"):
        _correct(folder, NOSE)
    (folder / "out" / "walk_frames" / "camera.json").unlink()
    with pytest.raises(UsageError, match=r"not kept.*Make the take"):
        _correct(folder, NOSE)
    assert path.read_bytes() == before


def test_requests_that_make_no_sense_are_refused() -> None:
    for wrong in ([[1, "nose", 2]], [["1", "nose", 2, 3]], 7, [[-1, "nose", 2, 3]]):
        with pytest.raises(UsageError):
            decode(CorrectTakeRequest, {"take": "x", "prompts": wrong})
    asked = decode(CorrectTakeRequest, {"take": "x", "prompts": [[8, "nose", 2, 3, "ignore"], [2, 1, 4, 5]]})
    assert asked.prompts == ((2, 1, 4.0, 5.0), (8, 0, 2.0, 3.0, "ignore"))


def test_feet_that_stand_stay_unless_they_are_placed(default_body_path: Path) -> None:
    body, count, fps = Body.load(default_body_path.with_name("default-lod2.npz")), 15, 15.0
    motion = walker(body, count)
    # somebody who stands: the picture of one moment, seen again and again
    still = [motion.states[4]] * count
    seen = observed(type(motion)(body, still), 0.3)
    contacts = np.zeros((count, 4), bool)
    contacts[:, :2] = True
    base = Take.from_states(
        body, np.stack([s.model_parameters for s in still]), still[0].identity, np.stack([s.expression for s in still]),
        np.stack([s.camera_translation for s in still]), LENS, frames=np.arange(count), times=np.arange(count) / fps,
        image_size=np.array([1280, 720]), camera_to_world=np.tile(np.eye(4), (count, 1, 1)), contacts=contacts,
        ground=np.array([0.0, -1.0, 0.0, 1.2]), bbox=np.tile([400.0, 100, 800, 700], (count, 1)), seen=np.ones(count),
        engine="truth", footage=TakeFootage("stand.mp4", fps, count, 0, count - 1),
    )  # fmt: skip
    names = keypoint_names()

    def soles(hints: dict[int, Any]) -> np.ndarray:
        take = prompted(base, body, lambda frame, mask: seen[frame], hints, Gravity())
        return soles_in_world(body, take.model_parameters, take.identity, take.camera_translation)

    home = soles_in_world(body, base.model_parameters, base.identity, base.camera_translation)
    hip, ankle = names.index("left_hip"), names.index("left_ankle")
    moved = soles({7: [(hip, *(base.keypoints_2d[7, hip] + [25.0, 10.0]))]}) - home
    assert np.linalg.norm(moved[:, :2], axis=2).max() < 0.003
    assert np.linalg.norm(moved[:, 2:], axis=2).max() > 0.01
    moved = soles({7: [(ankle, *(base.keypoints_2d[7, ankle] + [40.0, -10.0]))]}) - home
    assert np.linalg.norm(moved[7, :2], axis=1).min() > 0.05


def test_an_empty_frame_can_be_placed(default_body_path: Path) -> None:
    """What is said of a frame in which the person was hidden counts alone."""
    body, count = Body.load(default_body_path.with_name("default-lod2.npz")), 9
    motion = walker(body, count)
    seen = observed(motion, 0.3)
    states = motion.states
    base = Take.from_states(
        body, np.stack([s.model_parameters for s in states]), states[0].identity,
        np.stack([s.expression for s in states]), np.stack([s.camera_translation for s in states]), LENS,
        frames=np.arange(count), times=np.arange(count) / FPS, image_size=np.array([1280, 720]),
        camera_to_world=np.tile(np.eye(4), (count, 1, 1)), contacts=np.zeros((count, 4), bool),
        ground=np.full(4, np.nan),
        bbox=np.tile([400.0, 100, 800, 700], (count, 1)), seen=np.ones(count), engine="truth",
        footage=TakeFootage("walk.mp4", FPS, count, 0, count - 1),
    )  # fmt: skip
    wrist = keypoint_names().index("left_wrist")
    target = base.keypoints_2d[4, wrist] + [30.0, -20.0]
    hidden = {3, 4, 5}
    take = prompted(
        base, body, lambda frame, mask: FrameObservation(frame) if frame in hidden else seen[frame],
        {4: [(wrist, *target)]}, Gravity(),
    )  # fmt: skip
    assert np.linalg.norm(take.keypoints_2d[4, wrist] - target) < 3.0
    assert take.details["prompted"]["frames"] == [[2, 6]]


def test_a_pin_out_of_reach_does_not_tear_the_body_off(default_body_path: Path) -> None:
    """A wrist that is placed far beside the person: the arm reaches for it, and the rest stays where it is seen."""
    body, count, fps = Body.load(default_body_path.with_name("default-lod2.npz")), 9, 5.0
    motion = walker(body, count)
    states = motion.states
    contacts = np.zeros((count, 4), bool)
    base = Take.from_states(
        body, np.stack([s.model_parameters for s in states]), states[0].identity,
        np.stack([s.expression for s in states]), np.stack([s.camera_translation for s in states]), LENS,
        frames=np.arange(count), times=np.arange(count) / fps, image_size=np.array([1280, 720]),
        camera_to_world=np.tile(np.eye(4), (count, 1, 1)), contacts=contacts, ground=np.full(4, np.nan),
        bbox=np.tile([400.0, 100, 800, 600], (count, 1)), seen=np.ones(count), engine="truth",
        footage=TakeFootage("walk.mp4", fps, count, 0, count - 1),
    )  # fmt: skip
    names = keypoint_names()
    wrist, rest = names.index("left_wrist"), [names.index(f"{side}_{part}") for side in ("left", "right")
                                              for part in ("hip", "knee", "ankle")]  # fmt: skip

    fingers = tuple(name for name in names if name.startswith("left_") and "finger" in name)
    rows = [names.index(name) for name in fingers]
    seen = []
    for frame, one in enumerate(observed(motion, 0.3)):
        # the hand is seen, too, and very clearly
        assert one.evidence is not None
        points = one.evidence.points
        points = replace(
            points,
            names=(*points.names, *fingers),
            positions=np.concatenate([points.positions, base.keypoints_2d[frame, rows]]),
            sigmas=np.concatenate([points.sigmas, np.full(len(rows), 1.0)]),
            weights=np.concatenate([points.weights, np.ones(len(rows))]),
            trusted=np.concatenate([points.trusted, np.zeros(len(rows), bool)]),
        )
        seen.append(replace(one, evidence=replace(one.evidence, points=points)))

    def with_wrist(by: float) -> tuple[Take, np.ndarray]:
        place = base.keypoints_2d[4, wrist] + [by, 0.0]
        take = prompted(base, body, lambda frame, mask: seen[frame], {4: [(wrist, *place)]}, Gravity())
        return take, np.linalg.norm(take.keypoints_2d[4] - base.keypoints_2d[4], axis=1)

    near, moved = with_wrist(25.0)
    assert moved[wrist] > 15.0
    assert near.warnings == ()
    far, moved = with_wrist(500.0)
    assert moved[rest].max() < 15.0
    assert moved[wrist] > 80.0
    away = np.linalg.norm(far.keypoints_2d[4, wrist] - base.keypoints_2d[4, wrist] - [500.0, 0.0])
    (warning,) = far.warnings
    assert warning == (
        f"Frame 4: the left wrist stays {away:.0f} pixels short of where it was placed: it is out of reach."
    )
    # those around fade into it, and stay where they are seen, too
    assert np.linalg.norm(far.keypoints_2d[:, rest] - base.keypoints_2d[:, rest], axis=2).max() < 15.0
