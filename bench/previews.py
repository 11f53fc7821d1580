"""Times the previews of a saved character, and a contact sheet.

    python -m bench.previews FILE.blend [--size 768] [--renderer own,cycles] [--kinds KIND,...] [--entries 1000]

Each kind is timed by itself, with everything that it needs (the photo from the file, the evaluated mesh, the encoded
picture); the median and the best of three.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from native_runtime.render.contact_sheet import Entry, write_contact_sheet
from sam3db_blender.previews.making import KINDS, RENDERERS, preview_steps
from sam3db_blender.previews.saved import groups_of_file

_RUNS = 3


def time_previews(blend: Path, renderer: str, kinds: list[str], size: int, folder: Path) -> list[Path]:
    """Prints the seconds of each kind; returns the pictures."""
    pictures: list[Path] = []
    for group in groups_of_file(blend, f"{blend.stem}-{renderer}"):
        for kind in kinds:
            seconds = []
            for _ in range(_RUNS):
                started = time.perf_counter()
                ((_, outcome),) = preview_steps(group.rigs, [kind], folder, group.stem, size, renderer=renderer)
                seconds.append(time.perf_counter() - started)
                if not isinstance(outcome, Path):
                    raise outcome
            pictures.append(outcome)
            people = len(group.rigs)
            print(f"{renderer:10} {kind:10} {people} people  {np.median(seconds):6.2f} s, best {min(seconds):6.2f} s")
    return pictures


def time_contact_sheet(picture: Path, count: int, folder: Path) -> None:
    """Prints the seconds and sizes of a contact sheet with one picture many times."""
    entries = [
        Entry(f"photo {number:04d}.jpg", picture, {"preview": picture}, ("1 person",)) for number in range(count)
    ]
    started = time.perf_counter()
    html, *pages = write_contact_sheet(entries, folder / "sheet.html", folder / "sheet.png", "Bench")
    seconds = time.perf_counter() - started
    sizes = sum(page.stat().st_size for page in pages) / 1e6
    print(f"contact sheet of {count}: {seconds:.1f} s, page {html.stat().st_size / 1e6:.1f} MB, {len(pages)} pictures")
    print(f"of {sizes:.1f} MB in all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blend", type=Path)
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--renderer", default="own", help=", ".join(RENDERERS))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--entries", type=int, default=0, help="also time a contact sheet of so many photos")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for renderer in arguments.renderer.split(","):
            pictures = time_previews(arguments.blend, renderer, arguments.kinds.split(","), arguments.size, folder)
        if arguments.entries:
            time_contact_sheet(pictures[0], arguments.entries, folder)
    sys.stdout.flush()
    os._exit(0)  # some releases of the bpy module crash while the interpreter winds down


if __name__ == "__main__":
    main()
