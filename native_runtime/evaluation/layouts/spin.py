"""The ``.npz`` files of SPIN (Kolotouros et al. 2019) and what followed it, of the test sets of Human3.6M
(``h36m_valid_protocol2.npz``), MPI-INF-3DHP (``mpi_inf_3dhp_valid.npz``), LSP and others.

Facts: github.com/nkolot/SPIN, ``datasets/preprocess`` and ``constants.py``. ``imgname`` is the picture's path,
``center`` (N, 2) px and ``scale`` (N,) the middle and side / 200 of the person's box, ``part`` (N, 24, 3) px and
whether the joint is known, ``S`` (N, 24, 4) m, camera axes, from the pelvis, and the same. The first 14 joints are
LSP's.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth
from native_runtime.evaluation.unreadable import unreadable

from .lsp_joints import head_size, mhr_keypoints

_UNIT = 200.0
_NO_SEQUENCES = ("images", "imageFiles", "imageSequence")
_HUMAN36M = re.compile(r"S[0-9]+_[A-Za-z]+")


def read(path: Path) -> Truth:
    """The pictures of a file.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [str(name) for name in archive["imgname"]]
            centers = np.asarray(archive["center"], np.float64).reshape(-1, 2)
            scales = np.asarray(archive["scale"], np.float64).reshape(-1)
            flat = np.asarray(archive["part"], np.float64) if "part" in archive else np.zeros((len(names), 24, 3))
            space = np.asarray(archive["S"], np.float64) if "S" in archive else np.zeros((len(names), 24, 4))
        people: dict[str, list[TruePerson]] = {}
        for name, center, scale, part, joints in zip(names, centers, scales, flat, space, strict=True):
            seen, known = part[:, 2] > 0, joints[:, 3] > 0
            person = TruePerson(
                np.concatenate([center - _UNIT * scale / 2, center + _UNIT * scale / 2]),
                mhr_keypoints(part[:, :2], seen),
                mhr_keypoints(joints[:, :3], known) if known.any() else None,
                head=head_size(part[:, :2], seen),
            )
            people.setdefault(name.replace("\\", "/"), []).append(person)
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        raise unreadable(path.name, "an .npz of SPIN", error) from error
    files = Counter(PurePosixPath(name).name for name in people)
    return Truth([_picture(name, those, files) for name, those in people.items()], everybody=False)


def _picture(path: str, people: list[TruePerson], files: Counter[str]) -> TruePicture:
    """Where several pictures have one file name, their folder tells them apart, and is their sequence; a sequence of
    Human3.6M is in the name itself (``S9_Directions_1.60457274_000001.jpg``).
    """
    *folders, file = path.split("/")
    folders = [folder for folder in folders if folder not in _NO_SEQUENCES][-1:]
    if folders and files[file] > 1:
        return TruePicture(f"{folders[0]}/{file}", people, group=folders[0])
    sequence = _HUMAN36M.match(file)
    return TruePicture(file, people, group=sequence.group() if sequence else "")
