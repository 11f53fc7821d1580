"""EMDB (Kaufmann et al. 2023): ``P0/00_mvs_a/P0_00_mvs_a_data.pkl`` beside ``images/00000.jpg``.

Facts: ``dataset.md`` and ``evaluation_engine.py`` of github.com/eth-ait/emdb. The truth is SMPL's parameters, world
axes; ``camera.extrinsics`` takes the world to the camera, in OpenCV's axes; frames count where ``good_frames_mask`` is
set. Tables of estimates per frame are of the sequences marked ``emdb1``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.errors import FileError
from native_runtime.evaluation.smpl import SmplBodies, mhr_keypoints
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth
from native_runtime.evaluation.unreadable import unreadable
from native_runtime.files.pickles import read_pickle

Array = NDArray[np.float64]

#: px: ``kp2d`` holds where SMPL's joints are seen; farther from there on average, the body was another.
_SAME_BODY = 3.0


def read(path: Path, bodies: SmplBodies) -> Truth:
    """The frames of the sequences of EMDB 1 below a folder, or of one sequence's file.

    Compared are the 12 joints of arms and legs, from the middle of the hips. People without annotations walk through
    the pictures, so nobody is counted as false.

    Raises:
        FileError: there are none, or one is damaged or refused, or does not fit the SMPL body.
        UsageError: the SMPL body of a sequence is missing.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*_data.pkl"))
    pictures: list[TruePicture] = []
    for file in files:
        content = read_pickle(file)
        try:
            if len(files) == 1 or content["emdb1"]:
                pictures += _sequence(file, content, bodies)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise unreadable(file.name, "a sequence of EMDB", error) from error
    if not pictures:
        raise FileError(f"There are no sequences (*_data.pkl) of EMDB 1 in '{path.name}'.")
    return Truth(pictures, everybody=False)


def _sequence(path: Path, content: dict[str, Any], bodies: SmplBodies) -> list[TruePicture]:
    smpl, camera = content["smpl"], content["camera"]
    rotations = np.concatenate([smpl["poses_root"], smpl["poses_body"]], axis=1).astype(np.float64)
    world = bodies.of("smpl", str(content["gender"])).place(
        np.asarray(smpl["betas"], np.float64).ravel(),
        rotations.reshape(len(rotations), -1, 3),
        np.asarray(smpl["trans"], np.float64),
    )
    extrinsics = np.asarray(camera["extrinsics"], np.float64)
    joints = world @ extrinsics[:, :3, :3].transpose(0, 2, 1) + extrinsics[:, None, :3, 3]
    intrinsics = np.asarray(camera["intrinsics"], np.float64).reshape(3, 3)
    boxes = np.asarray(content["bboxes"]["bboxes"], np.float64).reshape(-1, 4)
    name = f"{path.parent.parent.name}/{path.parent.name}"
    pictures = []
    for frame in np.flatnonzero(np.asarray(content["good_frames_mask"])).tolist():
        pixels = project(joints[frame], intrinsics)
        box = boxes[frame]
        if not (box[2:] > box[:2]).all():  # ``bboxes.invalid_idxs``
            continue
        person = TruePerson(box, mhr_keypoints(pixels), mhr_keypoints(joints[frame]))
        pictures.append(TruePicture(f"{name}/{frame:05d}.jpg", [person], group=name))
    _check(path, content, joints, intrinsics)
    return pictures


def _check(path: Path, content: dict[str, Any], joints: Array, intrinsics: Array) -> None:
    """Raises FileError where the joints are not where the data set says that they are seen."""
    good = np.flatnonzero(np.asarray(content["good_frames_mask"]))
    told = np.asarray(content["kp2d"], np.float64)[good]
    away = np.linalg.norm(project(joints[good].reshape(-1, 3), intrinsics).reshape(told.shape) - told, axis=-1)
    if len(good) and np.nanmedian(away) > _SAME_BODY:
        raise FileError(
            f"The joints of {path.name} are seen {np.nanmedian(away):.0f} px from where it says: "
            f"the SMPL file for '{content['gender']}' is not the one that the data set was made with (SMPL 1.1.0)."
        )
