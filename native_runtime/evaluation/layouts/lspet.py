"""Leeds Sports Pose Extended (Johnson and Everingham 2011): ``joints.mat`` beside ``im00001.png`` and so on.

Facts: the readme of the data set; github.com/nkolot/SPIN, ``datasets/preprocess/hr_lspet.py``. ``joints`` is (14, 3,
10000): x and y in px, and 1 where the joint is seen and marked. The tables of HMR 2.0 and SAM 3D Body are of all 10,000
pictures, with boxes of 1.2 times the joints' extent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from native_runtime.errors import FileError
from native_runtime.evaluation.matfile import read_array
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth

from .lsp_joints import head_size, mhr_keypoints

_MARGIN = 1.2
_FEWEST = 2


def read(path: Path) -> Truth:
    """The pictures of ``joints.mat``, or of the folder that it lies in. One person of each is annotated.

    Raises:
        FileError: it is missing or damaged.
    """
    file = path / "joints.mat" if path.is_dir() else path
    if not file.exists():
        raise FileError(f"There is no joints.mat in '{path.name}'.")
    joints = np.asarray(read_array(file, "joints"), np.float64)
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        raise FileError(f"'joints' of {file.name} has the shape {joints.shape}, not (14, 3, pictures).")
    pictures = []
    for number in range(joints.shape[2]):
        points, known = joints[:, :2, number], joints[:, 2, number] > 0
        if np.count_nonzero(known) < _FEWEST:
            continue
        low, high = points[known].min(axis=0), points[known].max(axis=0)
        middle, half = (low + high) / 2, _MARGIN * (high - low) / 2
        person = TruePerson(
            np.concatenate([middle - half, middle + half]), mhr_keypoints(points, known), head=head_size(points, known)
        )
        pictures.append(TruePicture(f"im{number + 1:05d}", [person]))
    return Truth(pictures, everybody=False)
