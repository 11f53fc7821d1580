"""From a video to characters, as the panel does it: read by a worker with an engine that sees no picture."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.models


@pytest.fixture
def settings(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path, blender_factory: None
) -> Iterator[Any]:
    """The panel's settings, of an add-on that was just registered."""
    import sam3db_blender
    from native_runtime.service import client as service_client
    from native_runtime.service.client import WorkerClient
    from sam3db_blender import places

    monkeypatch.setattr(
        service_client, "WorkerClient", functools.partial(WorkerClient, engines="tests.blender.posed_engine")
    )
    paths = places.worker_paths()
    monkeypatch.setattr(places, "worker_paths", lambda: [repository, *paths])
    sam3db_blender.register()
    window_manager = bpy.context.window_manager
    window_manager.sam3db.body = "default-lod2"
    window_manager.sam3db.engine = "landmarks"
    settings = window_manager.sam3db_takes
    settings.video, settings.out = str(_video(tmp_path / "walk.mp4")), str(tmp_path / "out")
    yield settings
    sam3db_blender.unregister()


def _video(path: Path, count: int = 5) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (160, 120))
    for _ in range(count):
        writer.write(np.full((120, 160, 3), 200, np.uint8))
    writer.release()
    return path


def drawn() -> str:
    from sam3db_blender.ui.takes_panel import draw_takes
    from tests.support import layout

    return layout.drawn(draw_takes, bpy.context.window_manager, 60)


def test_a_video_becomes_a_character_that_moves(settings: Any, tmp_path: Path) -> None:
    assert "[sam3db.import_video] Make Characters" in drawn()
    done = bpy.ops.sam3db.import_video(filepath=settings.video, out=settings.out, last=3, rate="video")
    assert done == {"FINISHED"}
    rig = bpy.context.view_layer.objects.active
    assert rig.get("sam3db_take")
    assert bpy.context.scene.render.fps == 25
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (1, 4)
    assert (tmp_path / "out" / "walk_person0_take.npz").is_file()
    assert bpy.context.scene.camera.data.background_images[0].image.source == "MOVIE"
    assert "1 person over 4 frames" in drawn()


def test_the_frame_that_was_read_last_is_shown(settings: Any, tmp_path: Path) -> None:
    from sam3db_blender.jobs.takes import slot
    from sam3db_blender.takes import watching

    bpy.ops.sam3db.import_video(filepath=settings.video, out=settings.out, last=1, rate="video")
    job = slot.job
    assert job is not None
    assert job.pictures == 1
    assert job.picture == tmp_path / "out" / "walk_frames" / "latest.jpg"
    job.state = "running"
    try:
        shown = drawn()
    finally:
        job.state = "done"
    assert "(picture)" in shown
    preview = watching.preview(job.picture, job.pictures)
    width, height = preview.image_size
    assert 40 <= min(width, height) <= max(width, height) <= 160
    pixels = np.reshape(preview.image_pixels_float, (height, width, 4))
    np.testing.assert_allclose(np.median(pixels, axis=(0, 1)), [200 / 255, 200 / 255, 200 / 255, 1.0], atol=0.02)
    job.picture.write_bytes(b"")
    assert watching.preview(job.picture, 2) is None
    assert watching.icon(job.picture, 2) == 0


def test_a_cancelled_video_leaves_the_scene_as_it_was(settings: Any) -> None:
    from native_runtime.pipeline.decoding import encode
    from sam3db_blender.jobs.takes import slot
    from sam3db_blender.operators.takes import take_request

    before = len(bpy.data.objects), len(bpy.data.actions), bpy.context.scene.frame_end
    assert not bpy.ops.sam3db.cancel_video.poll()
    request = take_request(Path(settings.video), settings, bpy.context.window_manager.sam3db)
    job = slot.start(request.do, encode(request))
    assert not bpy.ops.sam3db.import_video.poll()
    give_up = time.monotonic() + 60
    while job.status == "Starting" and not slot.step():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert "[sam3db.cancel_video]" in drawn()
    bpy.ops.sam3db.cancel_video()
    slot.wait()
    assert job.state in ("cancelled", "done")  # it may just have been ready
    assert before == (len(bpy.data.objects), len(bpy.data.actions), bpy.context.scene.frame_end)


def test_who_is_who_is_corrected_in_the_panel(settings: Any, tmp_path: Path) -> None:
    from native_runtime.takes.trackfile import read_tracks

    assert "Who Is Who" not in drawn()
    bpy.ops.sam3db.import_video(filepath=settings.video, out=settings.out)
    tracks = tmp_path / "out" / "walk_tracks.json"
    assert "Person 1: frames 0 to 4" in drawn()
    bpy.ops.sam3db.split_track("EXEC_DEFAULT", tracks=str(tracks), person=1, at=2)
    assert read_tracks(tracks).edits == ({"split": 0, "at": 2},)
    assert "Person 2: split off" in drawn()
    for person, at in ((1, 2), (2, 2)):  # each part has its own frames
        with pytest.raises(RuntimeError, match=f"cannot be split at frame {at}"):
            bpy.ops.sam3db.split_track(tracks=str(tracks), person=person, at=at)
    bpy.ops.sam3db.merge_tracks("EXEC_DEFAULT", tracks=str(tracks), person=1, other=2)
    assert "Person 2" not in drawn().replace("Merge person 1 and person 2", "")
    before = tracks.read_bytes()
    with pytest.raises(RuntimeError, match="no person 2"):
        bpy.ops.sam3db.delete_track(tracks=str(tracks), person=2)
    with pytest.raises(RuntimeError, match="cannot be merged with the same person"):
        bpy.ops.sam3db.merge_tracks("EXEC_DEFAULT", tracks=str(tracks), person=1, other=1)
    for at in (0, 5, 900):
        with pytest.raises(RuntimeError, match=rf"from frame 0 to frame 4 .* split at frame {at}: choose"):
            bpy.ops.sam3db.split_track(tracks=str(tracks), person=1, at=at)
    assert tracks.read_bytes() == before
    bpy.ops.sam3db.undo_track_edit(tracks=str(tracks))
    bpy.ops.sam3db.undo_track_edit(tracks=str(tracks))
    assert read_tracks(tracks).edits == ()
    with pytest.raises(RuntimeError, match="no edits"):
        bpy.ops.sam3db.undo_track_edit(tracks=str(tracks))
    with pytest.raises(RuntimeError, match="no person 1"):
        bpy.ops.sam3db.delete_track(tracks=str(tmp_path / "missing.json"), person=1)


def test_a_last_frame_before_the_first_is_said_so(settings: Any) -> None:
    with pytest.raises(RuntimeError, match=r"last frame to read \(4\) comes before the first one \(10\)"):
        bpy.ops.sam3db.import_video(filepath=settings.video, out=settings.out, first=10, last=4)


def test_what_is_no_video_is_said_so(settings: Any, tmp_path: Path) -> None:
    before = len(bpy.data.objects)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(RuntimeError, match="video"):
        bpy.ops.sam3db.import_video(filepath=str(tmp_path / "text.mp4"), out=settings.out)
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.sam3db.import_video(filepath=str(tmp_path / "missing.mp4"), out=settings.out)
    assert len(bpy.data.objects) == before


def test_a_picture_stands_for_its_folder(settings: Any, tmp_path: Path) -> None:
    from sam3db_blender.operators.takes import footage_at

    (tmp_path / "frames").mkdir()
    picture = tmp_path / "frames" / "0001.png"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    assert footage_at(picture) == picture.parent
    assert footage_at(picture.parent) == picture.parent
    assert footage_at(Path(settings.video)) == Path(settings.video)


def test_what_was_said_of_frames_is_followed_again(settings: Any, tmp_path: Path) -> None:
    from sam3db_blender.operators.takes import take_request

    options = bpy.context.window_manager.sam3db
    assert take_request(Path(settings.video), settings, options).prompts is None
    (tmp_path / "out").mkdir()
    said = tmp_path / "out" / "walk_prompts.json"
    said.write_text('{"prompts": []}')
    assert take_request(Path(settings.video), settings, options).prompts == said
