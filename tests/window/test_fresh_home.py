"""Somebody who has nothing but Blender and the zip, and no network: from the file to a character in the window.

What it takes is printed, and kept beside the pictures; that it stays under a minute on two quiet cores is looked at
there, not asserted.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.support.real_blender import USER, build_extension, python_of, without_network

from .artist import Artist
from .blender import Blender
from .conftest import MAKING_S
from .screen import TOOLS, Screen

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

_ENDING_S = 10.0
#: Where nothing listens, for whatever asks the environment for a way out.
_NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def extension(real_blender: str, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no screen to work on: {' and '.join(missing)} not found")
    return build_extension(python_of(real_blender), models, tmp_path_factory.mktemp("dist"))


def test_from_the_zip_to_a_character(
    real_blender: str, extension: Path, photos: Path, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, user = tmp_path / "home", tmp_path / "user"
    for folder in (home, user):
        folder.mkdir()
    photo = Path(shutil.copy(photos / "dancing.jpg", home))
    environment = {
        "HOME": str(home),
        USER: str(user),
        "SAM3DB_MODELS": "/nowhere",
        "MESA_SHADER_CACHE_DIR": str(tmp_path / "shaders"),
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
        **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
    }
    command = tmp_path / "offline-blender"
    command.write_text(f'#!/bin/sh\nexec {" ".join(without_network())} "{real_blender}" "$@"\n')
    command.chmod(0o755)
    seconds: dict[str, float] = {}
    with Screen(1280, 800) as screen, Blender(str(command), environment, screen, kept / "blender.log") as blender:
        artist = Artist(blender, kept)
        blender.call("scene.empty")
        artist.picture("nothing_but_blender")

        start = time.perf_counter()
        assert blender.call("installing.install", file=str(extension))
        seconds["install and enable"] = time.perf_counter() - start
        start = time.perf_counter()
        blender.call("scene.show_panel", photo=str(photo))
        artist.over_viewport()
        screen.settle()
        blender.wait(lambda: blender.call("scene.open_tab", name="Photo"), _ENDING_S)
        x0, y0, x1, y1 = blender.call("scene.sidebar")
        screen.move((x0 + x1) / 2, (y0 + y1) / 2)  # which draws the tab
        artist.picture("installed")
        # nothing of the networks comes into Blender's own process by that
        assert blender.call("installing.heavy") == []
        seconds["open the panel"] = time.perf_counter() - start

        artist.click_button("sam3db.import_character")
        start = time.perf_counter()
        blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
        seconds["a character stands there"] = time.perf_counter() - start
        blender.wait(lambda: not blender.call("scene.importing"), MAKING_S)
        seconds["with its texture"] = time.perf_counter() - start
        artist.at_rest()
        artist.picture("character")
        workers = blender.call("worker_process.children")
        assert len(workers) == 1

        assert not blender.call("installing.switch_off")
        blender.wait(lambda: not blender.call("worker_process.children"), _ENDING_S)
        blender.call("installing.uninstall")
        artist.picture("uninstalled")
        assert blender.complaints == []
        assert blender.call("scene.objects_left")
    (kept / "seconds.json").write_text(json.dumps(seconds, indent=1))
    with capsys.disabled():
        print("\n" + "\n".join(f"{step}: {took:.1f} s" for step, took in seconds.items()))

    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if "sam3db" in path.name.lower()]
    assert [path for path in left if not path.startswith("user/extensions/.user/")] == []
    site_packages = [path for path in user.rglob("site-packages/*") if path.is_dir()]
    assert site_packages == []
