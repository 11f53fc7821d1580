"""A batch as a job of Open Job Description: checked and run by `openjd` itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from native_runtime.batch.manifest import manifests, read_records
from native_runtime.errors import UsageError
from native_runtime.farm import openjd
from tests.support.farm_jobs import Album

BIN = Path(sys.executable).parent


def run_openjd(*words: object) -> subprocess.CompletedProcess[str]:
    """`openjd` with the programs of this environment."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
    command = [str(BIN / "openjd"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_a_job_is_valid_and_means_what_was_asked_for(album: Album, tmp_path: Path) -> None:
    job = album.job(9, tasks=4, name="{{Param.Photos}} 100 %", models=str(tmp_path / "m {{x}}"), body="/b {{y}}.npz")
    template, values, parameters = openjd.write_bundle(job, tmp_path / "bundle")
    done = run_openjd("summary", template, "-p", f"file://{parameters}", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout[done.stdout.index("{") :])
    assert summary["name"] == "{{Param.Photos}} 100 %"
    assert [(step["name"], step["total_tasks"]) for step in summary["steps"]] == [
        ("Characters", 4),
        ("ContactSheet", 1),
    ]
    assert {entry["name"]: entry["value"] for entry in json.loads(values.read_text())["parameterValues"]} == json.loads(
        parameters.read_text()
    )


def test_nothing_that_a_person_names_stands_in_the_template(album: Album) -> None:
    content = openjd.template(album.job(2, patterns=("*.jpg", "{{x}}*")))
    assert str(album.folder) not in json.dumps(content, ensure_ascii=False)
    defaults = [known.pop("default", None) for known in content["parameterDefinitions"]]
    assert "--pattern={{x}}*" in defaults  # which are no format strings
    assert "{{x}}" not in json.dumps(content)


def test_the_command_of_a_task_is_that_of_the_batch(album: Album) -> None:
    job = album.job(3, tasks=2, program="blender")
    values = {f"{{{{Param.{name}}}}}": str(value) for name, value in openjd.parameters(job).items()}
    values["{{Task.Param.Part}}/{{Param.Tasks}}"] = "2/2"
    action = openjd.template(job, progress=False)["steps"][0]["script"]["actions"]["onRun"]
    assert [values.get(word, word) for word in (action["command"], *action["args"])] == job.call("2/2")


def test_what_the_specification_does_not_allow_is_refused(album: Album) -> None:
    with pytest.raises(UsageError, match="too long for OpenJD"):
        openjd.template(album.job(2, patterns=("*.jpg", "x" * 1100)))
    with pytest.raises(UsageError, match="allows 50 parameters"):
        openjd.template(album.job(2, patterns=("*.jpg", *(f"{number}*" for number in range(60)))))


@pytest.mark.models
def test_openjd_runs_a_batch(album: Album, photos: Path, models: Path, tmp_path: Path) -> None:
    album.folder.mkdir(parents=True)
    picture = cv2.imread(str(photos / "skier.jpg"))
    done, data = cv2.imencode(".jpg", cv2.resize(picture, None, fx=0.5, fy=0.5))
    assert done
    (album.folder / "a.jpg").write_bytes(data.tobytes())
    (album.folder / "broken.jpg").write_text("no picture")
    from native_runtime.farm.job import plan
    from native_runtime.pipeline.reporting import Silent

    request = album.request(models=str(models), blend=False, previews=())
    template, _, parameters = openjd.write_bundle(plan(request, Silent(), tasks=2, program="sam3db"), tmp_path / "job")
    ran = run_openjd(
        "run", template, "--step", openjd.SHEET, "--run-dependencies", "-p", f"file://{parameters}", "--output", "json"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    made = sorted(path.name for path in album.out.iterdir() if path.name[0] != ".")
    assert [name for name in made if not name.startswith("manifest")] == [
        "a_person0.json", "a_person0.npz", "contact_sheet.html", "contact_sheet.png",
    ]  # fmt: skip
    records = read_records(manifests(album.out))
    assert {name: record.state for name, record in records.items()} == {"a.jpg": "done", "broken.jpg": "failed"}
    assert "openjd_progress: 100.0" in ran.stdout
