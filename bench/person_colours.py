"""How near the colours that estimates tell of people come to those that they were rendered with.

python -m bench.accuracy render --out SET --count 40
sam3db estimate SET/*.jpg --person all -o ANSWERS
python -m bench.person_colours SET ANSWERS
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.truth import Truth
from native_runtime.render.colour import encode_srgb
from native_runtime.texture.look import COLOURS, PersonColours

#: The lightness and colour of everybody, where nothing is read from the photo.
_USUAL = (192, 148, 124)
_WITHOUT_HAIR = ("bald", "buzz")


def lab_of(srgb: tuple[int, ...]) -> NDArray[np.float64]:
    """(3,) CIELAB."""
    return np.asarray(cv2.cvtColor(np.array([[srgb]], np.float32) / 255, cv2.COLOR_RGB2LAB)[0, 0], np.float64)


def people(pictures: Path, answers: Path) -> list[tuple[int, dict[str, Any], PersonColours]]:
    """The number of the picture, what a person wears, and what the estimate tells of their colours."""
    found = []
    for file in sorted(answers.glob("*_person*.json")):
        answer = json.loads(file.read_text())
        stem = file.stem.split("_person")[0]
        truth = Truth.load(pictures / f"{stem}.npz")
        middle = np.array(answer["keypoints_2d"]).mean(axis=0)
        nearest = min(
            truth.people, key=lambda p: float(np.linalg.norm(truth.pixels(p.landmarks).mean(axis=0) - middle))
        )
        told = PersonColours.from_json(answer["details"].get(COLOURS))
        found.append((int(stem), nearest.about["worn"], told))
    return found


def main() -> None:
    """Prints CIE76 differences of even (held-out) and odd (tuned) pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("answers", type=Path)
    arguments = parser.parse_args()
    found = people(arguments.pictures, arguments.answers)
    for name, rest in (("tuned", 1), ("held out", 0)):
        for part in ("skin", "hair"):
            some = [
                (worn, getattr(told, part))
                for number, worn, told in found
                if number % 2 == rest and not (part == "hair" and worn["hair"] in _WITHOUT_HAIR)
            ]
            true = [lab_of(tuple(encode_srgb(np.array(worn["colours"][part])).tolist())) for worn, _ in some]
            off = np.array([lab_of(tone.srgb) - lab for (_, tone), lab in zip(some, true) if tone is not None])
            apart = np.linalg.norm(off, axis=1)
            usual = np.array([np.linalg.norm(lab_of(_USUAL) - lab) for lab in true])
            print(
                f"{name}: {part} of {len(off)} of {len(some)}: median {np.median(apart):.1f}, "
                f"90% {np.percentile(apart, 90):.1f}, lightness {np.sqrt((off[:, 0] ** 2).mean()):.1f} (RMS)"
                + (f"; one tone for all: {np.median(usual):.1f}" if part == "skin" else "")
            )


if __name__ == "__main__":
    main()
