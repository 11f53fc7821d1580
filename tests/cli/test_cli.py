"""The command line: what it writes, says and returns, with a fake engine where no real one is needed."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from native_runtime.batch.names import result_stems
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest
from tests.support import fake_engine
from tests.support import hostile_photos as hostile


class Run:
    """One call of the command line in this process."""

    def __init__(self, *words: str | Path) -> None:
        out = io.StringIO()
        texts = [str(word) for word in words]
        self.code = main(texts, Console(out, "--json" in texts, "--debug" in texts))
        self.out = out.getvalue()

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        return json.loads(line)


def call(repository: Path, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One call of the command line as a program."""
    return subprocess.run(
        [sys.executable, "-m", "native_runtime.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=repository,
        env=os.environ | environment,
        check=False,
    )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("native_runtime.engines.open_engine", fake_engine.open_engine)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return make_photo(tmp_path / "one.png")


def make_photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40), (90, 120, 150)).save(path)
    return path


# --- estimates ---


def test_an_estimate_is_written_and_described(fake: None, photo: Path, tmp_path: Path) -> None:
    run = Run("estimate", photo, "-o", tmp_path / "new" / "out", "--json")
    assert run.code == 0
    assert run.json["ok"] is True
    (result,) = run.json["photos"]
    assert result["error"] is None
    assert result["image_size"] == [60, 40]
    (person,) = result["people"]
    assert person["person"] == 0
    assert person["files"] == {
        "npz": str(tmp_path / "new/out/one_person0.npz"),
        "json": str(tmp_path / "new/out/one_person0.json"),
    }
    assert all(Path(file).is_file() for file in person["files"].values())
    assert person["warnings"] == ["the left foot is a guess"]


def test_the_engine_that_was_used_is_told_and_why_it_is_no_better_one(
    fake: None, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tmp_path / "models"
    for name in ("landmarks", "instanthmr"):
        (models / name).mkdir(parents=True)
        (models / name / "small.onnx").write_bytes(b"weights")
        manifest.write(models / name, {"small.onnx": manifest.describe(models / name / "small.onnx")})
    (models / "instanthmr" / "small.onnx").write_bytes(b"damaged")
    words = ("estimate", photo, "-o", tmp_path / "out", "--models", models, "--provider", "cpu", "--json")
    run = Run(*words)
    (result,) = run.json["photos"]
    (note,) = result["notes"]
    assert (run.code, result["engine"]) == (0, "landmarks")
    assert "InstantHMR is installed, but cannot be used" in note
    assert note in capsys.readouterr().err
    (result,) = Run(*words, "--engine", "landmarks").json["photos"]
    assert (result["engine"], result["notes"]) == ("landmarks", [])


def test_people_get_lines_with_the_files(fake: None, photo: Path, tmp_path: Path) -> None:
    run = Run("estimate", photo, "-o", tmp_path)
    assert run.out.splitlines() == [str(tmp_path / "one_person0.npz"), str(tmp_path / "one_person0.json")]


@pytest.mark.parametrize(("wish", "numbers"), [("largest", [0]), ("all", [0, 1, 2]), ("2", [2]), ("0", [0])])
def test_people_are_chosen(fake: None, tmp_path: Path, wish: str, numbers: list[int]) -> None:
    run = Run("estimate", make_photo(tmp_path / "three.png"), "-o", tmp_path, "--person", wish, "--json")
    (result,) = run.json["photos"]
    assert result["found"] == 3
    assert [person["person"] for person in result["people"]] == numbers


def test_one_failed_photo_never_stops_the_rest(fake: None, photo: Path, tmp_path: Path) -> None:
    run = Run(
        "estimate", "nowhere.jpg", make_photo(tmp_path / "nobody.png"), make_photo(tmp_path / "bug.png"), photo,
        "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    assert run.code == 1
    assert run.json["ok"] is False
    kinds = [result["error"] and result["error"]["kind"] for result in run.json["photos"]]
    assert kinds == ["PhotoError", "NoPersonError", "Internal", None]
    assert (tmp_path / "out" / "one_person0.npz").is_file()


def test_lens_and_prompts_reach_the_engine(fake: None, photo: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.json"
    prompts.write_text('{"keypoints": [["left_wrist", 4, 5.5], [3, 1, 2]]}')
    mask = tmp_path / "mask.png"
    Image.fromarray(np.pad(np.full((10, 10), 255, np.uint8), ((0, 30), (0, 50)))).save(mask)
    run = Run("estimate", photo, "-o", tmp_path, "--prompts", prompts, "--mask", mask, "--focal-px", "77")
    assert run.code == 0
    with np.load(tmp_path / "one_person0.npz") as arrays:
        assert arrays["intrinsics"][0, 0] == 77
        assert arrays["keypoints"][1].tolist() == [3, 1, 2]
        assert arrays["masked"] == 100


def test_prompts_that_say_nothing_are_told_of(fake: None, photo: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.json"
    for content, notes in (('{"keypoints": []}', 1), ('{"keypoints": [[3, 1, 2]]}', 0)):
        prompts.write_text(content)
        run = Run("estimate", photo, "-o", tmp_path, "--prompts", prompts, "--json")
        assert run.code == 0
        assert run.json["photos"][0]["notes"].count(f"{prompts}: no keypoints are given.") == notes


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"keypoints": 5}', '{"keypoints": [[1, 2]]}', '{"keypoints": [["left_wing", 1, 2]]}', "\x00",
     '{"keypoints": [[70, 1, 2]]}', '{"keypoints": [[-1, 1, 2]]}', '{"keypoints": [[1, "a", 2]]}',
     '{"keypoints": [[1, NaN, 2]]}', '{"keypoints": [[1, 1, 1], [1, 2, 2]]}'],
)  # fmt: skip
def test_prompts_that_make_no_sense(fake: None, photo: Path, tmp_path: Path, content: str) -> None:
    prompts = tmp_path / "prompts.json"
    prompts.write_text(content)
    run = Run("estimate", photo, "-o", tmp_path, "--prompts", prompts, "--json")
    assert run.code == 2
    assert run.json["error"]["kind"] == "PromptError"


@pytest.mark.parametrize(("error", "why"), [("0.3", "between 0 and 0.2"), ("nan", "between 0 and"), ("0.01", "both")])
def test_an_error_of_prompts_that_makes_no_sense(fake: None, photo: Path, tmp_path: Path, error: str, why: str) -> None:
    run = Run("estimate", photo, "-o", tmp_path, "--prompt-error", error, "--json")
    assert run.code == 2
    assert why in run.json["error"]["text"]


@pytest.mark.parametrize("option", ["--prompts", "--mask"])
def test_a_file_that_is_not_there_is_a_wrong_command(fake: None, photo: Path, tmp_path: Path, option: str) -> None:
    run = Run("estimate", photo, "-o", tmp_path, option, tmp_path / "none.file", "--json")
    assert run.code == 2
    assert option in run.json["error"]["text"]


def test_result_names_never_collide() -> None:
    assert result_stems(["a/x.jpg", "b/x.png", "b/X.tif", "x-2.png", "holiday.2024.jpg"]) == [
        "x", "x-2", "X-3", "x-2-2", "holiday.2024",
    ]  # fmt: skip


def test_dots_in_a_name_stay(fake: None, tmp_path: Path) -> None:
    Run("estimate", make_photo(tmp_path / "holiday.2024.png"), "-o", tmp_path)
    assert (tmp_path / "holiday.2024_person0.npz").is_file()


# --- what only the engine sam3d_body can be told ---


def _told(run: Run) -> list[dict[str, Any]]:
    (photo,) = run.json["photos"]
    return [json.loads(warning) for person in photo["people"] for warning in person["warnings"]]


def test_boxes_kinds_inference_and_providers_reach_the_engine(fake: None, photo: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.json"
    prompts.write_text('{"keypoints": [["nose", 4, 5.5, "incorrect"], [3, 1, 2]]}')
    run = Run(
        "estimate", photo, "-o", tmp_path, "--engine", "sam3d_body", "--prompts", prompts, "--inference", "body",
        "--provider", "cpu", "--box", "1,2,30,40", "--box=-5,0,20.5,30", "--person", "1", "--json",
    )  # fmt: skip
    assert run.code == 0
    assert _told(run) == [{"alone": "body", "kinds": ["incorrect"], "providers": ["cpu"]}]
    assert run.json["photos"][0]["found"] == 2
    assert run.json["photos"][0]["people"][0]["bbox"] == [-5, 0, 20.5, 30]


@pytest.mark.parametrize(("words", "people"), [((), [0, 1]), (("--person", "largest"), [0]), (("--person", "1"), [1])])
def test_everybody_is_meant_who_has_a_box(
    fake: None, photo: Path, tmp_path: Path, words: tuple[str, ...], people: list[int]
) -> None:
    boxes = ("--box", "1,2,30,40", "--box", "5,0,20,30")
    run = Run("estimate", photo, "-o", tmp_path, "--engine", "sam3d_body", *boxes, *words, "--json")
    assert [person["person"] for person in run.json["photos"][0]["people"]] == people


def test_a_box_without_anybody_is_named_and_the_others_are_done(fake: None, photo: Path, tmp_path: Path) -> None:
    boxes = ("--box", "1,2,30,40", "--box", "7,0,9,30", "--box", "5,0,20,30")
    run = Run("estimate", photo, "-o", tmp_path, "--engine", "sam3d_body", *boxes, "--json")
    assert run.code == 1
    (told,) = run.json["photos"]
    assert [person["bbox"] for person in told["people"]] == [[1, 2, 30, 40], [5, 0, 20, 30]]
    assert "[7.0, 0.0, 9.0, 30.0]" in told["error"]["text"]
    assert len(list(tmp_path.glob("*_person*.npz"))) == 2
    alone = Run("estimate", photo, "-o", tmp_path / "b", "--engine", "sam3d_body", *boxes[2:4], "--json")
    assert (alone.code, alone.json["photos"][0]["people"]) == (1, [])


def test_several_people_are_computed_together(fake: None, tmp_path: Path) -> None:
    three = make_photo(tmp_path / "three.png")
    words = ["estimate", three, "-o", tmp_path, "--engine", "sam3d_body", "--json", "--person"]
    assert _told(Run(*words, "all")) == [{"together": "full", "providers": None}] * 3
    assert _told(Run(*words, "2")) == [{"alone": "full", "kinds": [], "providers": None}]


def test_what_deep_rooms_log_as_a_warning_is_told_once(
    fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        Run("estimate", make_photo(tmp_path / "slower.png"), "-o", tmp_path)
        told = [line for line in capsys.readouterr().err.splitlines() if "does not fit" in line]
        assert told == ["warning: encoder.onnx does not fit; the CPU takes over"]


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        (["--box", "1,2,30,40"], "does not support boxes"),
        (["--engine", "landmarks", "--inference", "body"], "offers no choice of inference"),
    ],
)
def test_what_an_engine_does_not_support_is_refused(
    fake: None, photo: Path, tmp_path: Path, words: list[str], lacks: str
) -> None:
    run = Run("estimate", photo, "-o", tmp_path, *words, "--json")
    assert run.code == 2
    assert f"'landmarks' {lacks}" in run.json["error"]["text"]


def test_a_box_outside_of_the_photo_is_refused(fake: None, photo: Path, tmp_path: Path) -> None:
    run = Run("estimate", photo, "-o", tmp_path, "--engine", "sam3d_body", "--box", "100,0,120,30", "--json")
    assert run.code == 2
    assert "60 x 40" in run.json["error"]["text"]


def test_without_a_converted_model_sam3d_body_says_how_to_get_it(photo: Path, tmp_path: Path) -> None:
    run = Run("estimate", photo, "-o", tmp_path, "--engine", "sam3d_body", "--models", tmp_path / "none", "--json")
    assert run.code == 1
    error = run.json["photos"][0]["error"]
    assert error["kind"] == "ModelError"
    assert len(re.findall(r"\.(?= [A-Z]|$)", error["text"])) == 2
    for word in ("`landmarks` works without it", "sam3db models get", "sam3db models shelf"):
        assert word in error["text"]


def test_the_engines_say_how_they_stand(tmp_path: Path) -> None:
    run = Run("engines", "--models", tmp_path, "--provider", "cpu", "--json")
    assert run.code == 0
    engines = {entry["engine"]: entry for entry in run.json["engines"]}
    assert not engines["landmarks"]["ready"]
    assert not engines["sam3d_body"]["ready"]
    assert "sam3db models get" in engines["sam3d_body"]["text"]
    assert len(Run("engines", "--models", tmp_path).out.splitlines()) >= 2


# --- usage ---


def test_people_are_counted_from_one_in_words(fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run("estimate", make_photo(tmp_path / "three.png"), "-o", tmp_path, "--person", "all")
    Run("estimate", make_photo(tmp_path / "one.png"), "-o", tmp_path)
    said = capsys.readouterr().err
    assert "Fitting people 1, 2, 3 of 3" in said
    assert "Fitting person 1 of 1" in said


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        Sam3dbError("Blender says that it cannot write the file"),
    ],
)
def test_a_full_disk_is_named_with_what_to_do(
    fake: None, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def refuse(self: object, stem: Path) -> None:
        raise fault

    monkeypatch.setattr(fake_engine.FakeEstimate, "save", refuse)
    monkeypatch.setattr("native_runtime.batch.faults.disk_is_full", lambda folder: isinstance(fault, Sam3dbError))
    (result,) = Run("estimate", photo, "-o", tmp_path / "out", "--json").json["photos"]
    assert result["error"]["kind"] == "DiskFullError"
    assert f"The disk of {tmp_path / 'out'} is full." in result["error"]["text"]
    assert "free some space and run the same command again" in result["error"]["text"]


def test_a_person_who_is_not_there_is_told_in_a_sentence(fake: None, photo: Path, tmp_path: Path) -> None:
    (result,) = Run("estimate", photo, "-o", tmp_path, "--person", "4", "--json").json["photos"]
    assert result["error"]["text"] == "There is no person 4 in this photo; there is only person 0."


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dance"],
        ["estimate"],
        ["estimate", "a.jpg"],
        ["estimate", "-o", "out"],
        ["estimate", "a.jpg", "-o", "out", "--person", "tallest"],
        ["estimate", "a.jpg", "-o", "out", "--person", "-1"],
        ["estimate", "a.jpg", "-o", "out", "--focal-px", "50", "--fov-deg", "50"],
        ["estimate", "a.jpg", "-o", "out", "--focal-px", "long"],
        ["estimate", "a.jpg", "-o", "out", "--focal-px", "0"],
        ["estimate", "a.jpg", "-o", "out", "--fov-deg", "200"],
        ["estimate", "a.jpg", "b.jpg", "-o", "out", "--mask", "m.png"],
        ["estimate", "a.jpg", "-o", "out", "--prompts", "p.json", "--person", "all"],
        ["estimate", "a.jpg", "-o", "out", "--colour", "blue"],
        ["estimate", "a.jpg", "-o", "out", "--provider", "abacus"],
        ["estimate", "a.jpg", "-o", "out", "--inference", "half"],
        ["estimate", "a.jpg", "-o", "out", "--box", "1,2,3"],
        ["estimate", "a.jpg", "-o", "out", "--box", "1,2,3,x"],
        ["estimate", "a.jpg", "-o", "out", "--box", "5,2,3,4"],
        ["estimate", "a.jpg", "-o", "out", "--box", "1,2,nan,4"],
        ["estimate", "a.jpg", "b.jpg", "-o", "out", "--box", "1,2,3,4"],
        ["estimate", "a.jpg", "-o", "out", "--pers", "all"],
        ["estimate", "a.jpg", "-o", "/dev/null/out"],
        ["models"],
        ["models", "eat"],
        ["engines", "--provider", "abacus"],
    ],
)
def test_wrong_usage_is_two_and_one_json_object(
    fake: None, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(*words, "--json")
    assert run.code == 2
    assert run.json["ok"] is False
    assert run.json["error"]["kind"] == "UsageError"
    assert run.json["error"]["text"]


def test_an_unknown_engine_is_wrong_usage(photo: Path, tmp_path: Path) -> None:
    run = Run("estimate", photo, "-o", tmp_path, "--engine", "steam", "--json")
    assert run.code == 2


def test_a_character_needs_blender(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    run = Run("character", photo, "-o", tmp_path, "--json")
    assert run.code == 2
    assert "bpy" in run.json["error"]["text"]


def test_models_can_be_listed_and_verified_where_there_are_none(tmp_path: Path) -> None:
    listed = Run("models", "list", "--models", tmp_path, "--json")
    assert listed.code == 0
    assert {model["state"] for model in listed.json["models"]} == {"missing"}
    verified = Run("models", "verify", "--models", tmp_path, "--json")
    assert verified.code == 1
    assert verified.json["ok"] is False


def test_missing_models_are_a_failed_input_that_says_what_to_do(photo: Path, tmp_path: Path) -> None:
    run = Run("estimate", photo, "-o", tmp_path, "--models", tmp_path / "none", "--json")
    assert run.code == 1
    assert run.json["photos"][0]["error"]["kind"] == "ModelError"
    assert "sam3db models build" in run.json["photos"][0]["error"]["text"]


# --- as a program ---


def test_help_loads_nothing_heavy() -> None:
    """So that it comes at once."""
    script = (
        "import sys\n"
        "from native_runtime.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('loaded:', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    text, loaded = done.stdout.split("loaded:")
    assert "character" in text
    assert "take" in text
    assert {"argparse"} <= set(loaded.split())
    assert not {"numpy", "cv2", "onnxruntime", "torch", "bpy", "PIL"} & set(loaded.split())


def test_hostile_files_give_errors_without_tracebacks(repository: Path, tmp_path: Path) -> None:
    """The table of hostile files, all in one call; the good ones end at a missing model, before any engine."""
    paths = hostile.make_all(tmp_path)
    done = call(
        repository, "estimate", *paths.values(), "-o", tmp_path / "out", "--models", tmp_path / "none", "--json"
    )
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    results = {result["photo"]: result["error"] for result in json.loads(line)["photos"]}
    assert len(results) >= 40
    for name, case in hostile.CASES.items():
        error = results[str(paths[name])]
        if case.size == (-1, -1):
            assert error["kind"] in ("PhotoError", "ModelError")
        else:
            assert error["kind"] == ("PhotoError" if case.size is None else "ModelError"), (name, error)
            assert case.size is not None or case.says in error["text"]
    assert "Traceback" not in done.stderr
    assert "libpng" not in done.stderr
    assert "OpenCV" not in done.stderr


def test_json_stays_alone_on_standard_output_whatever_libraries_print(repository: Path, tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "noise.png")
    program = (
        "import native_runtime.engines as e; from tests.support import fake_engine\n"
        "e.open_engine = fake_engine.open_engine\n"
        "from native_runtime.cli import run; run()\n"
    )
    for debug in ([], ["--debug"]):
        done = subprocess.run(
            [sys.executable, "-c", program, "estimate", str(photo), "-o", str(tmp_path), "--json", *debug],
            capture_output=True,
            text=True,
            cwd=repository,
            check=True,
        )
        assert json.loads(done.stdout)["ok"] is True
        assert len(done.stdout.splitlines()) == 1
        assert ("noise from C" in done.stderr) == bool(debug)


def test_debug_shows_where_it_went_wrong(repository: Path, tmp_path: Path) -> None:
    quiet = call(repository, "estimate", "nowhere.jpg", "-o", tmp_path)
    assert quiet.returncode == 1
    assert "error: nowhere.jpg: there is no such file." in quiet.stderr
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in call(repository, "estimate", "nowhere.jpg", "-o", tmp_path, "--debug").stderr


def test_the_blender_package_is_the_same_program(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sam3db_blender", "--help"], capture_output=True, text=True, cwd=repository, check=False
    )
    assert done.returncode == 0
    assert "sam3db" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are not UTF-8")
def test_a_file_name_that_is_not_utf8(repository: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe photo.jpg")
    done = call(repository, "estimate", str(tmp_path / name), "-o", tmp_path / "out", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["photos"][0]["photo"].endswith(name)


# --- with the real engine ---


@pytest.mark.models
def test_a_real_photo_end_to_end(models: Path, photos: Path, tmp_path: Path) -> None:
    run = Run("estimate", photos / "dancing.jpg", "-o", tmp_path, "--models", models, "--json")
    assert run.code == 0
    with np.load(tmp_path / "dancing_person0.npz") as arrays:
        assert arrays["model_parameters"].shape == (204,)
        assert arrays["keypoints_2d"].shape == (70, 2)
        assert arrays["joints"].shape == (127, 3)
        assert arrays["image_size"].tolist() == [2250, 1500]


@pytest.mark.models
def test_a_reduced_photo_gives_the_same_estimate_in_original_pixels(
    models: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the lens is given: an estimate of it differs with the pixels, within what it tells of its uncertainty
    arguments = ("estimate", photos / "dancing.jpg", "--models", models, "--body", "default-lod2", "--fov-deg", "47")
    Run(*arguments, "-o", tmp_path / "full")
    monkeypatch.setattr("native_runtime.image.reading.WORKING_SIDE", 1200)
    Run(*arguments, "-o", tmp_path / "reduced")
    with (
        np.load(tmp_path / "full" / "dancing_person0.npz") as full,
        np.load(tmp_path / "reduced" / "dancing_person0.npz") as reduced,
    ):
        assert reduced["image_size"].tolist() == [2250, 1500]
        assert reduced["intrinsics"] == pytest.approx(full["intrinsics"])
        height = full["bbox"][3] - full["bbox"][1]
        apart = np.linalg.norm(full["keypoints_2d"] - reduced["keypoints_2d"], axis=1)
        assert apart.mean() < 0.02 * height


@pytest.mark.parametrize("age", ["abc", "4", "30,10", "nan"])
def test_a_batch_takes_one_age(tmp_path: Path, age: str) -> None:
    run = Run("batch", tmp_path, "-o", tmp_path / "out", "--age", age, "--json")
    assert run.code == 2
    assert "one age from 5 to 90 years is expected" in run.out


def test_output_that_nobody_reads_ends_a_command_quietly(repository: Path) -> None:
    for words in (["gpu", "list"], ["--help"], ["models", "list", "--json"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "native_runtime.cli", *words],
            cwd=repository, env=os.environ | {"PYTHONUNBUFFERED": ""}, stdout=writer, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, ""), words


def test_no_command_at_all_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], extensions=[]) == 2
    said = capsys.readouterr()
    assert "a folder of photos to characters" in said.err
    assert said.out == ""


def test_a_job_type_that_cannot_be_written_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_place(folder: Path, **how: Any) -> None:  # as /proc is
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))

    monkeypatch.setattr(Path, "mkdir", no_such_place)
    run = Run("farm", "flamenco", "job-type", "-o", "/proc/nowhere", "--json")
    assert run.code == 2
    assert "cannot be written to /proc/nowhere" in run.json["error"]["text"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["take", "a.mp4"], "Run the same command again to go on"),
        (["take", "a.mp4", "--restart"], "run the same command without --restart"),
        (["batch", "photos"], "Run the same command again to go on"),
        (["views", "a.jpg", "b.jpg"], "Results that were finished before are kept."),
    ],
)
def test_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], said: str
) -> None:
    def interrupted(*given: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"native_runtime.cli.{words[0]}.run", interrupted)
    assert Run(*words, "-o", tmp_path / "out").code == 130
    heard = capfd.readouterr().err
    assert said in heard
    assert "written" not in heard
