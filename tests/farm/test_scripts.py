"""Scripts for shells and for SLURM: what really starts are the words of the batch."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from native_runtime.farm.progress import OpenJDLines
from native_runtime.farm.scripts import script
from native_runtime.pipeline.reporting import Silent
from tests.support.farm_jobs import Album

SAY = "import json, os, sys; print(json.dumps([os.environ.get('SLURM_ARRAY_TASK_ID'), *sys.argv[1:]]))"
#: As SLURM's own: an array is run at once, one part after the other, and the job's number comes on standard output.
SBATCH = """#!/bin/bash
for word in "$@"; do case $word in --array=1-*) last=${word#--array=1-};; esac; done
job=$(cat)
for part in $(seq 1 ${last:-1}); do SLURM_ARRAY_TASK_ID=${last:+$part} bash -c "$job" >>"$RAN"; done
printf '%s\\n' "$*" >>"$SUBMITTED"
echo "17;cluster"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that only says how it was called."""
    file = tmp_path / "a program"
    file.write_text(f'#!/bin/bash\nexec {shlex.quote(sys.executable)} -c {shlex.quote(SAY)} "$@"\n')
    file.chmod(0o755)
    return file


@pytest.mark.skipif(os.name != "posix", reason="a shell's script")
def test_a_shell_starts_the_tasks(album: Album, program: Path) -> None:
    job = album.job(5, tasks=3, program="sam3db")
    done = subprocess.run(
        ["bash", "-c", script(job, "shell", str(program))], capture_output=True, text=True, check=True
    )
    called = [json.loads(line)[1:] for line in done.stdout.splitlines()]
    assert called == [job.call(part)[1:] for part in ("1/3", "2/3", "3/3", None)]


@pytest.mark.skipif(os.name != "posix", reason="a shell's script")
def test_slurm_runs_an_array_and_then_the_sheet(album: Album, program: Path, tmp_path: Path) -> None:
    (tmp_path / "sbatch").write_text(SBATCH)
    (tmp_path / "sbatch").chmod(0o755)
    ran, submitted = tmp_path / "ran", tmp_path / "submitted"
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "RAN": str(ran), "SUBMITTED": str(submitted),
    }  # fmt: skip
    job = album.job(5, tasks=2, name="it's $HOME")
    subprocess.run(["bash", "-c", script(job, "slurm", str(program))], env=environment, check=True, capture_output=True)
    called = [json.loads(line) for line in ran.read_text().splitlines()]
    assert called == [["1", *job.call("1/2")[1:]], ["2", *job.call("2/2")[1:]], ["", *job.call(None)[1:]]]
    array, sheet = submitted.read_text().splitlines()
    assert "--job-name=it's $HOME" in array
    assert "--dependency=afterany:17 " in sheet


def test_powershell_gets_every_quote_twice(album: Album) -> None:
    line = script(album.job(1), "powershell").splitlines()[0]
    assert line.startswith("& 'blender' '--background' '--command' 'sam3db' 'batch' ")
    assert "it''s {{Param.Tasks}}" in line


class _Lines(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_progress_is_said_as_openjd_reads_it() -> None:
    heard = _Lines()
    lines = OpenJDLines(heard)
    lines.progress(0.5)
    lines.progress(0.5)
    lines.status("two\nlines")
    lines.progress(1.2)
    assert heard.lines == ["openjd_progress: 50.0", "openjd_status: two lines", "openjd_progress: 100.0"]
