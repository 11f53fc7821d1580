"""Makes the guides' pictures of Blender's window, of the example photo, with a real mouse.

    python -m bench.window_pictures --blender EXECUTABLE [--out DIR]

Writes viewport.jpg (a character with its texture, and the panels) and handles.jpg (handles on the photo, before and
after one of them is dragged), into docs/pictures by default. The extension is built, and installed for a user of its
own. Needs Xvfb and xdotool.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.models import store
from tests.support.real_blender import build_extension, install, python_of
from tests.window.artist import Artist
from tests.window.blender import Blender
from tests.window.screen import Screen

from .front_pictures import PHOTO, PICTURES

_SIZE = (1280, 800)
_MAKING_S = 300.0
_DRAWN_S = 6.0
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]
_BARS, _BELOW = 64, 30
"""Rows of the viewport that the headers take, and that lie below the photo."""
_DRAG = ("left_wrist", 60.0, -70.0)
"""Which handle, and by how many px to the right and down."""


def show(artist: Artist, folder: Path, out: Path) -> None:
    """Makes both pictures."""
    blender = artist.blender
    artist.make_character(Path(shutil.copy(PHOTO, folder)), texture=True)  # the panel shows where the photo lies
    blender.wait(lambda: not blender.call("scene.importing"), _MAKING_S)
    artist.over_viewport()
    artist.screen.settle(_DRAWN_S)
    blender.call("scene.show_sidebar", shown=False)
    artist.screen.settle(_DRAWN_S)
    before = artist.picture("before")
    keypoint, right, down = _DRAG
    artist.drag_spot(keypoint, right, down)
    artist.at_rest()
    artist.screen.settle(_DRAWN_S)
    after = artist.picture("after")
    x0, y0, x1, y1 = (int(v) for v in blender.call("scene.viewport"))
    middle, half = (x0 + x1) // 2, int(0.3 * (y1 - y0))
    parts = [picture[y0 + _BARS : y1 - _BELOW, middle - half : middle + half] for picture in (before, after)]
    _write(out / "handles.jpg", np.concatenate(parts, axis=1))
    artist.press("ctrl+z")
    blender.call("scene.show_sidebar", shown=True)
    blender.call("scene.take_tool", name="builtin.select_box")
    blender.call("scene.look_from_aside")
    time.sleep(_DRAWN_S)
    artist.screen.settle(_DRAWN_S)
    _write(out / "viewport.jpg", artist.picture("viewport"))


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(path), pixels, _QUALITY)
    print(path, flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.window_pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--blender", required=True, help="the executable")
    parser.add_argument("--out", type=Path, default=PICTURES, help="(default: docs/pictures)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="window-") as name:
        folder = Path(name)
        (folder / "user").mkdir()
        extension = build_extension(python_of(arguments.blender), store.models_dir(), folder)
        user = install(arguments.blender, extension, folder / "user") | {"MESA_SHADER_CACHE_DIR": str(folder)}
        with Screen(*_SIZE) as screen, Blender(arguments.blender, user, screen, folder / "blender.log") as blender:
            show(Artist(blender, folder), folder, arguments.out)


if __name__ == "__main__":
    main()
