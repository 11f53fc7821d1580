"""A stranger's way to a better engine, with a mouse: from the card in the panel, through the terms, to a model that was
downloaded, converted, proved, and is used.

The hub is on this machine and has a made-up release of a megabyte. The installed extension is given that release's
hashes, and recipes of its graphs' size, in place of the real ones; the proof is a stand-in, since made-up weights agree
with nobody.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.models import manifest
from tests.support import toy_sam3d_body
from tests.support.hub import hub
from tests.support.real_blender import USER
from tests.support.toy_shelf import files_of, item_of, write_release

from .artist import Artist
from .conftest import Opener
from .screen import Picture

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

CLICKS = 3
INSTALLING_S = 180.0
SOURCES = ("meta", "maccap", "jetjodh", "file")
SLOW = 400_000.0
"""Bytes a second, for a download that can be looked at."""
_BLUE_BGR = (179, 114, 71)
_SMALLEST_BUTTON = (200, 15)
#: px; in the dialog, where there is no button.
_OFF_BUTTONS = (650, 400)

_CATALOGUE = """

_FILES = tuple(RemoteFile(*file) for file in {files!r})
_ITEM = _SHELF["sam3d_body"]
_ITEM = replace(_ITEM, sources=tuple(
    replace(source, files=_FILES) if source.files else source for source in _ITEM.sources if source.key in {keys!r}
))
_SHELF = MappingProxyType(dict(_SHELF) | {{"sam3d_body": _ITEM}})
"""
_INSTALL = """

from native_runtime.proof.report import Check

install.__kwdefaults__["templates"] = Path({templates!r})


def _prove(names, models, progress):
    progress(0.5, "Comparing what the engines see")
    return Report(tuple(names), (Check(names[0], "toy", "", True, "As it must be."),), "now")
"""


@pytest.fixture
def strangers_folder(artists_blender: dict[str, str], tmp_path: Path) -> Path:
    """The folder of a user whose extension knows the made-up release."""
    folder = tmp_path / "user"
    shutil.copytree(artists_blender[USER], folder, symlinks=True)
    release = write_release(tmp_path / "release")
    templates = toy_sam3d_body.write_templates(tmp_path / "templates")
    files = [(f.path, f.size, f.sha256, f.role) for f in item_of(release, SOURCES).sources[0].files]
    runtime = next(folder.glob("extensions/.local/lib/python*/site-packages/native_runtime"))
    for name, text in (
        ("models/shelf/catalogue.py", _CATALOGUE.format(files=files, keys=SOURCES)),
        ("build/install.py", _INSTALL.format(templates=str(templates))),
    ):
        with (runtime / name).open("a", encoding="utf-8") as file:
            file.write(text)
    return folder


def install_button(picture: Picture) -> tuple[int, int, int, int]:
    """The dialog's button that goes on: x0, y0, x1, y1 px; the lowest large one in the colour of what Enter presses."""
    blue = (np.abs(picture.astype(int) - _BLUE_BGR).max(axis=2) < 12).astype(np.uint8)
    _, _, found, _ = cv2.connectedComponentsWithStats(blue)
    large = [box for box in found[1:] if box[2] >= _SMALLEST_BUTTON[0] and box[3] >= _SMALLEST_BUTTON[1]]
    assert large, "There is no such button."
    x, y, width, height = (int(side) for side in max(large, key=lambda box: box[1])[:4])
    return x, y, x + width, y + height


def look(artist: Artist, name: str) -> Picture:
    """Takes the mouse off the buttons, which shine under it, and keeps a picture of the dialog."""
    time.sleep(1.0)
    artist.screen.move(*_OFF_BUTTONS)
    time.sleep(0.5)
    return artist.picture(name)


def open_dialog(artist: Artist) -> Picture:
    """One click on the card."""
    artist.click_button("sam3db.get_model")
    return look(artist, "dialog")


def accept_both(artist: Artist, picture: Picture) -> None:
    """One click: the tick in the row above the buttons, at the left edge of the dialog."""
    x0, y0, x1, _ = install_button(picture)
    artist.screen.click(x0 - (x1 - x0) - 2, y0 - 21)
    time.sleep(0.5)


def press_install(artist: Artist, picture: Picture) -> None:
    """One click."""
    x0, y0, x1, y1 = install_button(picture)
    artist.screen.click((x0 + x1) / 2, (y0 + y1) / 2)


def test_three_clicks_from_the_card_to_the_best_engine(
    open_blender: Opener, strangers_folder: Path, kept: Path, tmp_path: Path
) -> None:
    with hub(files_of(tmp_path / "release"), token=None) as service:
        blender = open_blender(1280, 800, tmp_path, {USER: str(strangers_folder), "HF_ENDPOINT": service.address})
        artist = Artist(blender, kept)

        def standing() -> dict:
            return blender.call("shelf.standing")

        blender.call("shelf.allow_network")
        blender.call("scene.empty")
        blender.call("scene.show_panel", photo="")
        artist.picture("sidebar")
        blender.call("scene.open_tab", name="Photo")
        x0, y0, x1, _ = blender.call("scene.sidebar")
        artist.screen.move((x0 + x1) / 2, y0 + 20)
        time.sleep(2.0)
        artist.picture("card")
        assert standing()["engine"] == "landmarks"

        # without a tick nothing is asked: the dialog comes back and says what is missing
        press_install(artist, open_dialog(artist))
        complaint = look(artist, "complaint")
        install_button(complaint)
        assert standing()["job"] == ""
        assert service.asked == []

        # nobody answers: the card says so in a sentence
        service.status = 503
        accept_both(artist, complaint)
        press_install(artist, look(artist, "accepted"))
        blender.wait(lambda: standing()["job"] == "failed", INSTALLING_S)
        artist.picture("failed")
        assert "(503)" in standing()["said"]
        assert standing()["engine"] == "landmarks"

        # three clicks
        service.status = 0
        for storage in service.storage.values():
            storage.speed = SLOW
        clicks = artist.screen.clicks
        accept_both(artist, open_dialog(artist))
        press_install(artist, look(artist, "accepted"))
        blender.wait(lambda: "MB" in standing()["said"], INSTALLING_S)
        time.sleep(2.0)
        artist.screen.save(kept / "progress.png")
        blender.wait(lambda: standing()["job"] == "done", INSTALLING_S)
        assert artist.screen.clicks - clicks == CLICKS
        artist.picture("ready")

        now = standing()
        assert (now["choice"], now["engine"]) == ("auto", "sam3d_body")
        assert now["states"]["sam3d_body"] == "ready"
        facts = manifest.verify(Path(blender.call("shelf.models")) / "sam3d_body")
        assert facts["source"]["terms"] == ["dinov3", "sam"]
        assert service.tokens_seen_by_storage() == []
        assert blender.complaints == []
