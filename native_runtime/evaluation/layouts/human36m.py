"""Human3.6M's test frames (Ionescu et al. 2014), as ``annotations/Human36M_subject9_data.json`` and so on.

The data set comes as videos; these files of the frames' annotations are what github.com/mks0601/3DMPPE_POSENET_RELEASE
made of it and many projects use since. Facts: its ``data/Human36M/Human36M.py``: pictures and boxes in ``_data.json``
(COCO's form), ``R``, ``t`` (mm), ``f``, ``c`` of each camera in ``_camera.json``, and 17 joints, mm, world axes, by
action, subaction and frame in ``_joint_3d.json``. Protocol 2 tests on subjects 9 and 11, every 64th frame, from the
pelvis.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.errors import FileError
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth, nowhere
from native_runtime.evaluation.unreadable import unreadable

Array = NDArray[np.float64]

#: MHR-70's numbers of the joints, by Human3.6M's among its 17.
_TO_MHR = {1: 10, 2: 12, 3: 14, 4: 9, 5: 11, 6: 13, 11: 5, 12: 7, 13: 62, 14: 6, 15: 8, 16: 41}
_SUBJECTS = (9, 11)
_EVERY = 64
_ACTIONS = (
    "directions",
    "discussion",
    "eating",
    "greeting",
    "phoning",
    "posing",
    "purchases",
    "sitting",
    "sitting down",
    "smoking",
    "photo",
    "waiting",
    "walking",
    "walking a dog",
    "walking together",
)
#: The number of the first.
_FIRST_ACTION = 2


def read(path: Path) -> Truth:
    """The test frames of the subjects 9 and 11 whose files lie in a folder, or in ``annotations`` below it.

    Compared are the 12 joints of arms and legs, from the middle of the hips; published tables take 14 or 17.

    Raises:
        FileError: there are none, or one is damaged.
    """
    folder = path / "annotations" if (path / "annotations").is_dir() else path
    pictures: list[TruePicture] = []
    for subject in _SUBJECTS:
        stem = folder / f"Human36M_subject{subject}"
        if stem.with_name(f"{stem.name}_data.json").exists():
            pictures += _subject(stem)
    if not pictures:
        raise FileError(f"There is no Human36M_subject9_data.json, nor one of subject 11, in '{path.name}'.")
    return Truth(pictures)


def _subject(stem: Path) -> list[TruePicture]:
    try:
        data, cameras, joints = (
            json.loads(stem.with_name(f"{stem.name}_{part}.json").read_text(encoding="utf-8"))
            for part in ("data", "camera", "joint_3d")
        )
        boxes = {entry["image_id"]: entry["bbox"] for entry in data["annotations"]}
        return [
            _picture(image, boxes[image["id"]], cameras, joints)
            for image in data["images"]
            if image["frame_idx"] % _EVERY == 0
        ]
    except OSError as error:
        raise FileError(f"{error.filename} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        names = f"{stem.name}_data.json, _camera.json and _joint_3d.json"
        raise unreadable(names, "annotations of Human3.6M", error) from error


def _picture(image: dict[str, Any], box: Any, cameras: dict[str, Any], joints: dict[str, Any]) -> TruePicture:
    action, subaction = image["action_idx"], image["subaction_idx"]
    world = np.asarray(joints[str(action)][str(subaction)][str(image["frame_idx"])], np.float64).reshape(17, 3)
    camera = cameras[str(image["cam_idx"])]
    turn, move = np.asarray(camera["R"], np.float64), np.asarray(camera["t"], np.float64)
    here = (world @ turn.T + move) / 1000.0
    (fx, fy), (cx, cy) = camera["f"], camera["c"]
    lens = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    flat, space = nowhere(2), nowhere(3)
    flat[list(_TO_MHR.values())] = project(here, lens)[list(_TO_MHR)]
    space[list(_TO_MHR.values())] = here[list(_TO_MHR)]
    x, y, width, height = (float(number) for number in box)
    kind = _ACTIONS[action - _FIRST_ACTION : action - _FIRST_ACTION + 1] if action >= _FIRST_ACTION else ()
    person = TruePerson(np.array([x, y, x + width, y + height]), flat, space, kind)
    name = PurePosixPath(image["file_name"]).name
    return TruePicture(name, [person], group=f"subject {image['subject']}, {action}, {subaction}")
