"""Batches on Flamenco: the job type compiled by Node, and the API by a Manager on this machine that is strict."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from native_runtime.batch.photos import Shard
from native_runtime.batch.settings import BatchRequest, Export
from native_runtime.cli.console import Console
from native_runtime.cli.main import main
from native_runtime.errors import FarmError, UsageError
from native_runtime.farm.flamenco import job_type
from native_runtime.farm.flamenco.address import address_of, is_on_this_machine
from native_runtime.farm.flamenco.manager import AnswerError, Manager
from native_runtime.farm.flamenco.submitting import Submitted, installed_etag, submit, this_platform
from native_runtime.farm.flamenco.watching import watch
from native_runtime.farm.job import Job
from native_runtime.pipeline.reporting import Silent
from tests.support.farm_jobs import Album
from tests.support.flamenco_manager import NODE, Farm, compile_job, faults, flamenco

Parsed = Callable[[list[str]], BatchRequest]
needs_node = pytest.mark.skipif(NODE is None, reason="needs Node, which compiles Flamenco's job types")
HERE = this_platform()


@pytest.fixture
def farm() -> Iterator[Farm]:
    with flamenco() as there:
        yield there
    assert there.broken == []


def manager_of(farm: Farm) -> Manager:
    return Manager(farm.address, wait=lambda seconds: None)


def handed_in(farm: Farm, job: Job, **more: Any) -> Submitted:
    return submit(job, manager_of(farm), Silent(), **more)


# --- the job type ---


@needs_node
def test_the_job_type_is_as_flamenco_wants_it() -> None:
    made = compile_job(job_type.source(), None)
    assert made["error"] is None
    described = made["jobType"] | {"name": job_type.NAME, "etag": "x"}
    assert faults(described, "AvailableJobType") == []
    assert {setting["key"] for setting in described["settings"]} == job_type.keys()
    assert job_type.NAME.replace("-", "_") + ".js" == job_type.FILE


@needs_node
def test_tasks_run_the_batch_that_was_asked_for(farm: Farm, album: Album, parsed: Parsed, tmp_path: Path) -> None:
    asked = {
        "models": str(tmp_path / "{m} 'x'"), "body": str(tmp_path / "b \"y\".npz"), "persons": "all",
        "layout": "photo", "previews": ("wire", "overlay"), "exports": (Export("fbx", "mixamo"), Export("bvh")),
        "patterns": ("*.jpg", "it's #1 \"{x}\" \\ $HOME*"), "fov_deg": 50.0, "texture": False, "providers": ("cpu",),
    }  # fmt: skip
    job = album.job(5, tasks=3, program="sam3db", **asked)
    sent = handed_in(farm, job)
    stored, tasks = farm.jobs[sent.number]
    assert [task["name"] for task in tasks] == [
        "characters-1-of-3", "characters-2-of-3", "characters-3-of-3", "contact-sheet",
    ]  # fmt: skip
    assert [len(task["dependencies"]) for task in tasks] == [0, 0, 0, 3]
    for task in tasks:
        (command,) = task["commands"]
        assert command["name"] == "exec"
        as_sent = {"name": command["name"], "parameters": command["parameters"], "total_step_count": 0}
        assert faults(as_sent, "Command") == []
        assert faults(command["parameters"], "ExecParameters") == []
    request = album.request(**asked)
    parts = [Shard(1, 3), Shard(2, 3), Shard(3, 3), Shard()]
    for parameters, part in zip(farm.commands(sent.number, HERE), parts, strict=True):
        assert parameters["exe"] == "sam3db"
        assert parsed(parameters["args"]) == replace(request, shard=part)
        assert "--accept-bad-photos" in parameters["args"]
    assert stored["metadata"]["sam3db.photos"] == "5"


@needs_node
def test_a_worker_of_another_system_gets_its_own_paths(farm: Farm, tmp_path: Path) -> None:
    farm.variables = {
        "blender": ({HERE: "/opt/blender/blender", "windows": "B:\\5.2\\blender.exe"}, False),
        "share": ({HERE: str(tmp_path), "windows": "S:\\studio"}, True),
    }
    album = Album(tmp_path / "fête" / "photos", tmp_path / "out")
    sent = handed_in(farm, album.job(2, tasks=1))
    assert sent.notes == ()
    first, last = farm.commands(sent.number, "windows")
    assert first["exe"] == "B:\\5.2\\blender.exe"
    assert first["args"][:6] == ["--background", "--command", "sam3db", "batch", "S:\\studio\\fête\\photos", "--out"]
    assert first["args"][6] == "S:\\studio\\out"
    assert first["args"] == [*last["args"], "--shard", "1/1"]
    assert farm.commands(sent.number, HERE)[0]["args"][4] == str(album.folder)


@needs_node
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tasks": 0}, "from 1 to 1000"),
        ({"tasks": 1001}, "from 1 to 1000"),
        ({"tasks": 2.5}, "from 1 to 1000"),
        ({"tasks": "8"}, "from 1 to 1000"),
        ({"folder": ""}, "have to be chosen"),
        ({"out": None}, "have to be chosen"),
        ({"run_with": "bash"}, "not with"),
        ({"options": "--pattern 'x"}, "closing quote"),
    ],
)
def test_settings_that_make_no_job_are_refused(settings: dict[str, Any], says: str) -> None:
    job = {"settings": {"folder": "/p", "out": "/o", "tasks": 2, **settings}}
    made = compile_job(job_type.source(), job)
    assert says in (made["error"] or "")
    assert made["tasks"] == []


@needs_node
def test_settings_that_a_person_left_out_have_their_defaults(parsed: Parsed) -> None:
    made = compile_job(job_type.source(), {"settings": {"folder": "/p", "out": "/o", "tasks": 1}})
    (command,) = made["tasks"][0]["commands"]
    assert command["parameters"]["exe"] == "{blender}"
    read = parsed(command["parameters"]["args"][3:])
    assert read == BatchRequest(folder=Path("/p"), out=Path("/o"), engine="landmarks")


@needs_node
def test_a_thousand_tasks_are_compiled() -> None:
    made = compile_job(job_type.source(), {"settings": {"folder": "/p", "out": "/o", "tasks": 1000}})
    assert len(made["tasks"]) == 1001
    assert len(made["tasks"][-1]["dependencies"]) == 1000


# --- handing in ---


def test_a_job_is_tried_before_it_is_handed_in(farm: Farm, album: Album) -> None:
    farm.tags = {"gpu": "tag-7"}
    sent = handed_in(farm, album.job(3), priority=70, tag="gpu", paused=True, version="1.2.3")
    stored, _ = farm.jobs[sent.number]
    assert [asked.partition("/api/v3/")[2] for asked in farm.asked[-2:]] == ["jobs/check", "jobs"]
    assert (stored["priority"], stored["worker_tag"], stored["initial_status"]) == (70, "tag-7", "paused")
    assert stored["metadata"]["sam3db.version"] == "1.2.3"
    assert sent.page == f"{farm.address}/app/jobs/{sent.number}"


def test_a_trial_leaves_no_job(farm: Farm, album: Album) -> None:
    assert handed_in(farm, album.job(3), only_check=True).number == ""
    assert farm.jobs == {}


def test_a_manager_without_the_job_type_says_where_it_belongs(farm: Farm, album: Album) -> None:
    farm.scripts.clear()
    with pytest.raises(FarmError, match=r"sam3db_batch\.js.*folder 'scripts'"):
        handed_in(farm, album.job(1))


def test_a_job_type_of_another_version_is_told(farm: Farm, album: Album) -> None:
    farm.install(**{'key: "persons"': 'key: "people"'})
    with pytest.raises(FarmError, match="another version"):
        handed_in(farm, album.job(1))


def test_an_old_manager_is_told(farm: Farm, album: Album) -> None:
    farm.version = "3.2"
    with pytest.raises(FarmError, match=r"Flamenco 3\.2 .* too old: 3\.3"):
        handed_in(farm, album.job(1))
    farm.version = "3.10-alpha1"
    assert handed_in(farm, album.job(1)).number


def test_a_file_that_changes_meanwhile_is_read_again(farm: Farm, album: Album) -> None:
    farm.edit = lambda: farm.install(Engine="The Engine")
    assert handed_in(farm, album.job(1)).number
    farm.edit = lambda: farm.install(**{'key: "persons"': 'key: "people"'})
    with pytest.raises(FarmError, match="another version"):
        handed_in(farm, album.job(1))


def test_a_file_that_changes_all_the_time_ends_with_the_managers_words(farm: Farm, album: Album) -> None:
    def edit() -> None:
        farm.install(Engine=f"Engine {len(farm.asked)}")
        farm.edit = edit

    farm.edit = edit
    with pytest.raises(AnswerError, match="outdated"):
        handed_in(farm, album.job(1))


def test_a_busy_manager_is_asked_again_but_not_for_ever(farm: Farm, album: Album) -> None:
    farm.busy = 2
    assert handed_in(farm, album.job(1)).number
    farm.busy = 100
    with pytest.raises(AnswerError, match="too busy"):
        handed_in(farm, album.job(1))


def test_braces_that_a_manager_would_replace_are_refused(farm: Farm, album: Album) -> None:
    farm.variables = {"blender": ({HERE: "blender"}, False), "x": ({HERE: "y"}, False)}
    with pytest.raises(UsageError, match=r"would replace \{blender\}"):
        handed_in(farm, album.job(1))
    farm.variables = {"other": ({HERE: "z"}, False)}
    assert handed_in(farm, album.job(1)).number


def test_paths_that_other_systems_will_not_find_are_told(farm: Farm, album: Album, tmp_path: Path) -> None:
    farm.variables = {"share": ({HERE: "/elsewhere"}, True)}
    notes = handed_in(farm, album.job(1)).notes
    assert len(notes) == 2
    assert "No two-way variable of the Manager covers" in notes[0]


@pytest.mark.parametrize("wrong", [{"priority": 101}, {"priority": -1}, {"tag": "nobody"}])
def test_what_a_manager_cannot_know_is_refused(farm: Farm, album: Album, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        handed_in(farm, album.job(1), **wrong)


def test_where_nobody_listens_the_address_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FarmError, match=rf"cannot be reached at http://127\.0\.0\.1:{port} .*Check the address"):
        Manager(f"127.0.0.1:{port}").version()


def test_another_server_is_no_manager(tmp_path: Path) -> None:
    from tests.support.file_server import serving

    with serving(b"<html>a printer</html>") as server, pytest.raises(FarmError, match=r"refused|is not Flamenco"):
        installed_etag(Manager(server.address))


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("farm", "http://farm:8080"),
        (" farm:9000/ ", "http://farm:9000"),
        ("http://farm", "http://farm:8080"),
        ("https://farm.studio", "https://farm.studio"),
        ("https://farm.studio/flamenco/", "https://farm.studio/flamenco"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_as_people_write_them(written: str, address: str) -> None:
    assert address_of(written) == address


@pytest.mark.parametrize("written", ["", "file:///etc/passwd", "http://", "farm:port", "http://me@farm", "ftp://farm"])
def test_what_is_no_address(written: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        address_of(written)


def test_which_addresses_need_no_network() -> None:
    here = ["localhost", "127.0.0.1:9000", "http://[::1]:8080", "LOCALHOST:1"]
    elsewhere = ["farm", "192.168.1.7", "localhost.evil.example", "http://10.0.0.1", "128.0.0.1"]
    assert [is_on_this_machine(address) for address in here + elsewhere] == [True] * 4 + [False] * 5


# --- watching ---


class _Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def status(self, text: str) -> None:
        self.said.append(text)


@needs_node
def test_a_job_is_watched_until_it_is_over(farm: Farm, album: Album) -> None:
    number = handed_in(farm, album.job(3, tasks=2)).number
    away = iter([0, 5])  # a Manager that does not answer for a moment
    steps = iter([["active", "queued", "queued"], ["completed", "soft-failed", "queued"], ["completed"] * 3])

    def wait(seconds: float) -> None:
        farm.states = next(steps, farm.states)
        farm.status = "completed" if set(farm.states) == {"completed"} else "active"
        farm.busy = next(away, 0)

    heard = _Heard()
    assert watch(Manager(farm.address, wait=lambda seconds: None), number, heard, wait).state == "completed"
    assert heard.said[0] == "On the farm, queued: 0 of 3 tasks done"
    assert heard.said[-1] == "On the farm, completed: 3 of 3 tasks done"


def test_a_job_that_is_gone_is_no_longer_watched(farm: Farm) -> None:
    with pytest.raises(AnswerError, match="no such job"):
        watch(manager_of(farm), "gone", Silent(), lambda seconds: None)


# --- the command line ---


def run(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False), [])
    return code, json.loads(out.getvalue())


def test_the_command_line_hands_in_and_tells_how_it_stands(farm: Farm, album: Album) -> None:
    album.fill(4)
    words = (album.folder, "-o", album.out, "--engine", "landmarks", "--tasks", 2, "--provider", "cuda")
    code, answer = run("farm", "flamenco", "submit", *words, "--manager", farm.address)
    assert (code, answer["tasks"], answer["photos"]) == (0, 2, 4)
    farm.status = "failed"
    code, answer = run("farm", "flamenco", "status", answer["job"], "--manager", farm.address)
    assert (code, answer["state"], answer["ok"]) == (1, "failed", False)
    assert run("farm", "flamenco", "check", "--manager", farm.address)[0] == 0


def test_a_dry_run_asks_nobody(album: Album) -> None:
    album.fill(4)
    words = (album.folder, "-o", album.out, "--engine", "landmarks", "--dry-run")
    code, answer = run("farm", "flamenco", "submit", *words)
    assert code == 0
    assert faults(answer["submitted"], "SubmittedJob") == []
    assert answer["submitted"]["settings"]["folder"] == str(album.folder)


def test_without_an_address_it_says_where_to_name_one(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAM3DB_FLAMENCO", raising=False)
    code, answer = run("farm", "flamenco", "check")
    assert code == 2
    assert "--manager" in answer["error"]["text"]


def test_the_job_types_file_is_written(tmp_path: Path) -> None:
    code, answer = run("farm", "flamenco", "job-type", "-o", tmp_path / "scripts")
    assert code == 0
    assert Path(answer["file"]).read_text() == run("farm", "flamenco", "job-type")[1]["source"] == job_type.source()
    assert re.search(r"function compileJob\(job\)", job_type.source())
