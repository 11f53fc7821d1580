"""MPI-INF-3DHP's test set (Mehta et al. 2017): ``TS1/annot_data.mat`` beside ``TS1/imageSequence/img_000001.jpg``.

Facts: the data set's readme and ``test_util``; github.com/nkolot/SPIN, ``datasets/preprocess/mpi_inf_3dhp.py``. Frames
count where ``valid_frame`` is set; ``annot2`` (N, 1, 17, 2) px and ``annot3`` (N, 1, 17, 3) mm, camera axes, are in the
order head top, neck, right shoulder, elbow, wrist, left shoulder, elbow, wrist, right hip, knee, ankle, left hip, knee,
ankle, pelvis, spine, head. Most tables take ``univ_annot3``, whose bodies are scaled to one height; ``annot3`` is in
true size.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import FileError, UsageError
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth, nowhere
from native_runtime.evaluation.unreadable import unreadable

Array = NDArray[np.float64]

#: MHR-70's numbers of the joints, by the data set's.
_TO_MHR = {2: 6, 3: 8, 4: 41, 5: 5, 6: 7, 7: 62, 8: 10, 9: 12, 10: 14, 11: 9, 12: 11, 13: 13}
_ACTIVITIES = {
    1: "stand or walk",
    2: "exercise",
    3: "sit",
    4: "reach or crouch",
    5: "on the floor",
    6: "sports",
    7: "misc",
}
_WHAT = "annotations of MPI-INF-3DHP"
_ARRAYS = ("annot2", "annot3", "valid_frame", "activity_annotation")


def read(path: Path) -> Truth:
    """The frames of the sequences TS1 to TS6 below a folder, or of one ``annot_data.mat``.

    Compared are the 12 joints of arms and legs in true size, from the middle of the hips.

    Raises:
        FileError: there are none, or one is damaged.
        UsageError: h5py is not installed, which reads files of MATLAB 7.3.
    """
    files = [path] if path.is_file() else sorted(path.rglob("annot_data.mat"))
    if not files:
        raise FileError(f"There is no TS1/annot_data.mat, nor another sequence's, in '{path.name}'.")
    return Truth([picture for file in files for picture in pictures_of(file.parent.name, _arrays(file))])


def pictures_of(sequence: str, arrays: Mapping[str, Any]) -> list[TruePicture]:
    """The valid frames of a sequence.

    Raises:
        FileError: the arrays are not of one sequence.
    """
    try:
        flat, space = np.asarray(arrays["annot2"], np.float64), np.asarray(arrays["annot3"], np.float64)
        flat, space = flat.reshape(-1, 17, 2), space.reshape(-1, 17, 3) / 1000.0
        valid = np.asarray(arrays["valid_frame"]).reshape(-1)
        activities = np.asarray(arrays["activity_annotation"]).reshape(-1)
        if not len(flat) == len(space) == len(valid) == len(activities):
            raise ValueError("arrays of different lengths")
    except (KeyError, ValueError, TypeError) as error:
        raise unreadable(f"{sequence}/annot_data.mat", _WHAT, error) from error
    pictures = []
    for frame in np.flatnonzero(valid).tolist():
        person = _person(flat[frame], space[frame], _ACTIVITIES.get(int(activities[frame])))
        pictures.append(TruePicture(f"{sequence}/img_{frame + 1:06d}.jpg", [person], group=sequence))
    return pictures


def _person(flat: Array, space: Array, activity: str | None) -> TruePerson:
    points, joints = nowhere(2), nowhere(3)
    points[list(_TO_MHR.values())] = flat[list(_TO_MHR)]
    joints[list(_TO_MHR.values())] = space[list(_TO_MHR)]
    box = np.concatenate([flat.min(axis=0), flat.max(axis=0)])
    return TruePerson(box, points, joints, (activity,) if activity else ())


def _arrays(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise UsageError(
            "Annotations of MPI-INF-3DHP are files of MATLAB 7.3, which h5py reads: `pip install h5py`. The layout "
            "`spin` reads mpi_inf_3dhp_valid.npz without it."
        ) from error
    try:
        with h5py.File(path, "r") as file:
            return {name: np.asarray(file[name]) for name in _ARRAYS}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise unreadable(f"{path.parent.name}/{path.name}", _WHAT, error) from error
