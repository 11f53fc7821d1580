"""A Rigify rig in one click, and its hand dragged by the mouse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]


def test_a_rig_is_made_and_its_hand_dragged(open_blender: Opener, kept: Path, photos: Path) -> None:
    blender = open_blender(1280, 800)
    blender.call("scene.empty")
    blender.call("scene.make_character", photo=str(photos / "dancing.jpg"), body="default-lod2")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    artist = Artist(blender, kept)
    artist.at_rest()
    artist.over_viewport()
    blender.call("rigify.ask")
    artist.picture("asked")  # Rigify is switched off, and may be switched on
    artist.screen.key("Return")
    blender.wait(lambda: "Rigify" in blender.call("rigify.made"), MAKING_S)
    artist.picture("made")

    blender.call("rigify.choose", bone="hand_ik.L")
    before = np.array(blender.call("rigify.place", bone="hand_ik.L"))
    x0, y0, x1, y1 = blender.call("scene.viewport")
    artist.screen.move((x0 + x1) / 2, (y0 + y1) / 2)
    artist.press("g")
    artist.screen.move((x0 + x1) / 2 - 20, (y0 + y1) / 2 - 40)
    artist.screen.click((x0 + x1) / 2 - 20, (y0 + y1) / 2 - 40)
    artist.picture("dragged")
    blender.wait(lambda: np.abs(np.array(blender.call("rigify.place", bone="hand_ik.L")) - before).max() > 0.01, 60.0)
    assert blender.call("rigify.gap", control="upper_arm_parent.L", bone="l_uparm") < 1e-3
    assert blender.call("rigify.gap", control="hand_tweak.L", bone="l_wrist") < 1e-3
