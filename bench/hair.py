"""How well a person's hair is told from pictures whose hair is known.

    python -m bench.accuracy render --out FOLDER --kind first --count 40
    python -m bench.hair FOLDER

Prints which kind of hair was taken for which, and how far its colour is off (CIELAB) where the set says it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.engines import open_engine
from native_runtime.image.reading import read_photo
from native_runtime.pipeline.colours import with_colours
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.wearables.hair import hair_styles
from native_runtime.wearables.hair_choice import HAIR, HairChoice

from .accuracy.truth import Truth

#: The words of the rendered sets.
_KINDS = {"bald": "none", "buzz": "short", "short": "short", "curly": "short", "bob": "long", "long": "long"}
_TIED = ("bun", "ponytail")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    told_as = {style.name: "tied" if style.name in _TIED else style.length for style in hair_styles()}
    engine = open_engine("landmarks", body="default")
    found: Counter[tuple[str, str]] = Counter()
    off = []
    for path in sorted(folder.glob("*.jpg")):
        truth = Truth.load(path.with_suffix(".npz"))
        photo = read_photo(path)
        reading = engine.read(photo)
        seen = ReadPhoto(photo, reading, engine)
        for number, person in enumerate(reading.people):
            estimate = with_colours(reading.estimate(number), seen, number, person.landmarks)
            choice = HairChoice.from_json(estimate.details[HAIR])
            middle = _middle(estimate.vertices, estimate.intrinsics)
            apart = [np.linalg.norm(_middle(other.vertices, truth.intrinsics) - middle) for other in truth.people]
            worn = truth.people[int(np.argmin(apart))].about.get("worn", {})
            if choice is None or "hair" not in worn:
                continue
            found[_KINDS[worn["hair"]], told_as.get(choice.style or "", "none")] += 1
            if choice.colour is not None and "colours" in worn:
                off.append(float(np.linalg.norm(_lab(choice.colour) - _lab(worn["colours"]["hair"]))))
    columns = ("none", "short", "tied", "long")
    print("true \\ told " + "".join(f"{column:>7}" for column in columns))
    for true in ("none", "short", "long"):
        print(f"{true:12}" + "".join(f"{found[true, column]:7}" for column in columns))
    if off:
        print(f"colour: {np.median(off):.1f} off at the median, {np.percentile(off, 90):.1f} at the 90th percentile")


def _middle(vertices: NDArray, intrinsics: NDArray) -> NDArray:
    return np.asarray(project(np.asarray(vertices, np.float64), intrinsics).mean(axis=0))


def _lab(linear: tuple[float, float, float] | list[float]) -> NDArray:
    return np.asarray(cv2.cvtColor(np.array([[linear]], np.float32), cv2.COLOR_LRGB2LAB)[0, 0])


if __name__ == "__main__":
    main()
