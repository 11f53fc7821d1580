"""Makes the pictures of the README and the guides that show what the commands make, from people that this project
renders itself.

    python -m bench.front_pictures [preview turntable looks previews contact_sheet] [--people FOLDER] [--out DIR]

All of them by default, into docs/pictures. It needs Blender as a Python module and the models. The example photo and
the people of the contact sheet are rendered by ``python -m bench.accuracy example``: the first is in examples/ (its
command is in docs/previews.md), the others go to the folder ``--people``, where those that are there are not rendered
again.

Those of the window, for the artists' guide, are made by bench.guide_pictures. The other pictures of docs/pictures are
made by the programs of the pages that show them: bench.bends, bench.rigify,
bench.retarget, bench.preset_pictures, bench.shelf_pictures, bench.package_picture, bench.accuracy sheet, and the tests
in a window (``SAM3DB_WINDOW_PICTURES``).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "outdoors.jpg"
PICTURES = ROOT / "docs" / "pictures"

PEOPLE = (
    (100, "hands_on_hips", "outdoors"), (102, "standing_wide", "outdoors"), (107, "explaining", "room"),
    (109, "dance_hip", "room"), (112, "contrapposto", "outdoors"), (115, "explaining", "outdoors"),
    (118, "standing_wide", "outdoors"), (119, "shrug", "outdoors"), (121, "walk_passing", "room"),
    (122, "waving", "room"), (123, "explaining", "room"), (125, "dance_hip", "room"),
)  # fmt: skip
"""Seed, pose and place of each of the contact sheet's people."""

_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]
_WIDEST = 1200
_GAP = 12
_PAPER = (249, 250, 250)
_ROW = 620


class Maker:
    """Makes pictures of one character, which is built once.

    Args:
        work: a folder for files in between.
        people: the folder of the contact sheet's people.
    """

    def __init__(self, work: Path, people: Path) -> None:
        self._work, self._people = work, people
        self._blend = work / f"{PHOTO.stem}_person0.blend"

    def preview(self) -> Pixels:
        """Photo, overlay, and the character from the side."""
        self._character()
        return _read(self._blend.with_suffix(".png"))

    def turntable(self) -> Pixels:
        """The character from all around."""
        return self._rendered("turntable", 1100)

    def looks(self) -> Pixels:
        """The character with its texture, in clay, and with the edges of its mesh."""
        kinds = (("shaded", "textured"), ("shaded", "clay"), ("wire", "clay"))
        return _row([self._rendered(kind, _ROW, look) for kind, look in kinds])

    def previews(self) -> Pixels:
        """The kinds of previews."""
        kinds = ("overlay", "beside", "wire", "shaded")
        return _row([self._rendered(kind, _ROW) for kind in kinds])

    def contact_sheet(self) -> Pixels:
        """The contact sheet of a batch."""
        self._people.mkdir(parents=True, exist_ok=True)
        for seed, pose, place in PEOPLE:
            photo = self._people / f"{pose}_{seed}.jpg"
            if not photo.exists():
                options = ("--pose", pose, "--seed", seed, "--place", place, "--size", 300, 400, "--samples", 6)
                _python("bench.accuracy", "example", "--out", photo, *options)
        photos, out = self._work / "people", self._work / "characters"
        shutil.copytree(self._people, photos, ignore=shutil.ignore_patterns("*.part"))
        _python("sam3db_blender", "batch", photos, "-o", out)
        return _read(out / "contact_sheet.png")

    def _character(self) -> None:
        if not self._blend.exists():
            _python("sam3db_blender", "character", PHOTO, "-o", self._work)

    def _rendered(self, kind: str, size: int, look: str = "textured") -> Pixels:
        self._character()
        out = self._work / look
        options = ("--kinds", kind, "--size", size, "--look", look, "--no-contact-sheet")
        _python("sam3db_blender", "preview", self._blend, "-o", out, *options)
        return _read(out / f"{self._blend.stem}_{kind}.jpg")


def main() -> None:
    """Makes what was asked for."""
    names = ("preview", "turntable", "looks", "previews", "contact_sheet")
    parser = argparse.ArgumentParser(prog="python -m bench.front_pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PICTURE", help=", ".join(names))
    parser.add_argument("--people", type=Path, help="folder of the contact sheet's people (default: a temporary one)")
    parser.add_argument("--out", type=Path, default=PICTURES, help="(default: docs/pictures)")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names)
    if unknown:
        parser.error(f"there is no picture {unknown.pop()!r}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        maker = Maker(Path(folder), arguments.people or Path(folder) / "rendered")
        for name in arguments.names or names:
            make: Callable[[], Pixels] = getattr(maker, name)
            path = arguments.out / f"{name}.jpg"
            cv2.imwrite(str(path), _no_wider(make()), _QUALITY)
            print(path, flush=True)


def _row(panels: list[Pixels]) -> Pixels:
    """Pictures side by side on paper, all of one height."""
    height = min(panel.shape[0] for panel in panels)
    scaled = [
        cv2.resize(panel, (round(panel.shape[1] * height / panel.shape[0]), height), interpolation=cv2.INTER_AREA)
        for panel in panels
    ]
    width = sum(panel.shape[1] for panel in scaled) + _GAP * (len(scaled) + 1)
    sheet = np.full((height + 2 * _GAP, width, 3), _PAPER, np.uint8)
    left = _GAP
    for panel in scaled:
        sheet[_GAP : _GAP + height, left : left + panel.shape[1]] = panel
        left += panel.shape[1] + _GAP
    return sheet


def _no_wider(pixels: Pixels) -> Pixels:
    scale = _WIDEST / pixels.shape[1]
    if scale >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _read(path: Path) -> Pixels:
    pixels: Any = cv2.imread(str(path))
    if pixels is None:
        raise SystemExit(f"{path} was not made.")
    return np.asarray(pixels, np.uint8)


def _python(module: str, *words: object) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, words)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
