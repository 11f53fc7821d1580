"""`sam3db take`: one JSON object, exit codes, and what is said of mistakes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.takes.take import Take
from tests.support.bodies import toy_body
from tests.support.film_engine import FilmEngine, FilmInference, film
from tests.support.videos import write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    ways = [lambda frame: 10 + 4 * frame, lambda frame: 250 - frame]
    return write_video(tmp_path / "Größe 1.mp4", film(ways, 10), 5.0)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FilmEngine:
    made = FilmEngine(toy_body(keypoints_on_joints=True))
    monkeypatch.setattr("native_runtime.cli.take.Inference", lambda **more: FilmInference(made))
    return made


def _take(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main(["take", *map(str, words), "--engine", "landmarks", "--json"], Console(out, True, False), [])
    return code, json.loads(out.getvalue())


def test_the_result_names_what_was_written(video: Path, engine: FilmEngine, tmp_path: Path) -> None:
    code, content = _take(video, "-o", tmp_path / "out", "--person", "all", "--plain")
    assert code == 0
    assert content["ok"] is True
    assert (content["frames"], content["fresh"], content["cuts"], content["failed"]) == (10, 10, [], [])
    assert [track["person"] for track in content["tracks"]] == [0, 1]
    assert Path(content["tracks_file"]).is_file()
    for number, person in enumerate(content["people"]):
        assert (person["person"], person["frames"], person["fps"], person["camera"]) == (number, [0, 9], 5.0, "fixed")
        assert {"jitter", "foot_slide_mm", "penetration_mm"} <= person["quality"].keys()
        take = Take.load(person["files"]["npz"])
        assert take.footage.file == "Größe 1.mp4"
        assert Path(person["files"]["json"]).is_file()


def test_without_json_the_files_are_listed(video: Path, engine: FilmEngine, tmp_path: Path) -> None:
    out = io.StringIO()
    words = ["take", str(video), "-o", str(tmp_path / "out"), "--engine", "landmarks", "--plain"]
    assert main(words, Console(out, False, False), []) == 0
    assert [Path(line).name for line in out.getvalue().splitlines()] == [
        "Größe 1_person0_take.npz", "Größe 1_person0_take.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--range", "9:3"], "from one frame to a later one"),
        (["--range", "x"], "is written A:B"),
        (["--every", "0"], "every 0th"),
        (["--fps", "0"], "frames a second"),
        (["--age", "9", "--person", "all"], "One age belongs to one person"),
        (["--height-cm", "170,180"], "One height belongs to one person"),
        (["--turn", "45"], "--turn"),
        (["--plain", "--prompts", "x.json"], "Prompts act in the fit"),
        (["--focal-px", "-5"], "focal"),
        (["--provider", "abacus"], "abacus"),
    ],
)
def test_mistakes_are_said_before_any_work(
    video: Path, engine: FilmEngine, tmp_path: Path, words: list[str], text: str
) -> None:
    code, content = _take(video, "-o", tmp_path / "out", *words)
    assert code == 2
    assert text in content["error"]["text"]
    assert (engine.searched, engine.estimated) == (0, 0)


def test_prompts_with_mistakes_are_a_wrong_command(video: Path, engine: FilmEngine, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.json"
    code, content = _take(video, "-o", tmp_path / "out", "--prompts", prompts)
    assert (code, content["error"]["kind"]) == (2, "UsageError")
    prompts.write_text('{"prompts": [{"frame": 1, "keypoints": [["tail", 1, 2]]}]}')
    code, content = _take(video, "-o", tmp_path / "out", "--prompts", prompts)
    assert (code, content["error"]["kind"]) == (2, "PromptError")
    assert "tail" in content["error"]["text"]
    assert (engine.searched, engine.estimated) == (0, 0)


@pytest.mark.parametrize(
    ("name", "kind"), [("missing.mp4", "PhotoError"), ("empty", "PhotoError"), ("cut.mp4", "PhotoError")]
)
def test_footage_that_cannot_be_read_fails(engine: FilmEngine, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.mp4").write_bytes(bytes.fromhex("0000001c6674797069736f6d") + bytes(500))
    code, content = _take(tmp_path / name, "-o", tmp_path / "out")
    assert code == 1
    assert content["error"]["kind"] == kind
    assert name in content["error"]["text"]
    assert not (tmp_path / "out").exists()


def test_a_range_behind_the_end_leaves_no_folder(video: Path, engine: FilmEngine, tmp_path: Path) -> None:
    code, content = _take(video, "-o", tmp_path / "out", "--range", "30:40")
    assert code == 2
    assert "10 frames (0 to 9)" in content["error"]["text"]
    assert not (tmp_path / "out").exists()


def test_a_video_that_cannot_be_read_is_refused_before_slow_imports(tmp_path: Path, repository: Path) -> None:
    words = ["take", str(tmp_path / "missing.mp4"), "-o", str(tmp_path / "out"), "--blend"]
    program = (
        "import sys; from native_runtime.cli import main; code = main(sys.argv[1:]);"
        "print(code, {'bpy', 'native_runtime.takes.run'} & sys.modules.keys(), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=repository, check=False
    )
    assert "missing.mp4: there is no such file" in ran.stderr
    assert ran.stderr.endswith("1 set()\n")
    assert not (tmp_path / "out").exists()


_PROGRAM = """
import sys, time
from native_runtime.cli import main, take
from tests.support.bodies import toy_body
from tests.support.film_engine import FilmEngine, FilmInference

class Slow(FilmEngine):
    def read(self, *given):
        time.sleep(float(sys.argv[3]))
        return super().read(*given)

take.Inference = lambda **more: FilmInference(Slow(toy_body(keypoints_on_joints=True)))
sys.exit(main(["take", sys.argv[1], "-o", sys.argv[2], "--engine", "landmarks", "--plain", "--json"], extensions=[]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_killed_at_any_moment_it_goes_on(tmp_path: Path, repository: Path) -> None:
    video = write_video(tmp_path / "x.mp4", film([lambda frame: 10 + 2 * frame], 30), 10.0)

    def start(out: str, pause: float) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(video), str(tmp_path / out), str(pause)],
            cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    frames = tmp_path / "out" / "x_frames"
    run = start("out", 0.05)
    deadline = time.monotonic() + 60
    while len(list(frames.glob("*.npz"))) < 14 and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert 14 <= len(list(frames.glob("*.npz"))) < 30
    assert not list((tmp_path / "out").glob("*_take.npz"))
    again, whole = start("out", 0.0), start("whole", 0.0)
    content = json.loads(again.communicate()[0])
    whole.communicate()
    assert content["ok"]
    assert 0 < content["fresh"] <= 20
    one, other = (Take.load(tmp_path / out / "x_person0_take.npz") for out in ("out", "whole"))
    np.testing.assert_array_equal(one.model_parameters, other.model_parameters)
    np.testing.assert_array_equal(one.camera_translation, other.camera_translation)
