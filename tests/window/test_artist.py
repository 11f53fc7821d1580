"""An artist with a real mouse makes a character of a photo, corrects it, changes their mind, comes back another day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.prompts.prompt import keypoint_names

from .artist import Artist
from .conftest import MAKING_S, Opener
from .screen import Picture

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

MET_PX = 3.0
"""At a body height of 1000 px: how far a pinned keypoint that is in reach may be off."""
STILL = 0.01
"""Shares of the body's height by which keypoints may move that have nothing to do with the drag."""

_LIMBS = {
    "right_arm": ("right_shoulder", "right_acromion", "right_elbow", "right_olecranon", "right_cubital_fossa",
                  "right_wrist", "right_thumb", "right_forefinger", "right_middle", "right_ring", "right_pinky"),
    "left_leg": ("left_hip", "left_knee", "left_ankle", "left_heel", "left_big_toe", "left_small_toe"),
}  # fmt: skip


def test_an_artist_poses_a_dancer(open_blender: Opener, photos: Path, kept: Path, tmp_path: Path) -> None:
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)

    # a photo becomes a character
    blender.call("scene.empty")
    blender.call("scene.show_panel", photo=str(photos / "dancing.jpg"))
    artist.picture("sidebar")
    blender.call("scene.open_tab", name="Photo")
    artist.picture("panel")
    artist.click_button("sam3db.import_character")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    blender.wait(lambda: not blender.call("scene.importing"), MAKING_S)
    artist.work_with_empties()
    assert blender.call("scene.perspective") == "CAMERA"
    before_picture = artist.picture("character")
    made = artist.standing()
    assert off(made, made["recorded"]).max() < 0.05
    assert {handle["state"] for handle in made["handles"].values()} == {"PREDICTED"}

    # the wrist is dragged by 60 px to where the arm can reach, and the arm follows
    artist.drag_by_key("right_wrist", 60, 0)
    picture = artist.picture("wrist_dragged")
    dragged = artist.standing()
    assert pins(dragged) == ["right_wrist"]
    assert missed(dragged, "right_wrist") < MET_PX
    assert place_moved(made, dragged, "right_wrist") == pytest.approx(60 * photo_pixels_each(blender), rel=0.02)
    assert moved(made, dragged, keypoints_of("right_arm")).max() > 0.05
    assert moved(made, dragged, keypoints_of("right_arm", others=True)).max() < STILL
    assert arm_changed(artist, before_picture, picture) > 0.05

    # changes their mind, twice
    artist.press("ctrl+z")
    artist.picture("undone")
    assert artist.standing() == made
    artist.press("ctrl+shift+z")
    artist.picture("redone")
    assert artist.standing() == dragged

    # pins an ankle by the panel's button
    artist.click_handle("left_ankle")
    blender.call("scene.open_tab", name="Photo")
    artist.click_button("sam3db.pin_handles")
    artist.at_rest()
    artist.picture("ankle_pinned")
    pinned = artist.standing()
    assert pins(pinned) == ["left_ankle", "right_wrist"]
    assert missed(pinned, "left_ankle") < MET_PX
    assert moved(dragged, pinned).max() < STILL

    # saves, comes back
    file = tmp_path / "dancer.blend"
    blender.call("scene.save", path=str(file))
    assert blender.complaints == []
    assert blender.quit() == 0
    again = open_blender(1280, 800)
    again.call("scene.open_file", path=str(file))
    artist = Artist(again, kept)
    artist.over_viewport()
    artist.picture("reopened")
    assert artist.standing() == pinned

    # and goes on
    artist.drag_by_mouse("left_ankle", 10, -40)
    artist.picture("ankle_dragged")
    last = artist.standing()
    assert pins(last) == ["left_ankle", "right_wrist"]
    assert missed(last, "left_ankle") < MET_PX
    assert missed(last, "right_wrist") < MET_PX
    assert moved(pinned, last, keypoints_of("left_leg")).max() > 0.02
    assert moved(pinned, last, keypoints_of("left_leg", others=True)).max() < STILL
    artist.press("ctrl+z")
    assert artist.standing() == pinned

    assert {state for state, _ in again.call("scene.statuses").values()} == {"idle"}
    assert again.complaints == []


# --- what is measured ------------------------------------------------------------------------------------------------


def keypoints_of(limb: str, others: bool = False) -> list[int]:
    """The numbers of the keypoints of a limb, or of all that are not of it."""
    names = keypoint_names()
    return [i for i, name in enumerate(names) if name.startswith(_LIMBS[limb]) != others]


def off(standing: dict[str, Any], places: Any) -> np.ndarray:
    """(70,) px between where the keypoints are seen and places (70, 2)."""
    return np.linalg.norm(np.array(standing["seen"]) - np.array(places), axis=1)


def pins(standing: dict[str, Any]) -> list[str]:
    """The pinned keypoints' names."""
    return sorted(name for name, handle in standing["handles"].items() if handle["state"] == "PINNED")


def missed(standing: dict[str, Any], keypoint: str) -> float:
    """Px, at a body height of 1000, between a handle and where the camera sees its keypoint on the mesh."""
    seen = standing["seen"][keypoint_names().index(keypoint)]
    distance = np.linalg.norm(np.subtract(seen, standing["handles"][keypoint]["place"]))
    return float(distance * 1000 / standing["height"])


def place_moved(before: dict[str, Any], after: dict[str, Any], keypoint: str) -> float:
    """Px of the photo by which a handle was moved."""
    places = [standing["handles"][keypoint]["place"] for standing in (before, after)]
    return float(np.linalg.norm(np.subtract(*places)))


def moved(before: dict[str, Any], after: dict[str, Any], keypoints: list[int] | None = None) -> np.ndarray:
    """Shares of the body's height by which keypoints moved in the photo; all of them unless named."""
    return (off(after, before["seen"]) / before["height"])[keypoints or slice(None)]


def photo_pixels_each(blender: Any) -> float:
    """Px of the photo in one pixel of the screen."""
    names = [blender.call("scene.handle_name", keypoint=name) for name in ("right_hip", "right_ankle")]
    screen = np.subtract(*(blender.call("scene.on_screen", name=name) for name in names))
    photo = np.subtract(*(blender.call("scene.standing")["handles"][n]["place"] for n in ("right_hip", "right_ankle")))
    return float(np.linalg.norm(photo) / np.linalg.norm(screen))


def arm_changed(artist: Artist, before: Picture, after: Picture) -> float:
    """The share of the screen's pixels about the right forearm that look different."""
    names = [artist.blender.call("scene.handle_name", keypoint=name) for name in ("right_elbow", "right_wrist")]
    ends = np.array([artist.blender.call("scene.on_screen", name=name) for name in names])
    (x0, y0), (x1, y1) = ends.min(axis=0).astype(int) - 30, ends.max(axis=0).astype(int) + 30
    difference = np.abs(before[y0:y1, x0:x1].astype(int) - after[y0:y1, x0:x1]).max(axis=2)
    return float((difference > 40).mean())
