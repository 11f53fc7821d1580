"""Characters rest while somebody does other things, and wake for whoever needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_REST_S = 30.0


def test_a_character_rests_and_wakes(open_blender: Opener, photos: Path, tmp_path: Path) -> None:
    blender = open_blender(640, 480)
    blender.call("scene.empty")
    blender.call("scene.make_character", photo=str(photos / "dancing.jpg"), body="default-lod2")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    awake = blender.call("rest.drivers")
    assert awake > 200

    blender.call("rest.choose_nobody")
    blender.wait(lambda: blender.call("rest.resting"), _REST_S)
    assert blender.call("rest.drivers") == 0

    assert blender.call("rest.slide", value=0.9) > 1e-3
    assert blender.call("rest.drivers") == awake
    blender.wait(lambda: blender.call("rest.resting"), _REST_S)

    file = str(tmp_path / "saved.blend")
    blender.call("scene.save", path=file)
    blender.call("scene.open_file", path=file)
    blender.wait(lambda: blender.call("rest.resting"), _REST_S)
    assert blender.call("rest.slide", value=-0.9) > 1e-3
    assert blender.call("rest.drivers") == awake
