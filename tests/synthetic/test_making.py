"""Made data sets: the same from any number of parts, whole shards only, and true."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.build.pose_prior.poses import PoseSet
from native_runtime.camera import mhr_to_camera, project
from native_runtime.cli.console import Console
from native_runtime.cli.main import main
from native_runtime.dataset import shards
from native_runtime.dataset.rows import Row
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.synthetic import looks, shard_files
from native_runtime.synthetic.library import library, pose_parameters
from native_runtime.synthetic.making import Part, synthesize

pytest.importorskip("pyarrow", reason="data sets need pyarrow")


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def poses(body: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of poses, of which every third is held out."""
    names = list(library()["poses"])[:12]
    count, held = len(names), np.arange(len(names)) % 3 == 0
    path = tmp_path_factory.mktemp("poses") / "poses.npz"
    PoseSet(
        model_parameters=np.array([pose_parameters(body, name) for name in names]),
        names=np.array([f"made/{name}" for name in names]),
        frames=np.zeros(count, np.int64),
        motions=np.array(["standing"] * count),
        held_out=held,
        learnt_from=~held,
        weights=np.ones(count),
        misses=np.zeros(count),
        worst=np.zeros(count),
    ).save(path)
    return path


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures each, of people whose hair needs not be made first."""
    monkeypatch.setattr(shard_files, "PICTURES", 2)
    for heads in ("_HEADS", "_OLD_HEADS"):
        monkeypatch.setattr(looks, heads, {"bald": 0.4, "painted": 0.4, "hat": 0.2})


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a set by its name."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows_of(folder: Path) -> list[Row]:
    return [row for path in shards.files_of(folder) for row in shards.read(path)]


def command(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False), [])
    return code, json.loads(out.getvalue())


def test_the_parts_of_a_set_are_what_one_process_makes(body: Body, poses: Path, tmp_path: Path) -> None:
    made = synthesize(body, poses, tmp_path / "one", 5, seed=3)
    assert (made.written, made.kept, made.pictures) == (3, 0, 5)
    for number in (2, 1):
        synthesize(body, poses, tmp_path / "two", 5, seed=3, part=Part(number, 2))
    assert content(tmp_path / "one") == content(tmp_path / "two")
    synthesize(body, poses, tmp_path / "other", 1, seed=4)
    assert (
        content(tmp_path / "other")["images/000000/00000000.jpg"]
        != content(tmp_path / "one")["images/000000/00000000.jpg"]
    )


def test_what_a_kill_left_is_made_again_and_the_rest_is_kept(
    body: Body, poses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesize(body, poses, tmp_path / "whole", 6, seed=3)
    out, write = tmp_path / "broken", shards.write

    def stop(path: Path, rows: Sequence[Row]) -> int:
        if path.name == shards.SHARD.format(1):
            raise KeyboardInterrupt
        return write(path, rows)

    monkeypatch.setattr(shards, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        synthesize(body, poses, out, 4, seed=3)
    monkeypatch.setattr(shards, "write", write)
    # As a kill leaves them: pictures without rows, and a folder that was not finished.
    assert (out / "images" / "000001").is_dir()
    assert not (out / "000001.parquet").exists()
    (out / "images" / ".000002.abcd").mkdir()
    (out / "images" / ".000002.abcd" / "00000004.jpg").write_bytes(b"half")
    first = (out / "000000.parquet").stat().st_mtime_ns
    made = synthesize(body, poses, out, 6, seed=3)
    assert (made.written, made.kept) == (2, 1)
    assert (out / "000000.parquet").stat().st_mtime_ns == first
    assert content(out) == content(tmp_path / "whole")


def test_a_last_shard_that_was_short_is_filled_when_more_are_wanted(body: Body, poses: Path, tmp_path: Path) -> None:
    synthesize(body, poses, tmp_path / "grown", 1, seed=3)
    made = synthesize(body, poses, tmp_path / "grown", 2, seed=3)
    assert (made.written, made.pictures) == (1, 2)
    synthesize(body, poses, tmp_path / "at_once", 2, seed=3)
    assert content(tmp_path / "grown") == content(tmp_path / "at_once")
    assert synthesize(body, poses, tmp_path / "grown", 1, seed=3).kept == 1


def test_rows_are_true_of_their_pictures(body: Body, poses: Path, tmp_path: Path) -> None:
    synthesize(body, poses, tmp_path, 10, seed=3, depth=True)
    rows = rows_of(tmp_path)
    assert {row.image for row in rows} == {
        str(path.relative_to(tmp_path / "images")) for path in tmp_path.rglob("*.jpg")
    }
    assert {row.held_out for row in rows} == {False, True}
    for row in rows:
        picture = cv2.imread(str(tmp_path / "images" / row.image))
        assert row.mask is not None
        assert row.mask.shape == picture.shape[:2]
        assert row.placed is not None
        placed = row.placed
        assert (placed.name, placed.hash) == (body.name, body.hash)
        assert not row.mhr_valid  # the default body's coefficients are not MHR's
        pose = body.pose(placed.parameters)
        vertices = body.vertices(placed.parameters, placed.identity, placed.expression)
        keypoints = mhr_to_camera(body.keypoints(pose, vertices), placed.translation)
        np.testing.assert_allclose(row.keypoints_3d[:, :3], keypoints, atol=1e-9)
        inside = row.keypoints_2d[:, 2] > 0
        np.testing.assert_allclose(row.keypoints_2d[inside, :2], project(keypoints, row.intrinsics)[inside], atol=1e-9)
        height, width = row.mask.shape
        beyond = (row.keypoints_2d[:, :2] < -0.5) | (row.keypoints_2d[:, :2] > np.array([width, height]) - 0.5)
        assert not (beyond.any(axis=1) & inside).any()
        assert row.visible is not None
        assert row.dense is not None
        assert row.dense.shape == (595, 3)
        assert not (row.visible.astype(bool) & ~inside).any()
        # What is seen of somebody lies on the mask, but for its edge.
        wide = cv2.dilate(row.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for points in (np.c_[row.keypoints_2d[:, :2], row.visible], row.dense):
            x, y = np.round(points[points[:, 2] > 0, :2]).astype(int).T
            assert wide[y.clip(0, height - 1), x.clip(0, width - 1)].all()
        away = cv2.imread(str(tmp_path / "depth" / row.image.replace(".jpg", ".png")), cv2.IMREAD_UNCHANGED)
        assert away.dtype == np.uint16
        inner = cv2.erode(row.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert (away[inner] > 0).all()
    card = (tmp_path / "data_card.md").read_text()
    assert f"| people | {len(rows)} |" in card
    assert f"| people who are held out | {sum(row.held_out for row in rows)} |" in card


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--count", "0"), "at least one picture, not 0"),
        (("--count", "many"), "invalid int"),
        (("--seed", "-1"), "A seed is 0 or more, not -1"),
        (("--authored", "nan"), "from 0 to 1, not nan"),
        (("--part", "3/2"), "parts are 1/N to N/N"),
        (("--part", "0/2"), "parts are 1/N to N/N"),
        (("--part", "half"), "is no part"),
        (("--part", "1/99999999999999999999"), "is no part"),
        (("--part", "1/" + "9" * 5000), "is no part"),
        (("--count", "4", "--part", "1/3"), "4 pictures make 2"),
        (("--poses", "nowhere.npz"), "python -m native_runtime.build.pose_prior poses"),
        (("--poses", __file__), "no file of poses"),
    ],
)
def test_impossible_arguments_are_refused(
    body: Body, poses: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    own = tmp_path / "body.npz"
    body.save(own)
    code, result = command("dataset", "synthesize", tmp_path / "set", "--poses", poses, "--body", own, *words)
    assert code == 2
    assert message in str(result["error"])
    assert not list(tmp_path.glob("set/*.parquet"))


def test_the_command_makes_a_set_and_keeps_to_it(body: Body, poses: Path, tmp_path: Path) -> None:
    own, out = tmp_path / "body.npz", tmp_path / "set"
    body.save(own)
    words = ("dataset", "synthesize", out, "--poses", poses, "--body", own, "--count", 3)
    code, result = command(*words)
    assert (code, result["people"], result["pictures"], result["written"]) == (0, len(rows_of(out)), 3, 2)
    before = content(out)
    code, result = command(*words, "--seed", 1)
    assert code == 2
    assert "(seed: 0 there, 1 wanted)" in str(result["error"])
    code, result = command(*words, "--depth")
    assert code == 2
    assert "(pictures of depth: False there, True wanted)" in str(result["error"])
    assert content(out) == before
    (out / "synthesis.json").write_text("{")
    code, result = command(*words)
    assert code == 2
    assert "damaged" in str(result["error"])


def test_two_processes_do_not_make_the_same_part(body: Body, poses: Path, tmp_path: Path) -> None:
    from native_runtime.files.locks import lock

    with lock(tmp_path / ".part-1-of-1.lock"), pytest.raises(UsageError, match="Another process"):
        synthesize(body, poses, tmp_path, 2)


def test_parts_of_another_division_are_refused_while_one_is_made(body: Body, poses: Path, tmp_path: Path) -> None:
    """They would share shards, and each would remove what the other one has begun."""
    from native_runtime.files.locks import lock

    begun = tmp_path / "images" / ".000000.begun"
    begun.mkdir(parents=True)
    with lock(tmp_path / ".part-1-of-2.lock"):
        with pytest.raises(UsageError, match=r"part 1/2 .*Divide the work into 2 parts"):
            synthesize(body, poses, tmp_path, 4)
        assert begun.is_dir()
        assert synthesize(body, poses, tmp_path, 4, part=Part(2, 2)).written == 1
        assert begun.is_dir()
    assert synthesize(body, poses, tmp_path, 4).written == 1
    assert not begun.exists()


def test_a_single_shard_is_told_in_the_singular(body: Body, poses: Path, tmp_path: Path) -> None:
    own, out = tmp_path / "body.npz", io.StringIO()
    body.save(own)
    words = ("dataset", "synthesize", tmp_path / "set", "--poses", poses, "--body", own, "--count", 1)
    assert main([*map(str, words)], Console(out, False, False), []) == 0
    assert "in 1 picture; 1 shard written, 0 there before" in out.getvalue()
