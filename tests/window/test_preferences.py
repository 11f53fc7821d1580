"""The preferences in a window: drawn wide and narrow without a complaint, and taken over by a new file."""

from __future__ import annotations

from pathlib import Path

import pytest

from .artist import Artist
from .conftest import Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]


@pytest.mark.parametrize(("width", "height"), [(1000, 1000), (620, 1000)])
def test_the_preferences_are_drawn_and_a_new_file_begins_with_them(
    open_blender: Opener, width: int, height: int, kept: Path
) -> None:
    blender = open_blender(width, height)
    artist = Artist(blender, kept)
    blender.call("prefs.show")
    artist.picture("preferences")
    begun = blender.call("prefs.begin_with", new_persons="all", new_texture=False)
    assert begun == {"persons": "all", "texture": False}
    assert blender.complaints == []
