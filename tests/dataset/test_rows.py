"""Rows of a data set: they come back as they were, and damaged ones are named."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.dataset import shards
from native_runtime.dataset.rows import PlacedBody, Row
from native_runtime.dataset.runs import decode, encode
from native_runtime.errors import FileError


def row(rng: np.random.Generator, **changes: Any) -> Row:
    made = Row(
        image="walks/0001.jpg",
        person=3,
        subject=0,
        subjects=2,
        keypoints_2d=rng.random((70, 3)),
        keypoints_3d=rng.random((70, 4)),
        model_parameters=rng.random(204),
        shape=rng.random(45),
        mhr_valid=True,
        date="2026-12-01",
        box=np.array([10.0, 20.0, 110.0, 220.0]),
        intrinsics=np.diag([500.0, 500.0, 1.0]),
        mask=rng.random((40, 30)) > 0.5,
        quality=0.5,
        placed=PlacedBody("default", "0f3a", rng.random(204), rng.random(93), rng.random(3), rng.random(72)),
        dense=rng.random((595, 3)),
        visible=rng.integers(0, 2, 70).astype(float),
        pose="lotus",
        held_out=True,
    )
    return replace(made, **changes)


def same(one: Any, other: Any) -> bool:
    if not is_dataclass(one) or type(one) is not type(other):
        return np.array_equal(one, other)
    return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((4, 5), bool),
        np.ones((4, 5), bool),
        np.eye(300, dtype=bool),
        np.pad(np.ones((900, 2), bool), ((50, 50), (700, 3))),
        np.zeros((0, 0), bool),
    ],
    ids=["none", "all", "diagonal", "post", "empty"],
)
def test_masks_come_back(mask: np.ndarray) -> None:
    assert np.array_equal(decode(encode(mask), *mask.shape), mask)


def test_masks_are_written_as_coco_writes_them() -> None:
    # By pycocotools 2.0: encode of a 4 x 4 mask with the inner 2 x 2 pixels set.
    mask = np.zeros((4, 4), bool, order="F")
    mask[1:3, 1:3] = True
    assert encode(mask) == b"52203"


def test_random_masks_come_back(rng: np.random.Generator) -> None:
    for share in (0.01, 0.5, 0.99):
        mask = rng.random((57, 83)) < share
        assert np.array_equal(decode(encode(mask), 57, 83), mask)


@pytest.mark.parametrize("runs", [b"", b"5", b"\x10\x10", b"5220352203", b"\xff"])
def test_damaged_runs_are_refused(runs: bytes) -> None:
    with pytest.raises(ValueError, match="the mask's runs"):
        decode(runs, 4, 4)


def test_rows_come_back_from_a_file(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    rows = [
        row(rng, image=f"{number}.jpg", mask=None if number % 2 else rng.random((9, 7)) > 0.4) for number in range(260)
    ]
    rows[7] = replace(rows[7], placed=None, dense=None, pose="", held_out=False)
    rows[8] = replace(rows[8], dense=np.zeros((0, 3)))
    path = tmp_path / shards.SHARD.format(0)
    assert shards.write(path, iter(rows)) == 260
    back = list(shards.read(path))
    assert len(back) == 260
    assert all(same(one, other) for one, other in zip(rows, back))
    assert shards.files_of(tmp_path) == [path]


def test_columns_of_others_are_passed_over_and_optional_ones_may_be_missing(rng: np.random.Generator) -> None:
    columns = row(rng).columns() | {"bbox_format": "xyxy", "loss": 0.3}
    columns = {name: value for name, value in columns.items() if not name.startswith("sam3db_") and name != "date"}
    read = Row.of(columns)
    assert (read.quality, read.date, read.placed, read.dense, read.pose, read.held_out) == (
        1.0,
        "",
        None,
        None,
        "",
        False,
    )
    wide = Row.of({**columns, "bbox_format": "xywh"})
    assert wide.box.tolist() == [10, 20, 120, 240]
    nested = {**columns, "keypoints_2d": np.array([np.array(point) for point in columns["keypoints_2d"]], object)}
    assert np.array_equal(Row.of(nested).keypoints_2d, read.keypoints_2d)
    unknown = Row.of({**columns, "mhr_valid": False, "model_params": None, "shape_params": []})
    assert not unknown.model_parameters.any()
    assert unknown.shape.shape == (45,)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("keypoints_2d", [[1.0, 2.0]] * 70, "'keypoints_2d'"),
        ("keypoints_2d", [[1.0, 2.0]] * 70, "holds 70 x 2 numbers instead of 70 x 3 numbers"),
        ("keypoints_2d", [[1e300, 2.0, 1.0]] * 70, r"'keypoints_2d' holds 1e\+300"),
        ("keypoints_3d", [[1.0, 2.0, -1e39, 1.0]] * 70, r"'keypoints_3d' holds -1e\+39"),
        ("keypoints_3d", "many", "'keypoints_3d' does not hold 70 x 4 numbers"),
        ("model_params", [float("nan")] * 204, "'model_params' holds numbers that are not finite"),
        ("sam3db_quality", float("nan"), "'sam3db_quality' holds nan"),
        ("sam3db_quality", float("inf"), "'sam3db_quality' holds inf"),
        ("sam3db_quality", "good", "'sam3db_quality' holds 'good'"),
        ("bbox", [float("nan")] * 4, "'bbox' holds numbers that are not finite"),
        ("bbox", None, "'bbox' is missing"),
        ("bbox", [10.0, 20.0, 10.0, 50.0], "an empty box"),
        ("bbox_format", "cxcywh", "neither 'xyxy' nor 'xywh'"),
        ("cam_int", [[0.0] * 3] * 3, "without a focal length"),
        ("person_id", "somebody", "'person_id'"),
        ("mask_cnts", b"zzz", "the mask's runs"),
        ("sam3db_body", None, "'sam3db_body' is missing"),
        ("sam3db_body", {"name": "default"}, "a body's name and hash"),
        ("sam3db_parameters", [1.0], "'sam3db_parameters'"),
        ("sam3db_identity", [[1.0]], "holds 1 x 1 numbers instead of a list of numbers"),
        ("sam3db_dense", [[1.0, 2.0]], "holds 1 x 2 numbers instead of any number of rows of 3 numbers"),
    ],
)
def test_what_is_wrong_is_named(rng: np.random.Generator, name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Row.of({**row(rng).columns(), name: value})


def test_a_quality_that_is_not_there_is_whole(rng: np.random.Generator) -> None:
    assert Row.of({**row(rng).columns(), "sam3db_quality": None}).quality == 1


def test_a_wrong_row_is_named_with_its_file(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    path = tmp_path / "000000.parquet"
    shards.write(path, [row(rng), row(rng, quality=float("nan"))])
    with pytest.raises(FileError) as raised:
        list(shards.read(path))
    assert str(raised.value).startswith(f"{path}, row 1: the column 'sam3db_quality' holds nan")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    path = tmp_path / "000000.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(FileError, match=r"000000\.parquet cannot be read as parquet: .*[^.]\.$"):
        list(shards.read(path))
    with pytest.raises(FileError, match="holds no files"):
        shards.files_of(tmp_path / "none")
