"""An artist types a height into the panel: the person stays on the photo, and one undo takes it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_DRAWN_S = 4.0


def test_a_height_is_typed(open_blender: Opener, photos: Path, kept: Path) -> None:
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)
    artist.make_character(photos / "dancing.jpg")
    blender.call("measures.show")
    artist.screen.settle(_DRAWN_S)
    before = blender.call("measures.state")
    artist.screen.settle(_DRAWN_S)
    artist.picture("panel")

    artist.click_button("sam3db.set_measure")
    artist.screen.settle(_DRAWN_S)
    artist.picture("asked")
    for key in ("ctrl+a", "1", "6", "5", "Return"):
        artist.screen.key(key)
    artist.screen.settle(_DRAWN_S)
    artist.picture("typed")
    artist.screen.key("Return")
    blender.wait(
        lambda: abs(blender.call("measures.state")["values"]["stature"] - before["values"]["stature"]) > 1, MAKING_S
    )
    artist.screen.settle(_DRAWN_S)
    artist.picture("applied")
    after = blender.call("measures.state")
    assert after["values"]["stature"] == pytest.approx(165.0, abs=0.1)
    first, second = (np.array(one["seen"]) for one in (before, after))
    assert np.linalg.norm(second - first, axis=1).mean() < 0.005 * np.ptp(first[:, 1])
    assert not np.allclose(after["place"], before["place"], atol=1e-3)

    artist.over_viewport()
    artist.press("ctrl+z")
    undone = blender.call("measures.state")
    assert undone["values"]["stature"] == pytest.approx(before["values"]["stature"], abs=1e-3)
    assert np.allclose(undone["place"], before["place"], atol=1e-5)
