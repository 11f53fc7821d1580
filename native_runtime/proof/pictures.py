"""The two pictures of a proof: renders of the project's own body, so that what is in them is known exactly.

``python -m bench.accuracy proof`` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.files.templates import load_json
from native_runtime.image.reading import Photo, decode_photo

FOLDER = "proof"
FILE = "pictures.json"

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of one person.

    Attributes:
        name: for people and files.
        photo: its pixels.
        intrinsics: (3, 3) px, exact.
        box: (4,) x0 y0 x1 y1 px around the person.
        keypoints_3d: (70, 3) m, camera axes (MHR-70), exact; keypoints_2d: (70, 2) px.
    """

    name: str
    photo: Photo
    intrinsics: Array
    box: Array
    keypoints_3d: Array

    @property
    def keypoints_2d(self) -> Array:
        """(70, 2) px."""
        return project(self.keypoints_3d, self.intrinsics)


def bundled_pictures() -> list[Picture]:
    """Those that come with the program.

    Raises:
        FileNotFoundError: the program was installed without its data.
    """
    folder = resources.files("rig_templates").joinpath(FOLDER)
    return [
        Picture(
            name,
            decode_photo(folder.joinpath(entry["file"]).read_bytes(), Path(entry["file"])),
            np.array(entry["intrinsics"], np.float64),
            np.array(entry["box"], np.float64),
            np.array(entry["keypoints_3d"], np.float64),
        )
        for name, entry in load_json(FOLDER, FILE)["pictures"].items()
    ]
