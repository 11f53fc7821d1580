"""Writes the user guide that the extension brings along: ``python -m sam3db_blender.local_guide FOLDER``.

MkDocs (the extra ``docs``) makes it of docs/, by mkdocs.shipped.yml. The same sources give the same bytes. This file is
not part of the zip, and it never imports bpy.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from native_runtime.errors import Sam3dbError

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / "mkdocs.shipped.yml"
#: Its folder within the extension, as ``places.guide_page`` knows it.
FOLDER = "guide"


def write_guide(stage: Path) -> Path:
    """Write the guide into the folder that becomes the zip; the guide's own folder.

    Raises:
        Sam3dbError: MkDocs is not installed, or refuses the pages; the message names what is wrong.
    """
    if importlib.util.find_spec("mkdocs") is None:
        raise Sam3dbError(
            "The user guide cannot be made, since MkDocs is not installed. Use `make extension`, or install "
            "requirements/docs.txt."
        )
    place = (stage / FOLDER).resolve()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean"]
    done = subprocess.run(
        [*command, "--config-file", str(SETTINGS), "--site-dir", str(place)],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Sam3dbError(f"The user guide cannot be made: {(done.stdout + done.stderr).strip()[-2000:]}")
    return place


if __name__ == "__main__":
    sys.stdout.write(f"{write_guide(Path(sys.argv[1] if len(sys.argv) > 1 else 'out'))}\n")
