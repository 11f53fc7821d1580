"""A Flamenco Manager on this machine, as far as its API is written down in ``flamenco_api.json``.

Every request and every answer is held to that description. Jobs are compiled by Node where it is there, and variables
are replaced as a real Manager does it (internal/manager/config/variables.go of Flamenco 3.9-beta1).
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from native_runtime.farm.flamenco import job_type

HERE = Path(__file__).parent
API = json.loads((HERE / "flamenco_api.json").read_text(encoding="utf-8"))
NODE = shutil.which("node")
_KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_NOW = "2026-01-01T00:00:00Z"


def faults(content: Any, schema: Any, place: str = "") -> list[str]:
    """What of some JSON is not as a schema has it; unknown keys are faults too."""
    if isinstance(schema, str):
        schema = API["schemas"][schema]
    kind = schema.get("type")
    if kind is None:
        return []
    if not isinstance(content, _KINDS[kind]) or (kind == "integer" and isinstance(content, bool)):
        return [f"{place or 'it'} is no {kind}: {content!r}"]
    if "enum" in schema and content not in schema["enum"]:
        return [f"{place}: {content!r} is none of {schema['enum']}"]
    if kind == "array":
        return [
            fault for number, one in enumerate(content) for fault in faults(one, schema["items"], f"{place}[{number}]")
        ]
    if kind != "object":
        return []
    found = [f"{place} has no {key}" for key in schema.get("required", []) if key not in content]
    for key, value in content.items():
        known = schema["properties"].get(key, schema.get("additional"))
        if known is None:
            found.append(f"{place} has an unknown {key}")
        elif known is not True:
            found += faults(value, known, f"{place}.{key}")
    return found


def compile_job(script: str, job: dict[str, Any] | None) -> dict[str, Any]:
    """What Node makes of a job type and a job: ``jobType``, ``tasks``, ``error``."""
    return dict(json.loads(_compiled(json.dumps({"script": script, "job": job}))))


@functools.cache
def _compiled(asked: str) -> str:
    assert NODE is not None
    command = [NODE, str(HERE / "compile_job.cjs")]
    return subprocess.run(command, input=asked, capture_output=True, text=True, timeout=60, check=True).stdout


@dataclass
class Farm:
    """What the Manager has.

    Attributes:
        scripts: the text of each job type's file, by the file's name.
        variables: value by platform, and whether they are two-way, by name.
        version: what it says of itself.
        busy: how many requests it is too busy for.
        edit: called before a job is checked; somebody works on the Manager's files.
        asked: ``METHOD /path`` of every request.
        broken: what was not as the API's description has it.
        jobs: the submitted ones by their ids, and what they were compiled to.
        states, status: of the tasks of every job, and of the jobs.
        at_once: whether jobs are done as soon as they are handed in.
    """

    scripts: dict[str, str] = field(default_factory=dict)
    variables: dict[str, tuple[dict[str, str], bool]] = field(default_factory=dict)
    version: str = "3.9.1"
    tags: dict[str, str] = field(default_factory=dict)
    busy: int = 0
    edit: Any = None
    address: str = ""
    asked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    jobs: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    status: str = "queued"
    at_once: bool = False

    def install(self, **changes: str) -> None:
        """Put our job type's file there, with some of its text replaced."""
        text = job_type.source()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        self.scripts[job_type.FILE] = text

    def type_of(self, name: str) -> dict[str, Any] | None:
        text = self.scripts.get(name.replace("-", "_") + ".js")
        if text is None:
            return None
        known: dict[str, Any]
        if NODE is not None:
            known = {**compile_job(text, None)["jobType"], "name": name}
        else:  # only the keys count
            keys = re.findall(r"\{ key: \"(\w+)\"", text)
            known = {"label": "", "name": name, "settings": [{"key": key, "type": "string"} for key in keys]}
        return known | {"etag": hashlib.sha1(text.encode()).hexdigest()}

    def answer(self, method: str, path: str, asked: Any) -> tuple[int, Any]:
        """Status and content."""
        if self.busy:
            self.busy -= 1
            return 503, _error(503, "too busy")
        words = path.removeprefix("/api/v3/").split("/")
        match [method, *words]:
            case ["GET", "version"]:
                return 200, {"version": self.version, "shortversion": self.version, "name": "Farm", "git": "x"}
            case ["GET", "jobs", "type", name]:
                known = self.type_of(name)
                return (200, known) if known else (404, _error(404, "no such job type known"))
            case ["GET", "configuration", "variables", "workers", platform]:
                resolved = {
                    name: {"value": values[platform], "is_twoway": both}
                    for name, (values, both) in self.variables.items()
                    if platform in values
                }
                return 200, resolved
            case ["GET", "worker-mgt", "tags"]:
                return 200, {"tags": [{"id": number, "name": name} for name, number in self.tags.items()]}
            case ["POST", "jobs", *check]:
                return self._submit(asked, only_check=check == ["check"])
            case ["GET", "jobs", number]:
                return (200, self.jobs[number][0] | {"status": self.status}) if number in self.jobs else _NO_JOB
            case ["GET", "jobs", number, "tasks"]:
                return (200, {"tasks": self._summaries(number)}) if number in self.jobs else _NO_JOB
        return 404, _error(404, "Not Found")

    def _submit(self, job: dict[str, Any], only_check: bool) -> tuple[int, Any]:
        if self.edit is not None:
            edit, self.edit = self.edit, None
            edit()
        known = self.type_of(job["type"])
        if known is None:
            return 400, _error(400, "job type unknown")
        if job.get("type_etag") not in ("", None, known["etag"]):
            return 412, _error(412, "rejecting job because its settings are outdated, refresh the job type")
        job = {**job, "settings": {key: self._to_variables(value, job) for key, value in job["settings"].items()}}
        tasks: list[dict[str, Any]] = []
        if NODE is not None:
            made = compile_job(self.scripts[job["type"].replace("-", "_") + ".js"], job)
            if made["error"]:
                return 400, _error(400, made["error"])
            tasks = made["tasks"]
        if only_check:
            return 204, None
        number = f"00000000-0000-0000-0000-{len(self.jobs):012}"
        stored = job | {
            "id": number, "created": _NOW, "updated": _NOW, "status": job.get("initial_status", "queued"),
            "activity": "", "steps_completed": 0, "steps_total": len(tasks),
        }  # fmt: skip
        self.jobs[number] = (stored, tasks)
        self.states = ["completed" if self.at_once else "queued"] * len(tasks)
        self.status = "completed" if self.at_once else self.status
        return 200, stored

    def commands(self, number: str, platform: str) -> list[dict[str, Any]]:
        """The parameters of each task's command as a worker on a system gets them."""
        found = []
        for task in self.jobs[number][1]:
            (command,) = task["commands"]
            parameters = {
                key: [self._expanded(one, platform) for one in value] if isinstance(value, list)
                else self._expanded(value, platform)
                for key, value in command["parameters"].items()
            }  # fmt: skip
            found.append(parameters)
        return found

    def _to_variables(self, value: Any, job: dict[str, Any]) -> Any:
        if not isinstance(value, str):
            return value
        for name, (values, both) in self.variables.items():
            known = values.get(job["submitter_platform"])
            if both and known and _slashed(value).startswith(_slashed(known)):
                value = f"{{{name}}}{value[len(known) :]}"
        return value

    def _expanded(self, value: str, platform: str) -> str:
        is_path = False
        for name, (values, both) in self.variables.items():
            if platform in values and f"{{{name}}}" in value:
                value = value.replace(f"{{{name}}}", values[platform])
                is_path = is_path or both
        if is_path:
            value = value.replace("/", "\\") if platform == "windows" else value.replace("\\", "/")
        return value

    def _summaries(self, number: str) -> list[dict[str, Any]]:
        return [
            {
                "id": task["uuid"], "name": task["name"], "status": state, "index_in_job": index,
                "priority": task["priority"], "task_type": task["type"], "updated": _NOW, "steps_completed": 0,
                "steps_total": 0,
            }
            for index, (task, state) in enumerate(zip(self.jobs[number][1], self.states), 1)
        ]  # fmt: skip


@contextmanager
def flamenco(**what: Any) -> Iterator[Farm]:
    """A Manager with our job type, listening on this machine alone."""
    farm = Farm(**what)
    farm.install()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            operation = _operation(self.command, self.path)
            farm.asked.append(f"{self.command} {self.path}")
            asked = json.loads(body) if body else None
            if operation is None:
                farm.broken.append(f"no operation for {self.command} {self.path}")
            elif "asks" in operation:
                farm.broken += faults(asked, operation["asks"], "the request")
            status, content = farm.answer(self.command, self.path, asked)
            if operation is not None and status != 503:
                schema = operation["answers"][str(status)]
                farm.broken += faults(content, schema, f"the answer to {self.path}") if schema else []
            data = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    farm.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield farm
    finally:
        server.shutdown()
        server.server_close()


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for name, operation in sorted(API["operations"].items(), key=lambda one: "{" in one[0]):
        kind, pattern = name.split(" ")
        if kind == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            return dict(operation)
    return None


def _slashed(path: str) -> str:
    return path.replace("\\", "/").lower()


def _error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


_NO_JOB = (404, _error(404, "no such job"))
