"""RICH (Huang et al. 2022): ``bodies/test/SEQUENCE/FRAME/SUBJECT.pkl``, ``scan_calibration`` and ``images``.

Facts: the readme, ``smplx2images.py``, ``utils.py`` and ``resource/gender.json`` of
github.com/paulchhuang/rich_toolkit. The truth is SMPL-X's parameters (``global_orient``, ``body_pose``, ``betas``,
``transl``, each (1, n)), world axes, m; ``scan_calibration/SCENE/calibration/000.xml`` has a camera's ``CameraMatrix``
(3, 4), which takes the world to it, and its ``Intrinsics`` (3, 3) px; the picture of a frame is
``images/test/SEQUENCE/cam_00/00017_00`` with some ending. The scene is the first part of the sequence's name.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.errors import FileError
from native_runtime.evaluation.smpl import SmplBodies, mhr_keypoints
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth
from native_runtime.evaluation.unreadable import unreadable
from native_runtime.files.pickles import read_pickle

Array = NDArray[np.float64]

_WOMEN = frozenset({9, 10, 12, 13, 16, 17, 18, 19, 21})
_BODY_JOINTS = 22
_SPLITS = ("test", "val", "train")


def read(path: Path, bodies: SmplBodies) -> Truth:
    """The frames of the split ``test`` (else ``val``, ``train``) below the data set's folder, in all cameras whose
    pictures are there; in all cameras where there is no folder ``images``.

    Compared are the 12 joints of arms and legs, from the middle of the hips. The lens' small distortion is left out of
    pixels.

    Raises:
        FileError: there are none, or one is damaged or refused.
        UsageError: the SMPL-X body of a subject is missing.
    """
    for split in _SPLITS:
        frames = sorted(path.glob(f"bodies/{split}/*/*/"))
        if frames:
            break
    else:
        raise FileError(f"There is no bodies/test with sequences of RICH in '{path.name}'.")
    pictures: list[TruePicture] = []
    cameras: dict[str, list[tuple[int, Array, Array]]] = {}
    for frame in frames:
        sequence = frame.parent.name
        if sequence not in cameras:
            cameras[sequence] = _cameras(path, split, sequence)
        people = [_joints(file, bodies) for file in sorted(frame.glob("*.pkl"))]
        for number, extrinsics, lens in cameras[sequence]:
            seen = [_person(joints @ extrinsics[:, :3].T + extrinsics[:, 3], lens) for joints in people]
            name = f"{sequence}/cam_{number:02d}/{frame.name}_{number:02d}"
            known = [person for person in seen if person is not None]
            if known:
                pictures.append(TruePicture(name, known, group=sequence))
    return Truth(pictures)


def _cameras(root: Path, split: str, sequence: str) -> list[tuple[int, Array, Array]]:
    """Number, extrinsics (3, 4) and intrinsics (3, 3) of the cameras of a sequence."""
    scene = sequence.split("_")[0]
    pictures = root / "images" / split / sequence
    found = []
    for file in sorted((root / "scan_calibration" / scene / "calibration").glob("*.xml")):
        try:
            number = int(file.stem)
            tree = ElementTree.parse(file)
            extrinsics, lens = (
                np.array((tree.findtext(f"./{name}/data") or "").split(), np.float64).reshape(shape)
                for name, shape in (("CameraMatrix", (3, 4)), ("Intrinsics", (3, 3)))
            )
        except (OSError, ValueError, ElementTree.ParseError) as error:
            raise unreadable(file.name, "a camera of RICH", error) from error
        if not pictures.is_dir() or (pictures / f"cam_{number:02d}").is_dir():
            found.append((number, extrinsics, lens))
    if not found:
        raise FileError(f"There is no camera of '{sequence}' in scan_calibration/{scene}/calibration.")
    return found


def _joints(path: Path, bodies: SmplBodies) -> Array:
    """(22, 3) m, world axes."""
    content = read_pickle(path)
    try:
        subject = int(path.stem)
        names = ("global_orient", "body_pose", "betas", "transl")
        orient, pose, betas, move = (np.asarray(content[name], np.float64).reshape(-1) for name in names)
        rotations = np.concatenate([orient, pose]).reshape(1, _BODY_JOINTS, 3)
        body = bodies.of("smplx", "female" if subject in _WOMEN else "male")
        return np.asarray(body.place(betas, rotations, move.reshape(1, 3))[0])
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise unreadable(f"{path.parent.name}/{path.name}", "a body of RICH", error) from error


def _person(joints: Array, lens: Array) -> TruePerson | None:
    """Somebody whose joints (22, 3) m, camera axes, are known; None where they are not before the camera."""
    if (joints[:, 2] <= 0).any():
        return None
    pixels = project(joints, lens)
    box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    return TruePerson(box, mhr_keypoints(pixels), mhr_keypoints(joints))
