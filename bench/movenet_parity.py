"""Records what TensorFlow.js itself computes with MoveNet on windows of real photos, for the tests.

    python -m bench.movenet_parity PHOTOS -o tests/build/movenet_tfjs.json

PHOTOS is the folder of the photos that the tests use. The models must have been built (`make models`), which compares
the converted networks with TensorFlow.js as well, but on made-up pictures. Needs Node.js and npm, or network access.
The file holds numbers only: the windows, and the models' outputs on them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.build.convert_networks.parity import interpret_with_tensorflow_js
from native_runtime.build.landmark_networks import NETWORKS, SOURCES_FOLDER
from native_runtime.build.node import Node
from native_runtime.detection.crops import Crop, Picture
from native_runtime.models import store

WINDOWS: dict[str, list[tuple[str, tuple[float, ...], tuple[int, int]]]] = {
    "movenet_thunder": [
        ("dancing.jpg", (1236, 713, 1802, -0.6), (256, 256)),
        ("dancing.jpg", (1122, 749, 2250, 0.0), (256, 256)),
        ("bus.jpg", (122, 649, 675, 0.0), (256, 256)),
        ("basketball1.png", (91, 268, 442, 0.0), (256, 256)),
    ],
    "movenet_multipose": [
        ("bus.jpg", (404, 539, 1080, 0.0), (256, 256)),
        ("sofa.jpg", (600, 400, 1200, 0.0), (192, 320)),
    ],
}
"""For each network: photo, x, y, side and angle of a window, and how many rows and columns of it (sampled at the larger
of both) are the input."""


def window_of(photos: Path, photo: str, crop: tuple[float, ...], size: tuple[int, int]) -> NDArray[np.float32]:
    """The input (1, H, W, 3), whole numbers 0..255."""
    rgb = np.asarray(cv2.cvtColor(cv2.imread(str(photos / photo)), cv2.COLOR_BGR2RGB), np.uint8)
    window = Picture(rgb).sample(Crop(*crop), max(size), cv2.BORDER_CONSTANT)
    return window[None, : size[0], : size[1]].astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    recorded = {}
    with tempfile.TemporaryDirectory() as work:
        node = Node.find(Path(work))
        node.install_tensorflow()
        for name, windows in WINDOWS.items():
            files = [store.models_dir() / SOURCES_FOLDER / file.stored_name for file in NETWORKS[name].files]
            inputs = [window_of(arguments.photos, *window) for window in windows]
            outputs = interpret_with_tensorflow_js(files, inputs, node.node, str(node.folder))
            recorded[name] = [
                {"photo": photo, "crop": crop, "size": size, "output": np.round(output.astype(float), 6).tolist()}
                for (photo, crop, size), (output,) in zip(windows, outputs, strict=True)
            ]
    arguments.output.write_text(json.dumps({"made_by": "python -m bench.movenet_parity", **recorded}) + "\n")


if __name__ == "__main__":
    main()
