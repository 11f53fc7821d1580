"""An artist lays the photo on a character by a button: Blender stays awake, one undo takes it back, painting stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_DRAWN_S = 4.0


def test_a_texture_is_made_undone_and_painted_on(open_blender: Opener, photos: Path, kept: Path) -> None:
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)
    artist.make_character(photos / "dancing.jpg")
    blender.call("textures.show")
    artist.screen.settle(_DRAWN_S)
    artist.picture("panel")
    assert blender.call("textures.state")["picture"] == ""

    artist.click_button("sam3db.project_texture")
    blender.wait(lambda: blender.call("textures.state")["picture"] != "", MAKING_S)
    artist.screen.settle(_DRAWN_S)
    artist.picture("textured")
    made = blender.call("textures.state")
    assert made["record"]["shares"]["seen"] > 0.1
    assert made["record"]["size"] == 2048

    artist.over_viewport()
    artist.press("ctrl+z")
    assert blender.call("textures.state")["picture"] == ""
    artist.press("ctrl+shift+z")
    assert blender.call("textures.state")["picture"] == made["picture"]

    blender.call("textures.paint")
    artist.click_button("sam3db.project_texture")
    blender.wait(lambda: blender.call("textures.state")["picture"] != made["picture"], MAKING_S)
    artist.screen.settle(_DRAWN_S)
    artist.picture("again")
    assert made["picture"] in blender.call("textures.state")["pictures"]
