"""A character is posed by its controls with mouse and keys; one undo takes back one action."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_DRAWN_S = 3.0
#: Where the buttons of a limb are across the panel.
_BUTTONS = (0.54, 0.6, 0.66, 0.72, 0.78)


class _Animator(Artist):
    """Works with controls."""

    def state(self) -> dict[str, Any]:
        return self.blender.call("controls.state")

    def head(self, joint: str) -> np.ndarray:
        return np.array(self.state()["heads"][joint])

    def select(self, control: str) -> None:
        """Clicks on a control's wires."""
        for x, y in self.blender.call("controls.spots", bone=control):
            self.screen.click(x, y)
            self.screen.settle(_DRAWN_S)
            if self.blender.call("controls.active") == control:
                return
        raise AssertionError(f"No click selects {control}.")

    def turn(self, control: str, degrees: str) -> None:
        """Selects a control, and turns it about its own x axis by typed degrees."""
        self.select(control)
        for key in ("r", "x", "x", *degrees, "Return"):
            self.screen.key(key)
        self.screen.settle(_DRAWN_S)


def test_pose_by_controls(open_blender: Opener, photos: Path, kept: Path) -> None:
    blender = open_blender(1400, 900)
    artist = _Animator(blender, kept)
    artist.make_character(photos / "dancing.jpg")
    blender.call("controls.show")
    artist.screen.settle(_DRAWN_S)
    artist.picture("controls")
    begin = artist.state()
    assert begin["switches"]["arm_ik.L"] == 0.0

    for limb in ("arm_ik.L", "leg_ik.L"):
        artist.click_button("sam3db.snap_controls", f'limb="{limb}"', "to='IK'", across=_BUTTONS)
        blender.wait(lambda limb=limb: artist.state()["switches"][limb] == 1.0, MAKING_S)
        artist.screen.settle(_DRAWN_S)
    artist.picture("in_ik")
    snapped = artist.state()
    for joint, place in begin["heads"].items():
        assert np.array(snapped["heads"][joint]) == pytest.approx(np.array(place), abs=1e-4)
    assert snapped["shown"]["Arm IK.L"]
    assert not snapped["shown"]["Arm FK.L"]

    artist.over_viewport()
    artist.press("ctrl+z")
    assert artist.state()["switches"] == {"arm_ik.L": 1.0, "leg_ik.L": 0.0}
    artist.press("ctrl+shift+z")
    assert artist.state()["switches"] == {"arm_ik.L": 1.0, "leg_ik.L": 1.0}

    before = artist.head("wrist")
    artist.select("hand_ik.L")
    artist.picture("hand_chosen")
    x0, y0, x1, y1 = blender.call("scene.viewport")
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    artist.screen.move(x, y)
    artist.press("g")
    artist.screen.move(x - 30, y - 25)
    artist.screen.settle(_DRAWN_S)
    artist.screen.move(x - 60, y - 50)
    artist.screen.click(x - 60, y - 50)
    artist.screen.settle(_DRAWN_S)
    artist.picture("hand_moved")
    blender.wait(lambda: np.linalg.norm(artist.head("wrist") - before) > 0.02, 60.0)
    artist.press("ctrl+z")
    assert artist.head("wrist") == pytest.approx(before, abs=1e-4)

    ball, ankle = artist.head("ball"), artist.head("foot")
    artist.turn("foot_roll.L", "30")
    artist.picture("foot_rolled")
    blender.wait(lambda: np.linalg.norm(artist.head("foot") - ankle) > 0.02, 60.0)
    assert artist.head("ball") == pytest.approx(ball, abs=2e-3)
    artist.over_viewport()
    artist.press("ctrl+z")
    assert artist.head("foot") == pytest.approx(ankle, abs=1e-4)

    finger = np.array(artist.state()["finger"])
    blender.call("controls.look", distance=0.7, at="fingers.L")
    artist.screen.settle(_DRAWN_S)
    artist.turn("fingers.L", "25")
    artist.picture("fingers_curled")
    blender.wait(lambda: np.linalg.norm(artist.state()["finger"] - finger) > 0.01, 60.0)
    artist.over_viewport()
    artist.press("ctrl+z")
    assert np.array(artist.state()["finger"]) == pytest.approx(finger, abs=1e-4)
    _copies_move_alone(artist)
    assert not blender.complaints


def _copies_move_alone(artist: _Animator) -> None:
    """Rig and body are duplicated without the controls: the copy gets its own, and one undo takes all of it back."""
    blender = artist.blender
    blender.call("controls.choose_character")
    artist.screen.settle(_DRAWN_S)
    artist.over_viewport()
    artist.press("shift+d")
    artist.press("Return")
    blender.wait(lambda: len(set(blender.call("controls.followed").values())) == 2, 60.0)
    artist.picture("copied")
    assert None not in blender.call("controls.followed").values()
    artist.over_viewport()
    artist.press("ctrl+z")
    blender.wait(lambda: len(blender.call("controls.followed")) == 1, 60.0)
