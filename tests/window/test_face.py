"""An artist takes the expression of a photo away and brings a stronger one back."""

from __future__ import annotations

from pathlib import Path

import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_DRAWN_S = 4.0


def test_an_expression_is_taken_away_and_brought_back(open_blender: Opener, repository: Path, kept: Path) -> None:
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)
    artist.make_character(repository / "examples" / "standing.jpg")
    blender.call("face.show")
    artist.screen.settle(_DRAWN_S)
    read = blender.call("face.shown")
    artist.screen.settle(_DRAWN_S)
    artist.picture("read")
    assert read["mouthSmileLeft"] > 0.1

    artist.click_button("sam3db.reset_character")
    blender.wait(lambda: not blender.call("face.shown"), MAKING_S)
    artist.picture("neutral")
    artist.click_button("sam3db.photo_expression")
    blender.wait(lambda: blender.call("face.shown") == pytest.approx(read, abs=1e-5), MAKING_S)
    artist.picture("from_photo")
    artist.over_viewport()
    artist.press("ctrl+z")
    blender.wait(lambda: not blender.call("face.shown"), MAKING_S)
    artist.press("ctrl+z")
    blender.wait(lambda: blender.call("face.shown") == pytest.approx(read, abs=1e-5), MAKING_S)
    artist.picture("undone")
    assert blender.complaints == []
    assert blender.quit() == 0
