"""From a video to takes: files, interruptions, corrections of who is who, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from native_runtime.errors import NoPersonError, PromptError, UsageError
from native_runtime.files.locks import lock
from native_runtime.mhr import Body
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.takes import person
from native_runtime.takes.camera_motion import Turn
from native_runtime.takes.observations import FrameObservation
from native_runtime.takes.request import TakeRequest
from native_runtime.takes.run import TakeResult, make_take
from native_runtime.takes.take import Take
from native_runtime.takes.temporal import TemporalFit
from tests.support.bodies import toy_body
from tests.support.film_engine import FilmEngine, FilmInference, film
from tests.support.moving import LENS
from tests.support.videos import write_video

FPS, COUNT = 5.0, 20


def _quick_fit(body: Body, observations: Sequence[FrameObservation], *args: Any, **more: Any) -> TemporalFit:
    """In place of the fit, where a test is about the way to it: the engine's answers, held through gaps."""
    known = {one.frame: one.start for one in observations if one.start is not None}
    frames = np.arange(min(known), max(known) + 1)
    states = [known[max(number for number in known if number <= frame)] for frame in frames]
    return TemporalFit(
        frames, np.stack([state.model_parameters for state in states]), states[0].identity,
        np.stack([state.expression for state in states]), np.stack([state.camera_translation for state in states]),
        np.array([float(frame in known) for frame in frames]), {}, 0,
    )  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("native_runtime.takes.person.fit_take", _quick_fit)


class StoppedError(Exception):
    """Somebody stops a run."""


class StopsAt(Silent):
    """Stops a run when it says some text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def status(self, text: str) -> None:
        if text == self.text:
            raise StoppedError


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body(keypoints_on_joints=True)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Somebody walks to the right; somebody else, farther right, enters late."""
    ways = [lambda frame: 10 + 4 * frame, lambda frame: 200 + frame if frame >= 6 else None]
    return write_video(tmp_path / "walk.mp4", film(ways, COUNT), FPS)


def _run(video: Path, engine: FilmEngine, reporter: Any = None, **more: Any) -> TakeResult:
    request = TakeRequest(**{"footage": video, "out": video.parent / "out", "engine": "landmarks", **more})
    return make_take(request, cast("Inference", FilmInference(engine)), reporter or Silent())


@pytest.mark.parametrize("follows", [False, True])
def test_each_person_becomes_a_take(video: Path, body: Body, follows: bool, quick: None) -> None:
    made = _run(video, FilmEngine(body, follows), persons="all")
    # who entered at frame 6 is seen when the whole picture is looked at again, a second after the last time
    assert [(track.first, track.last) for track in made.tracks] == [(0, 19), (10, 19)]
    first = Take.load(made.takes[0].files["npz"])
    assert first.frames.tolist() == list(range(COUNT))
    np.testing.assert_allclose(first.times, np.arange(COUNT) / FPS, atol=1e-6)
    # who walks by 4 px a frame moves so in the picture
    middles = first.keypoints_2d.mean(axis=1)[:, 0]
    np.testing.assert_allclose(np.polyfit(np.arange(COUNT), middles, 1)[0], 4.0, atol=0.3)
    assert np.ptp(first.model_parameters[:, 136:], axis=0).max() < 1e-9
    assert first.body_hash == body.hash
    assert {path.name for path in video.parent.joinpath("out").iterdir() if path.name[0] != "."} == {
        "walk_frames", "walk_tracks.json", "walk_person0_take.npz", "walk_person0_take.json",
        "walk_person1_take.npz", "walk_person1_take.json",
    }  # fmt: skip


def test_following_spares_searches(video: Path, body: Body, quick: None) -> None:
    engine = FilmEngine(body, follows=True)
    _run(video, engine, persons="all")
    assert (engine.searched, engine.followed, engine.glanced) == (1, 16, 3)


def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(
    video: Path, body: Body, tmp_path: Path, quick: None
) -> None:
    whole = _run(video, FilmEngine(body, follows=True), out=tmp_path / "whole", persons="all")
    engine = FilmEngine(body, follows=True)
    for place in (3, 12, 14):
        with pytest.raises(StoppedError):
            _run(video, engine, StopsAt(f"Frame {place}"), persons="all")
    engine.estimated = 0
    made = _run(video, engine, persons="all")
    # the last second is looked at again: frame 10 had the last search
    assert made.fresh == 10
    assert [(t.first, t.last) for t in made.tracks] == [(t.first, t.last) for t in whole.tracks]
    for one, other in zip(made.takes, whole.takes, strict=True):
        np.testing.assert_array_equal(one.take.model_parameters, other.take.model_parameters)
        np.testing.assert_array_equal(one.take.camera_translation, other.take.camera_translation)


def test_a_second_run_reads_nothing(video: Path, body: Body, quick: None) -> None:
    _run(video, FilmEngine(body))
    engine = FilmEngine(body)
    assert _run(video, engine).fresh == 0
    assert (engine.searched, engine.boxed, engine.estimated) == (0, 0, 0)


def test_a_frame_that_was_damaged_is_read_again(video: Path, body: Body, quick: None) -> None:
    _run(video, FilmEngine(body))
    (video.parent / "out" / "walk_frames" / "000012.npz").write_bytes(b"torn")
    assert _run(video, FilmEngine(body)).fresh == 10


@pytest.mark.parametrize("change", [{"fov_deg": 40.0}, {"every": 2}, {"restart": True}, {"turn": 180}])
def test_other_settings_read_the_frames_again(video: Path, body: Body, change: dict[str, Any], quick: None) -> None:
    _run(video, FilmEngine(body))
    made = _run(video, FilmEngine(body), **change)
    assert made.fresh == made.frame_count == (10 if "every" in change else 20)


def test_a_part_and_every_other_frame(video: Path, body: Body, quick: None) -> None:
    made = _run(video, FilmEngine(body), range=(3, 12), every=2)
    take = made.takes[0].take
    assert take.frames.tolist() == [3, 5, 7, 9, 11]
    assert take.fps == FPS / 2
    assert (take.footage.first, take.footage.last, take.footage.every) == (3, 11, 2)


def test_a_video_on_its_side_is_turned(video: Path, body: Body, quick: None) -> None:
    engine = FilmEngine(body)
    take = _run(video, engine, turn=90).takes[0].take
    assert engine.seen_sizes == {(240, 320)}
    assert take.image_size.tolist() == [240, 320]


def test_corrected_tracks_are_followed_and_kept(video: Path, body: Body, quick: None) -> None:
    _run(video, FilmEngine(body), persons="all")
    path = video.parent / "out" / "walk_tracks.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "edits": [{"split": 0, "at": 9}, {"delete": 1}]}))
    made = _run(video, FilmEngine(body), persons="all")
    assert [(t.number, t.first, t.last) for t in made.tracks] == [(0, 0, 8), (2, 9, 19)]
    assert [saved.take.person for saved in made.takes] == [0, 2]
    assert made.fresh == 0
    assert json.loads(path.read_text())["edits"] == [{"split": 0, "at": 9}, {"delete": 1}]


def test_edits_with_mistakes_end_the_run_before_any_work(video: Path, body: Body) -> None:
    out = video.parent / "out"
    out.mkdir()
    (out / "walk_tracks.json").write_text('{"format": "sam3db-tracks/1", "edits": [{"remove": 1}]}')
    engine = FilmEngine(body)
    with pytest.raises(UsageError, match="an edit is"):
        _run(video, engine)
    assert engine.searched == 0


def test_a_gap_is_carried_through(tmp_path: Path, body: Body) -> None:
    ways = [lambda frame: None if 6 <= frame < 9 else 10 + 4 * frame]
    take = _run(write_video(tmp_path / "gap.mp4", film(ways, 14), FPS), FilmEngine(body)).takes[0].take
    assert take.frames.tolist() == list(range(14))
    assert (take.seen[6:9] == 0).all()
    assert (take.seen[[0, 5, 9, 13]] > 0).all()
    assert np.abs(np.diff(take.camera_translation[:, 0], 2)).max() < 0.05


def test_hints_reach_their_frame(video: Path, body: Body, tmp_path: Path) -> None:
    hints = tmp_path / "hints.json"
    hints.write_text('{"prompts": [{"frame": 7, "keypoints": [["nose", 77.0, 106.0]]}]}')
    take = _run(video, FilmEngine(body), prompts=hints, range=(0, 12)).takes[0].take
    assert take.prompts[7].keypoints == ((0, 77.0, 106.0),)
    plain = _run(video, FilmEngine(body), range=(0, 12)).takes[0].take
    apart = [np.linalg.norm(one.keypoints_2d[7, 0] - [77.0, 106.0]) for one in (take, plain)]
    assert apart[0] < 0.6 * apart[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nothing", "not a JSON file"),
        ("[]", "not a JSON file|are an object"),
        ('{"prompts": {}}', "are an object"),
        ('{"prompts": [{"frame": -1, "keypoints": []}]}', "prompt 1 is not"),
        ('{"prompts": [{"frame": 1, "keypoints": [], "colour": 1}]}', "prompt 1 is not"),
        ('{"prompts": [{"frame": 1, "keypoints": [["tail", 1, 2]]}]}', "frame 1: There is no keypoint 'tail'"),
        ('{"prompts": [{"frame": 3, "keypoints": [["nose", 1, 2]]}, {"frame": 3, "keypoints": [["nose", 1, 2]]}]}',
         "prompt 2, frame 3: Each keypoint"),
    ],
)  # fmt: skip
def test_hints_with_mistakes_are_refused(
    video: Path, body: Body, tmp_path: Path, content: str, reason: str, quick: None
) -> None:
    hints = tmp_path / "hints.json"
    hints.write_text(content)
    with pytest.raises(PromptError, match=reason):
        _run(video, FilmEngine(body), prompts=hints)


def test_hints_on_frames_beyond_the_track_are_refused(video: Path, body: Body, tmp_path: Path, quick: None) -> None:
    hints = tmp_path / "hints.json"
    hints.write_text('{"prompts": [{"frame": 70, "keypoints": [["nose", 60.0, 60.0]]}]}')
    with pytest.raises(UsageError, match="frame 70 is none of those"):
        _run(video, FilmEngine(body), prompts=hints)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{"frame": 7, "person": 9, "keypoints": [["nose", 77, 106]]}', "no person 9 in this take"),
        ('{"frame": 7, "person": 1, "keypoints": [["nose", 77, 106]]}', "person 1 was not used"),
        ('{"frame": 7, "keypoints": []}', "no keypoints are given on frame 7"),
    ],
)
def test_hints_that_do_nothing_are_said(
    video: Path, body: Body, tmp_path: Path, quick: None, entry: str, said: str
) -> None:
    hints = tmp_path / "hints.json"
    hints.write_text(f'{{"prompts": [{entry}]}}')
    made = _run(video, FilmEngine(body), prompts=hints)
    (note,) = [note for note in made.notes if str(hints) in note]
    assert said in note
    assert note in made.takes[0].take.warnings


def test_a_range_behind_the_end_is_refused(video: Path, body: Body) -> None:
    engine = FilmEngine(body)
    with pytest.raises(UsageError, match=r"has 20 frames \(0 to 19\).*begins at frame 500"):
        _run(video, engine, range=(500, 600))
    assert engine.searched == 0


def test_a_frame_that_cannot_be_read_is_no_camera_that_moves(body: Body) -> None:
    outlines = {frame: SimpleNamespace(turn=Turn.none()) for frame in (0, 1, 3)}
    request = SimpleNamespace(every=1, turn=0)
    camera = SimpleNamespace(intrinsics=LENS)
    source = SimpleNamespace(request=request, outlines=outlines, camera=camera, size=(1280, 720))
    track = SimpleNamespace(first=0, last=3)
    assert not person._camera_path(cast("Any", source), cast("Any", track)).travels


def test_nobody_is_said(tmp_path: Path, body: Body, quick: None) -> None:
    with pytest.raises(NoPersonError, match="nobody was found in"):
        _run(write_video(tmp_path / "x.mp4", film([], 12), FPS), FilmEngine(body))
    with pytest.raises(NoPersonError, match=r"no person 5 in this take\. There are: 0\."):
        _run(write_video(tmp_path / "y.mp4", film([lambda frame: 50], 12), FPS), FilmEngine(body), persons=(5,))


def test_a_folder_that_another_run_holds_is_refused(video: Path, body: Body, quick: None) -> None:
    out = video.parent / "out"
    out.mkdir()
    with lock(out / ".take.lock"), pytest.raises(UsageError, match="Another take"):
        _run(video, FilmEngine(body))
    assert _run(video, FilmEngine(body)).takes


@pytest.mark.parametrize("wrong", [{"every": 0}, {"turn": "auto"}, {"age": (5.0, 7.0)}, {"age": 8.0, "persons": "all"}])
def test_requests_that_make_no_sense_are_refused(video: Path, wrong: dict[str, Any]) -> None:
    sound = TakeRequest(footage=video, out=video.parent)
    with pytest.raises(UsageError):
        replace(sound, **wrong)


def test_a_camera_that_turns_is_followed(tmp_path: Path, body: Body, quick: None) -> None:
    """Somebody stands still in a room past which the camera pans: they do in the world as well."""
    rng, step = np.random.default_rng(1), 6
    room = np.repeat(np.repeat(rng.integers(0, 90, (40, 110, 3), dtype=np.uint8), 6, axis=0), 6, axis=1)
    ways = [lambda frame: 170 - step * frame]
    pictures = [
        np.where(picture.any(axis=2, keepdims=True), picture, room[:, step * k : step * k + 320])
        for k, picture in enumerate(film(ways, 20))
    ]
    take = _run(write_video(tmp_path / "pan.mp4", pictures, FPS), FilmEngine(body)).takes[0].take
    assert take.camera == "moving"
    focal, count = take.intrinsics[0, 0], len(take)
    panned = np.degrees(np.arctan2(take.camera_to_world[:, 0, 2], take.camera_to_world[:, 2, 2]))
    np.testing.assert_allclose(panned[-1], np.degrees(np.arctan(step * (count - 1) / focal)), rtol=0.12)
    world = np.einsum("fab,fb->fa", take.camera_to_world[:, :3, :3], take.joints[:, 1])
    assert np.ptp(world[:, 0]) < 0.25 * np.ptp(take.joints[:, 1, 0])


def test_a_camera_on_a_tripod_is_fixed(video: Path, body: Body, quick: None) -> None:
    take = _run(video, FilmEngine(body)).takes[0].take
    assert take.camera == "fixed"
    assert (take.camera_to_world == np.eye(4)).all()


def test_a_texture_that_cannot_be_made_costs_no_take(video: Path, body: Body, quick: None) -> None:
    class Hears(Silent):
        warnings: list[str] = []

        def warning(self, text: str) -> None:
            self.warnings.append(text)

    made = _run(video, FilmEngine(body, follows=True), Hears(), texture=True)
    (saved,) = made.takes
    assert saved.texture is None
    assert Take.load(saved.files["npz"]).details == saved.take.details
    assert [text for text in Hears.warnings if text.startswith("Person 0 got no texture: ")]
