"""Corrected characters become a data set: complete, anonymous, and only where it is safe to write."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.corrections import faces
from native_runtime.dataset.pictures import PictureFolder, photo_of
from native_runtime.dataset.rows import Row
from native_runtime.dataset.shards import files_of, read
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from tests.support import pictured

from .results import WRIST, batch, corrected, write_photo

pytest.importorskip("pyarrow", reason="data sets need pyarrow")


@pytest.fixture
def results(tmp_path: Path, small_body: Body, rng: np.random.Generator) -> Path:
    """The results of a batch of two photos."""
    return batch(tmp_path, small_body, rng)[1]


def run(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False), extensions=())
    return code, json.loads(out.getvalue())


def exported(results: Path, *words: object) -> tuple[list[Row], Path, dict[str, Any]]:
    out = results.parent / "data"
    code, result = run("dataset", "export", results, "-o", out, "--consent", *words)
    assert code == 0, result
    return [row for path in files_of(out) for row in read(path)], out, result


def test_corrected_people_become_rows(results: Path, small_body: Body) -> None:
    rows, out, result = exported(results)
    assert (result["people"], result["pictures"], result["corrected"], result["passed_over"]) == (2, 2, 2, 2)
    estimates = {path: Estimate.load(path) for path in results.rglob("*_person0.npz")}
    for row in rows:
        estimate = next(e for e in estimates.values() if np.array_equal(e.keypoints_3d, row.keypoints_3d[:, :3]))
        assert row.keypoints_2d[WRIST].tolist() == [*estimate.prompts.keypoints[0][1:3], 1.0]
        assert row.placed is not None
        assert (row.placed.name, row.placed.hash) == (small_body.name, small_body.hash)
        photo = photo_of(PictureFolder(out), row.image)
        assert photo.size == pictured.SIZE
        x, y = np.round(estimate.keypoints_2d[pictured.NOSE]).astype(int)
        assert int(photo.pixels[y, x, 0]) - int(photo.pixels[y, x, 1]) > 100
    assert [row.person for row in rows] == [0, 1]
    assert "| of these corrected by a person | 2 |" in (out / "data_card.md").read_text()
    assert "| Left Wrist | 2 |" in (out / "data_card.md").read_text()
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == sorted(
        str(Path(path).relative_to(out)) for path in result["files"]
    )


def test_nothing_in_it_says_where_it_is_from(results: Path) -> None:
    _, out, _ = exported(results, "--all")
    for path in out.rglob("*"):
        assert "holiday" not in path.name
        if path.is_file():
            data = path.read_bytes()
            assert not any(word in data for word in (b"holiday", b"My Photos", b"SecretCam", b"Exif", b"2026-12-01"))


def test_everybody_with_all(results: Path) -> None:
    rows, _, result = exported(results, "--all")
    assert (len(rows), result["passed_over"]) == (4, 0)
    untouched = [row for row in rows if row.keypoints_2d[:, 2].max() < 0.5]
    assert len(untouched) == 2  # which `sam3db evaluate` does not take for the truth
    assert {(row.subject, row.subjects) for row in rows} == {(0, 2), (1, 2)}


def test_it_asks_first(results: Path, tmp_path: Path) -> None:
    code, result = run("dataset", "export", results, "-o", tmp_path / "data")
    assert code == 2
    assert "--consent" in result["error"]["text"]
    assert "nothing is sent anywhere" in result["error"]["text"]
    assert not (tmp_path / "data").exists()


def test_help_says_who_has_to_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "export", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the people in the photos, and those who own the photos, agree" in said


def test_other_content_is_left_alone(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    out.mkdir()
    exported(results)  # an empty folder is fine
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for target in (out, results, next(iter(before))):
        code, result = run("dataset", "export", results, "-o", target, "--consent")
        assert code == 2
        assert "nothing there is written over" in result["error"]["text"]
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_the_same_comes_out_again(results: Path, tmp_path: Path) -> None:
    rows, out, _ = exported(results)
    (results.parent / "data").rename(tmp_path / "first")
    again, _, _ = exported(results)
    assert [row.columns() for row in rows] == [row.columns() for row in again]
    assert (out / "data_card.md").read_bytes() == (tmp_path / "first" / "data_card.md").read_bytes()


def test_later_prompts_and_masks_beside_an_estimate_count(results: Path) -> None:
    stem = next(results.rglob("*1_person1.npz")).with_suffix("")
    estimate = Estimate.load(f"{stem}.npz")
    Path(f"{stem}_prompts.json").write_text(json.dumps({"keypoints": [["left_wrist", 100.0, 90.0]]}))
    mask = pictured.mask(estimate)
    cv2.imwrite(f"{stem}_mask.png", mask.astype(np.uint8) * 255)
    rows, _, result = exported(results)
    assert (len(rows), result["pictures"]) == (3, 2)
    (row,) = [row for row in rows if row.mask is not None]
    assert row.mask is not None
    assert np.array_equal(row.mask, mask)
    assert row.keypoints_2d[WRIST].tolist() == [100.0, 90.0, 1.0]


Spoil = Callable[[Path, Path], None]


def _cut(photo: Path, estimate: Path) -> None:
    estimate.write_bytes(estimate.read_bytes()[:500])


def _no_photo(photo: Path, estimate: Path) -> None:
    photo.unlink()


def _other_photo(photo: Path, estimate: Path) -> None:
    cv2.imwrite(str(photo), np.zeros((50, 60, 3), np.uint8))


def _wrong_mask(photo: Path, estimate: Path) -> None:
    cv2.imwrite(str(estimate.with_name(estimate.stem + "_mask.png")), np.full((50, 60), 255, np.uint8))


def _wrong_prompts(photo: Path, estimate: Path) -> None:
    estimate.with_name(estimate.stem + "_prompts.json").write_text('{"keypoints": [["left_wing", 1, 2]]}')


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "is not a usable estimate"),
        (_no_photo, "no longer where the batch read it. Name the folder that they lie in with `--photos`"),
        (_other_photo, "was changed since the batch read it"),
    ],
)
def test_what_is_damaged_is_left_out_and_told(results: Path, tmp_path: Path, spoil: Spoil, message: str) -> None:
    spoil(tmp_path / "My Photos" / "sub" / "holiday 0.jpg", results / "sub" / "holiday 0_person0.npz")
    out = tmp_path / "data"
    code, result = run("dataset", "export", results, "-o", out, "--consent")
    assert code == 1
    (problem,) = result["problems"]
    assert message in problem["text"]
    assert len(list(read(out / "000000.parquet"))) == len(list((out / "images").iterdir())) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(_wrong_mask, "the mask has 60 x 50 pixels"), (_wrong_prompts, "There is no keypoint 'left_wing'")],
)
def test_the_readable_part_of_a_correction_stays(results: Path, tmp_path: Path, spoil: Spoil, message: str) -> None:
    spoil(tmp_path, results / "sub" / "holiday 0_person0.npz")
    code, result = run("dataset", "export", results, "-o", tmp_path / "data", "--consent")
    assert code == 1
    (problem,) = result["problems"]
    assert message in problem["text"]
    assert result["keypoints_placed"] == 2  # the wrist that either estimate knows


def test_one_misspelt_keypoint_leaves_the_others(results: Path, tmp_path: Path) -> None:
    prompts = {"keypoints": [["left_wing", 1, 2], ["left_wrist", 100.0, 90.0], ["nose", 80.0, 60.0], ["nose", 1, 1]]}
    (results / "sub" / "holiday 0_person1_prompts.json").write_text(json.dumps(prompts))
    code, result = run("dataset", "export", results, "-o", tmp_path / "data", "--consent")
    assert code == 1
    texts = [problem["text"] for problem in result["problems"]]
    assert ["left_wing" in texts[0], "given more often: nose" in texts[1]] == [True, True]
    rows = [row for path in files_of(tmp_path / "data") for row in read(path)]
    places = [row.keypoints_2d[[WRIST, 0]].tolist() for row in rows]
    assert [[100.0, 90.0, 1.0], [80.0, 60.0, 1.0]] in places


def test_nobody_is_left(results: Path, tmp_path: Path) -> None:
    for path in results.rglob("*_person0.npz"):
        path.unlink()
    code, result = run("dataset", "export", results, "-o", tmp_path / "data", "--consent")
    assert code == 1
    assert "No character was corrected" in result["error"]["text"]
    assert "NAME_personK_prompts.json" in result["error"]["text"]
    assert "--all" in result["error"]["text"]
    code, result = run("dataset", "export", tmp_path / "My Photos", "-o", tmp_path / "data", "--consent")
    assert "There are no characters" in result["error"]["text"]
    assert not (tmp_path / "data").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_corrections_that_cannot_be_read_are_told(results: Path, tmp_path: Path) -> None:
    for path in results.rglob("*_person0.npz"):
        path.unlink()
    for number in range(2):
        (results / "sub" / f"holiday {number}_person1_prompts.json").write_text("{")
    code, result = run("dataset", "export", results, "-o", tmp_path / "data", "--consent")
    assert code == 1
    assert result["error"]["text"].startswith("2 corrections could not be read")
    assert [Path(one["what"]).name for one in result["problems"]] == [
        "holiday 0_person1_prompts.json",
        "holiday 1_person1_prompts.json",
    ]
    assert not (tmp_path / "data").exists()


def test_photos_are_found_elsewhere(results: Path, tmp_path: Path, small_body: Body, rng: np.random.Generator) -> None:
    """Without a manifest, as `sam3db estimate` leaves them, or with the photos moved; names may be there twice."""
    (tmp_path / "My Photos").rename(tmp_path / "moved")
    rows, out, _ = exported(results, "--photos", tmp_path / "moved")
    assert len(rows) == 2
    shutil.rmtree(out)
    (results / "manifest.jsonl").unlink()
    code, result = run("dataset", "export", results, "-o", out, "--consent")
    assert code == 1
    assert "no character whose photo can be used" in result["error"]["text"]
    assert not out.exists()
    rows, out, _ = exported(results, "--photos", tmp_path / "moved")
    assert len(rows) == 2
    shutil.rmtree(out)
    another = pictured.seen(small_body, pictured.placed(small_body, rng))
    write_photo(tmp_path / "moved" / "other" / "holiday 0.jpg", [another])
    code, result = run("dataset", "export", results, "-o", out, "--consent", "--photos", tmp_path / "moved")
    assert code == 1
    assert "2 different photos 'holiday 0.jpg'" in result["problems"][0]["text"]
    write_photo(tmp_path / "moved" / "other" / "holiday 0.jpg", [another]).unlink()
    size = Estimate.load(results / "sub" / "holiday 0_person0.npz").image_size // 2
    cv2.imwrite(str(tmp_path / "moved" / "sub" / "holiday 0.jpg"), np.zeros((*size[::-1], 3), np.uint8))
    shutil.rmtree(out)
    code, result = run("dataset", "export", results, "-o", out, "--consent", "--photos", tmp_path / "moved")
    assert code == 1
    assert "160 x 120 pixels, but the character was made of a photo with 320 x 240" in result["problems"][0]["text"]


def test_the_same_photo_in_two_batches_is_one_picture(results: Path, tmp_path: Path) -> None:
    """Of the same person the newer result counts; another person of the same photo is added."""
    shutil.copytree(results, results / "again")
    path = results / "again" / "sub" / "holiday 0_person1.npz"
    corrected(Estimate.load(path)).save(path.with_suffix(""))
    rows, _, result = exported(results)
    assert (len(rows), result["pictures"]) == (3, 2)
    assert sorted(row.subjects for row in rows) == [1, 2, 2]


def test_faces_become_coarse(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all characters of a photo, and those that networks find."""
    stranger = np.array([[20.0, 200.0], [30.0, 205.0]])
    monkeypatch.setattr("native_runtime.cli.dataset_export._faces_of", lambda models: lambda pixels: [(stranger, 90.0)])
    plain, out, _ = exported(results)
    clear = {row.keypoints_3d.tobytes(): photo_of(PictureFolder(out), row.image).pixels for row in plain}
    shutil.rmtree(out)
    rows, out, _ = exported(results, "--blur-faces")
    assert "faces were made coarse" in (out / "data_card.md").read_text()
    for row in rows:
        coarse, before = photo_of(PictureFolder(out), row.image).pixels, clear[row.keypoints_3d.tobytes()]
        people = [Estimate.load(path) for path in results.rglob("*.npz")]
        near = next(p for p in people if np.array_equal(p.keypoints_3d, row.keypoints_3d[:, :3]))
        both = [p for p in people if p.photo == near.photo]
        assert len(both) == 2
        for person in both:
            x, y = np.round(person.keypoints_2d[pictured.NOSE]).astype(int)
            spot = coarse[y - 2 : y + 3, x - 2 : x + 3].astype(int)
            assert (spot[..., 0] - spot[..., 1]).max() < 60 < int(before[y, x, 0]) - int(before[y, x, 1])
        x, y = np.round(near.keypoints_2d[WRIST]).astype(int)
        assert np.abs(coarse[y, x].astype(int) - before[y, x]).max() < 12  # hands stay


def test_a_blurred_face_holds_no_detail(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 255, (200, 200, 3), np.uint8)
    points = np.array([[90.0, 90.0], [110.0, 90.0], [100.0, 100.0], [np.nan, np.nan]])
    out = faces.blurred(pixels, [(points, 100.0), (np.full((5, 2), np.nan), 50.0), (points + 5000, 50.0)])
    inside = np.hypot(*(np.mgrid[:200, :200] - 93.3)) < 15
    assert out[inside].std() < 0.3 * pixels[inside].std()
    assert np.array_equal(out[:60], pixels[:60])
    at_the_edge = faces.blurred(pixels, [(np.array([[-3.0, 100.0], [4.0, 100.0]]), 50.0)])
    assert not np.array_equal(at_the_edge[90:110, :5], pixels[90:110, :5])


def test_rows_can_be_evaluated(results: Path, tmp_path: Path) -> None:
    """Estimates of the exported pictures are compared with what artists said: here the same, so they are right."""
    rows, out, _ = exported(results)
    estimates = tmp_path / "estimates"
    estimates.mkdir()
    for number, row in enumerate(rows):
        found = [Estimate.load(path) for path in results.rglob("*_person0.npz")]
        one = next(e for e in found if np.array_equal(e.keypoints_3d, row.keypoints_3d[:, :3]))
        object.__setattr__(one, "photo", row.image)
        one.save(estimates / f"{number}_person0")
    words = ("evaluate", estimates, "--truth", out, "--layout", "rows", "-o", tmp_path / "figures")
    code, result = run(*words)
    assert code == 0
    figures = result["figures"][""]
    assert figures["people found, %"]["value"] == 100
    assert figures["MPJPE, mm"]["value"] == pytest.approx(0, abs=1e-6)
