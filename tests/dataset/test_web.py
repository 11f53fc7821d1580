"""Web data sets, as the released data set's script writes them: read, and nothing in them is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.dataset.annotations import OFFICIAL, open_data_set
from native_runtime.dataset.pictures import photo_of
from native_runtime.dataset.runs import encode
from native_runtime.errors import FileError

SIZE = (40, 30)


def person(rng: np.random.Generator, number: int, **changes: Any) -> dict[str, Any]:
    """What the script keeps of a row of pandas."""
    mask = rng.random(SIZE[::-1]) > 0.5
    made = {
        "person_id": np.int64(number),
        "keypoints_2d": rng.random((70, 3)),
        "keypoints_3d": rng.random((70, 4)),
        "mhr_params": {"model_params": rng.random(204), "shape_params": rng.random(45)},
        "mhr_valid": np.bool_(True),
        "mhr_version": "v1",
        "bbox": np.array([1.0, 2.0, 20.0, 25.0]),
        "bbox_format": "xyxy",
        "bbox_score": 1.0,
        "center": np.array([10.5, 13.5]),
        "scale": np.array([19.0, 23.0]),
        "metadata": {"cam_int": np.diag([50.0, 50.0, 1.0]), "loss": 0.0},
        "mask": {"size": np.array(mask.shape), "counts": encode(mask)},
    }
    return {**made, **changes}


def write(path: Path, pictures: dict[str, list[dict[str, Any]] | bytes]) -> Path:
    with tarfile.open(path, "w") as file:
        for key, people in pictures.items():
            picture = cv2.imencode(".jpg", np.full((*SIZE[::-1], 3), 10 + len(key), np.uint8))[1].tobytes()
            metadata = json.dumps({"width": SIZE[0], "height": SIZE[1]}).encode()
            annotation = people if isinstance(people, bytes) else pickle.dumps(people)
            for kind, data in (("annotation.pyd", annotation), ("jpg", picture), ("metadata.json", metadata)):
                entry = tarfile.TarInfo(f"{key}.{kind}")
                entry.size = len(data)
                file.addfile(entry, io.BytesIO(data))
    return path


def test_people_and_pictures_are_read(tmp_path: Path, rng: np.random.Generator) -> None:
    unknown = person(rng, 2, mhr_valid=np.bool_(False), mhr_params={"model_params": None, "shape_params": None})
    del unknown["mask"]
    first = [person(rng, 0), person(rng, 1)]
    write(tmp_path / "000000.tar", {"coco-0001": first})
    write(tmp_path / "000001.tar", {"coco-0001": [unknown], "sub/coco-000002": [person(rng, 3)]})
    annotations, pictures = open_data_set(tmp_path)
    assert annotations.pictures == ["000000/coco-0001.jpg", "000001/coco-0001.jpg", "000001/sub/coco-000002.jpg"]
    assert annotations.picture.tolist() == [0, 0, 1, 2]
    assert annotations.posed.tolist() == [True, True, False, True]
    assert annotations.body == [OFFICIAL, OFFICIAL, "", OFFICIAL]
    assert np.allclose(annotations.keypoints_3d[1], first[1]["keypoints_3d"])
    assert np.allclose(annotations.parameters[0], first[0]["mhr_params"]["model_params"])
    assert annotations.masks[2] is None
    assert annotations.masks[1] is not None
    assert encode(annotations.masks[1].decoded()) == first[1]["mask"]["counts"]
    photo = photo_of(pictures, annotations.pictures[2])
    assert photo.size == SIZE
    assert abs(int(photo.pixels[0, 0, 0]) - 25) < 3
    with pytest.raises(FileError, match=r"no picture 'coco-0001\.jpg'"):
        pictures.read("coco-0001.jpg")
    assert len(open_data_set(tmp_path / "000000.tar")[0]) == 2


class _Runs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_nothing_is_run(tmp_path: Path, rng: np.random.Generator) -> None:
    made = tmp_path / "made"
    write(tmp_path / "000000.tar", {"a": [person(rng, 0), {"person_id": _Runs(made)}]})
    with pytest.raises(FileError, match=r"000000\.tar, 000000/a\.jpg is refused: it names"):
        open_data_set(tmp_path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (b"nothing", "cannot be read as a pickle|is cut off"),
        (pickle.dumps(5), "not iterable"),
        (pickle.dumps([{}]), "person_id"),
        (pickle.dumps(["somebody"]), "get"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, people: bytes, message: str) -> None:
    write(tmp_path / "000000.tar", {"a": people})
    with pytest.raises(FileError, match=rf"000000\.tar, 000000/a\.jpg.*({message})"):
        open_data_set(tmp_path)


def test_damaged_archives_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(tmp_path / "000000.tar", {"a": [person(rng, 0, bbox=np.array([5.0, 5.0, 5.0, 9.0]))]})
    with pytest.raises(FileError, match="an empty box"):
        open_data_set(tmp_path)
    write(path, {"a": [person(rng, 0)]})
    annotations, pictures = open_data_set(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(FileError, match=r"is cut off|cannot be read"):
        pictures.read(annotations.pictures[0])
    path.write_bytes(b"no archive at all")
    with pytest.raises(FileError, match="cannot be read as a tar file"):
        open_data_set(tmp_path)
