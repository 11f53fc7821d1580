"""A batch as a job template of Open Job Description, which AWS Deadline Cloud and others run.

The template is JSON of the specification ``jobtemplate-2023-09`` (OpenJobDescription/openjd-specifications, "Template
Schemas"). Nothing that a person names stands in its text, where ``{{`` would begin an expression: folders, patterns and
names are values of job parameters.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.farm.job import MOST_TASKS, Job, lead
from native_runtime.files.atomic import atomic_file

TEMPLATE, VALUES = "template.json", "parameter_values.json"
"""Names of a job bundle's files, as `deadline bundle submit` wants them."""
PARAMETERS = "parameters.json"
"""The same values in the form that `openjd run` reads."""
CHARACTERS, SHEET = "Characters", "ContactSheet"
"""The steps."""
LONGEST_VALUE = 1024  # specification, 2.5
MOST_PARAMETERS = 50  # specification, 1.1
_VCPUS = 2
_MEMORY_MIB = 4096
_CANCEL_S = 30
_PATHS: dict[str, tuple[str, dict[str, str]]] = {
    "folder": ("Photos", {"objectType": "DIRECTORY", "dataFlow": "IN"}),
    "out": ("Results", {"objectType": "DIRECTORY", "dataFlow": "OUT"}),
    "models": ("Models", {"objectType": "DIRECTORY", "dataFlow": "IN"}),
    "body_file": ("Body", {"objectType": "FILE", "dataFlow": "IN"}),
}
_SAID = {
    "Photos": "The folder of the photos",
    "Results": "The folder of the results; the same for all tasks",
    "Models": "The folder of the networks and bodies",
    "Body": "The file of the body",
    "Tasks": "Into how many parts the folder is divided",
    "Program": "What runs on a worker: Blender with the extension, or the command line sam3db",
    "JobName": "What the farm's list shows",
}


def template(job: Job, progress: bool = True) -> dict[str, Any]:
    """The job template; its parameters have defaults for this very job, but for the paths.

    Args:
        progress: whether tasks say how far they are.

    Raises:
        UsageError: a path or an option is longer than the specification allows, or there are too many options.
    """
    options = _options(job)
    for value in parameters(job).values():
        if len(str(value)) > LONGEST_VALUE:
            raise UsageError(f"{str(value)[:60]!r}... is too long for OpenJD, which allows {LONGEST_VALUE} letters.")
    # An absolute path may not be a default: those of this job are values alone.
    definitions = [_parameter(_PATHS[name][0], "PATH", **_PATHS[name][1]) for name in job.words.paths]
    definitions += [
        _parameter("Tasks", "INT", default=job.tasks, minValue=1, maxValue=MOST_TASKS),
        _parameter("Program", "STRING", default=job.program, minLength=1),
        _parameter("JobName", "STRING", default=job.name, minLength=1, maxLength=128),
    ]
    definitions += [_parameter(name, "STRING", default=word) for name, word in options.items()]
    if len(definitions) > MOST_PARAMETERS:
        raise UsageError(f"OpenJD allows {MOST_PARAMETERS} parameters; this job needs {len(definitions)}.")
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "{{Param.JobName}}",
        "description": "Rigged characters from a folder of photos, in parts; then a contact sheet of all of them.",
        "parameterDefinitions": definitions,
        "steps": [
            {
                "name": CHARACTERS,
                "hostRequirements": _host_requirements(),
                "parameterSpace": {
                    "taskParameterDefinitions": [{"name": "Part", "type": "INT", "range": "1-{{Param.Tasks}}"}]
                },
                "script": _script(job, list(options), "{{Task.Param.Part}}/{{Param.Tasks}}", progress),
            },
            {
                "name": SHEET,
                "dependencies": [{"dependsOn": CHARACTERS}],
                "hostRequirements": _host_requirements(),
                "script": _script(job, list(options), None, progress),
            },
        ],
    }


def parameters(job: Job) -> dict[str, str | int]:
    """The values of the template's parameters, by their names."""
    paths = {_PATHS[name][0]: path for name, path in job.words.paths.items()}
    return {**paths, "Tasks": job.tasks, "Program": job.program, "JobName": job.name, **_options(job)}


def write_bundle(job: Job, folder: Path, progress: bool = True) -> tuple[Path, ...]:
    """Write a job bundle: the template and its values.

    Raises:
        UsageError: as `template`.
        OSError: the folder cannot be written.
    """
    values = parameters(job)
    contents = {
        TEMPLATE: template(job, progress),
        VALUES: {"parameterValues": [{"name": name, "value": value} for name, value in values.items()]},
        PARAMETERS: values,
    }
    for name, content in contents.items():
        with atomic_file(folder / name) as part:
            part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return tuple(folder / name for name in contents)


def _options(job: Job) -> dict[str, str]:
    return {f"Option{number}": word for number, word in enumerate(job.words.options, 1)}


def _parameter(name: str, kind: str, **more: Any) -> dict[str, Any]:
    known = {"name": name, "type": kind, **more}
    return known | ({"description": _SAID[name]} if name in _SAID else {})


def _script(job: Job, options: list[str], part: str | None, progress: bool) -> dict[str, Any]:
    """The action of a step: no shell reads it, so that nothing needs quotes."""
    paths = {name: f"{{{{Param.{_PATHS[name][0]}}}}}" for name in job.words.paths}
    words = job.words.command(part, paths, [f"{{{{Param.{name}}}}}" for name in options])
    words += ["--progress-lines", "openjd"] if progress else []
    return {
        "actions": {
            "onRun": {
                "command": "{{Param.Program}}",
                "args": [*lead(job.program), *words],
                "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _CANCEL_S},
            }
        }
    }


def _host_requirements() -> dict[str, Any]:
    return {
        "amounts": [
            {"name": "amount.worker.vcpu", "min": _VCPUS},
            {"name": "amount.worker.memory", "min": _MEMORY_MIB},
        ]
    }
