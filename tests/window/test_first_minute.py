"""The first minute of somebody who has just installed the extension: with a mouse, from Blender's own new file to a
posed, corrected and exported character.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from native_runtime.prompts.prompt import keypoint_names

from .artist import Artist
from .conftest import MAKING_S, Opener
from .test_artist import MET_PX, STILL, keypoints_of, missed, moved, pins

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

CLICKS = 12
FILLS = 0.7
"""The share of the free height or width of the view that the person takes."""
EXPORT_MB = 0.5
PREVIEWED_PX = 20.0
"""At a body height of 1000 px: how far the limb may stay behind its handle during the drag."""
IN_SIGHT = ("right_hip", "right_knee", "right_ankle", "left_knee", "right_elbow", "nose")
"""Keypoints that the body itself shows, from the trunk's middle to its ends."""


def test_the_first_minute(open_blender: Opener, photos: Path, kept: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "dancing.jpg", tmp_path)
    blender = open_blender(1280, 800, tmp_path)
    artist = Artist(blender, kept)
    artist.picture("new_file")

    # a character
    artist.choose_from_file_menu("TOPBAR_MT_file_import", "sam3db.import_character")
    artist.choose_first_file("dancing.jpg")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    blender.wait(lambda: not blender.call("scene.importing"), MAKING_S)
    artist.picture("character")
    made = artist.standing()

    # is looked at through the photo's camera, large, translucent, without bones, ready to be dragged
    assert blender.call("scene.perspective") == "CAMERA"
    assert blender.call("scene.tool") == "sam3db.pose_tool"
    assert blender.call("scene.looks") == {"bones": False, "over": True}
    seen = np.array([blender.call("scene.spot", keypoint=name) for name in keypoint_names()])
    free = np.array(blender.call("scene.free_part"), float).reshape(2, 2)
    assert (seen >= free[0]).all()
    assert (seen <= free[1]).all()
    assert FILLS < (np.ptp(seen, axis=0) / (free[1] - free[0])).max() <= 1.0

    body = next(name for name in blender.call("scene.meshes") if name.startswith("dancing"))
    for keypoint, name in blender.call("scene.first_seen", keypoints=list(IN_SIGHT)).items():
        assert name == body, f"{name} hides the {keypoint}"

    # is corrected: the limb follows at once, and the view says that the rest is awaited
    blender.call("scene.note_signs")
    during = artist.drag_spot("right_wrist", -45, -25)
    assert pins(during) == []
    assert missed(during, "right_wrist") < PREVIEWED_PX
    assert moved(made, during, keypoints_of("right_arm", others=True)).max() < STILL
    assert blender.call("scene.signs")
    wrist = artist.picture("wrist_corrected")
    corrected = artist.standing()
    assert pins(corrected) == ["right_wrist"]
    assert missed(corrected, "right_wrist") < MET_PX
    assert moved(made, corrected, keypoints_of("right_arm")).max() > 0.05
    artist.drag_spot("left_ankle", 25, 10)
    ankle = artist.picture("ankle_corrected")
    corrected = artist.standing()
    assert pins(corrected) == ["left_ankle", "right_wrist"]
    assert missed(corrected, "left_ankle") < MET_PX
    assert (np.abs(ankle.astype(int) - wrist).max(axis=2) > 40).sum() > 500

    # and leaves for another program
    artist.choose_from_file_menu("TOPBAR_MT_file_export", "sam3db.export_character")
    artist.picture("export")
    artist.accept_file()
    file = tmp_path / "dancing.glb"
    blender.wait(lambda: file.is_file() and file.stat().st_size > EXPORT_MB * 1e6, MAKING_S)
    artist.picture("exported")
    assert file.read_bytes().startswith(b"glTF")
    assert blender.screen.clicks <= CLICKS
    assert artist.standing() == corrected
    assert blender.complaints == []
