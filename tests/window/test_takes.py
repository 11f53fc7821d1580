"""A video in a window: read while the artist works, played, exported, and taken back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

COUNT = 8


def _video(path: Path, photo: Path) -> Path:
    """A photo that moves to the right, as a video."""
    picture = cv2.imread(str(photo))
    picture = cv2.resize(picture, None, fx=640 / picture.shape[1], fy=640 / picture.shape[1])
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (width, height))
    for number in range(COUNT):
        writer.write(np.roll(picture[:height, :width], 6 * number, axis=1))
    writer.release()
    return path


def test_a_video_plays_and_leaves(open_blender: Opener, photos: Path, tmp_path: Path, kept: Path) -> None:
    video = _video(tmp_path / "dance.mp4", photos / "dancing.jpg")
    blender = open_blender(1280, 800)
    blender.call("scene.empty")
    before = blender.call("takes.objects")

    blender.call("takes.read_video", path=str(video), out=str(tmp_path / "one"))
    blender.call("takes.cancel")
    blender.wait(lambda: blender.call("takes.progress")[0] != "running", MAKING_S)
    assert blender.call("takes.objects") == before

    blender.call("takes.read_video", path=str(video), out=str(tmp_path / "two"))
    blender.wait(lambda: bool(blender.call("scene.rigs")), 3 * MAKING_S)
    moved = np.array(blender.call("takes.wrists"))
    assert moved.shape == (COUNT, 3)
    assert (
        np.linalg.norm(moved[-1] - moved[0]) > 0.01
    )  # feet that stand keep the body from sliding along with the picture

    start = blender.call("takes.frame")
    blender.call("takes.play")
    blender.wait(lambda: blender.call("takes.frame") != start, 30.0)
    blender.call("takes.play")
    blender.wait(lambda: blender.call("takes.looks_through_camera"), 30.0)
    blender.screen.settle(quiet=2.0)
    blender.screen.save(kept / "played.png")

    blender.call("takes.export", path=str(tmp_path / "dance.glb"))
    again = np.array(blender.call("takes.imported_wrists", path=str(tmp_path / "dance.glb")))
    assert np.abs(again - moved).max() < 1e-3
    assert blender.complaints == []
