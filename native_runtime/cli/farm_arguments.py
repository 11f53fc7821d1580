"""The arguments of `sam3db farm`. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from native_runtime.cli.batch_arguments import add_batch_settings
from native_runtime.cli.common_arguments import Parser, add_common_arguments

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    farm = commands.add_parser(
        "farm",
        help="hand a batch to a farm: Flamenco, OpenJD (AWS Deadline Cloud), SLURM, plain shells",
        description="Divides a batch into tasks for a farm. All its machines need the program and the same folders.",
        allow_abbrev=False,
    )
    add_common_arguments(farm)
    kinds = farm.add_subparsers(dest="farm", metavar="FARM", required=True, parser_class=Parser)
    _add_flamenco(kinds)
    _add_openjd(kinds)
    _add_script(kinds)


def _add_flamenco(kinds: Subparsers) -> None:
    flamenco = kinds.add_parser("flamenco", help="Flamenco, Blender's own farm", allow_abbrev=False)
    add_common_arguments(flamenco)
    actions = flamenco.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    submit = actions.add_parser(
        "submit",
        help="hand a batch to a Flamenco Manager",
        description="Lets the Manager compile the job on trial, then hands it in.",
        allow_abbrev=False,
    )
    add_batch_settings(submit)
    _add_division(submit)
    _add_manager(submit)
    submit.add_argument("--priority", metavar="N", type=int, default=50, help="0 to 100 (default: %(default)s)")
    submit.add_argument("--worker-tag", metavar="NAME", help="only workers with this tag")
    submit.add_argument("--paused", action="store_true", help="wait until somebody lets the job run")
    submit.add_argument("--wait", action="store_true", help="say how the job stands until it is over")
    _add_dry_run(submit, "print what would be sent, and ask no Manager")
    add_common_arguments(submit)
    check = actions.add_parser(
        "check",
        help="see whether a Manager can take batches",
        description="Says which Flamenco a Manager is, and whether it has the job type. Exit code 1 when it cannot "
        "take a batch.",
        allow_abbrev=False,
    )
    _add_manager(check)
    add_common_arguments(check)
    job_type = actions.add_parser(
        "job-type",
        help="print the job type's file, or write it",
        description="The file belongs into the folder `scripts` beside the Manager's program.",
        allow_abbrev=False,
    )
    job_type.add_argument("-o", "--out", metavar="DIR", help="write the file into this folder instead of printing it")
    add_common_arguments(job_type)
    status = actions.add_parser(
        "status",
        help="how a job stands",
        description="Exit code 1 when it failed or was cancelled.",
        allow_abbrev=False,
    )
    status.add_argument("job", metavar="JOB", help="the id that `submit` said")
    _add_manager(status)
    status.add_argument("--wait", action="store_true", help="say how it stands until it is over")
    add_common_arguments(status)


def _add_openjd(kinds: Subparsers) -> None:
    openjd = kinds.add_parser(
        "openjd",
        help="write a job template of Open Job Description, for AWS Deadline Cloud and others",
        description="Writes template.json and parameter_values.json into a folder, which is a job bundle.",
        allow_abbrev=False,
    )
    add_batch_settings(openjd)
    _add_division(openjd)
    openjd.add_argument("--bundle", metavar="DIR", help="where the two files go; created if missing")
    openjd.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let tasks say how far they are, as openjd_progress and openjd_status (default: yes)",
    )
    _add_dry_run(openjd, "print the template instead of writing it")
    add_common_arguments(openjd)


def _add_script(kinds: Subparsers) -> None:
    script = kinds.add_parser(
        "script",
        help="print the command lines of the tasks, or a script that submits them to SLURM",
        description="Prints a script on standard output; nothing is started.",
        allow_abbrev=False,
    )
    add_batch_settings(script)
    _add_division(script)
    script.add_argument(
        "--kind",
        choices=("shell", "powershell", "slurm"),
        default="shell",
        help="one command line a task (default), the same for PowerShell, or a script that submits an array",
    )
    script.add_argument("--program-file", metavar="PATH", help="where the program lies on the machines")
    add_common_arguments(script)


def _add_division(command: Parser) -> None:
    """Into which tasks a batch is divided, and what runs them."""
    size = command.add_mutually_exclusive_group()
    size.add_argument("--tasks", metavar="N", type=int, help="into how many tasks; not more than there are photos")
    size.add_argument(
        "--photos-per-task", metavar="N", type=int, help="the number of photos of a task, about (default: 20)"
    )
    command.add_argument("--name", metavar="TEXT", help="the job's name (default: from the folder's)")
    command.add_argument(
        "--program",
        choices=("blender", "sam3db"),
        default="blender",
        help="what the machines run: Blender with the extension (default), or the command line sam3db",
    )


def _add_manager(command: Parser) -> None:
    command.add_argument(
        "--manager",
        metavar="ADDRESS",
        help="of the Flamenco Manager, such as farm:8080 (default: SAM3DB_FLAMENCO)",
    )


def _add_dry_run(command: Parser, what: str) -> None:
    command.add_argument("--dry-run", action="store_true", help=what)
