"""An artist works by hand beside the handles, takes the inference here and there, and deletes a character."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .artist import Artist
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

BY_HAND = ("l_lowarm", "c_head", "Body: ")
"""A forearm, the head, a slider of the body."""


def test_work_by_hand_stays_until_it_is_given_up(open_blender: Opener, photos: Path, kept: Path) -> None:
    blender = open_blender(1280, 1500)
    artist = Artist(blender, kept)
    blender.call("scene.empty")
    empty = blender.call("handwork.blocks")
    blender.call("scene.make_character", photo=str(photos / "dancing.jpg"), body="default-lod2")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    blender.wait(lambda: not blender.call("scene.importing"), MAKING_S)
    artist.work_with_empties()
    blender.call("scene.show_panel", photo="")
    blender.call("scene.open_tab", name="Photo")

    def read() -> dict[str, np.ndarray]:
        found = blender.call("handwork.readings", names=BY_HAND)
        return {name: np.array(values) for name, values in found.items()}

    # edits of three kinds; the other leg's handle is dragged, twice
    inferred = read()
    blender.call("handwork.edit", names=BY_HAND)
    by_hand = read()
    for keypoint, right in (("right_ankle", 30), ("right_knee", -20)):
        artist.drag_by_key(keypoint, right, 0)
        for name, value in read().items():
            assert value == pytest.approx(by_hand[name], abs=2e-3), name
    artist.picture("edits_kept")

    # one of them is given up by the panel's button, and taken up again by undo
    artist.click_button("sam3db.use_inference")
    artist.at_rest()
    artist.picture("inference_used")
    now = read()
    given_up = [name for name in BY_HAND if np.abs(now[name] - by_hand[name]).max() > 0.01]
    assert len(given_up) == 1
    assert now[given_up[0]] == pytest.approx(inferred[given_up[0]], abs=0.1)
    artist.over_viewport()
    artist.press("ctrl+z")
    for name, value in read().items():
        assert value == pytest.approx(by_hand[name], abs=2e-3), name

    # the rig is deleted with a key: nothing is left, and one undo brings all of it back
    there, standing = blender.call("handwork.blocks"), read()
    blender.call("handwork.select_rig")
    artist.over_viewport()
    artist.press("Delete")
    blender.wait(lambda: not blender.call("handwork.blocks")["cameras"], MAKING_S)
    artist.picture("deleted")
    assert blender.call("handwork.blocks") == empty
    artist.over_viewport()
    artist.press("ctrl+z")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    artist.picture("deletion_undone")
    assert blender.call("handwork.blocks") == there
    for name, value in read().items():
        assert value == pytest.approx(standing[name], abs=1e-6), name
    assert blender.complaints == []
    assert blender.quit() == 0
