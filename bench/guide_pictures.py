"""Makes the artists' guide's pictures and recordings of Blender's window, with a real mouse.

    python -m bench.guide_pictures --blender EXECUTABLE [--out DIR] [--extension ZIP] [NAME...]

Everything by default, into docs/pictures/guide: stills as WebP of at most 120 kB, and two recordings as animated WebP
of at most 1.5 MB. The people in them are those of examples/, which this project rendered. The extension is built where
no zip is given, and installed for a user of its own. Needs Xvfb and xdotool.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from native_runtime.models import store
from tests.support.real_blender import build_extension, install, python_of
from tests.window.artist import Artist
from tests.window.blender import Blender
from tests.window.screen import Screen

from .films import Film
from .front_pictures import PICTURES, ROOT

Pixels = NDArray[np.uint8]

OUT = PICTURES / "guide"
EXAMPLES = ROOT / "examples"
PHOTO = "outdoors.jpg"

_SIZE = (1440, 900)
_LARGEST, _WIDEST = 120_000, 1200
_FILM = (960, 600)
_FILM_BYTES = 1_500_000
_MAKING_S = 400.0
_DRAWN_S, _THUMBNAILS_S = 2.0, 6.0
_GLIDE, _DRAG_STEPS, _TURNS, _ASIDE, _GAP = 12, 14, 16, 30.0, 12
_SCALE = 1.15
_SHARE = 0.72
"""Of the viewport's width, what a picture of a panel shows."""
_HELP = (62, 16)
"""Where the question mark lies from the sidebar's top right, px."""
_INSTALL = (22, 22)
"""Where the arrow lies in the preferences whose menu installs from disk, from the region's top right, px."""
_DRAGGED = ("left_wrist", "left_elbow")
_PHOTO_OVER, _TURNS_HEARD = 0.15, 4
_FRAMES = 40
_ZOOM = 20.0


class Guide:
    """Works in a Blender and keeps pictures.

    Args:
        artist: who works.
        photos: the folder of the photos, the artist's home.
        out: the folder for pictures.
    """

    def __init__(self, artist: Artist, photos: Path, out: Path) -> None:
        self._artist, self._photos, self._out = artist, photos, out
        self._blender, self._screen = artist.blender, artist.screen
        self._at = 0.35 * _SIZE[0], 0.5 * _SIZE[1]

    # --- what is shown ----------------------------------------------------------------------------------------------

    def first(self) -> None:
        """From a fresh Blender on: the panel, its help, and the file browser."""
        blender = self._blender
        blender.call("scene.empty")
        self._open_tab()
        self._keep("panel", self._window())
        _, y0, x1, _ = blender.call("scene.sidebar")
        self._screen.click(x1 - _HELP[0], y0 + _HELP[1])
        self._rest()
        width, height = self._screen.size
        self._keep("help", self._window()[: 6 * height // 10, 4 * width // 10 :])
        self._screen.key("Escape")
        self._rest()
        self._artist.choose_from_file_menu("TOPBAR_MT_file_import", "sam3db.import_character")
        self._rest()
        x0, y0, x1, y1 = blender.call("scene.file_list")
        self._screen.move((x0 + x1) / 2, y1 - 40)  # keys go to what the mouse is over
        time.sleep(_THUMBNAILS_S)
        self._screen.click(x0 + 60, y0 + 60)
        self._screen.move((x0 + x1) / 2, y1 - 40)
        self._rest()
        self._keep("file_browser", self._window())
        self._screen.key("Escape")
        self._rest()

    def character(self) -> None:
        """A photo becomes a character: the recording, and where it ends."""
        blender, screen = self._blender, self._screen
        blender.call("scene.empty")
        self._open_tab(PHOTO)
        button = self._artist.find_button("sam3db.import_character")
        screen.move(0.35 * screen.size[0], 0.5 * screen.size[1])
        self._rest()
        with Film(screen.picture, longest_ms=500) as film:
            time.sleep(1.0)
            self._glide(*button)
            screen.click(*button)
            time.sleep(1.0)
            self._glide(0.3 * screen.size[0], 0.8 * screen.size[1])
            blender.wait(lambda: bool(blender.call("scene.rigs")), _MAKING_S)
            blender.wait(lambda: not blender.call("scene.importing"), _MAKING_S)
            self._rest()
            film.longest_ms = 1500
            self._keep("first_character", self._window())
            film.longest_ms = 110
            self._look_around()
            blender.call("scene.take_tool", name="builtin.select_box")  # which shows the bones
            self._rest()
        film.save(self._out / "photo_to_character.webp", _FILM, _FILM_BYTES, (0, 0, *screen.size))
        self._keep("character", self._window())

    def _look_around(self) -> None:
        blender = self._blender
        blender.call("panels.plain")
        for step in range(_TURNS + 1):
            blender.call("panels.orbit", yaw=-360.0 * step / _TURNS - _ASIDE * min(1.0, step / 4))
            self._screen.settle(0.25)

    def panels(self) -> None:
        """The panels of a character, each with what it is about."""
        blender = self._blender
        self._need_character()
        blender.call("panels.plain")
        blender.call("panels.orbit", yaw=-_ASIDE)
        blender.call("panels.show_bones", shown=False)
        self._show(["character"], ["SAM3DB_skeleton", "SAM3DB_Legs"], "sliders")
        self._show(["measures"], [], "measures")
        blender.call("panels.fill_export", names="unreal")
        self._show(["export"], ["SAM3DB_export_details"], "export")
        blender.call("panels.fill_batch", photos="//references", out="//characters")
        self._show(["batch"], ["sam3db_batch_files"], "batch")
        blender.call("panels.orbit", yaw=-_ASIDE, frame=0.45, height=0.82)
        self._show(["look", "texture"], [], "look")
        blender.call("panels.orbit", yaw=-_ASIDE)
        blender.call("panels.show_bones", shown=True)
        blender.call("panels.pose_mode")
        self._show(["controls"], [], "controls")
        blender.call("panels.object_mode")

    def _show(self, names: list[str], sections: list[str], name: str) -> None:
        blender = self._blender
        blender.call("panels.only", names=names, sections=sections)
        self._rest()
        blender.call("scene.open_tab", name="Photo")
        self._artist.over_viewport()
        self._rest()
        x0, y0, _, y1 = (int(v) for v in blender.call("scene.viewport"))
        right = int(blender.call("scene.sidebar")[2])
        width = round(_SHARE * (right - x0))
        self._keep(name, self._window()[y0:y1, right - width : right])

    def correction(self) -> None:
        """A handle is dragged, and the pose follows: the recording, before and after, and a mask.

        The bundled engine puts the arm where it belongs; it is moved away first, by hand.
        """
        blender, screen = self._blender, self._screen
        self._need_character()
        blender.call("scene.show_sidebar", shown=False)
        blender.call("panels.plain")
        blender.call("panels.pose_from_photo")
        self._rest()
        targets = {keypoint: blender.call("scene.spot", keypoint=keypoint) for keypoint in _DRAGGED}
        blender.call("panels.straighten_arm")
        blender.call("panels.show_photo_over", share=_PHOTO_OVER)
        self._artist.at_rest()
        self._rest()
        x0, y0, x1, y1 = (int(v) for v in blender.call("scene.free_part"))
        middle, half, low = (x0 + x1) // 2, int(0.36 * (y1 - y0)), y0 + int(0.72 * (y1 - y0))
        person = (slice(y0, low), slice(middle - half, middle + half))
        before = self._window()[person]
        with Film(screen.picture, longest_ms=600) as film:
            time.sleep(1.0)
            for keypoint, target in targets.items():
                film.longest_ms = 600
                self._drag(keypoint, target, film)
            self._glide(x0 + 60, y1 - 60)
            self._rest()
        film.save(
            self._out / "drag_a_handle.webp", (2 * half, low - y0), _FILM_BYTES, (middle - half, y0, middle + half, low)
        )
        gap = np.full((low - y0, _GAP, 3), 255, np.uint8)
        self._keep("drag", np.concatenate([before, gap, self._window()[person]], axis=1))
        blender.call("panels.mask_from_photo")
        blender.wait(lambda: bool(blender.call("panels.masked")), _MAKING_S)
        self._artist.at_rest()
        self._show(["mask"], [], "mask")

    def _drag(self, keypoint: str, target: tuple[float, float], film: Film) -> None:
        """Drags a handle slowly enough for the limb to follow, and waits for the pose."""
        blender, screen = self._blender, self._screen
        x, y = blender.call("scene.spot", keypoint=keypoint)
        self._glide(x, y)
        screen.settle(0.5)
        film.longest_ms = 120
        self._artist.hold()
        for step in range(1, _DRAG_STEPS + 1):
            share = 0.5 - 0.5 * math.cos(math.pi * step / _DRAG_STEPS)
            screen.move(x + share * (target[0] - x), y + share * (target[1] - y))
            for _ in range(_TURNS_HEARD):
                blender.call("panels.redraw")
            screen.settle(0.4)
        screen.release()
        film.longest_ms = 600
        self._artist.at_rest()
        self._at = target[0], target[1]

    def _need_character(self) -> None:
        if not self._blender.call("scene.rigs"):
            self._blender.call("scene.empty")
            self._open_tab(PHOTO)
            self._artist.click_button("sam3db.import_character")
            self._blender.wait(lambda: bool(self._blender.call("scene.rigs")), _MAKING_S)
            self._blender.wait(lambda: not self._blender.call("scene.importing"), _MAKING_S)

    def take(self) -> None:
        """A character of a video, its keys, and the panel with what can be corrected."""
        blender = self._blender
        blender.call("scene.empty")
        self._open_tab()
        video = _video(self._photos.parent / "outdoors.mp4", self._photos / PHOTO)
        blender.call("takes.read_video", path=str(video), out=str(self._photos.parent / "take"))
        blender.wait(lambda: bool(blender.call("scene.rigs")), 3 * _MAKING_S)
        self._rest()
        blender.call("takes.show", number=_FRAMES // 2)
        blender.call("panels.fill_take", video=f"//{video.name}", out="//takes", last=_FRAMES - 1)
        blender.call("panels.zoom_camera", zoom=_ZOOM)
        blender.call("panels.only", names=["takes"], sections=["sam3db_take_corrections", "sam3db_take_quality"])
        self._rest()
        blender.call("scene.open_tab", name="Photo")
        self._artist.over_viewport()
        self._rest()
        self._keep("take", self._window()[:, : round(0.83 * self._screen.size[0])])

    def preferences(self) -> None:
        """The extension's preferences, which take the window over; nothing goes on after them."""
        blender, screen = self._blender, self._screen
        blender.call("prefs.show")
        self._rest()
        self._keep("preferences", self._window())
        blender.call("panels.scale", factor=_SCALE)
        _, y0, x1, _ = blender.call("panels.show_extensions")
        self._rest()
        screen.click(x1 - _INSTALL[0], y0 + _INSTALL[1])
        self._rest()
        self._keep("install", self._window()[: screen.size[1] // 2])

    # --- how --------------------------------------------------------------------------------------------------------

    def _open_tab(self, photo: str = "") -> None:
        blender = self._blender
        blender.call("panels.scale", factor=_SCALE)
        blender.call("scene.show_panel", photo=str(self._photos / photo) if photo else "")
        self._rest()
        blender.call("scene.open_tab", name="Photo")
        self._artist.over_viewport()
        self._rest()

    def _glide(self, x: float, y: float) -> None:
        """Moves the mouse as a hand does: quick in the middle of its way."""
        x0, y0 = self._at
        for step in range(1, _GLIDE + 1):
            share = 0.5 - 0.5 * math.cos(math.pi * step / _GLIDE)
            self._screen.move(x0 + share * (x - x0), y0 + share * (y - y0))
            time.sleep(0.06)
        self._at = x, y

    def _rest(self) -> None:
        self._blender.call("panels.redraw")
        self._screen.settle(_DRAWN_S)

    def _window(self) -> Pixels:
        return self._screen.picture()

    def _sidebar(self) -> Pixels:
        x0, y0, x1, y1 = (int(v) for v in self._blender.call("scene.sidebar"))
        return self._window()[y0:y1, x0:x1]

    def _keep(self, name: str, pixels: Pixels) -> None:
        """Writes a picture, in the best quality that fits."""
        scale = min(1.0, _WIDEST / pixels.shape[1])
        if scale < 1:
            pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        path = self._out / f"{name}.webp"
        picture = Image.fromarray(pixels[..., ::-1])
        for quality in range(88, 40, -6):
            picture.save(path, quality=quality, method=6)
            if path.stat().st_size <= _LARGEST:
                break
        print(path, path.stat().st_size, flush=True)


def _video(path: Path, photo: Path) -> Path:
    """A camera that turns a little past the person of a photo."""
    picture = np.asarray(cv2.imread(str(photo)))
    height, width = (side // 2 // 2 * 2 for side in picture.shape[:2])
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    shown = width - _FRAMES - _FRAMES % 2
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (shown, height))
    for left in range(_FRAMES):
        writer.write(picture[:, left : left + shown])
    writer.release()
    return path


def main() -> None:
    """Run the command line."""
    parts = ("first", "character", "panels", "correction", "take", "preferences")
    parser = argparse.ArgumentParser(prog="python -m bench.guide_pictures", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="PART", help=f"{', '.join(parts)} (default: all)")
    parser.add_argument("--blender", required=True, help="the executable")
    parser.add_argument("--out", type=Path, default=OUT, help="(default: docs/pictures/guide)")
    parser.add_argument("--extension", type=Path, help="the zip (default: built here)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="guide-") as name:
        folder = Path(name)
        photos = folder / "Photos"
        shutil.copytree(EXAMPLES, photos)
        (folder / "user").mkdir()
        extension = arguments.extension or build_extension(python_of(arguments.blender), store.models_dir(), folder)
        user = install(arguments.blender, extension, folder / "user")
        user |= {"MESA_SHADER_CACHE_DIR": str(folder), "HOME": str(photos)}
        with Screen(*_SIZE) as screen, Blender(arguments.blender, user, screen, folder / "blender.log") as blender:
            guide = Guide(Artist(blender, folder), photos, arguments.out)
            for part in arguments.names or parts:
                getattr(guide, part)()


if __name__ == "__main__":
    main()
