"""3DPW ("3D Poses in the Wild", von Marcard et al. 2018): ``sequenceFiles/test/NAME.pkl`` beside ``imageFiles``.

Facts: the data set's ``readme_and_demo/readme.txt``; the preprocessing of github.com/nkolot/SPIN
(``datasets/preprocess/pw3d.py``), which the field's tables follow: split ``test``, all frames and actors whose
``campose_valid`` is set (35,515). ``jointPositions`` are SMPL's 24 joints, world axes, m; ``cam_poses`` takes the world
to the camera, in OpenCV's axes; ``cam_intrinsics`` is (3, 3) px; ``imageFiles/NAME/image_00000.jpg`` is frame 0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.errors import FileError
from native_runtime.evaluation.smpl import mhr_keypoints
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth
from native_runtime.evaluation.unreadable import unreadable
from native_runtime.files.pickles import read_pickle

Array = NDArray[np.float64]

_JOINTS = 24
_SPLITS = ("test", "validation", "train")


def read(path: Path) -> Truth:
    """The frames of a sequence's ``.pkl``, of a folder of them, or of the split ``test`` below the data set's folder.

    Compared are the 12 joints of arms and legs, from the middle of the hips. Published tables take 14 that are
    regressed from SMPL's vertices: figures of one and the other differ by some mm. People without annotations walk
    through the pictures, so nobody is counted as false.

    Raises:
        FileError: there are none, or one is damaged or refused.
    """
    pictures: list[TruePicture] = []
    for file in _files(path):
        pictures += _sequence(file)
    return Truth(pictures, everybody=False)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    for folder in (*(path / "sequenceFiles" / split for split in _SPLITS), *(path / split for split in _SPLITS), path):
        files = sorted(folder.glob("*.pkl"))
        if files:
            return files
    raise FileError(f"There are no sequences (.pkl) of 3DPW in '{path.name}': name its folder sequenceFiles/test.")


def _sequence(path: Path) -> list[TruePicture]:
    content = read_pickle(path)
    try:
        name = str(content["sequence"])
        cameras = np.asarray(content["cam_poses"], np.float64).reshape(-1, 4, 4)
        intrinsics = np.asarray(content["cam_intrinsics"], np.float64).reshape(3, 3)
        people: list[list[TruePerson]] = [[] for _ in cameras]
        for positions, valid in zip(content["jointPositions"], content["campose_valid"], strict=True):
            joints = np.asarray(positions, np.float64).reshape(-1, _JOINTS, 3)
            for frame in np.flatnonzero(np.asarray(valid)).tolist():
                camera = cameras[frame]
                here = joints[frame] @ camera[:3, :3].T + camera[:3, 3]
                if (here[:, 2] > 0).all():  # before the camera
                    people[frame].append(_person(here, intrinsics))
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise unreadable(path.name, "a sequence of 3DPW", error) from error
    return [
        TruePicture(f"{name}/image_{frame:05d}.jpg", those, group=name) for frame, those in enumerate(people) if those
    ]


def _person(joints: Array, intrinsics: Array) -> TruePerson:
    """Somebody whose joints (24, 3) m, camera axes, are known."""
    pixels = project(joints, intrinsics)
    box = np.concatenate([np.min(pixels, axis=0), np.max(pixels, axis=0)])
    return TruePerson(box, mhr_keypoints(pixels), mhr_keypoints(joints))
