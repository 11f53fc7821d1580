"""The photo is laid on a character as part of its import, and by a button: Blender stays awake, one undo takes each
back, painting stays.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_DRAWN_S = 4.0


def test_a_texture_comes_with_the_import_and_goes_with_one_undo(open_blender: Opener, photos: Path, kept: Path) -> None:
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)
    blender.call("scene.empty")
    blender.call("scene.make_character", photo=str(photos / "dancing.jpg"), body="default-lod2", texture=True)
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    artist.screen.settle(_DRAWN_S)
    artist.picture("imported")
    made = blender.call("textures.state")
    assert made["record"]["shares"]["seen"] > 0.1
    assert made["record"]["photos"][0]["name"] == "dancing.jpg"
    assert blender.call("textures.colour_type") == "TEXTURE", "it is seen in Solid view at once"

    artist.over_viewport()
    artist.press("ctrl+z")
    assert blender.call("scene.rigs") == {}
    assert blender.call("textures.pictures") == []
    artist.press("ctrl+shift+z")
    assert blender.call("textures.state")["picture"] == made["picture"]


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
