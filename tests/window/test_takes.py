"""A video in a window: read while the artist works, played, corrected, exported, and taken back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

COUNT = 64
PINNED, FAR = 30, 60
"""The frames of the scene in which a joint is pinned, and one that is not to notice."""


def _video(path: Path, photo: Path) -> Path:
    """A photo that moves slowly to the right, as a video."""
    picture = cv2.imread(str(photo))
    picture = cv2.resize(picture, None, fx=640 / picture.shape[1], fy=640 / picture.shape[1])
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (width, height))
    for number in range(COUNT):
        writer.write(np.roll(picture[:height, :width], number, axis=1))
    writer.release()
    return path


def test_a_video_plays_is_corrected_and_leaves(open_blender: Opener, photos: Path, tmp_path: Path, kept: Path) -> None:
    video = _video(tmp_path / "dance.mp4", photos / "dancing.jpg")
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)
    blender.call("scene.empty")
    before = blender.call("takes.objects")

    blender.call("takes.read_video", path=str(video), out=str(tmp_path / "one"))
    blender.call("takes.cancel")
    blender.wait(lambda: blender.call("takes.progress")[0] != "running", MAKING_S)
    assert blender.call("takes.objects") == before

    blender.call("takes.read_video", path=str(video), out=str(tmp_path / "two"))
    blender.wait(lambda: bool(blender.call("scene.rigs")), 5 * MAKING_S)
    first = np.array(blender.call("takes.wrists"))
    assert first.shape == (COUNT, 3)
    # feet that stand keep the body from sliding along with the picture
    assert np.linalg.norm(first[-1] - first[0]) > 0.01

    start = blender.call("takes.frame")
    blender.call("takes.play")
    blender.wait(lambda: blender.call("takes.frame") != start, 30.0)
    blender.call("takes.play")
    blender.wait(lambda: blender.call("takes.looks_through_camera"), 30.0)
    artist.picture("played")

    blender.call("takes.show", number=PINNED)
    artist.over_viewport()
    blender.call("takes.pin_joint")
    blender.wait(lambda: "SAM3DB_OT_pin_joint" in blender.call("scene.modal"), 30.0)
    blender.screen.settle(2.0)
    artist.picture("joints")
    x, y = blender.call("takes.joint", keypoint="Left Wrist")
    blender.screen.move(x, y)
    blender.screen.settle(0.5)
    artist.hold()
    artist.glide(x, y, 40, -50)
    artist.picture("dragged")
    blender.screen.release()
    blender.wait(lambda: bool(blender.call("takes.prompts")), MAKING_S)
    artist.picture("pinned")
    assert [prompt[0] for prompt in blender.call("takes.prompts")] == [PINNED - 1]
    assert (tmp_path / "two" / "dance_prompts.json").is_file()
    seen = blender.call("takes.joint", keypoint="Left Wrist")
    assert np.hypot(seen[0] - x - 40, seen[1] - y + 50) < 6.0
    moved = np.array(blender.call("takes.wrists"))
    away = np.linalg.norm(moved - first, axis=1)
    around = away[PINNED - 4 : PINNED + 3]  # frames 27 to 33
    assert (np.diff(around[:4]) > 0).all()
    assert (np.diff(around[3:]) < 0).all()
    assert around.min() > 0.01
    assert away[FAR - 1] < 1e-6

    blender.call("takes.show", number=PINNED)
    artist.press("ctrl+z")
    assert blender.call("takes.prompts") == []
    np.testing.assert_allclose(blender.call("takes.wrists"), first, atol=1e-6)
    artist.over_viewport()
    artist.press("ctrl+shift+z")
    assert len(blender.call("takes.prompts")) == 1

    blender.call("takes.export", path=str(tmp_path / "dance.glb"))
    again = np.array(blender.call("takes.imported_wrists", path=str(tmp_path / "dance.glb")))
    assert np.abs(again - moved).max() < 1e-3
    assert blender.complaints == []
