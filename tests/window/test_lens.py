"""An artist drags lines onto edges of a photo: lens and tilt follow, everybody is posed again, one undo is enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_TAKEN_S = 60.0
_DRAWN_S = 4.0
"""Without a graphics card Blender draws, and hears of the mouse, some time later."""


def _in_the_open(x: float, y: float) -> bool:
    """Whether a place in the window is in the viewport, and neither its header nor its buttons cover it."""
    return 420 < x < 960 and 140 < y < 640


def test_lines_are_dragged_onto_a_photo(open_blender: Opener, photos: Path, kept: Path) -> None:
    blender = open_blender(1280, 800)
    artist = Artist(blender, kept)
    blender.call("scene.empty")
    blender.call("scene.make_character", photo=str(photos / "bus.jpg"), body="default-lod2")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    artist.over_viewport()
    artist.at_rest()
    made = blender.call("lens.state")
    assert made["source"] in ("picture", "usual")

    # begun and given up: nothing has changed
    blender.call("lens.begin")
    artist.screen.settle(_DRAWN_S)
    artist.picture("lines")
    artist.screen.key("Escape")
    blender.wait(lambda: not blender.call("lens.running"), MAKING_S)
    assert blender.call("lens.state") == made

    # the end of a vertical line is dragged to where no camera sees it: that is said, and nothing is applied
    blender.call("lens.begin")
    artist.screen.settle(_DRAWN_S)
    end, (x, y) = next(
        (number, place) for number, place in enumerate(blender.call("lens.ends")) if _in_the_open(*place)
    )
    artist.screen.move(x, y)
    artist.screen.settle()
    artist.hold()
    artist.screen.move(x + 60, y)
    artist.screen.settle()
    artist.screen.move(x + 120, y)
    artist.screen.settle()
    artist.screen.release()
    blender.wait(lambda: abs(blender.call("lens.ends")[end][0] - x - 120) < 2, _TAKEN_S)
    assert blender.call("lens.ends")[end][1] == pytest.approx(y, abs=2)
    artist.screen.settle(_DRAWN_S)
    artist.picture("dragged")
    artist.screen.key("Return")
    artist.screen.settle(_DRAWN_S)
    assert blender.call("lens.running")
    artist.screen.key("Escape")
    blender.wait(lambda: not blender.call("lens.running"), MAKING_S)
    assert blender.call("lens.state") == made

    # the lines to begin with are those of the camera: applied, they keep it, and everybody is inferred again
    blender.call("lens.begin")
    artist.screen.settle(_DRAWN_S)
    artist.screen.key("Return")
    blender.wait(lambda: not blender.call("lens.running"), MAKING_S)
    artist.at_rest()
    artist.picture("applied")
    applied = blender.call("lens.state")
    assert applied["source"] == "hand"
    assert applied["focal"] == pytest.approx(made["focal"], rel=0.01)
    assert np.allclose(applied["up"], made["up"], atol=1e-3)

    # one undo takes lens, tilt and poses back
    artist.press("ctrl+z")
    artist.picture("undone")
    undone = blender.call("lens.state")
    assert undone["focal"] == made["focal"]
    assert undone["source"] == made["source"]
    assert np.allclose(undone["camera"], made["camera"], atol=1e-5)
    assert np.allclose(undone["rigs"], made["rigs"], atol=1e-4)
