"""A batch as a script for shells and for SLURM, or as plain command lines for whatever else starts programs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from native_runtime.errors import UsageError
from native_runtime.farm.job import Job

# Letters that PowerShell takes for a single quote.
_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_PART = "PART-OF-THE-FOLDER"


def script(job: Job, kind: str, program: str | None = None) -> str:
    """The text of a script.

    Args:
        kind: one of `KINDS`.
        program: the file of the program on the machines; None for its plain name.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in KINDS:
        raise UsageError(f"There are scripts for {', '.join(KINDS)}; not for {kind!r}.")
    return KINDS[kind](job, program)


def shell_lines(job: Job, program: str | None = None) -> str:
    """One command a line, for a shell; the last may start when all others are done."""
    calls = [job.call(f"{number}/{job.tasks}", program) for number in range(1, job.tasks + 1)]
    return "\n".join(
        [*map(shlex.join, calls), "# when all of these are done:", shlex.join(job.call(None, program)), ""]
    )


def powershell_lines(job: Job, program: str | None = None) -> str:
    """As `shell_lines`, for PowerShell."""
    calls = [job.call(f"{number}/{job.tasks}", program) for number in range(1, job.tasks + 1)]
    last = _powershell(job.call(None, program))
    return "\n".join([*map(_powershell, calls), "# when all of these are done:", last, ""])


def slurm_script(job: Job, program: str | None = None) -> str:
    """A script for `bash` that submits an array of parts, and a job that follows it, to SLURM."""
    part = shlex.join(job.call(_PART, program)).replace(_PART, f'"${{SLURM_ARRAY_TASK_ID}}/{job.tasks}"')
    name = shlex.quote(job.name)
    options = "--cpus-per-task=2 --mem=4G --requeue"
    photos = "1 photo" if job.photos == 1 else f"{job.photos} photos"
    parts = "1 part" if job.tasks == 1 else f"{job.tasks} parts"
    return f"""#!/bin/bash
# Submits {photos} in {parts}, and then the contact sheet: bash THIS-FILE
set -eu
parts=$(sbatch --parsable --job-name={name} --array=1-{job.tasks} {options} <<'PART'
#!/bin/bash
exec {part}
PART
)
sbatch --job-name={name} --dependency="afterany:${{parts%%;*}}" {options} <<'SHEET'
#!/bin/bash
exec {shlex.join(job.call(None, program))}
SHEET
"""


def _powershell(words: list[str]) -> str:
    return "& " + " ".join("'" + _QUOTES.sub(r"\1\1", word) + "'" for word in words)


KINDS: Mapping[str, Callable[[Job, str | None], str]] = {
    "shell": shell_lines,
    "powershell": powershell_lines,
    "slurm": slurm_script,
}
"""What there are scripts for."""
