"""Makes the pictures of the README's first page again, from the example photo.

    python -m bench.front_pictures

Writes docs/pictures/preview.jpg and docs/pictures/turntable.jpg. It needs Blender as a Python module and the models.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "standing.jpg"
PICTURES = ROOT / "docs" / "pictures"
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _sam3db("character", PHOTO, "-o", folder)
        blend = folder / f"{PHOTO.stem}_person0.blend"
        _sam3db("preview", blend, "-o", folder, "--kinds", "turntable", "--size", 1100, "--no-contact-sheet")
        for made, kept in (
            (blend.with_suffix(".png"), "preview"),
            (folder / f"{blend.stem}_turntable.jpg", "turntable"),
        ):
            path = PICTURES / f"{kept}.jpg"
            cv2.imwrite(str(path), cv2.imread(str(made)), _QUALITY)
            print(path)


def _sam3db(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "sam3db_blender", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
